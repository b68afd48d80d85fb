"""Lead time, false alarms, misses: what breakers said held against what happened.

A *wave* is liquidations that lie less than the horizon apart. A trip is *right* if a liquidation
comes within the horizon, *false* if none does, and *open* if the blocks end before that is known.
A wave was *led* if the breaker was firing before its first liquidation, *late* if it tripped within
it, *missed* if it never did, and *small* if nothing was due: a breaker of liquidated USD need not
trip for less than it trips at.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from monitor.core.blocks import BlockRef
from monitor.incidents.course import Course, Moment, Ward

TRIPPED = "breaker.tripped"
LIQUIDATED_USD = "liquidated_usd"


@dataclass(frozen=True, slots=True)
class Wave:
    """`repaid_usd`: of what has a price. `peak`: the block with the largest sum."""

    first: BlockRef
    peak: BlockRef
    last: BlockRef
    repaid_usd: Fraction
    count: int


@dataclass(frozen=True, slots=True)
class Trip:
    """`verdict`: right, false or open. `seconds`: until the next liquidation, if there was one."""

    at: BlockRef
    verdict: str
    seconds: int | None


@dataclass(frozen=True, slots=True)
class Meeting:
    """A breaker and a wave. `verdict`: led, late, missed or small. `tripped`: the trip that counts;
    None where it fired since before the first block. The leads are from there to the wave's first
    liquidation and to its peak, in seconds; negative: it came later.
    """

    wave: Wave
    verdict: str
    tripped: BlockRef | None
    lead_seconds: int | None
    lead_blocks: int | None
    peak_lead_seconds: int | None


@dataclass(frozen=True, slots=True)
class Score:
    """One breaker over the whole course."""

    breaker: str
    trips: tuple[Trip, ...]
    meetings: tuple[Meeting, ...]

    @property
    def false_alarms(self) -> int:
        return sum(trip.verdict == "false" for trip in self.trips)

    @property
    def misses(self) -> int:
        return sum(meeting.verdict == "missed" for meeting in self.meetings)

    @property
    def lead(self) -> Meeting | None:
        """The first wave that was not small."""
        return next((each for each in self.meetings if each.verdict != "small"), None)


def waves_of(moments: Sequence[Moment], horizon_seconds: int) -> tuple[Wave, ...]:
    groups: list[list[Moment]] = []
    for moment in moments:
        if not moment.liquidations:
            continue
        last = groups[-1][-1].block if groups else None
        if last is None or moment.block.timestamp - last.timestamp >= horizon_seconds:
            groups.append([])
        groups[-1].append(moment)
    return tuple(
        Wave(
            first=group[0].block,
            peak=max(group, key=repaid_usd).block,  # of equals the first
            last=group[-1].block,
            repaid_usd=sum(map(repaid_usd, group), Fraction(0)),
            count=sum(len(moment.liquidations) for moment in group),
        )
        for group in groups
    )


def repaid_usd(moment: Moment) -> Fraction:
    """Of what has a price."""
    return sum((each.repaid_usd or Fraction(0) for each in moment.liquidations), Fraction(0))


def scores_of(course: Course, horizon_seconds: int) -> tuple[Score, ...]:
    waves = waves_of(course.moments, horizon_seconds)
    return tuple(_score(course.moments, ward, waves, horizon_seconds) for ward in course.wards)


def _score(
    moments: Sequence[Moment], ward: Ward, waves: Sequence[Wave], horizon_seconds: int
) -> Score:
    tripped = [
        moment.block
        for moment in moments
        if any(a.type == TRIPPED and a.breaker == ward.name for a in moment.alerts)
    ]
    trips = tuple(_trip(moments, at, horizon_seconds) for at in tripped)
    return Score(ward.name, trips, tuple(_meetings(moments, ward, waves, tripped)))


def _trip(moments: Sequence[Moment], at: BlockRef, horizon_seconds: int) -> Trip:
    """A liquidation in the very block of the trip counts: nobody was told before it."""
    later = [
        moment.block.timestamp - at.timestamp
        for moment in moments
        if moment.liquidations and moment.block.number >= at.number
    ]
    seconds = min(later, default=None)
    if seconds is not None and seconds <= horizon_seconds:
        return Trip(at, "right", seconds)
    seen = moments[-1].block.timestamp - at.timestamp
    return Trip(at, "false" if seen >= horizon_seconds else "open", seconds)


def _meetings(
    moments: Sequence[Moment], ward: Ward, waves: Sequence[Wave], tripped: Sequence[BlockRef]
) -> Iterator[Meeting]:
    for wave in waves:
        before = [m for m in moments if m.block.number < wave.first.number]
        was_firing = bool(before) and before[-1].breakers[ward.name].is_firing
        trip = _counting(tripped, wave, was_firing=was_firing)
        if was_firing:
            verdict = "led"
        elif trip is not None:
            verdict = "late"
        elif ward.measure == LIQUIDATED_USD and wave.repaid_usd < Fraction(ward.trip):
            verdict = "small"
        else:
            verdict = "missed"
        lead = None if trip is None else wave.first.timestamp - trip.timestamp
        yield Meeting(
            wave,
            verdict,
            trip,
            lead,
            None if trip is None else wave.first.number - trip.number,
            None if trip is None else wave.peak.timestamp - trip.timestamp,
        )


def _counting(tripped: Sequence[BlockRef], wave: Wave, *, was_firing: bool) -> BlockRef | None:
    """The newest trip before the wave, where it still fired then; else the first within it."""
    if was_firing:
        return next((at for at in reversed(tripped) if at.number < wave.first.number), None)
    within = (at for at in tripped if wave.first.number <= at.number <= wave.last.number)
    return next(within, None)
