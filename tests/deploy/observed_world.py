"""A pair of daemons on a living chain, seen by a real Prometheus: a calm, a fall, a blindness."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from daemon_process import DaemonProcess, daemon_process
from devnet import Deployer, World, account, make_borrowers, new_world
from devnet.receiver import Letter, Receiver
from redis_server import RedisServer
from stage import Stage, slide

from deploy.prometheus_server import PrometheusServer

BIRTH_SECONDS = 6 * 3600
"""The chain begins so long ago: the making of a world takes its time, 12 seconds a block."""
BEHIND_SECONDS = 120
"""How far the chain's clock stays behind ours: what the tests do takes 12 seconds a block."""
BLOCK_SECONDS = 1.0
SETTLING_SECONDS = 10.0
CALM_SECONDS = 60.0
TRIPPED = 'alertname="CascadeMonitorBreakerTripped",alertstate="firing"'
MORE = """
[scenarios.eth-curve]
curve = { asset = "WETH", to = -0.5, steps = 10 }
"""


@dataclass(frozen=True, slots=True)
class Observed:
    """What Prometheus saw: `calm` from and to, when prices had `fallen`, when a price had been away
    and the play `ended`; unix seconds.
    """

    prometheus: PrometheusServer
    calm: tuple[float, float]
    fallen: float
    ended: float
    leader: str


class Miner:
    """Mines by the wall clock, unless it rests."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._may = asyncio.Event()
        self._may.set()

    def rest(self) -> None:
        self._may.clear()

    def go_on(self) -> None:
        self._may.set()

    async def run(self) -> None:
        while True:
            await self._may.wait()
            newest = (await self._world.head()).timestamp
            due = int(time.time()) - BEHIND_SECONDS
            await self._world.mine(timestamp=max(newest + 1, due))
            await asyncio.sleep(BLOCK_SECONDS)


async def observe(folder: Path, prometheus: PrometheusServer, calm_seconds: float) -> Observed:
    """Play it to the end; the daemons are gone then, what Prometheus saw stays."""
    async with _stage(folder) as stage, _redis(folder) as url:
        leader, port = _config(stage, "leader", url)
        standby, other_port = _config(stage, "standby", url)
        miner = Miner(stage.world)
        async with daemon_process(leader, port) as daemon:
            await daemon.reached(await stage.head(), 60)
            async with daemon_process(standby, other_port, ("--standby",)) as second:
                await _stands_by(second)
                prometheus.start([f"127.0.0.1:{each}" for each in (port, other_port)])
                mining = asyncio.create_task(miner.run())
                calm = await _calm(stage, miner, calm_seconds)
                await _fall(stage, miner, daemon)
                await _seen(prometheus, "cascade_monitor_breaker_state == 3")
                await _seen(prometheus, f"ALERTS{{{TRIPPED}}}")
                await asyncio.sleep(2)  # asked afterwards it is at whole steps of a second
                fallen = time.time()
                await _blindness(stage, miner, daemon)
                await asyncio.sleep(3)  # Prometheus looks once a second
                ended = time.time()
                mining.cancel()
                with suppress(asyncio.CancelledError):
                    await mining
    return Observed(prometheus, calm, fallen, ended, f"127.0.0.1:{port}")


async def _stands_by(daemon: DaemonProcess) -> None:
    async with asyncio.timeout(60):
        while True:
            with suppress(aiohttp.ClientError):
                if "standby: led by" in str(await daemon.get("/readyz")):
                    return
            await asyncio.sleep(0.1)


async def _calm(stage: Stage, miner: Miner, seconds: float) -> tuple[float, float]:
    """People deposit and borrow; nothing is amiss."""
    await asyncio.sleep(SETTLING_SECONDS)
    began = time.time()
    world = stage.world
    number = 0
    while time.time() < began + seconds:
        number += 1
        who = account(f"calm {number}")
        miner.rest()
        await world.fund(who, WETH=world.raw("WETH", 5))
        await world.supply(who, "WETH", world.raw("WETH", 5))
        await world.borrow(who, "USDC", world.raw("USDC", 1000))
        miner.go_on()
        # These blocks took a minute of the chain's time, which must not run away from ours.
        await asyncio.sleep(max(0.0, min(150.0, began + seconds - time.time())))
    return began, time.time()


async def _fall(stage: Stage, miner: Miner, daemon: DaemonProcess) -> None:
    """A breaker trips, its receiver fails at first, and the chain takes it all back once."""
    refusals = 0

    def refuse_once(_: Letter) -> int:
        nonlocal refusals
        refusals += 1
        return 503 if refusals == 1 else 204

    miner.rest()
    stage.receiver.answer = refuse_once
    await daemon.reached(await slide(stage.world, 1700))
    await stage.receiver.wait_for("breaker.tripped", 40)
    await stage.world.reorg(3)  # as many as `slide` made
    await daemon.reached(await stage.head())
    await stage.receiver.wait_for("breaker.retracted", 40)
    await daemon.reached(await slide(stage.world, 1650))


async def _seen(prometheus: PrometheusServer, expr: str) -> None:
    """Prometheus looks once a second: what passes more quickly it never saw."""
    async with asyncio.timeout(30):
        while True:
            if prometheus.now(expr, time.time()):
                return
            await asyncio.sleep(0.2)


async def _blindness(stage: Stage, miner: Miner, daemon: DaemonProcess) -> None:
    """A price is gone, while the breaker is tripped."""
    broken = await Deployer(stage.world).deploy("RevertingSource")
    await stage.world.replace_source("WETH", broken)
    miner.go_on()
    await daemon.says("/metrics", 'cascade_monitor_blind{condition="monitor.prices"} 1.0', 40)


def _config(stage: Stage, name: str, redis_url: str) -> tuple[Path, int]:
    path, port = stage.config(name, blindness={}, more=MORE)
    path.write_text(path.read_text().replace("[store]", f'[store]\nurl = "{redis_url}"'))
    return path, port


@asynccontextmanager
async def _stage(folder: Path) -> AsyncIterator[Stage]:
    birth = int(time.time()) - BIRTH_SECONDS
    async with new_world(genesis_timestamp=birth) as world, Receiver() as receiver:
        await make_borrowers(world, 40, 7)
        await world.mine(timestamp=int(time.time()) - BEHIND_SECONDS)
        yield Stage(world, receiver, folder)


@asynccontextmanager
async def _redis(folder: Path) -> AsyncIterator[str]:
    home = folder / "redis"
    home.mkdir()
    server = RedisServer(home)
    server.start("--appendfsync", "everysec")
    try:
        yield server.url
    finally:
        server.stop()
