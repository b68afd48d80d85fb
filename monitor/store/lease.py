"""One writer: a lease that keeps a second daemon away, and a token that fences off a late one."""

import asyncio
import secrets
import socket
from importlib import resources
from typing import NoReturn

from redis.asyncio import Redis

from monitor.errors import StoreUnavailable, WriterFenced
from monitor.store.connection import Scripts, evaluate
from monitor.store.keys import Keys

TTL_SECONDS = 10.0


class Lease:
    """The right to write, from `acquire` until `release` or until another owner takes it.

    The token is what counts: every write script compares it with the newest one granted. The
    expiring lease only decides whether somebody may ask for a newer token.
    """

    def __init__(self, client: "Redis", keys: Keys, ttl_seconds: float = TTL_SECONDS) -> None:
        self._client = client
        self._keys = keys
        self._ttl_seconds = ttl_seconds
        self._owner = f"{socket.gethostname()}/{secrets.token_hex(8)}"
        self.token = ""

    async def acquire(self, *, take_over: bool = False) -> None:
        """Take the lease; wait for the one of a crashed daemon to run out.

        `take_over`: whoever holds it is known to be dead (the embedded server has one user).
        Raises WriterFenced when the holder renews it meanwhile: it lives.
        """
        left_ms = None
        while True:
            answer = await self._ask(take_over)
            if answer[0] == "ok":
                self.token = answer[1]
                return
            holder, now_left_ms = answer[1], int(answer[2])
            if left_ms is not None and now_left_ms > left_ms:
                raise WriterFenced(
                    f"{self._keys.of('')} is written by another daemon, {holder}: expected none. "
                    "Stop it, or give this one another store.namespace."
                )
            left_ms = now_left_ms
            await asyncio.sleep(min(max(left_ms / 1000, 0.01), self._ttl_seconds / 20))

    async def hold(self) -> NoReturn:
        """Renew the lease for ever. Raises WriterFenced when it was taken by another daemon.

        An unreachable Redis is left to those who need an answer: the token stays good.
        """
        while True:
            await asyncio.sleep(self._ttl_seconds / 3)
            try:
                await self._scripts().run("renew", self._terms())
            except StoreUnavailable:
                continue

    async def release(self) -> None:
        """Give the lease back, so that a successor need not wait."""
        await self._scripts().run("release", {})

    async def _ask(self, take_over: bool) -> list[str]:
        text = (resources.files("monitor.store") / "lua" / "acquire.lua").read_text()
        keys = [self._keys.of("fence"), self._keys.of("lease")]
        terms = self._terms()
        return await evaluate(
            self._client, text, keys, self._owner, str(terms["ttl_ms"]), str(int(take_over))
        )

    def _terms(self) -> dict[str, str | int]:
        return {"owner": self._owner, "ttl_ms": int(self._ttl_seconds * 1000)}

    def _scripts(self) -> Scripts:
        return Scripts(self._client, self._keys, self.token)
