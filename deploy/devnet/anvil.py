"""One anvil process of our own, and JSON-RPC to it."""

import asyncio
import collections
import itertools
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp

from devnet.cache import InstallError, anvil_binary

LISTENING = re.compile(r"Listening on \S+:(\d+)")
START_TIMEOUT_SECONDS = 60
STOP_TIMEOUT_SECONDS = 20
# Room for thousands of transactions in one block, each with a generous limit of its own.
BLOCK_GAS_LIMIT = 10**10


class RpcError(Exception):
    def __init__(self, method: str, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{method}: {message} ({code})")
        self.method = method
        self.code = code
        self.data = data


@dataclass
class Anvil:
    """Use as `async with Anvil() as anvil:`. Blocks are mined only when asked for (`evm_mine`)."""

    chain_id: int = 31337
    port: int = 0  # 0: any free one
    load_state: Path | None = None
    dump_state: Path | None = None
    fork_url: str | None = None
    slots_in_an_epoch: int = 32
    genesis_timestamp: int | None = None
    # How many blocks' states are kept in memory; None: 500, the others on disk. What anvil 1.7.1
    # takes back from disk has lost its contracts' code: after a thousand blocks a rollback may
    # leave a chain without any.
    states_in_memory: int | None = None

    _process: asyncio.subprocess.Process | None = field(default=None, init=False, repr=False)
    _session: aiohttp.ClientSession | None = field(default=None, init=False, repr=False)
    _folder: tempfile.TemporaryDirectory[str] | None = field(default=None, init=False, repr=False)
    _drain: asyncio.Task[None] | None = field(default=None, init=False, repr=False)
    _ids: "itertools.count[int]" = field(default_factory=itertools.count, init=False, repr=False)

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stop()

    async def rpc(self, method: str, *params: Any) -> Any:
        body = self._request(method, params)
        return _result(method, await self._post(body))

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]]) -> list[Any]:
        """Answers in the order of `calls`; anvil may work on them in any order."""
        if not calls:
            return []
        requests = [self._request(method, params) for method, params in calls]
        answers = {answer["id"]: answer for answer in await self._post(requests)}
        return [_result(request["method"], answers[request["id"]]) for request in requests]

    def _request(self, method: str, params: Sequence[Any]) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)}

    async def _post(self, body: Any) -> Any:
        if self._session is None:
            raise RuntimeError("this anvil is not running: use `async with Anvil() as anvil`")
        async with self._session.post(self.http_url, json=body) as response:
            return await response.json()

    def _arguments(self, folder: Path) -> list[str]:
        arguments = [
            *("--port", str(self.port), "--gas-limit", str(BLOCK_GAS_LIMIT)),
            *("--no-mining", "--order", "fifo", "--auto-impersonate"),
            # The state of old blocks spills to disk, and would be left behind in the home folder.
            *("--cache-path", str(folder / "cache"), "--no-request-size-limit"),
            *("--slots-in-an-epoch", str(self.slots_in_an_epoch)),
        ]
        if self.fork_url is not None:
            # The storage cache is keyed by chain id and block only: it would mix local chains up.
            arguments += ["--fork-url", self.fork_url, "--no-storage-caching"]
        else:
            arguments += ["--chain-id", str(self.chain_id)]
        if self.genesis_timestamp is not None:
            arguments += ["--timestamp", str(self.genesis_timestamp)]
        if self.states_in_memory is not None:
            arguments += ["--prune-history", str(self.states_in_memory)]
        if self.load_state is not None:
            arguments += ["--load-state", str(self.load_state)]
        if self.dump_state is not None:
            arguments += ["--dump-state", str(self.dump_state)]
        return arguments

    async def _start(self) -> None:
        if not anvil_binary().exists():
            raise InstallError(f"no {anvil_binary()}: run `python -m devnet.install`")
        self._folder = tempfile.TemporaryDirectory(prefix="devnet-anvil-")
        folder = Path(self._folder.name)
        self._process = await asyncio.create_subprocess_exec(
            anvil_binary(),
            *self._arguments(folder),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, "HOME": str(folder)},
            # Ctrl-C must reach us alone: we then stop anvil, in order.
            start_new_session=True,
        )
        async with asyncio.timeout(START_TIMEOUT_SECONDS):
            self.port = await self._read_port()
        self._drain = asyncio.create_task(self._discard_output())
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=600))

    async def _read_port(self) -> int:
        assert self._process is not None
        assert self._process.stdout is not None
        tail: collections.deque[str] = collections.deque(maxlen=20)
        async for raw in self._process.stdout:
            line = raw.decode(errors="replace")
            tail.append(line)
            if found := LISTENING.search(line):
                return int(found[1])
        raise RuntimeError("anvil did not start:\n" + "".join(tail))

    async def _discard_output(self) -> None:
        # A full pipe would block the node.
        assert self._process is not None
        assert self._process.stdout is not None
        while await self._process.stdout.read(1 << 16):
            pass

    async def _stop(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._process is not None:
            await _end(self._process)
        if self._drain is not None:
            await self._drain
        if self._folder is not None:
            self._folder.cleanup()


async def _end(process: asyncio.subprocess.Process) -> None:
    """Ends this one process: politely first, since that is when it writes its state file."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_TIMEOUT_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _result(method: str, answer: dict[str, Any]) -> Any:
    if error := answer.get("error"):
        raise RpcError(method, error["code"], error["message"], error.get("data"))
    return answer["result"]
