"""Redis fails under the real daemon: what it says meanwhile, and that nothing is lost after."""

import os
import resource
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from daemon_process import DaemonProcess, daemon_process, running_in
from devnet import account
from redis_server import RedisServer
from stage import Stage, slide
from stored import digest_of, fresh_digest

from monitor.store.connection import connect
from monitor.store.damage import AOF


@asynccontextmanager
async def own_server(stage: Stage, config: Path) -> AsyncIterator[RedisServer]:
    """A Redis of the test's, which the configuration uses from here on."""
    folder = stage.folder / "redis"
    folder.mkdir()
    server = RedisServer(folder)
    server.start("--appendfsync", "everysec")
    point(config, server.url)
    try:
        yield server
    finally:
        server.stop()


def point(config: Path, url: str) -> None:
    config.write_text(config.read_text().replace("[store]", f'[store]\nurl = "{url}"'))


async def unready(daemon: DaemonProcess, reason: str) -> None:
    """Wait until /readyz is 503 for this reason."""
    code, _ = await daemon.says("/readyz", reason, 60)
    assert code == 503


async def act(stage: Stage, price_usd: int) -> str:
    """Some blocks with something in them; the last one."""
    world, who = stage.world, account(f"actor at {price_usd}")
    await world.fund(who, WETH=world.raw("WETH", 5))
    await world.supply(who, "WETH", world.raw("WETH", 5))
    await world.borrow(who, "USDC", world.raw("USDC", 3000))
    return await slide(world, price_usd)


async def test_redis__frozen_killed_full_and_demoted__is_waited_out_and_nothing_is_lost(
    stage: Stage,
) -> None:
    config, port = stage.config()
    async with own_server(stage, config) as server:
        async with daemon_process(config, port) as daemon, connect(server.url) as client:
            await daemon.reached(await stage.head(), 60)

            server.signal(signal.SIGSTOP)
            block = await act(stage, 1990)
            await unready(daemon, "Redis does not answer")
            server.signal(signal.SIGCONT)
            await daemon.reached(block, 60)

            server.kill()
            block = await act(stage, 1980)
            await unready(daemon, "Redis does not answer")
            server.start("--appendfsync", "everysec")
            await daemon.reached(block, 60)

            server.limit_files(1)
            block = await act(stage, 1970)
            await unready(daemon, "make room on its disk")
            server.limit_files(resource.RLIM_INFINITY)
            await daemon.reached(block, 60)

            await client.replicaof("127.0.0.1", 1)
            block = await act(stage, 1700)
            await unready(daemon, "it is a replica")
            await client.replicaof("NO", "ONE")
            await daemon.reached(block, 60)

            await stage.receiver.wait_for("breaker.tripped")
            assert await daemon.stop() == 0
        assert [letter.type for letter in stage.receiver.letters] == ["breaker.tripped"]
        assert await digest_of(config) == await fresh_digest(stage, "fresh", "snapshot")
    assert "Traceback" not in daemon.log.read_text()


async def test_redis__flushed__stops_the_daemon_loudly_and_the_next_begins_anew(
    stage: Stage,
) -> None:
    config, port = stage.config()
    async with own_server(stage, config) as server:
        async with daemon_process(config, port) as daemon:
            await daemon.reached(await stage.head(), 60)
            async with connect(server.url) as client:
                await client.flushall()
            await stage.world.mine(1)
            assert await daemon.ended(60) == 1
            said = daemon.log.read_text()
            assert "is gone: expected writer's token" in said
            assert "cascade-monitor store restore" in said
            assert "Traceback" not in said
            await daemon.start()
            await daemon.reached(await stage.head(), 60)
            assert await daemon.stop() == 0
        assert await digest_of(config) == await fresh_digest(stage, "fresh", "snapshot")


async def test_embedded_redis__killed_then_its_file_torn__goes_on_after_each_restart(
    stage: Stage,
) -> None:
    """As systemd would: the daemon ends with 69, and is started again."""
    config, port = stage.config()
    file = stage.folder / "monitor" / AOF
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await act(stage, 1990), 60)
        kill_server(stage)
        assert await daemon.ended(60) == 69
        assert "the embedded Redis ended with -9" in daemon.log.read_text()
        assert running_in(stage.folder) == []

        await daemon.start()
        await daemon.reached(await act(stage, 1700), 60)
        await stage.receiver.wait_for("breaker.tripped")
        kill_server(stage)
        assert await daemon.ended(60) == 69

        cut(file, 150)
        await daemon.start()
        await daemon.reached(await stage.head(), 60)
        await daemon.reached(await act(stage, 1690), 60)
        assert await daemon.stop() == 0
    assert len({letter.id for letter in stage.receiver.letters}) == 1
    assert await digest_of(config) == await fresh_digest(stage, "fresh", "snapshot")


def cut(file: Path, count: int) -> None:
    file.write_bytes(file.read_bytes()[:-count])


def kill_server(stage: Stage) -> None:
    """SIGKILL the embedded server, whose pid is in its lock."""
    os.kill(int((stage.folder / "monitor" / "server.lock").read_text()), signal.SIGKILL)
