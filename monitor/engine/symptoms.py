"""Why the monitor may be blind, as functions of what is seen. Nothing is asked here.

Each answers with reasons: what is so, expected against found, and what to do. None: all is well.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from monitor.core.blocks import BlockRef
from monitor.core.keys import Kind
from monitor.core.ledger import Fault, LedgerView, each
from monitor.core.units import MarketId
from monitor.engine.cascade_runner import Answer
from monitor.engine.price_book import PriceRow
from monitor.engine.totals import faults

LATE_SECONDS = 300
"""A feed may be so late after its heartbeat: its update has to be mined first.

Of 744 rounds of stETH/ETH (2022 to 2024) 682 came after the heartbeat, at most 208 s; of 11,101
of ETH/USD (2022 to 2023) 1,329 did, at most 120 s.
"""
LOG_BLOCKS = 50
"""Without a further undecodable log for so many blocks, the chain's logs can be read again."""
NODE_SILENCE_SECONDS = 30.0
"""A node that has not answered for so long may be gone."""
AGREE_SECONDS = 60.0
"""After a jump of the wall clock it must run evenly for so long."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a judged block let see: reasons by condition, as they were while its ledger stood."""

    prices: tuple[str, ...]
    logs: tuple[str, ...]
    drift: tuple[str, ...]
    scenarios: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HeadSeen:
    """The newest head heard of. `unchanged_seconds`: since it is the newest; `silent_seconds`:
    since a node last told its head; both by a clock that does not jump.
    """

    head: BlockRef | None
    unchanged_seconds: float
    silent_seconds: float


def head_reasons(seen: HeadSeen, now_unix: float, most_seconds: float) -> tuple[str, ...]:
    """No newer block, or no node that answers."""
    found = []
    if seen.silent_seconds > NODE_SILENCE_SECONDS:
        found.append(
            f"no node has told its head for {seen.silent_seconds:.0f} s: check the nodes of "
            "chain.endpoints and the way to them"
        )
    if seen.head is None:
        return tuple(found)
    age_seconds = now_unix - seen.head.timestamp
    if age_seconds > most_seconds:
        found.append(
            f"the newest block, {seen.head.number}, is {age_seconds:.0f} s old, expected at most "
            f"{most_seconds:g} s: the chain stands still, or the node lags"
        )
    elif seen.unchanged_seconds > most_seconds:
        found.append(
            f"no newer block than {seen.head.number} for {seen.unchanged_seconds:.0f} s, expected "
            f"one within {most_seconds:g} s: the chain stands still, or the node hangs"
        )
    return tuple(found)


def lag_reasons(head: BlockRef, judged: BlockRef, most_blocks: int) -> tuple[str, ...]:
    """Blocks that wait to be judged."""
    waiting = head.number - judged.number
    if waiting <= most_blocks:
        return ()
    return (
        f"the newest judged block is {judged.number}, but the head is {head.number}: {waiting} "
        f"blocks wait, expected at most {most_blocks}",
    )


def price_reasons(
    unknown: Iterable[str], rows: Iterable[PriceRow], block: BlockRef
) -> tuple[str, ...]:
    """Prices nobody knows, and those whose feed is overdue; of assets somebody chose to list.

    A pair that anybody may open never counts. `unknown`: as `totals.unknown_prices` words them.
    """
    overdue = {
        f"price of {row.market}/{row.listing.symbol}: its feed {edge.source} last answered "
        f"{block.timestamp - edge.answered_unix} s ago, expected every {edge.heartbeat_seconds} s"
        for row in rows
        if not row.listing.is_permissionless
        for edge in row.price.path
        if edge.answered_unix is not None
        and edge.heartbeat_seconds is not None
        and block.timestamp - edge.answered_unix > edge.heartbeat_seconds + LATE_SECONDS
    }
    return (*unknown, *sorted(overdue))


def log_reasons(view: LedgerView, block: BlockRef) -> tuple[str, ...]:
    """Undecodable logs of the newest blocks.

    It is over when LOG_BLOCKS blocks had none. What the logs did to positions stays unknown: that
    is said by `drift_reasons`.
    """
    return tuple(
        f"{fault.logs} logs of block {fault.block_number} were not understood: {fault.first}"
        for _, fault in each(view, Kind.FAULT, MarketId(""), Fault)
        if block.number - fault.block_number < LOG_BLOCKS
    )


def drift_reasons(view: LedgerView) -> tuple[str, ...]:
    """Why the ledger may differ from the contracts, by itself.

    It is over when the ledger was built anew (`store rebuild`).
    """
    return faults(view)


def scenario_reasons(answers: Iterable[Answer]) -> tuple[str, ...]:
    """Projections that tell nothing. Those a breaker measures are for the breaker to say: give the
    others. Unknown prices have a condition of their own.
    """
    found = []
    for answer in answers:
        name, rounds = answer.plan.name, answer.plan.options.max_rounds
        if answer.result is None:
            found.append(f"scenario {name}: {answer.fault}")
        elif not answer.result.converged:
            found.append(f"scenario {name}: no end within {rounds} rounds: raise its max_rounds")
    return tuple(found)


def outbox_reasons(
    overdue: Mapping[str, float], dropped: Mapping[str, int], most_seconds: float
) -> tuple[str, ...]:
    """Receivers that do not take their alerts. `overdue`: seconds by webhook; `dropped`: letters
    given up in the last hour because too many waited.
    """
    waiting = tuple(
        f"webhook {webhook}: an alert waits for {seconds:.0f} s, expected at most "
        f"{most_seconds:g} s: see its answers in the log"
        for webhook, seconds in sorted(overdue.items())
        if seconds > most_seconds
    )
    full = tuple(
        f"webhook {webhook}: too many alerts waited for it, and {count} were given up: mend it, "
        "then send the dead letters again (cascade-monitor alerts --replay-dead)"
        for webhook, count in sorted(dropped.items())
        if count
    )
    return (*waiting, *full)


def store_reasons(
    fault: str, round_trip_seconds: float | None, durability: str, most_seconds: float
) -> tuple[str, ...]:
    """A Redis that is away, slow or not durable. `fault`: why it cannot be read or written."""
    found = [fault] if fault else []
    if round_trip_seconds is not None and round_trip_seconds > most_seconds:
        found.append(
            f"Redis took {round_trip_seconds:.1f} s to answer, expected at most "
            f"{most_seconds:g} s: see its SLOWLOG and the load of its machine"
        )
    if durability:
        found.append(durability)
    return tuple(found)


class ClockSight:
    """Compares the wall clock with one that cannot jump, and with the chain's."""

    def __init__(self, most_seconds: float, hold_seconds: float) -> None:
        """`hold_seconds`: a jump stands for so long beyond AGREE_SECONDS, or nobody heard of it."""
        self._most_seconds = most_seconds
        self._stands_seconds = AGREE_SECONDS + hold_seconds
        self._offset_seconds: float | None = None
        self._jump: tuple[float, float] | None = None

    def look(
        self, now_unix: float, now_monotonic: float, newest: BlockRef | None
    ) -> tuple[str, ...]:
        """`newest`: the head."""
        offset = now_unix - now_monotonic
        moved = 0.0 if self._offset_seconds is None else offset - self._offset_seconds
        self._offset_seconds = offset
        if abs(moved) > self._most_seconds:
            self._jump = (moved, now_monotonic)
        found = []
        if self._jump is not None:
            seconds, at_monotonic = self._jump
            if now_monotonic - at_monotonic >= self._stands_seconds:
                self._jump = None
            else:
                found.append(f"the wall clock jumped by {seconds:+.0f} s: check its time service")
        ahead = 0.0 if newest is None else newest.timestamp - now_unix
        if newest is not None and ahead > self._most_seconds:
            found.append(
                f"block {newest.number} is {ahead:.0f} s in the future, expected at most "
                f"{self._most_seconds:g} s: check this machine's clock, then the chain's"
            )
        return tuple(found)
