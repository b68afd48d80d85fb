"""Looks at all that the monitor sees with, and says of each condition why it is so, if it is."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from monitor.alert_schema import Blindness
from monitor.core.blocks import BlockRef
from monitor.core.conditions import Condition
from monitor.engine.symptoms import (
    ClockSight,
    HeadSeen,
    Seen,
    head_reasons,
    lag_reasons,
    outbox_reasons,
    store_reasons,
)
from monitor.errors import StoreUnavailable

DURABLE_SECONDS = 60.0
"""How often the server is asked whether it keeps its state over a restart."""
Reasons = tuple[str, ...] | None
"""Why a condition is so; none: it is not; None: nobody can tell now."""


class Stand(Protocol):
    """Where the daemon stands, as `standing.Standing` knows."""

    store_fault: str

    @property
    def head(self) -> BlockRef | None: ...

    @property
    def evaluated(self) -> BlockRef | None: ...

    @property
    def silent_seconds(self) -> float: ...

    @property
    def disagreement(self) -> str: ...

    @property
    def store_wait(self) -> str: ...

    def is_current(self) -> bool: ...


class Pulse(Protocol):
    """The server's, as `store.durability.Pulse` feels it."""

    async def round_trip_seconds(self) -> float: ...

    async def durability_warning(self) -> str: ...


class Queues(Protocol):
    """Every receiver's queue, as `alerts.outbox.Outbox` knows them."""

    async def overdue_seconds(self) -> Mapping[str, float]: ...

    def overflowed(self) -> dict[str, int]: ...


@dataclass(frozen=True, slots=True)
class View:
    """One look. `is_silent`: Redis did not answer; `is_away`: that, or it takes no writes."""

    reasons: Mapping[Condition, Reasons]
    judged: BlockRef | None
    is_silent: bool = False
    is_away: bool = False


class Lookout:
    """Asks the store how it is; all else is known already."""

    def __init__(
        self,
        stand: Stand,
        pulse: Pulse,
        queues: Queues,
        seen: Callable[[], Seen | None],
        limits: Blindness,
        *,
        audited: Callable[[], Reasons] = tuple,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`seen`: what the newest judged block let see; `audited`: differences that were found."""
        self._stand = stand
        self._pulse = pulse
        self._queues = queues
        self._seen = seen
        self._limits = limits
        self._audited = audited
        self._clock = clock
        self._monotonic = monotonic
        self._clock_sight = ClockSight(float(limits.clock_skew_seconds), float(limits.hold_seconds))
        self._head: tuple[BlockRef | None, float] = (None, monotonic())
        self.overdue_seconds: Mapping[str, float] | None = {}
        """By webhook, of those for which an alert waits; None where nobody can tell now."""
        self._durability = ""
        self._durable_monotonic: float | None = None

    async def look(self) -> View:
        """Takes some seconds at most, also where Redis is away."""
        is_silent, store = await self._store()
        self.overdue_seconds = None if is_silent else await self._overdue_seconds()
        now_unix, now_monotonic = self._clock(), self._monotonic()
        head, judged, seen = self._stand.head, self._stand.evaluated, self._seen()
        limits, disagreement = self._limits, self._stand.disagreement
        head_seen = HeadSeen(head, self._unchanged(head, now_monotonic), self._stand.silent_seconds)
        reasons: dict[Condition, Reasons] = {
            Condition.HEAD: head_reasons(head_seen, now_unix, float(limits.head_age_seconds)),
            Condition.ENDPOINTS: (disagreement,) if disagreement else (),
            Condition.LOGS: None if seen is None else seen.logs,
            Condition.PRICES: None if seen is None else seen.prices,
            Condition.DRIFT: None if seen is None else self._drift(seen),
            Condition.LAG: None
            if head is None or judged is None
            else lag_reasons(head, judged, limits.lag_blocks),
            Condition.SCENARIOS: None if seen is None else seen.scenarios,
            Condition.STORE: store,
            Condition.OUTBOX: self._outbox(),
            Condition.CLOCK: self._clock_sight.look(now_unix, now_monotonic, head),
            # Caught up again; what else may be amiss has a name of its own.
            Condition.STOPPED: () if self._stand.is_current() else None,
        }
        return View(reasons, judged, is_silent, is_silent or bool(self._stand.store_wait))

    def _drift(self, seen: Seen) -> Reasons:
        """What was not understood, and what an audit found."""
        audited = self._audited()
        return (*seen.drift, *(audited or ())) or audited

    def _unchanged(self, head: BlockRef | None, now_monotonic: float) -> float:
        """How long this head is the newest."""
        if head != self._head[0]:
            self._head = (head, now_monotonic)
        return now_monotonic - self._head[1]

    async def _store(self) -> tuple[bool, tuple[str, ...]]:
        """Whether Redis does not answer, and all that is wrong with it."""
        try:
            took_seconds = await self._pulse.round_trip_seconds()
            await self._look_at_durability()
        except StoreUnavailable as error:
            return True, store_reasons(str(error), None, "", 0)
        fault = self._stand.store_wait or self._stand.store_fault
        most_seconds = float(self._limits.store_seconds)
        return False, store_reasons(fault, took_seconds, self._durability, most_seconds)

    async def _look_at_durability(self) -> None:
        now = self._monotonic()
        is_due = self._durable_monotonic is None or now - self._durable_monotonic >= DURABLE_SECONDS
        if is_due:
            self._durability = await self._pulse.durability_warning()
            self._durable_monotonic = now

    async def _overdue_seconds(self) -> Mapping[str, float] | None:
        try:
            return await self._queues.overdue_seconds()
        except StoreUnavailable:
            return None

    def _outbox(self) -> Reasons:
        if self.overdue_seconds is None:
            return None
        full = self._queues.overflowed()
        return outbox_reasons(self.overdue_seconds, full, float(self._limits.outbox_seconds))
