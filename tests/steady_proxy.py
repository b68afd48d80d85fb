"""A node that is asked between its blocks, never amid one.

Anvil answers a call at its newest block's hash from the state it is just working on: while it mines
or rolls back, that is another block's. What a real node says of a hash never changes; so here
nobody asks while the chain changes.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import aiohttp
from aiohttp import WSMessage, WSMsgType
from fault_proxy import FaultProxy, Link

SUBSCRIPTIONS = ("eth_subscribe", "eth_unsubscribe")


class Gate:
    """Many ask, or one changes the chain."""

    def __init__(self) -> None:
        self._asking = 0
        self._changing = asyncio.Lock()
        self._quiet = asyncio.Event()
        self._quiet.set()

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        async with self._changing:
            self._asking += 1
            self._quiet.clear()
        try:
            yield
        finally:
            self._asking -= 1
            if not self._asking:
                self._quiet.set()

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[None]:
        async with self._changing:
            await self._quiet.wait()
            yield


class SteadyProxy(FaultProxy):
    """A fault proxy whose questions pass a gate; those over WebSocket, too."""

    def __init__(self, upstream_http: str, upstream_ws: str, gate: Gate) -> None:
        super().__init__(upstream_http, upstream_ws)
        self._gate = gate

    async def _forward(self, body: bytes) -> bytes:
        async with self._gate.asking():
            return await super()._forward(body)

    async def _ask_node(self, link: Link, message: WSMessage) -> None:
        if any(name in message.data for name in SUBSCRIPTIONS):
            await super()._ask_node(link, message)
        else:
            self._later(self._asked_beside(link, message.data))

    async def _asked_beside(self, link: Link, asked: str) -> None:
        with suppress(aiohttp.ClientError, ConnectionError, RuntimeError):
            answer = (await self._forward(asked.encode())).decode()
            await self._answered(link, WSMessage(WSMsgType.TEXT, answer, None))
