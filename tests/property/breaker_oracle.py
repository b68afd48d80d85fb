"""What a breaker has to say of a history, told plainly from the whole of it: no state is carried.

Written from the contract and the configuration's words, not from the code it judges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product

from monitor.core.alerts import AlertType
from monitor.engine.breaker import BreakerRule
from monitor.engine.measures import When

SAFE, EASED, WARN, TRIP = range(4)


@dataclass(frozen=True)
class Moment:
    """One judged block."""

    unix: int
    values: tuple[Decimal | None, ...]
    is_silenced: bool = False


@dataclass(frozen=True)
class Word:
    """What is said of the moment at a place in the history, and whether nobody hears it."""

    at: int
    type: AlertType
    is_silenced: bool


def level_of(rule: BreakerRule, place: int, value: Decimal) -> int:
    one = rule.limits[place]
    sign = -1 if one.measure.lower_is_worse else 1
    clear, warn, trip = (sign * limit for limit in (one.clear, one.warn, one.trip))
    if sign * value <= clear:
        return SAFE
    return EASED + (sign * value >= warn) + (sign * value >= trip)


def possible(rule: BreakerRule, moment: Moment) -> set[int]:
    """Every level the breaker may be at: what is unknown may be anything."""
    options = [
        range(SAFE, TRIP + 1) if value is None else [level_of(rule, place, value)]
        for place, value in enumerate(moment.values)
    ]
    worst = max if rule.when is When.ANY else min
    return {worst(levels) for levels in product(*options)}


def expected(rule: BreakerRule, history: Sequence[Moment]) -> list[Word]:
    """Everything to be said, in order."""
    levels = [possible(rule, moment) for moment in history]
    words = _of_sight(history, levels)
    begin, trips = 0, list[int]()
    while begin < len(history):
        if min(levels[begin]) < WARN:
            begin += 1
            continue
        end = next((at for at in range(begin, len(history)) if levels[at] == {SAFE}), len(history))
        words += _of_firing(rule, history, levels, range(begin, end), trips)
        begin = end
    order = {kind: number for number, kind in enumerate(ORDER)}
    return sorted(words, key=lambda word: (word.at, order[word.type]))


ORDER = (
    AlertType.RECOVERED,
    AlertType.BLIND,
    AlertType.WARNED,
    AlertType.TRIPPED,
    AlertType.CLEARED,
    AlertType.ESCALATED,
    AlertType.REMINDED,
)


def _of_sight(history: Sequence[Moment], levels: Sequence[set[int]]) -> list[Word]:
    words: list[Word] = []
    heard, was_blind = False, False
    for at, moment in enumerate(history):
        is_blind = len(levels[at]) > 1
        if is_blind and not was_blind:
            heard = not moment.is_silenced
            words.append(Word(at, AlertType.BLIND, moment.is_silenced))
        elif is_blind and not heard and not moment.is_silenced:
            heard = True
            words.append(Word(at, AlertType.BLIND, False))
        elif was_blind and not is_blind:
            words.append(Word(at, AlertType.RECOVERED, not heard))
        was_blind = is_blind
    return words


def _of_firing(
    rule: BreakerRule,
    history: Sequence[Moment],
    levels: Sequence[set[int]],
    span: range,
    trips: list[int],
) -> list[Word]:
    """One episode, from its first moment to the one before it is over. Adds to `trips`: times."""
    trip = _trip(rule, history, levels, span, trips)
    words: list[Word] = []
    for at in span:
        moment, said = history[at], list[AlertType]()
        if at == trip:
            said.append(AlertType.TRIPPED)
        elif at == span.start:
            said.append(AlertType.WARNED)
        if trip is not None and _escalates(rule, history, levels, range(trip, at)) < _escalates(
            rule, history, levels, range(trip, at + 1)
        ):
            said.append(AlertType.ESCALATED)
        if not said:
            last = words[-1]
            was_unheard = last.is_silenced and not moment.is_silenced
            waited = moment.unix - history[last.at].unix
            if was_unheard or (rule.remind_seconds is not None and waited >= rule.remind_seconds):
                said.append(AlertType.REMINDED)
        words += (Word(at, one, moment.is_silenced) for one in said)
    if span.stop < len(history):
        unheard = all(word.is_silenced for word in words)
        words.append(Word(span.stop, AlertType.CLEARED, unheard))
    return words


def _trip(
    rule: BreakerRule,
    history: Sequence[Moment],
    levels: Sequence[set[int]],
    span: range,
    trips: list[int],
) -> int | None:
    for at in span:
        if levels[at] != {TRIP}:
            continue
        broken = [before for before in range(span.start, at) if max(levels[before]) < TRIP]
        run = range(broken[-1] + 1 if broken else span.start, at + 1)
        held = sum(levels[place] == {TRIP} for place in run)
        is_apart = all(history[at].unix - unix >= rule.min_seconds_between_trips for unix in trips)
        if held >= rule.hold_blocks and is_apart:
            trips.append(history[at].unix)
            return at
    return None


def _escalates(
    rule: BreakerRule, history: Sequence[Moment], levels: Sequence[set[int]], span: range
) -> int:
    """How many values beyond trip were passed in these moments."""
    sign = -1 if rule.limits[0].measure.lower_is_worse else 1
    firsts = [history[at].values[0] for at in span if levels[at] == {TRIP}]
    passed = [
        sum(sign * value >= sign * limit for limit in rule.escalate)
        for value in firsts
        if value is not None
    ]
    return max(passed, default=0)
