"""A private Redis for the tests: real, on a unix socket, ended with them."""

import itertools
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from builders import a_hash
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.exceptions import RedisError

from monitor.store.connection import connect
from monitor.store.identity import Identity
from monitor.store.server_binary import find_server

_numbers = itertools.count()


class RedisServer:
    """A server that can be killed and started again over the same files."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis.sock"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self, *settings: str) -> None:
        command = [str(find_server().path), "--port", "0", "--unixsocket", str(self.socket)]
        command += ["--dir", str(self._folder), "--save", "", "--appendonly", "yes", *settings]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        with BlockingRedis(unix_socket_path=str(self.socket)) as client:
            for _ in range(500):
                try:
                    client.ping()
                    return
                except RedisError:
                    time.sleep(0.01)
        raise AssertionError("the test's Redis did not start")

    def kill(self) -> None:
        """SIGKILL: nothing is flushed."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        self._process = None

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server for all tests that do not hurt it."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def mortal_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server of the test's own."""
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def client(redis_server: RedisServer) -> AsyncIterator[Redis]:
    async with connect(redis_server.url) as connected:
        yield connected


@pytest.fixture
def identity() -> Identity:
    """A namespace no other test has."""
    return an_identity()


def an_identity() -> Identity:
    return Identity(f"test-{next(_numbers)}", 31337, a_hash("genesis"), "configuration-1")
