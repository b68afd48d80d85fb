"""One writer: a lease that keeps a second daemon away, and a token that fences off a late one.

The lease's key expires by Redis' own clock; its holder counts by a clock that nobody sets. No time
of day decides who leads.
"""

import asyncio
import math
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from importlib import resources
from typing import NoReturn

from redis.asyncio import Redis

from monitor.errors import StoreUnavailable, WriterFenced
from monitor.store.connection import Scripts, evaluate, read
from monitor.store.keys import Keys, holder_of

TTL_SECONDS = 10.0
CERTAIN_PART = 0.9
"""For so much of its time a lease is counted on: two clocks, and a message on its way."""


def awake_or_not_seconds() -> float:
    """Seconds of a clock that only goes forward, and goes on while the machine is suspended."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class HolderWatch:
    """How long one holder was watched without renewing.

    Made of the pauses between looks and not by a clock: who was frozen himself has watched nothing.
    """

    def __init__(self) -> None:
        self._holder, self._left_ms = "", 0
        self._most_seconds = math.inf
        self._watched_seconds = 0.0

    @property
    def is_over(self) -> bool:
        """Whether the holder is as good as dead. Never of one that does not tell its time."""
        return self._watched_seconds > self._most_seconds

    def see(self, held: Sequence[str], pause_seconds: float) -> None:
        """Take in an answer of acquire.lua, before a pause."""
        _, holder, left_ms, ttl_ms = held
        if holder != self._holder or int(left_ms) > self._left_ms:
            self._watched_seconds = 0.0
        self._holder, self._left_ms = holder, int(left_ms)
        self._most_seconds = 2 * int(ttl_ms) / 1000 if ttl_ms else math.inf
        self._watched_seconds += pause_seconds


class Lease:
    """The right to write, from `acquire` until `release` or until another owner takes it.

    The token is what counts: every write script compares it, whole, with the newest one granted.
    It names its owner: a server that forgot the newest grants can give nobody the token of another.
    The expiring lease only decides whether somebody may ask for a newer token, and whether its
    holder may speak: see `is_current`.
    """

    def __init__(
        self,
        client: "Redis",
        keys: Keys,
        ttl_seconds: float = TTL_SECONDS,
        clock: Callable[[], float] = awake_or_not_seconds,
    ) -> None:
        self._client = client
        self._keys = keys
        self._ttl_seconds = ttl_seconds
        self._clock = clock
        self._asked_seconds = -math.inf
        # A host's name with a space in it would end early in the lease's text.
        self.owner = f"{''.join(socket.gethostname().split())}/{secrets.token_hex(8)}"
        self.token = ""

    def is_current(self) -> bool:
        """Whether the lease is surely ours still: renewed less than its time ago. Asks nobody.

        Counted from when the renewal was asked for: Redis may have granted it at once, and the
        answer may have taken its time.
        """
        return self._clock() - self._asked_seconds < CERTAIN_PART * self._ttl_seconds

    async def acquire(self, *, take_over: bool = False) -> None:
        """Take the lease; wait for the one of a crashed daemon to run out.

        `take_over`: whoever holds it is known to be dead (the embedded server has one user).
        Raises WriterFenced when the holder renews it meanwhile: it lives.
        """
        left_ms = None
        while True:
            answer = await self._ask(is_forced=take_over, patient=True)
            if answer[0] == "ok":
                return
            holder, now_left_ms = answer[1], int(answer[2])
            if left_ms is not None and now_left_ms > left_ms:
                raise WriterFenced(
                    f"{self._keys.of('')} is written by another daemon, {holder}: expected none. "
                    "Stop it, start this one with --standby to wait beside it, or give this one "
                    "another store.namespace."
                )
            left_ms = now_left_ms
            await asyncio.sleep(min(max(left_ms / 1000, 0.01), self._ttl_seconds / 20))

    async def wait(self, told: Callable[[str, str], None]) -> None:
        """Wait beside a living holder, and take the lease once it is given back or has run out.

        `told` hears of every look: the holder's name and "", or "" and why Redis did not answer.
        A holder that was not seen to renew for twice its time is replaced even though its lease
        goes on: the clock of Redis' host was put back.
        """
        watch = HolderWatch()
        while True:
            pause_seconds = self._ttl_seconds / 10
            try:
                answer = await self._ask(is_forced=watch.is_over, patient=False)
            except StoreUnavailable as error:
                told("", str(error))
            else:
                if answer[0] == "ok":
                    return
                told(answer[1], "")
                left_seconds = int(answer[2]) / 1000
                if left_seconds > 0:
                    pause_seconds = min(pause_seconds, left_seconds)
                watch.see(answer, pause_seconds)
            await asyncio.sleep(pause_seconds)

    async def hold(self) -> NoReturn:
        """Renew the lease for ever. Raises WriterFenced when it was taken by another daemon.

        An unreachable Redis is left to those who need an answer: the token stays good until
        another is granted, and `is_current` says no meanwhile.
        """
        while True:
            due_seconds = self._asked_seconds + self._ttl_seconds / 3 - self._clock()
            await asyncio.sleep(max(due_seconds, 0.0))
            try:
                await self.renew()
            except StoreUnavailable:
                await asyncio.sleep(self._ttl_seconds / 20)

    async def renew(self) -> None:
        """Have the lease for its whole time again, also after it ran out and nobody took it.

        Raises WriterFenced when somebody did, StoreUnavailable after a single attempt.
        """
        asked_seconds = self._clock()
        await self._scripts().run("renew", self._terms(), patient=False)
        self._asked_seconds = asked_seconds

    async def release(self) -> None:
        """Give the lease back, so that a successor need not wait. Nothing to do without one."""
        if self.token:
            self._asked_seconds = -math.inf
            await self._scripts().run("release", {})

    async def _ask(self, *, is_forced: bool, patient: bool) -> list[str]:
        """The script's answer, and our token where it is "ok"."""
        text = (resources.files("monitor.store") / "lua" / "acquire.lua").read_text()
        keys = [self._keys.of("fence"), self._keys.of("lease")]
        ttl_ms = str(self._terms()["ttl_ms"])
        asked_seconds = self._clock()
        answer = await evaluate(
            self._client, text, keys, self.owner, ttl_ms, str(int(is_forced)), patient=patient
        )
        if answer[0] == "ok":
            self.token, self._asked_seconds = answer[1], asked_seconds
        return answer

    async def holder(self) -> str:
        """The name of who leads now; empty when nobody does."""
        [lease] = await read(self._client, ("GET", self._keys.of("lease")))
        return holder_of(lease or "")

    def _terms(self) -> dict[str, str | int]:
        return {"ttl_ms": int(self._ttl_seconds * 1000)}

    def _scripts(self) -> Scripts:
        return Scripts(self._client, self._keys, lambda: self.token)
