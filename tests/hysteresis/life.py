"""A breaker's life over a row of readings, as the daemon would lead it, block by block."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise, zip_longest

from hysteresis.measuring import Observed
from monitor.core.alerts import AlertType, BreakerPhase, BreakerState
from monitor.core.blocks import BlockRef
from monitor.core.units import BlockHash
from monitor.engine.breaker import BreakerRule, step

BLOCK_SECONDS, HOUR_SECONDS, FLAP_SECONDS = 12, 3_600, 86_400
FIRING = (BreakerPhase.TRIPPED, BreakerPhase.RECOVERING)
HAIR = Decimal("1e-9")


@dataclass(frozen=True, slots=True)
class Life:
    """What a breaker did from `start` to `end`.

    `firing`: (from, to) of each time that it was tripped or recovering. `flaps`: fires within 24 h
    after it had cleared. `blind`: how many seconds it could not see.
    """

    firing: tuple[tuple[int, int], ...]
    warnings: int
    flaps: int
    blind: int
    start: int
    end: int

    @property
    def span(self) -> int:
        return self.end - self.start

    @property
    def fires(self) -> int:
        return len(self.firing)

    @property
    def hours(self) -> int:
        return round(sum(end - start for start, end in self.firing) / HOUR_SECONDS)

    @property
    def share(self) -> float:
        return self.hours * HOUR_SECONDS / self.span

    def fired_at(self, unix: int) -> int | None:
        """When the firing began that lasts at that time; None where none does."""
        return next((start for start, end in self.firing if start <= unix < end), None)


def lived(rule: BreakerRule, row: Sequence[Observed]) -> Life:
    """Between two rounds the reading stands; blocks that no hold asks for say nothing."""
    state, warnings, blind = BreakerState(), 0, 0
    trips, ends = [], []
    for now, then in pairwise(row):
        for block in _blocks(rule, now, then):
            was_firing = state.phase in FIRING
            state, events = step(rule, state, [now.reading], block)
            told = {event.type for event in events}
            warnings += AlertType.WARNED in told
            if AlertType.TRIPPED in told:
                trips.append(block.timestamp)
            if was_firing and AlertType.CLEARED in told:
                ends.append(block.timestamp)
        blind += (then.unix - now.unix) * state.blind
    last = row[-1].unix
    flaps = sum(1 for end, trip in zip(ends, trips[1:], strict=False) if trip - end < FLAP_SECONDS)
    firing = tuple(zip_longest(trips, ends, fillvalue=last))
    return Life(firing, warnings, flaps, blind, row[0].unix, last)


def _blocks(rule: BreakerRule, now: Observed, then: Observed) -> Iterable[BlockRef]:
    """As many as a hold may need, before the price moves on."""
    for number in range(rule.hold_blocks):
        unix = now.unix + number * BLOCK_SECONDS
        if unix < then.unix:
            at = unix // BLOCK_SECONDS
            yield BlockRef(at, _hash(unix), _hash(unix - BLOCK_SECONDS), unix)


def _hash(unix: int) -> BlockHash:
    return BlockHash(f"0x{unix:064x}")


def bare(rule: BreakerRule) -> BreakerRule:
    """The same threshold without hysteresis and hold: it clears where it trips."""
    (limits,) = rule.limits
    warn, clear = limits.trip * (1 - HAIR), limits.trip * (1 - 2 * HAIR)
    return replace(rule, limits=(replace(limits, warn=warn, clear=clear),), hold_blocks=1)
