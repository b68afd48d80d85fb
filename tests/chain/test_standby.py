"""Two daemons on one Redis: one voice, whoever of them dies, freezes or is told to go."""

import asyncio
import json
import logging
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from daemon_process import DaemonProcess, command
from devnet.receiver import Letter
from redis_server import RedisServer
from stage import Stage, slide
from stored import digest_of, fresh_digest

LEASE_SECONDS = 2.0
LEADER = "cascade_monitor_leader"
LOGGER = logging.getLogger(__name__)


@dataclass
class Pair:
    """Two daemons of one configuration, each listening on a port of its own."""

    stage: Stage
    one: DaemonProcess
    other: DaemonProcess

    def letters_per_id(self) -> dict[str, int]:
        """How often each alert was delivered."""
        told: dict[str, int] = {}
        for letter in self.stage.receiver.letters:
            told[letter.id] = told.get(letter.id, 0) + 1
        return told

    def attempts(self, status: int) -> list[str]:
        """From here on the receiver answers so; and the ids of all letters that reach it."""
        ids = list[str]()

        def answer(letter: Letter) -> int:
            ids.append(letter.id)
            return status

        self.stage.receiver.answer = answer
        return ids

    async def attempted(self, ids: list[str], count: int) -> None:
        """Wait for so many attempts."""
        async with asyncio.timeout(20):
            while True:
                if len(ids) >= count:
                    return
                await asyncio.sleep(0.01)

    async def told(self, kind: str, count: int) -> None:
        """Wait for so many letters of a kind."""
        async with asyncio.timeout(20):
            while True:
                if [letter.type for letter in self.stage.receiver.letters].count(kind) >= count:
                    return
                await asyncio.sleep(0.05)


@asynccontextmanager
async def pair(stage: Stage) -> AsyncIterator[Pair]:
    """Neither of them runs yet; both are ended whatever happens."""
    folder = stage.folder / "redis"
    folder.mkdir()
    server = RedisServer(folder)
    server.start()
    async with AsyncExitStack() as stack:
        stack.callback(server.stop)
        daemons = []
        for name in ("one", "other"):
            config, port = stage.config(name)
            store = f'[store]\nurl = "{server.url}"\nlease_seconds = {LEASE_SECONDS}'
            config.write_text(config.read_text().replace("[store]", store))
            daemons.append(DaemonProcess(config, port))
            stack.push_async_callback(daemons[-1].kill)
        yield Pair(stage, *daemons)


async def listens(daemon: DaemonProcess) -> bool:
    try:
        await daemon.get("/healthz")
    except aiohttp.ClientError:
        return False
    return True


async def stands_by(daemon: DaemonProcess) -> None:
    """Wait until it does, with the node followed."""
    async with asyncio.timeout(60):
        while True:
            if await listens(daemon):
                break
            await asyncio.sleep(0.05)
    code, _ = await daemon.says("/readyz", "standby: led by ", 60)
    assert code == 503
    await daemon.says("/metrics", "cascade_monitor_head_block ", 60)
    assert (await daemon.get("/healthz"))[0] == 200
    code, answer = await daemon.get("/api/v1/status")
    assert (code, "standby: led by " in json.dumps(answer)) == (503, True)
    assert f"{LEADER} 0.0" in (await daemon.get("/metrics"))[1]


async def settled(daemon: DaemonProcess) -> None:
    """Wait until no delivery is under way: it would be made again, under the same id."""
    async with asyncio.timeout(20):
        while True:
            _, answer = await daemon.get("/api/v1/alerts")
            if all(
                set(alert["deliveries"].values()) == {"delivered"} for alert in answer["alerts"]
            ):
                return
            await asyncio.sleep(0.05)


async def takes_over(daemon: DaemonProcess, block_hash: str, since: float) -> float:
    """Seconds until it has judged the block, which it does as the leader."""
    status = await daemon.reached(block_hash, 60)
    seconds = time.monotonic() - since
    assert status["leader"] is not None
    assert f"{LEADER} 1.0" in (await daemon.get("/metrics"))[1]
    return seconds


async def leader_of(config: Path) -> str:
    """As `status` knows from the store alone."""
    finished = await command("status", "--config", str(config), "--json")
    assert finished.code == 0, finished.err
    leader: str = finished.document["leader"]
    return leader


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """What a service manager hears with, bound to a name."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as heard:
        heard.bind(str(tmp_path / "notify"))
        yield heard


async def told_to(manager: socket.socket) -> str:
    async with asyncio.timeout(20):
        while True:
            told = (await asyncio.get_running_loop().sock_recv(manager, 1024)).decode()
            if not told.startswith(("STATUS=", "EXTEND_TIMEOUT_USEC=")):
                return told


async def start(daemon: DaemonProcess, *arguments: str) -> None:
    with daemon.log.open("w"):
        await daemon.start(*arguments)


async def test_two_daemons__one_freezes_dies_or_goes__speak_with_one_voice(
    stage: Stage, manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with pair(stage) as both:
        one, other = both.one, both.other
        await start(one)
        await one.reached(await stage.head(), 60)
        with monkeypatch.context() as within:
            within.setenv("NOTIFY_SOCKET", manager.getsockname())
            await start(other, "--standby")
        await stands_by(other)
        assert await told_to(manager) == "READY=1"
        assert await told_to(manager) == "WATCHDOG=1"
        third = await command("run", "--config", str(other.config))
        assert (third.code, "start this one with --standby" in third.err) == (69, True), third.err

        # Frozen with something to say: the receiver takes nothing before the other leads.
        attempts = both.attempts(503)
        await one.reached(await slide(stage.world, 1900))
        await both.attempted(attempts, 1)
        one.send(signal.SIGSTOP)
        since = time.monotonic()
        frozen = await takes_over(other, await slide(stage.world, 1700), since)
        attempts = both.attempts(204)
        await both.told("breaker.tripped", 1)
        await settled(other)
        _, status = await other.get("/api/v1/status")
        assert status["leader"] == await leader_of(one.config)
        before = list(attempts)
        one.send(signal.SIGCONT)
        assert await one.ended() == 69
        assert one.log.read_text().count("another daemon leads") == 1
        assert "Traceback" not in one.log.read_text()
        assert attempts == before
        assert len(set(before)) == len(before)

        await start(one, "--standby")
        await stands_by(one)
        await settled(other)
        other.send(signal.SIGKILL)
        since = time.monotonic()
        killed = await takes_over(one, await slide(stage.world, 2500), since)
        await both.told("breaker.cleared", 1)

        await start(other, "--standby")
        await stands_by(other)
        since = time.monotonic()
        assert await one.stop() == 0
        asked = await takes_over(other, await slide(stage.world, 1650), since)
        await both.told("breaker.tripped", 2)
        await start(one, "--standby")
        await stands_by(one)
        assert await one.stop() == 0
        assert await other.stop() == 0

        assert set(both.letters_per_id().values()) == {1}
        assert await digest_of(other.config) == await fresh_digest(stage, "fresh", "snapshot")
        LOGGER.info("failover: frozen %.2f s, killed %.2f s, told %.2f s", frozen, killed, asked)
        assert max(frozen, killed) < 2 * LEASE_SECONDS
        assert asked < LEASE_SECONDS
