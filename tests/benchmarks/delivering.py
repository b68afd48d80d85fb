"""Rows of the outbox: many alerts to 20 receivers, a third of them slow, broken or stuck.

Each arm is a process of its own (`telling`), and so are its receivers: the daemon's store, outbox
and senders; and a plain loop, which is what one writes first.
"""

import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

from redis_server import RedisServer

from benchmarks.receivers import SLOW_SECONDS
from benchmarks.telling import TRIES
from benchmarks.timing import Row, Spread, at_most, ratio
from monitor.alerts.post import TIMEOUT_SECONDS

HEALTHY = 13
ALL_WELL, A_THIRD_ILL, ALONE = (20, 0, 0, 0), (HEALTHY, 3, 2, 2), (HEALTHY, 0, 0, 0)
"""How many are healthy, slow, broken and stuck."""
ROUNDS = 3
SHARE = 10
"""The rounds, and the plain loop, are of so many times fewer alerts."""
PLAIN_ILL_ALERTS = 2
"""The plain loop waits for the stuck ones at each alert: no more can be waited for."""

ARMS = (ALL_WELL, A_THIRD_ILL, ALONE)

Told = tuple[float, float, float]
"""Seconds, peak megabytes of the process, peak megabytes of Redis."""


async def delivering_rows(alerts: int) -> list[Row]:
    few = max(1, alerts // SHARE)
    well, ill = await _ours(alerts, ALL_WELL), await _ours(alerts, A_THIRD_ILL)
    rounds = [await _round(few, backwards=number % 2 == 1) for number in range(ROUNDS)]
    plain_well = await _told("plain", few, ALL_WELL)
    plain_ill = await _told("plain", PLAIN_ILL_ALERTS, A_THIRD_ILL)
    plainly = plain_ill[0] / PLAIN_ILL_ALERTS / (plain_well[0] / few)
    kinds = f"3 answer after {SLOW_SECONDS} s, 2 answer 500, 2 never ({TIMEOUT_SECONDS:g} s)"
    return [
        at_most(
            f"{alerts} alerts to 20 receivers: until {HEALTHY} healthy ones have all, a third of "
            "the others ill / all healthy",
            ratio([ill[0]], [well[0]]),
            1.2,
            f"of 20, {kinds}: {ill[0]:.3g} s; all healthy {well[0]:.3g} s, which is "
            f"{20 * alerts / well[0]:.0f} deliveries a second; one round",
        ),
        at_most(
            f"the same with {few} alerts, {ROUNDS} rounds",
            ratio([each[1][0] for each in rounds], [each[0][0] for each in rounds]),
            1.2,
            f"ill {_median(rounds, 1):.3g} s, all healthy {_median(rounds, 0):.3g} s",
        ),
        at_most(
            f"the same / the {HEALTHY} healthy ones alone: what the others cost them",
            ratio([each[1][0] for each in rounds], [each[2][0] for each in rounds]),
            None,
            f"alone {_median(rounds, 2):.3g} s: they share neither the processor nor Redis",
        ),
        at_most(
            "a plain loop in its place: time of an alert, a third ill / all healthy",
            Spread.of([plainly]),
            None,
            f"gather over all receivers, {TRIES} tries each, nothing kept: "
            f"{plain_ill[0] / PLAIN_ILL_ALERTS:.3g} s an alert, of {PLAIN_ILL_ALERTS}; all healthy "
            f"{few / plain_well[0]:.0f} alerts a second, ours {alerts / well[0]:.0f}, on disk",
        ),
        at_most(
            "peak memory of the process, a third ill / all healthy",
            ratio([ill[1]], [well[1]]),
            1.2,
            f"{ill[1]:.0f} MB, all healthy {well[1]:.0f} MB; Redis {ill[2]:.0f} MB and "
            f"{well[2]:.0f} MB at most",
        ),
    ]


async def _round(alerts: int, *, backwards: bool) -> list[Told]:
    """All arms, in their order; none always runs in the wake of another."""
    told = {}
    for kinds in reversed(ARMS) if backwards else ARMS:
        told[kinds] = await _ours(alerts, kinds)
    return [told[kinds] for kinds in ARMS]


def _median(rounds: Sequence[Sequence[Told]], arm: int) -> float:
    return statistics.median(each[arm][0] for each in rounds)


async def _ours(alerts: int, kinds: Sequence[int]) -> Told:
    return await _told("ours", alerts, kinds)


async def _told(way: str, alerts: int, kinds: Sequence[int]) -> Told:
    """What one arm measured, with a Redis and receivers that nobody had before."""
    async with AsyncExitStack() as stack:
        url = stack.enter_context(_redis())
        urls = await stack.enter_async_context(_receivers(kinds))
        arguments = (way, url, alerts, HEALTHY, *urls)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.telling", *map(str, arguments)),
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
        seconds, peak, redis = json.loads(said)
        return seconds, peak, redis


@contextmanager
def _redis() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        server = RedisServer(Path(folder))
        server.start("--appendfsync", "everysec")
        try:
            yield server.url
        finally:
            server.stop()


@asynccontextmanager
async def _receivers(kinds: Sequence[int]) -> AsyncIterator[list[str]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.receivers", *map(str, kinds)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the receivers have no pipes")
    try:
        urls: list[str] = json.loads(await process.stdout.readline())
        yield urls
    finally:
        process.stdin.close()
        await process.wait()
