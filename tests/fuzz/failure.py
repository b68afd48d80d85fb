"""What went wrong in a performance, in words."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from fuzz.performance import Performance
from monitor.errors import MonitorError

Kind = Literal["facts", "snapshot", "loops", "replay", "gave up"]
SAID_AT_MOST = 40


@dataclass(frozen=True, slots=True)
class Failure:
    """`kind` is how it was found, and how it is looked for again."""

    kind: Kind
    lines: tuple[str, ...]


async def watched_for(
    performance: Performance, what: Callable[[], Awaitable[Failure | None]]
) -> Failure | None:
    """What is found, or that the monitor broke meanwhile."""
    try:
        return await what()
    except MonitorError as fault:
        return Failure("gave up", (f"mismatch: the monitor gave up: {_named(fault)}",))
    except TimeoutError:
        head = await performance.world.head()
        line = f"mismatch: the monitor does not come to {head}: {performance.standing()}"
        return Failure("gave up", (line,))


async def facts(performance: Performance) -> Failure | None:
    mismatches = await performance.compare()
    return Failure("facts", tuple(str(each) for each in mismatches)) if mismatches else None


async def snapshot(performance: Performance, *, with_pools: bool = True) -> Failure | None:
    lines = await performance.compare_snapshot(with_pools=with_pools)
    return Failure("snapshot", tuple(lines)) if lines else None


async def loops(performance: Performance) -> Failure | None:
    lines = await performance.compare_loops()
    return Failure("loops", tuple(lines)) if lines else None


async def replay(performance: Performance) -> Failure | None:
    lines = await performance.compare_replay()
    return Failure("replay", tuple(lines)) if lines else None


def shown(failure: Failure) -> list[str]:
    """The lines, but not thousands of them."""
    left_out = len(failure.lines) - SAID_AT_MOST
    more = [f"… and {left_out} lines more"] if left_out > 0 else []
    return [*failure.lines[:SAID_AT_MOST], *more]


def _named(fault: MonitorError) -> str:
    return f"{type(fault).__name__}: {fault}"
