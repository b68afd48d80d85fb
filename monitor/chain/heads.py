"""The clock: which block the chain ends with. The only place that asks for "latest"."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator

import msgspec

from monitor.chain.endpoint import backoff_seconds
from monitor.chain.endpoints import Endpoints
from monitor.chain.proof import HeaderProof
from monitor.chain.rpc import Call
from monitor.chain.wire import read_header
from monitor.core.blocks import BlockRef
from monitor.errors import BlockUnknown, RpcUnavailable, TransientError

LOGGER = logging.getLogger(__name__)
DOUBT_SECONDS = 15.0
"""Ethereum's twelve and some: without a new head for so long all endpoints are asked for theirs."""
MOST_UNPUSHED = 3
"""A socket that let so many new heads in a row be found by polling is deaf, or was forgotten."""
LATEST = Call("eth_getBlockByNumber", ("latest", False))


class HeadClock:
    """Heads as they come: pushed where an endpoint is a WebSocket, polled where none is up.

    Beside a socket it polls too, `slow_factor` times slower: a rollback is pushed by nobody. When
    nothing new came for `silence_seconds`, the endpoint preferred so far is distrusted. Well before
    that, and while an endpoint lags, the heads of all are compared. A socket that pushes nothing
    while polls bring heads is opened anew, and polls are as often as without one.
    """

    slow_factor = 3

    def __init__(
        self,
        endpoints: Endpoints,
        proof: HeaderProof,
        poll_seconds: float,
        silence_seconds: float = 60.0,
    ) -> None:
        self._endpoints = endpoints
        self._proof = proof
        self.poll_seconds = poll_seconds
        self._silence_seconds = silence_seconds
        self.changed_monotonic = 0.0
        self._push_failures = 0
        self._unpushed = 0
        self.newest_head: BlockRef | None = None
        self.head_seen_unix = 0.0
        self.answered_monotonic = time.monotonic()
        self.waiting_for = ""

    async def heads(self) -> AsyncGenerator[BlockRef, None]:
        """Head hints, the same one again at every poll. Never ends, whatever the endpoints do."""
        self.changed_monotonic = time.monotonic()
        head = await self._polled()
        while True:
            if head is not None:
                yield head
            head = await self._next()
            if time.monotonic() - self.changed_monotonic > self._silence_seconds:
                self.changed_monotonic = time.monotonic()
                await self._endpoints.distrust_first(
                    f"no new head for {self._silence_seconds:g} s: trying another connection"
                )

    async def latest(self) -> BlockRef:
        """The head now. Raises TransientError, or BlockUnknown where there is none yet."""
        silent = time.monotonic() - self.changed_monotonic
        if silent > DOUBT_SECONDS or self._endpoints.is_any_behind:
            newest = await self._endpoints.newest_of_all(LATEST, self._read_head)
            if newest is not None:
                return self._seen(newest)
        ask = self._endpoints.request
        return self._seen(await self._proof.settled(lambda: ask(LATEST, self._read_head)))

    async def _next(self) -> BlockRef | None:
        """The next hint; None when nobody answered this time."""
        if not self._endpoints.can_push:
            await asyncio.sleep(self.poll_seconds)
            return await self._polled()
        slowness = self.slow_factor if self._unpushed < MOST_UNPUSHED else 1
        try:
            async with asyncio.timeout(self.poll_seconds * slowness):
                head = await self._endpoints.next_head(self._read_pushed)
            self._push_failures = self._unpushed = 0
            if head is None or self._is_late(head):
                return await self._polled()
            return self._seen(head)
        except TimeoutError:
            return await self._polled_beside()
        except TransientError as failure:
            LOGGER.debug("polling for heads: %s", failure)
        self._push_failures += 1
        await asyncio.sleep(min(self.poll_seconds, backoff_seconds(self._push_failures)))
        return await self._polled()

    async def _polled_beside(self) -> BlockRef | None:
        """The head, asked for because the socket was silent."""
        before = self.newest_head
        head = await self._polled()
        if before is not None and head is not None and head.number > before.number:
            self._unpushed += 1
            if self._unpushed % MOST_UNPUSHED == 0:
                await self._endpoints.open_sockets_anew(
                    f"{MOST_UNPUSHED} new heads were not pushed: subscribing again"
                )
        return head

    def _is_late(self, pushed: BlockRef) -> bool:
        """Whether a head is no higher than the newest: old news, or the chain turned."""
        newest = self.newest_head
        return newest is not None and pushed.number <= newest.number and pushed != newest

    async def _polled(self) -> BlockRef | None:
        try:
            return await self.latest()
        except (TransientError, BlockUnknown) as failure:
            self.waiting_for = f"waiting for a head: {failure}"
            LOGGER.warning("no head: %s", failure)
            return None

    def _seen(self, head: BlockRef) -> BlockRef:
        self.answered_monotonic = time.monotonic()
        self.waiting_for = ""
        if self.newest_head is None or head.hash != self.newest_head.hash:
            self.changed_monotonic = time.monotonic()
            self.newest_head = head
            self.head_seen_unix = time.time()
        return head

    def _read_head(self, raw: msgspec.Raw) -> BlockRef:
        header = self._proof.read(raw)
        if header is None:
            raise RpcUnavailable("it has no latest block")
        return header.block

    def _read_pushed(self, raw: msgspec.Raw) -> BlockRef | None:
        """A head pushed; None where it has no proof: some nodes push only part of a header."""
        header = read_header(raw)
        if header is None:
            raise RpcUnavailable("it pushed no header")
        return header.block if self._proof.believes(header) else None
