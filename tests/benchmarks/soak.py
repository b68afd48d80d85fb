"""The row of endurance: the real daemon, a block a second, and what becomes of its memory."""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from daemon_process import daemon_process
from devnet import account
from stage import Stage, new_stage

from benchmarks.footprint import resident_bytes
from benchmarks.timing import Row, Spread, at_most

WARM_UP = 1 / 3
"""The share of the run that is not judged: caches fill, the undo window does."""
GOAL_BYTES = 4096
"""A second: what is kept of a block would be more than that."""
CALM_USD, ROUGH_USD = 2000, 1990


async def soak_rows(seconds: int) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        async with new_stage(Path(folder)) as stage:
            config, port = stage.config()
            async with daemon_process(config, port) as daemon:
                await daemon.reached(await stage.head())
                samples, blocks = await _live(stage, daemon.pid, seconds)
                await daemon.reached(await stage.head())
    judged = [sample for sample in samples if sample[0] >= samples[-1][0] * WARM_UP]
    slope = statistics.linear_regression(*zip(*judged, strict=True)).slope
    first, last = judged[0][1] / 2**20, judged[-1][1] / 2**20
    return [
        at_most(
            "the daemon at a block a second: growth of its memory",
            Spread.of([slope]),
            GOAL_BYTES,
            f"{blocks} blocks in {samples[-1][0]:.0f} s; slope over the last two thirds, in which "
            f"resident memory went from {first:.1f} to {last:.1f} MiB",
            unit="bytes/s",
        )
    ]


async def _live(stage: Stage, pid: int, seconds: int) -> tuple[list[tuple[float, int]], int]:
    """A block with a supply, a debt and a price in it each second; (seconds, bytes) after each."""
    world, who, started = stage.world, account("soak"), time.monotonic()
    await world.fund(who, WETH=world.raw("WETH", 1_000_000))
    await world.supply(who, "WETH", world.raw("WETH", 1000))
    samples: list[tuple[float, int]] = []
    for number in range(seconds):
        price = CALM_USD if number % 2 else ROUGH_USD
        await world.block(
            world.supply(who, "WETH", world.raw("WETH", 1)),
            world.borrow(who, "USDC", world.raw("USDC", 1)),
            world.move_feed("WETH", price * 10**8),
        )
        samples.append((time.monotonic() - started, resident_bytes(pid)))
        await asyncio.sleep(max(0.0, started + number + 1 - time.monotonic()))
    return samples, len(samples)
