"""JSON-RPC over WebSocket: a future per request, and the newest head the node announced."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Literal

import aiohttp
import msgspec

from monitor.chain.faults import RpcTimeout, fault_of, keys_in
from monitor.chain.rpc import (
    MAX_ANSWER_BYTES,
    Call,
    Redirected,
    Reply,
    decoded,
    encoded,
    not_reached,
    open_session,
    refused_status,
)
from monitor.errors import MonitorError, RpcUnavailable

PING_SECONDS = 20.0
SUBSCRIBE = "eth_subscribe"


class Socket:
    """One connection. When it ends, for whatever reason, everyone who waits on it is told."""

    def __init__(
        self,
        name: str,
        socket: aiohttp.ClientWebSocketResponse[Literal[False]],
        keys: Sequence[str] = (),
    ) -> None:
        self._name = name
        self._keys = keys
        self._socket = socket
        self._pending: dict[int, asyncio.Future[Reply | None]] = {}
        self._asked_for_heads: int | None = None
        self._subscription: msgspec.Raw | None = None
        self._refusal: MonitorError | None = None
        self._head: msgspec.Raw | None = None
        self._news = asyncio.Event()
        self._fault: str | None = None
        self.frames = 0
        self._listener = asyncio.create_task(self._listen())

    @property
    def is_open(self) -> bool:
        return self._fault is None

    async def ask(self, call: Call, id: int) -> Reply:
        if self._fault is not None:
            raise self._ended()
        answer: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()
        self._pending[id] = answer
        try:
            await self._send(call, id)
            reply = await answer
        finally:
            del self._pending[id]
        if reply is None:
            raise self._ended()
        return reply

    async def subscribe(self, id: int) -> None:
        """Ask for heads, once; who waits for the next one hears of a refusal.

        Nobody waits for the answer: one who gave up and asked again would leave the node with a
        subscription more each time.
        """
        if self._asked_for_heads is None:
            self._asked_for_heads = id
            await self._send(Call(SUBSCRIBE, ("newHeads",)), id)

    async def next_head(self) -> msgspec.Raw:
        """The newest head not yet given out.

        Heads are hints and the chain is pulled, so an unread one is replaced: nothing overflows.
        """
        await self._news.wait()
        head, self._head = self._head, None
        refusal, self._refusal = self._refusal, None
        if self.is_open:
            self._news.clear()
        if refusal is not None:
            raise refusal
        if head is None:
            raise self._ended()
        return head

    async def _send(self, call: Call, id: int) -> None:
        try:
            await self._socket.send_str(msgspec.json.encode(encoded(call, id)).decode())
        except (ConnectionError, aiohttp.ClientError):
            raise self._ended() from None

    async def close(self, reason: str) -> None:
        self._end(reason)
        self._listener.cancel()
        await asyncio.wait([self._listener])

    async def _listen(self) -> None:
        reason = "the connection was closed"
        try:
            async for message in self._socket:
                self.frames += 1
                if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    for reply in decoded(self._name, message.data):
                        self._take(reply)
                elif isinstance(message.data, aiohttp.WebSocketError):
                    reason = f"the connection was dropped because of a frame: {message.data}"
        except RpcUnavailable as garbage:
            reason = f"the connection was dropped because {garbage}"
        finally:
            self._end(reason)
            await self._socket.close()

    def _take(self, reply: Reply) -> None:
        if reply.params is not None:
            if reply.params.subscription == self._subscription:
                self._head = reply.params.result
                self._news.set()
            return
        if reply.id is not None and reply.id == self._asked_for_heads:
            self._take_subscription(reply)
            return
        answer = self._pending.get(reply.id) if reply.id is not None else None
        if answer is not None and not answer.done():
            answer.set_result(reply)

    def _take_subscription(self, reply: Reply) -> None:
        if reply.error is None:
            self._subscription = reply.result
            return
        self._refusal = fault_of(self._name, reply.error, SUBSCRIBE, self._keys)
        self._asked_for_heads = None
        self._news.set()

    def _end(self, reason: str) -> None:
        self._fault = self._fault or reason
        self._news.set()
        for answer in self._pending.values():
            if not answer.done():
                answer.set_result(None)

    def _ended(self) -> RpcUnavailable:
        return RpcUnavailable(f"{self._name}: {self._fault or 'the connection was closed'}")


class WebSocketTransport:
    """JSON-RPC over one socket, opened anew when it is gone. Calls are pipelined, not batched."""

    def __init__(
        self,
        name: str,
        url: str,
        timeout_seconds: float,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self.name = name
        self.keys = keys_in(url)
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._max_answer_bytes = max_answer_bytes
        self._ids = itertools.count(1)
        self._opening = asyncio.Lock()
        self._session: aiohttp.ClientSession | None = None
        self._socket: Socket | None = None
        self.connections = 0

    async def exchange(self, calls: Sequence[Call]) -> list[Reply]:
        async with self._patience():
            socket = await self._open()
            return await asyncio.gather(*(socket.ask(call, next(self._ids)) for call in calls))

    async def next_head(self) -> msgspec.Raw:
        """The next header announced, on a connection that is subscribed where it was not."""
        async with self._patience():
            socket = await self._open()
            await socket.subscribe(next(self._ids))
        return await socket.next_head()

    @asynccontextmanager
    async def _patience(self) -> AsyncIterator[None]:
        """Bounds an exchange, and drops a connection on which nothing at all came meanwhile."""
        before = self._socket
        frames = before.frames if before is not None else 0
        try:
            async with asyncio.timeout(self._timeout_seconds):
                yield
        except TimeoutError:
            heard = frames if self._socket is before else 0
            if self._socket is not None and self._socket.frames == heard:
                await self.drop("not a word from the node while it owed an answer")
            raise RpcTimeout(f"{self.name}: no answer in {self._timeout_seconds:g} s") from None

    async def drop(self, reason: str) -> None:
        socket, self._socket = self._socket, None
        session, self._session = self._session, None
        if socket is not None:
            await socket.close(reason)
        if session is not None:
            await session.close()

    async def _open(self) -> Socket:
        async with self._opening:
            if self._socket is None or not self._socket.is_open:
                await self.drop("the connection was replaced")
                self._session = open_session()
                self._socket = Socket(self.name, await self._connect(self._session), self.keys)
                self.connections += 1
            return self._socket

    async def _connect(
        self, session: aiohttp.ClientSession
    ) -> aiohttp.ClientWebSocketResponse[Literal[False]]:
        try:
            return await session.ws_connect(
                self._url,
                heartbeat=PING_SECONDS,
                max_msg_size=self._max_answer_bytes,
                decode_text=False,
            )
        except aiohttp.WSServerHandshakeError as error:
            retry_after = error.headers.get("Retry-After") if error.headers else None
            raise refused_status(self.name, error.status, retry_after) from None
        except Redirected as redirect:
            raise refused_status(self.name, redirect.args[0], None) from None
        except (aiohttp.ClientError, OSError) as error:
            raise not_reached(self.name, error) from None
