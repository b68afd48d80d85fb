"""How a real Redis fares, felt without patience."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis_server import RedisServer

from monitor.errors import StoreUnavailable
from monitor.store.connection import connect
from monitor.store.durability import Pulse

SOON_SECONDS = 4.0
"""A patient question would take four times as long."""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[RedisServer]:
    made = RedisServer(tmp_path)
    made.start("--appendfsync", "everysec")
    yield made
    made.signal(signal.SIGCONT)
    made.stop()


async def test_round_trip__of_a_server_that_fares_well__is_short(server: RedisServer) -> None:
    async with connect(server.url) as client:
        pulse = Pulse(client)
        assert 0 < await pulse.round_trip_seconds() < 1
        assert await pulse.durability_warning() == ""


async def test_round_trip__server_frozen_then_back__fails_soon_then_works(
    server: RedisServer,
) -> None:
    async with connect(server.url) as client:
        pulse = Pulse(client)
        await pulse.round_trip_seconds()
        server.signal(signal.SIGSTOP)
        started = time.monotonic()
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await pulse.round_trip_seconds()
        assert time.monotonic() - started < SOON_SECONDS
        server.signal(signal.SIGCONT)
        assert await pulse.round_trip_seconds() < SOON_SECONDS


async def ask_again_and_again(pulse: Pulse) -> None:
    """For some seconds: the server notices when it writes its file."""
    async with asyncio.timeout(10):
        while True:
            await pulse.round_trip_seconds()
            await asyncio.sleep(0.01)


async def test_round_trip__disk_full__says_so_and_it_is_not_durable(server: RedisServer) -> None:
    async with connect(server.url) as client:
        pulse = Pulse(client)
        server.limit_files(1)
        await client.set("a", "b")
        with pytest.raises(StoreUnavailable, match="make room on its disk"):
            await ask_again_and_again(pulse)
        assert "could not write its append-only file" in await pulse.durability_warning()


async def test_durability__without_its_file__is_a_warning(server: RedisServer) -> None:
    async with connect(server.url) as client:
        await client.config_set("appendonly", "no")
        assert "appendonly no" in await Pulse(client).durability_warning()
