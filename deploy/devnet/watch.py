"""The demo's daemon: `cascade-monitor run` in a process of its own, asked over its own API."""

import asyncio
import json
import shlex
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from devnet.abi import Address

READY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Watch:
    """A running daemon, its configuration, and where its log is."""

    session: aiohttp.ClientSession
    url: str
    config: Path
    log: Path
    process: asyncio.subprocess.Process

    async def get(self, path: str) -> dict[str, Any]:
        async with self.session.get(self.url + path) as answer:
            document: dict[str, Any] = await answer.json()
            return document

    async def projected(self, shocks: Mapping[str, float]) -> dict[str, Any]:
        """A projection of one's own, at the newest judged block."""
        asked = {"shocks": dict(shocks)}
        async with self.session.post(f"{self.url}/api/v1/project", json=asked) as answer:
            document: dict[str, Any] = await answer.json()
            return document

    async def receipt(self, token: Address) -> dict[str, Any]:
        """What the status says of a configured claim."""
        found: list[dict[str, Any]] = (await self.get("/api/v1/status"))["receipts"]
        (receipt,) = (each for each in found if each["token"].lower() == token)
        return receipt

    async def told(self, *words: str) -> None:
        """A command of the monitor beside it, which writes where we do."""
        sys.stdout.flush()
        command = (sys.executable, "-m", "monitor", *words, "--config", str(self.config))
        process = await asyncio.create_subprocess_exec(*command)
        if await process.wait():
            raise RuntimeError(f"cascade-monitor {' '.join(words)} ended with {process.returncode}")

    async def repeated(self, reproduce: str, folder: Path) -> dict[str, Any]:
        """What an alert's own command answers in the folder of snapshots: it needs no more."""
        words = shlex.split(reproduce)[1:]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "monitor", *words, "--json"),
            stdout=asyncio.subprocess.PIPE,
            cwd=folder,
        )
        told, _ = await process.communicate()
        document: dict[str, Any] = json.loads(told)
        return document

    async def judged(self, block_hash: str) -> dict[str, Any]:
        """The projection at a block, once the daemon judged it."""
        async with asyncio.timeout(READY_SECONDS):
            while self.process.returncode is None:
                try:
                    status = await self.get("/api/v1/status")
                except aiohttp.ClientError:
                    status = {}
                if (status.get("evaluated") or {}).get("hash") == block_hash:
                    return await self.get("/api/v1/cascade/eth-crash")
                await asyncio.sleep(0.05)
        raise RuntimeError(f"the daemon ended; its log:\n{self.log.read_text()[-2000:]}")


@asynccontextmanager
async def watching(config: Path, port: int) -> AsyncIterator[Watch]:
    """The daemon of a configuration that listens on this port; its log lies beside the file."""
    log = config.with_suffix(".log")
    with log.open("wb") as out:
        command = (sys.executable, "-m", "monitor", "run", "--config", str(config))
        # A session of its own: Ctrl-C reaches us, and we end it in order.
        daemon = await asyncio.create_subprocess_exec(
            *command, stdout=out, stderr=out, start_new_session=True
        )
    try:
        async with aiohttp.ClientSession() as session:
            yield Watch(session, f"http://127.0.0.1:{port}", config, log, daemon)
    except TimeoutError as error:
        tail = log.read_text()[-2000:]
        raise RuntimeError(f"the daemon does not keep up; the end of its log:\n{tail}") from error
    finally:
        if daemon.returncode is None:
            daemon.send_signal(signal.SIGTERM)
        await daemon.wait()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
