"""A private Redis for the tests, ended with them."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis_server import RedisServer, an_identity

from monitor.store.connection import connect
from monitor.store.identity import Identity


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server for all tests that do not hurt it."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def mortal_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server of the test's own, not yet started."""
    server = RedisServer(tmp_path)
    yield server
    server.stop()


@pytest.fixture
async def client(redis_server: RedisServer) -> AsyncIterator[Redis]:
    async with connect(redis_server.url) as connected:
        yield connected


@pytest.fixture
def identity() -> Identity:
    return an_identity()
