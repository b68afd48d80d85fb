"""The real daemon is made blind in one way after the other, says so to everybody, and recovers."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from daemon_process import DaemonProcess, daemon_process
from devnet import Deployer, World, account, upgrade_token
from devnet.receiver import Letter, Receiver
from fault_proxy import Fault, FaultProxy, Json
from redis_server import RedisServer
from stage import Stage

from monitor.engine.symptoms import LOG_BLOCKS

AHEAD_SECONDS = 10**7
QUICK = {
    "hold_seconds": 0.5,
    "head_age_seconds": 4,
    "outbox_seconds": 2,
    "lag_blocks": 100_000,
    "clock_skew_seconds": 10**9,
}
NEVER: dict[str, Any] = {"warn_usd": 10**12, "trip_usd": 10**13, "clear_usd": 10**11}


@dataclass
class Snitch:
    """What a dead man's switch pings. `news` is set at every ping."""

    url: str = ""
    pings: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, _: web.Request) -> web.Response:
        self.pings += 1
        self.news.set()
        return web.Response()

    async def next_ping(self, seconds: float = 20.0) -> None:
        self.news.clear()
        async with asyncio.timeout(seconds):
            await self.news.wait()


@asynccontextmanager
async def a_snitch() -> AsyncIterator[Snitch]:
    snitch = Snitch()
    app = web.Application()
    app.add_routes([web.get("/ping", snitch.take)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    snitch.url = f"http://127.0.0.1:{runner.addresses[0][1]}/ping"
    try:
        yield snitch
    finally:
        await runner.cleanup()


class Miner:
    """Keeps a world's head fresh, unless it rests."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.rests = False

    async def run(self) -> None:
        while True:
            if not self.rests:
                await self._world.mine()
            await asyncio.sleep(0.5)


def of(name: str, type: str) -> Callable[[Letter], bool]:
    return lambda letter: (
        letter.type == type and letter.body["data"]["alert"]["breaker"] == f"monitor.{name}"
    )


async def heard(
    receiver: Receiver, name: str, type: str, *, after: int = 0, seconds: float = 30.0
) -> Letter:
    """The newest letter of this type about a condition, once there is one `after` so many."""
    async with asyncio.timeout(seconds):
        while True:
            found = list(filter(of(name, type), receiver.letters[after:]))
            if found:
                return found[-1]
            await asyncio.sleep(0.05)


async def metric(daemon: DaemonProcess, name: str) -> str:
    _, text = await daemon.get("/metrics")
    lines: list[str] = text.splitlines()
    return next(line.split()[-1] for line in lines if line.startswith(name))


def chat(receiver: Receiver, stage: Stage) -> str:
    """A second receiver, which wants no breaker's alerts in particular."""
    secret = stage.folder / "chat-secret"
    secret.write_text(receiver.secret)
    return f"""
[[webhooks]]
name = "chat"
url = "{receiver.url}"
secret_file = "{secret}"
allow_private = true
breakers = ["eth-cascade"]
"""


@dataclass
class Scene:
    """A daemon that looks sharply, its two receivers, its Redis, and somebody who mines."""

    stage: Stage
    daemon: DaemonProcess
    other: Receiver
    redis: RedisServer
    snitch: Snitch
    miner: Miner
    second_node: FaultProxy

    async def both_hear(self, name: str, type: str) -> Letter:
        letter = await heard(self.stage.receiver, name, type)
        assert (await heard(self.other, name, type)).raw == letter.raw
        return letter


@pytest.fixture
async def scene(stage: Stage) -> AsyncIterator[Scene]:
    # Beyond the machine's time the age of a head is how long it is the newest, alone.
    behind = max(0, int(time.time()) - (await stage.world.head()).timestamp)
    await stage.world.jump(behind + AHEAD_SECONDS)
    folder = stage.folder / "redis"
    folder.mkdir()
    redis = RedisServer(folder)
    redis.start("--appendfsync", "everysec")
    try:
        anvil = stage.world.anvil
        async with (
            Receiver() as other,
            a_snitch() as snitch,
            FaultProxy(anvil.http_url, anvil.ws_url) as second_node,
        ):
            deadman = f'[deadman]\nurl = "{snitch.url}"\nevery_seconds = 1\nallow_private = true\n'
            config, port = stage.config(
                blindness=QUICK,
                more=chat(other, stage) + deadman,
                endpoints=(anvil.http_url, second_node.http_url),
                **NEVER,
            )
            text = config.read_text().replace("[store]", f'[store]\nurl = "{redis.url}"')
            # Else a node that tells of another chain would have to make headers that fit.
            config.write_text(text.replace("[chain]", "[chain]\nprove_headers = false"))
            async with daemon_process(config, port) as daemon:
                await daemon.reached(await stage.head(), 60)
                miner = Miner(stage.world)
                mining = asyncio.create_task(miner.run())
                yield Scene(stage, daemon, other, redis, snitch, miner, second_node)
                mining.cancel()
                await asyncio.gather(mining, return_exceptions=True)
    finally:
        redis.signal(signal.SIGCONT)
        redis.stop()


async def test_blindness__in_one_way_after_the_other__is_told_to_everybody_and_taken_back(
    scene: Scene,
) -> None:
    await scene.snitch.next_ping()
    assert await metric(scene.daemon, 'cascade_monitor_blind{condition="monitor.head"}') == "0.0"
    assert (await scene.daemon.get("/api/v1/status"))[1]["blind"] == {}
    await no_new_block(scene)
    await endpoints_disagree(scene)
    await price_unknown(scene)
    await receiver_broken(scene)
    await redis_frozen(scene)
    assert scene.stage.receiver.refused == 0
    for receiver in (scene.stage.receiver, scene.other):
        by_id = {letter.id: letter.raw for letter in receiver.letters}
        assert all(by_id[letter.id] == letter.raw for letter in receiver.letters)
        assert not list(filter(of("stopped", "monitor.blind"), receiver.letters))
    assert await scene.daemon.stop() == 0
    assert "Traceback" not in scene.daemon.log.read_text()


async def no_new_block(scene: Scene) -> None:
    scene.miner.rests = True
    blind = await scene.both_hear("head", "monitor.blind")
    [reason] = blind.body["data"]["reasons"]
    assert reason.startswith("no newer block than")
    assert blind.body["data"]["block"]["hash"] == await scene.stage.head()
    assert await metric(scene.daemon, 'cascade_monitor_blind{condition="monitor.head"}') == "1.0"
    _, status = await scene.daemon.get("/api/v1/status")
    assert status["blind"]["monitor.head"]["since"] == blind.body["data"]["alert"]["starts_at"]
    pings = scene.snitch.pings
    await withheld(scene, 2)
    assert scene.snitch.pings == pings
    scene.miner.rests = False
    seen = await scene.both_hear("head", "monitor.recovered")
    assert seen.body["data"]["alert"]["episode"] == blind.body["data"]["alert"]["episode"]
    await scene.snitch.next_ping()


async def withheld(scene: Scene, more: int) -> None:
    """Until so many more pings were held back."""
    name = 'cascade_monitor_deadman_pings_total{outcome="withheld"}'
    before = float(await metric(scene.daemon, name))
    await scene.daemon.says("/metrics", f"{name} {before + more}")


async def _another_chain(_: FaultProxy, request: Json, answer: Json) -> Json:
    found = answer.get("result")
    if request["method"] != "eth_getBlockByNumber" or not found or int(found["number"], 16) == 0:
        return answer
    return answer | {"result": found | {"hash": "0x" + found["hash"][:1:-1]}}


async def endpoints_disagree(scene: Scene) -> None:
    scene.second_node.inject(Fault("another chain", edit=_another_chain))
    blind = await scene.both_hear("endpoints", "monitor.blind")
    assert "the endpoints disagree about block" in str(blind.body["data"]["reasons"])
    scene.second_node.heal()
    await scene.both_hear("endpoints", "monitor.recovered")


async def price_unknown(scene: Scene) -> None:
    world = scene.stage.world
    scene.miner.rests = True
    broken = await Deployer(world).deploy("RevertingSource")
    await world.replace_source("WETH", broken)
    scene.miner.rests = False
    blind = await scene.both_hear("prices", "monitor.blind")
    assert "price of aave-core/WETH" in str(blind.body["data"]["reasons"])
    scene.miner.rests = True
    await world.replace_source("WETH", world.addresses.feeds["WETH"])
    scene.miner.rests = False
    await scene.both_hear("prices", "monitor.recovered")


async def receiver_broken(scene: Scene) -> None:
    """Who takes nothing is named to the other; when it is back it hears all of it, in order."""
    receiver, count = scene.stage.receiver, len(scene.other.letters)
    receiver.answer = lambda _: 500
    scene.miner.rests = True
    await heard(scene.other, "head", "monitor.blind", after=count)
    scene.miner.rests = False
    blind = await heard(scene.other, "outbox", "monitor.blind")
    assert "webhook on-call: an alert waits for" in str(blind.body["data"]["reasons"])
    receiver.answer = lambda _: 204
    await scene.both_hear("outbox", "monitor.recovered")
    assert (await heard(receiver, "outbox", "monitor.blind")).raw == blind.raw
    await scene.snitch.next_ping()


async def redis_frozen(scene: Scene) -> None:
    scene.redis.signal(signal.SIGSTOP)
    try:
        blind = await scene.both_hear("store", "monitor.blind")
    finally:
        scene.redis.signal(signal.SIGCONT)
    assert "Redis does not answer" in str(blind.body["data"]["reasons"])
    await scene.both_hear("store", "monitor.recovered")
    _, answer = await scene.daemon.get("/api/v1/alerts")
    stored = {alert["data"]["alert"]["id"]: alert for alert in answer["alerts"]}
    assert stored[blind.id].items() >= json.loads(blind.raw).items()
    await scene.snitch.next_ping()


def garbled(address: str) -> Fault:
    """The node's logs of one contract have lost their data."""

    async def edit(_: FaultProxy, request: Json, answer: Json) -> Json:
        logs: Any = answer.get("result")
        if request["method"] != "eth_getLogs" or not logs:
            return answer
        told = [log | {"data": "0x"} if log["address"] == address else log for log in logs]
        return answer | {"result": told}

    return Fault("garbled logs", edit=edit)


async def test_unknown_upgrade_then_a_log_not_understood__stops_comes_back_and_is_blind(
    stage: Stage,
) -> None:
    world = stage.world
    async with FaultProxy(world.anvil.http_url, world.anvil.ws_url) as proxy:
        config, port = stage.config(
            blindness=QUICK | {"head_age_seconds": 10**9},
            endpoints=(proxy.http_url, proxy.ws_url),
            **NEVER,
        )
        async with daemon_process(config, port) as daemon:
            await daemon.reached(await stage.head(), 60)
            await upgrade_token(world, "USDC", "supply", revision=77)
            assert await daemon.ended(60) == 1
            stopped = await heard(stage.receiver, "stopped", "monitor.blind", seconds=5)
            assert "has revision 77" in str(stopped.body["data"]["reasons"])

            await world.rollback(1)
            await world.mine()
            await daemon.start()
            back = await heard(stage.receiver, "stopped", "monitor.recovered")
            episodes = {one.body["data"]["alert"]["episode"] for one in (stopped, back)}
            assert len(episodes) == 1

            who = account("somebody")
            await world.fund(who, WETH=world.raw("WETH", 5))
            await daemon.reached(await stage.head())
            proxy.inject(garbled(world.addresses.pool.lower()))
            await world.supply(who, "WETH", world.raw("WETH", 5))
            blind = await heard(stage.receiver, "logs", "monitor.blind")
            await heard(stage.receiver, "drift", "monitor.blind")
            assert "were not understood" in str(blind.body["data"]["reasons"])
            proxy.heal()
            await world.mine(LOG_BLOCKS)
            await heard(stage.receiver, "logs", "monitor.recovered")
            # What they did to positions is not known.
            assert not list(filter(of("drift", "monitor.recovered"), stage.receiver.letters))
            assert await daemon.stop() == 0
