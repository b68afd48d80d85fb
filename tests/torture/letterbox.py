"""A receiver in a process of its own: it writes down what it reads before it answers, and obeys.

    python letterbox.py PORT JOURNAL

The signing secret is the first line of its input; each further line is an order in JSON. It ends
with its input. Beside `ready` it says `sprung` when its trap has struck.

The journal is a line of JSON for each thing that happened. `read` is on the disk before anything is
answered, so it outlives a kill -9. `answering` comes before the 2xx leaves and `answered` after:
where only the first stands, nobody knows whether the sender has heard it.
"""

import asyncio
import json
import os
import signal
import socket
import sys
import time
from collections import deque
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

TAKEN, BROKEN, BUSY = 204, 500, 503
HANG_SECONDS = 7.0
"""Longer than the daemon waits for an answer."""
HOLD_SECONDS = 3.0
DOUBTFUL_SECONDS = 4.3
"""The daemon waits 5 s: whether it still heard an answer this late is unknown where processes get
little time to run, or were stopped. Ages are up to a second too high: a header has whole ones."""
TCP_ESTABLISHED = 1


class Mood(StrEnum):
    """What the receiver does with a letter it has read."""

    REFUSES = "receiver answers 500"
    BUSY = "receiver asks for patience"
    HANGS = "receiver hangs"
    SLOW = "receiver is slow"
    HANGS_UP = "receiver reads, then resets"
    HOLDS = "receiver holds a letter back"
    """Until it is told to let go, or for a while."""


class Trap(StrEnum):
    """The moment of a delivery at which a signal is sent."""

    READ = "read"
    ANSWERED = "answered"


class Letterbox:
    """Answers POSTs on loopback. Bad moods wait for the next letters."""

    def __init__(self, secret: str, journal: Path) -> None:
        self._signer = Webhook(secret)
        self._journal = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        # What a killed one was writing may end amid a line.
        os.write(self._journal, b"\n")
        self._moods: deque[tuple[Mood, float]] = deque()
        self._trap: tuple[Trap, int, int] | None = None
        self._letters = 0
        self._let_go = asyncio.Event()

    def obey(self, order: dict[str, Any]) -> None:
        match order:
            case {"mood": mood, "letters": int(letters), "seconds": float(seconds)}:
                self._moods.extend([(Mood(mood), seconds)] * letters)
            case {"calm": _}:
                self._moods.clear()
                self._let_go.set()
                self._let_go = asyncio.Event()
            case {"trap": at, "pid": int(pid), "signal": int(number)}:
                self._trap = Trap(at), pid, number
            case {"disarm": _}:
                self._trap = None
            case _:
                raise ValueError(f"no order: {order}")

    async def take(self, request: web.Request) -> web.StreamResponse:
        raw = await request.text()
        try:
            self._signer.verify(raw, dict(request.headers))
        except (WebhookVerificationError, ValueError):  # ValueError: headers that do not parse
            self._note(forged=request.headers.get("webhook-id", ""))
            return web.Response(status=401)
        self._letters += 1
        number = f"{os.getpid()}/{self._letters}"
        mood, seconds = self._moods.popleft() if self._moods else (None, 0.0)
        name = request.headers["webhook-id"]
        stale = not _is_heard(request)
        by = request.query.get("by", "")
        self._note(
            read=number, id=name, at=time.monotonic(), by=by, stale=stale, mood=mood, raw=raw
        )
        os.fsync(self._journal)
        self._spring(Trap.READ)
        status = await self._feel(mood, seconds)
        if status != TAKEN:
            self._note(refused=number)
            if mood is Mood.HANGS_UP and request.transport is not None:
                request.transport.abort()
            headers = {"Retry-After": "1"} if status == BUSY else None
            return web.Response(status=status, headers=headers)
        return await self._acknowledge(request, number)

    async def _acknowledge(self, request: web.Request, number: str) -> web.Response:
        """Answer 2xx, and note it once it is written; to a sender who is still there to hear it."""
        response = web.Response(status=TAKEN)
        if not _is_heard(request):
            return response
        age_seconds = time.time() - int(request.headers["webhook-timestamp"])
        now = time.monotonic()
        self._note(answering=number)
        with suppress(ConnectionError):
            await response.prepare(request)
            await response.write_eof()
            self._spring(Trap.ANSWERED)
            self._note(answered=number, sure=age_seconds < DOUBTFUL_SECONDS, at=now)
        return response

    async def _feel(self, mood: Mood | None, seconds: float) -> int:
        match mood:
            case Mood.REFUSES | Mood.HANGS_UP:
                return BROKEN
            case Mood.BUSY:
                return BUSY
            case Mood.HANGS:
                await asyncio.sleep(HANG_SECONDS)
            case Mood.SLOW:
                await asyncio.sleep(seconds)
            case Mood.HOLDS:
                with suppress(TimeoutError):
                    async with asyncio.timeout(HOLD_SECONDS):
                        await self._let_go.wait()
        return TAKEN

    def _spring(self, at: Trap) -> None:
        if self._trap is None or self._trap[0] is not at:
            return
        _, pid, number = self._trap
        self._trap = None
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        say("sprung")

    def _note(self, **fields: Any) -> None:
        os.write(self._journal, json.dumps(fields).encode() + b"\n")


def _is_heard(request: web.Request) -> bool:
    """Whether the sender still holds its end open. The event loop may not have been told yet."""
    if request.transport is None or request.transport.is_closing():
        return False
    connection = request.transport.get_extra_info("socket")
    try:
        state = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    except OSError:
        return False
    return bool(state == TCP_ESTABLISHED)


def say(word: str) -> None:
    os.write(1, word.encode() + b"\n")


async def main(port: int, journal: Path) -> None:
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(orders), sys.stdin
    )
    box = Letterbox((await orders.readline()).decode().strip(), journal)
    app = web.Application()
    app.add_routes([web.post("/alerts", box.take)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, reuse_address=True).start()
    say("ready")
    async for line in orders:
        box.obey(json.loads(line))
    await runner.cleanup()


if __name__ == "__main__":
    # Ctrl-C reaches everybody at once: whoever began this one ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
