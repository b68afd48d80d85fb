"""Receivers as processes of their own: to be killed, stopped, begun again, and read afterwards."""

import asyncio
import json
import os
import random
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from stage import free_port

from torture import letterbox
from torture.letterbox import Mood, Trap
from torture.letters import Arrival

START_SECONDS = 20.0
SLOWEST_SECONDS = 3.0


class Standing(StrEnum):
    """What has become of a letter at its receiver."""

    QUEUED = "queued"
    UNDER_WAY = "under way"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class Terms:
    """One `[[webhooks]]` entry: what its receiver is owed."""

    name: str
    breakers: tuple[str, ...] = ("*",)
    is_final: bool = False

    def wants(self, breaker: str) -> bool:
        return "*" in self.breakers or breaker in self.breakers


class Receiver:
    """One receiver over all its lives, on one port."""

    def __init__(self, terms: Terms, port: int, folder: Path, secret: str) -> None:
        self.terms = terms
        self.port = port
        self.lives = 0
        self._journal = folder / f"{terms.name}.journal"
        self._secret = secret
        self._offset = 0
        self._seen: list[dict[str, Any]] = []
        self._process: Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._sprung = asyncio.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/alerts"

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    # -- its life ---------------------------------------------------------------------------------

    async def start(self) -> None:
        """Until it answers. Raises TimeoutError."""
        self.lives += 1
        self._ready.clear()
        script = str(Path(letterbox.__file__))
        with self._journal.with_suffix(".log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", script, str(self.port), str(self._journal)),
                stdin=PIPE,
                stdout=PIPE,
                stderr=log,
            )
        self._listening = asyncio.create_task(self._listen(self._process))
        assert self._process.stdin is not None
        self._process.stdin.write(f"{self._secret}\n".encode())
        async with asyncio.timeout(START_SECONDS):
            await self._ready.wait()

    async def kill(self) -> None:
        """kill -9: from now on its port refuses."""
        if self._process is None:
            return
        self._signal(signal.SIGKILL)
        await self._process.wait()
        if self._listening is not None:
            await self._listening

    def stop(self) -> None:
        """SIGSTOP: connections are taken by the kernel, and hang."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            # Not by its method, which reaps one that just ended before asyncio can.
            with suppress(ProcessLookupError):
                os.kill(self._process.pid, number)

    # -- orders -----------------------------------------------------------------------------------

    def upset(self, mood: Mood, letters: int, seconds: float = 0.0) -> None:
        """Treat so many of the next letters so, until `calm`."""
        self._order({"mood": mood, "letters": letters, "seconds": seconds})

    def calm(self) -> None:
        """No moods any more; what is held back is answered."""
        self._order({"calm": True})

    def set_trap(self, at: Trap, pid: int, number: signal.Signals) -> None:
        """Send a process a signal at that moment of the next letter."""
        self._sprung.clear()
        self._order({"trap": at, "pid": pid, "signal": int(number)})

    def disarm(self) -> None:
        self._order({"disarm": True})

    async def sprung(self) -> None:
        """Until the trap has struck; it may have killed the receiver itself."""
        await self._sprung.wait()

    def _order(self, order: dict[str, Any]) -> None:
        """One that is down has nothing to obey: it comes back in the best of moods."""
        if self._process is not None and self._process.returncode is None:
            assert self._process.stdin is not None
            with suppress(ConnectionError):
                self._process.stdin.write(json.dumps(order).encode() + b"\n")

    async def _listen(self, process: Process) -> None:
        assert process.stdout is not None
        words = {b"ready\n": self._ready, b"sprung\n": self._sprung}
        async for line in process.stdout:
            words[line].set()
        self._sprung.set()

    # -- what it has read -------------------------------------------------------------------------

    def arrivals(self) -> list[Arrival]:
        """Every letter it read, in order, over all its lives."""
        entries = self._entries()
        answering = {entry["answering"] for entry in entries if "answering" in entry}
        answered = {entry["answered"]: entry for entry in entries if "answered" in entry}
        return [
            _arrival(entry, entry["read"] in answering, answered.get(entry["read"]))
            for entry in entries
            if "read" in entry
        ]

    def standing(self, alert_id: str) -> Standing:
        """What has become of a letter here, as far as it was read."""
        found = Standing.QUEUED
        reading = None
        for entry in self._entries():
            if entry.get("id") == alert_id:
                found, reading = Standing.UNDER_WAY, entry["read"]
            elif reading is not None and entry.get("answered") == reading:
                found = Standing.DELIVERED
            elif reading is not None and entry.get("refused") == reading:
                found = Standing.QUEUED
        return found

    def was_taken_back(self, alert_id: str) -> bool:
        """Whether it has read a retraction of this letter, after it."""
        words = [
            entry["id"] == alert_id
            for entry in self._entries()
            if "read" in entry and alert_id in entry["raw"]
        ]
        return bool(words) and not words[-1]

    def forged(self) -> int:
        """Letters whose signature was wrong."""
        return sum("forged" in entry for entry in self._entries())

    def moods(self) -> Counter[str]:
        """How often it felt how."""
        felt = (entry.get("mood") for entry in self._entries())
        return Counter(str(mood) for mood in felt if mood is not None)

    def _entries(self) -> list[dict[str, Any]]:
        """All there are by now. Lines that a kill -9 cut short hold a letter nobody read to its
        end: they are left out.
        """
        if self._journal.exists():
            with self._journal.open("rb") as journal:
                journal.seek(self._offset)
                news = journal.read()
            whole = news[: news.rfind(b"\n") + 1]
            self._offset += len(whole)
            for line in whole.splitlines():
                with suppress(ValueError):
                    self._seen.append(json.loads(line))
        return self._seen


def draw_mood(receiver: Receiver, rng: random.Random) -> None:
    """One of the moods, for the next letters."""
    mood, letters = rng.choice(tuple(Mood)), rng.randint(1, 2)
    receiver.upset(mood, letters, rng.uniform(0.1, SLOWEST_SECONDS))


@asynccontextmanager
async def receivers(
    terms: Sequence[Terms], folder: Path, secret: str
) -> AsyncIterator[tuple[Receiver, ...]]:
    """Running ones, ended whatever happens."""
    made = tuple(Receiver(each, free_port(), folder, secret) for each in terms)
    async with AsyncExitStack() as stack:
        for receiver in made:
            stack.push_async_callback(receiver.kill)
        await asyncio.gather(*(receiver.start() for receiver in made))
        yield made


def _arrival(entry: dict[str, Any], is_answered: bool, answered: dict[str, Any] | None) -> Arrival:
    body = json.loads(entry["raw"])
    alert = body["data"]["alert"]
    return Arrival(
        id=entry["id"],
        type=body["type"],
        breaker=alert["breaker"],
        block_hash=body["data"]["block"]["hash"],
        retracts=alert["retracts"],
        raw=entry["raw"],
        at_monotonic=entry["at"],
        acknowledged=is_answered,
        answered_monotonic=None if answered is None else answered["at"],
        doubtful=is_answered and (answered is None or not answered["sure"]),
        stale=entry["stale"],
        by=entry["by"],
    )
