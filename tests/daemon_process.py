"""The daemon as its users run it: the command, in a process of its own."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from warm_commands import request, server

COMMAND = (sys.executable, "-m", "monitor")


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


async def command(
    *arguments: str, environ: dict[str, str] | None = None, seconds: float = 60.0
) -> Finished:
    """Run `cascade-monitor …` to its end; for at most so long."""
    variables = os.environ | {"COLUMNS": "200"} | (environ or {})
    with tempfile.TemporaryDirectory() as folder:
        code = await _run(request(arguments, variables, Path(folder)), seconds)
        out, err = ((Path(folder) / name).read_text() for name in ("out", "err"))
    return Finished(code, out, err)


async def _run(asked: bytes, seconds: float) -> int:
    """The exit code; negative: the signal that ended it. Whoever waits no longer ends it."""
    address = (await asyncio.to_thread(server)).address
    answers, questions = await asyncio.open_unix_connection(address)
    pid, code = b"", b""
    try:
        questions.write(asked)
        async with asyncio.timeout(seconds):
            pid, code = await answers.readline(), await answers.readline()
    finally:
        if pid and not code:
            os.kill(int(pid), signal.SIGKILL)
        questions.close()
    return int(code)


def running_in(folder: Path) -> list[str]:
    """Command lines of processes that have to do with a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


class DaemonProcess:
    """`cascade-monitor run`, its log in a file beside the configuration."""

    def __init__(self, config: Path, port: int) -> None:
        self.config = config
        self.log = config.with_suffix(".log")
        self._port = port
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *arguments: str) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *COMMAND, "run", "--config", str(self.config), *arguments, stdout=log, stderr=log
            )

    @property
    def exit_code(self) -> int | None:
        """None while it runs, and before it was ever started."""
        return None if self._process is None else self._process.returncode

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it, if it still runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def ended(self, seconds: float = 20.0) -> int:
        """Wait until it ends by itself; the exit code. Raises TimeoutError."""
        assert self._process is not None
        async with asyncio.timeout(seconds):
            return await self._process.wait()

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    async def kill(self) -> None:
        """kill -9, as the kernel does when memory is short."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        return await self._end(signal.SIGTERM)

    async def get(self, path: str) -> tuple[int, Any]:
        url = f"http://127.0.0.1:{self._port}{path}"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            is_json = "json" in answer.headers.get("Content-Type", "")
            return answer.status, (await answer.json() if is_json else await answer.text())

    async def reached(self, block_hash: str, seconds: float = 20.0) -> dict[str, Any]:
        """The status once this block is judged."""
        async with asyncio.timeout(seconds):
            while True:
                self._check_alive()
                try:
                    code, status = await self.get("/api/v1/status")
                except aiohttp.ClientError:
                    code, status = 0, {}
                if code == 200 and (status["evaluated"] or {}).get("hash") == block_hash:
                    found: dict[str, Any] = status
                    return found
                await asyncio.sleep(0.05)

    async def says(self, path: str, words: str, seconds: float = 20.0) -> tuple[int, str]:
        """Status code and text of an answer, once the words are in it."""
        async with asyncio.timeout(seconds):
            while True:
                self._check_alive()
                code, answer = await self.get(path)
                text = answer if isinstance(answer, str) else json.dumps(answer)
                if words in text:
                    return code, text
                await asyncio.sleep(0.05)

    def _check_alive(self) -> None:
        if self._process is None or self._process.returncode is not None:
            raise AssertionError(f"the daemon ended:\n{self.log.read_text()[-3000:]}")

    async def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        if self._process.returncode is None:
            self._process.send_signal(number)
        async with asyncio.timeout(20):
            return await self._process.wait()


@asynccontextmanager
async def daemon_process(
    config: Path, port: int, arguments: Sequence[str] = ()
) -> AsyncIterator[DaemonProcess]:
    """A running daemon, ended whatever happens."""
    daemon = DaemonProcess(config, port)
    await daemon.start(*arguments)
    try:
        yield daemon
    finally:
        await daemon.stop()
