"""The circuit breaker as a function: rule, state and one block's readings give the next state.

Blocks alone decide, by their own times: judged again, a block gives the same events.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from monitor.core.alerts import AlertStatus, AlertType, BreakerPhase, BreakerState, Severity, digest
from monitor.core.blocks import BlockRef
from monitor.engine.measures import Level, Limits, Look, Reading, When, look_at


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose alerts these are: it goes into every id."""

    namespace: str
    genesis: str


@dataclass(frozen=True, slots=True)
class BreakerRule:
    """One `[[breakers]]` entry, at least one measure.

    `hold_blocks`: how many blocks in a row are beyond trip before it trips; and it does not trip
    sooner than `min_seconds_between_trips` after it last did. `escalate`: values of the first
    measure beyond trip, each beyond the last, each told once an episode. `remind_seconds`: how
    often what fires is said again; None: never. All seconds are between the times of blocks.
    """

    origin: Origin
    name: str
    limits: tuple[Limits, ...]
    when: When = When.ANY
    hold_blocks: int = 1
    min_seconds_between_trips: int = 0
    escalate: tuple[Decimal, ...] = ()
    remind_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Transition:
    """An event of a breaker, before it is put into words.

    `decides`: the place of the measure that `value` and `threshold` are of; `values`: of all.
    `is_first`: nobody heard of this firing before the block. `is_silenced`: nobody is told now.
    """

    type: AlertType
    severity: Severity
    episode: str
    episode_block_hash: str
    started_unix: int
    ended_unix: int | None
    value: Decimal | None
    threshold: Decimal | None
    values: tuple[Decimal | None, ...]
    decides: int = 0
    is_first: bool = True
    is_silenced: bool = False

    @property
    def status(self) -> AlertStatus:
        return AlertStatus.FIRING if self.ended_unix is None else AlertStatus.RESOLVED


class _Now(NamedTuple):
    """One block, as a breaker has it before it."""

    rule: BreakerRule
    look: Look
    block: BlockRef
    is_silenced: bool


Turn = tuple[BreakerState, tuple[Transition, ...]]
_CRITICAL = (BreakerPhase.TRIPPED, BreakerPhase.RECOVERING)


def step(
    rule: BreakerRule,
    state: BreakerState,
    readings: Sequence[Reading],
    block: BlockRef,
    *,
    is_silenced: bool = False,
) -> Turn:
    """The breaker after one evaluated block, and what it has to say.

    `readings`: one of each measure. A breaker that cannot see says so once, and goes by what is
    known: it rises if that suffices, and never clears on what is not. Where nothing is known it
    keeps its phase and its hold: nothing is extended, nothing broken. One that sees again says
    that, and then what it sees.

    `is_silenced`: nobody wants to hear. States go on, and once it is over what still holds is said
    again. That something is over is told to those who heard of it all the same: else it would fire
    at the receiver for ever. What nobody heard of ends unheard.
    """
    now = _Now(rule, look_at(rule.limits, rule.when, readings), block, is_silenced)
    values = tuple(None if value is None else str(value) for value in now.look.values)
    shown = replace(state, value=values[0], also=values[1:])
    sighted, sight = _sighted(now, shown)
    moved, said = _moved(now, sighted)
    moved, escalated = _escalated(now, moved)
    said += escalated
    if not said:
        said = _reminder(now, moved)
    return _noted(now, moved, said), (*sight, *said)


def _sighted(now: _Now, state: BreakerState) -> Turn:
    """Blindness begins, ends, or is said again after a silence."""
    block = now.block
    if not now.look.is_blind:
        if not state.blind:
            return state, ()
        seeing = replace(
            state, blind=False, blind_block_hash=None, blind_unix=None, is_blindness_unheard=False
        )
        return seeing, (_sight(AlertType.RECOVERED, now, state),)
    if state.blind and (now.is_silenced or not state.is_blindness_unheard):
        return state, ()
    begun = state
    if not state.blind:
        begun = replace(state, blind=True, blind_block_hash=block.hash, blind_unix=block.timestamp)
    blind = replace(begun, is_blindness_unheard=now.is_silenced)
    return blind, (_sight(AlertType.BLIND, now, blind),)


def _sight(type: AlertType, now: _Now, blind: BreakerState) -> Transition:
    """Blindness is an episode of its own, named by its first block."""
    if blind.blind_block_hash is None or blind.blind_unix is None:
        raise ValueError(f"a breaker is blind since no block: {blind}")
    origin = now.rule.origin
    is_over = type is AlertType.RECOVERED
    return Transition(
        type=type,
        severity=Severity.CRITICAL,
        episode=digest(
            origin.namespace, origin.genesis, now.rule.name, "blind", blind.blind_block_hash
        ),
        episode_block_hash=blind.blind_block_hash,
        started_unix=blind.blind_unix,
        ended_unix=now.block.timestamp if is_over else None,
        value=None,
        threshold=None,
        values=now.look.values,
        decides=0 if is_over else now.look.unknown,
        is_silenced=blind.is_blindness_unheard,
    )


def _moved(now: _Now, state: BreakerState) -> Turn:
    """The phase after what is known of this block."""
    look = now.look
    if look.highest is Level.SAFE:
        return _cleared(now, state)
    if look.lowest is Level.TRIP:
        return _beyond_trip(now, state)
    if state.phase is BreakerPhase.ARMED and look.lowest is Level.WARN:
        warned = replace(_begun(now, state), phase=BreakerPhase.WARNED)
        return warned, (_firing(AlertType.WARNED, now, warned),)
    if look.highest is Level.TRIP:
        return state, ()
    return replace(state, phase=_eased(state.phase), held_blocks=0), ()


def _begun(now: _Now, state: BreakerState) -> BreakerState:
    """The state within an episode: the one under way, else one that starts at this block."""
    if state.phase is not BreakerPhase.ARMED:
        return state
    origin, block = now.rule.origin, now.block
    return replace(
        state,
        episode=digest(origin.namespace, origin.genesis, now.rule.name, block.hash),
        episode_block_hash=block.hash,
        started_unix=block.timestamp,
        is_unheard=True,
    )


def _beyond_trip(now: _Now, state: BreakerState) -> Turn:
    begun = _begun(now, state)
    held = replace(begun, held_blocks=begun.held_blocks + 1)
    if state.phase in _CRITICAL:
        return replace(held, phase=BreakerPhase.TRIPPED), ()
    if held.held_blocks >= now.rule.hold_blocks and _may_trip(now, held):
        tripped = replace(held, phase=BreakerPhase.TRIPPED, tripped_unix=now.block.timestamp)
        return tripped, (_firing(AlertType.TRIPPED, now, tripped),)
    pending = replace(held, phase=BreakerPhase.PENDING)
    if state.phase is BreakerPhase.ARMED:
        return pending, (_firing(AlertType.WARNED, now, pending),)
    return pending, ()


def _may_trip(now: _Now, state: BreakerState) -> bool:
    """Whether the last trip is long enough ago."""
    last = state.tripped_unix
    return last is None or now.block.timestamp - last >= now.rule.min_seconds_between_trips


def _eased(phase: BreakerPhase) -> BreakerPhase:
    """The phase on the safe side of trip, but not yet at clear."""
    match phase:
        case BreakerPhase.PENDING:
            return BreakerPhase.WARNED
        case BreakerPhase.TRIPPED:
            return BreakerPhase.RECOVERING
        case _:
            return phase


def _cleared(now: _Now, state: BreakerState) -> Turn:
    armed = BreakerState(value=state.value, also=state.also, tripped_unix=state.tripped_unix)
    if state.phase is BreakerPhase.ARMED:
        return armed, ()
    clear = now.rule.limits[now.look.decides].clear
    event = _of_episode(AlertType.CLEARED, now, state, clear)
    over = replace(
        event,
        ended_unix=now.block.timestamp,
        is_silenced=state.is_unheard,
    )
    return armed, (over,)


def _escalated(now: _Now, state: BreakerState) -> Turn:
    """The first measure is beyond a value that was not told of in this episode."""
    first, measure = now.look.values[0], now.rule.limits[0].measure
    is_tripped = state.phase is BreakerPhase.TRIPPED and now.look.lowest is Level.TRIP
    if not is_tripped or first is None:
        return state, ()
    beyond = [limit for limit in now.rule.escalate if measure.at_or_beyond(first, limit)]
    if len(beyond) <= state.escalated:
        return state, ()
    escalated = replace(state, escalated=len(beyond))
    event = _of_episode(AlertType.ESCALATED, now, escalated, beyond[-1])
    return escalated, (replace(event, value=first, decides=0),)


def _reminder(now: _Now, state: BreakerState) -> tuple[Transition, ...]:
    """What fires is said again: for it is time, or for nobody heard of it in a silence."""
    if state.phase is BreakerPhase.ARMED:
        return ()
    is_due = state.is_muted and not now.is_silenced
    if now.rule.remind_seconds is not None:
        # A state of before there were reminders does not say when it was last announced.
        last = state.started_unix if state.said_unix is None else state.said_unix
        is_due |= last is not None and now.block.timestamp - last >= now.rule.remind_seconds
    return (_firing(AlertType.REMINDED, now, state),) if is_due else ()


def _noted(now: _Now, state: BreakerState, said: Sequence[Transition]) -> BreakerState:
    """The state after what fires was announced."""
    if not said or state.phase is BreakerPhase.ARMED:
        return state
    return replace(
        state,
        said_unix=now.block.timestamp,
        is_muted=now.is_silenced,
        is_unheard=state.is_unheard and now.is_silenced,
    )


def _firing(type: AlertType, now: _Now, state: BreakerState) -> Transition:
    """An event at the threshold of its phase."""
    limits = now.rule.limits[now.look.decides]
    threshold = limits.trip if state.phase in _CRITICAL else limits.warn
    return _of_episode(type, now, state, threshold)


def _of_episode(type: AlertType, now: _Now, state: BreakerState, threshold: Decimal) -> Transition:
    """An event of the firing under way, as bad as its phase."""
    if state.episode is None or state.episode_block_hash is None or state.started_unix is None:
        raise ValueError(f"a breaker left ARMED without an episode: {state}")
    return Transition(
        type=type,
        severity=Severity.CRITICAL if state.phase in _CRITICAL else Severity.WARNING,
        episode=state.episode,
        episode_block_hash=state.episode_block_hash,
        started_unix=state.started_unix,
        ended_unix=None,
        value=now.look.values[now.look.decides],
        threshold=threshold,
        values=now.look.values,
        decides=now.look.decides,
        is_first=state.is_unheard,
        is_silenced=now.is_silenced,
    )
