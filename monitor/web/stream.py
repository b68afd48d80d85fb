"""`GET /api/v1/stream`: what happens, as it happens, by server-sent events."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aiohttp import web
from msgspec import json

from monitor.web.guards import STILL_IN
from monitor.web.headers import harden
from monitor.web.reception import Guest

MOST_LISTENERS = 50
MOST_WAITING_EVENTS = 64
"""Who is so far behind is cut off. A browser comes back by itself."""
PING_SECONDS = 15.0
"""How often a connection on which nothing happens is kept from looking dead."""
_RETRY = b"retry: 3000\n\n"
_PING = b": ping\n\n"
TEXT = (
    "Server-sent events. `block`: number, hash and timestamp of a block when it is judged, the "
    "newest at once. `alert`: the body of an alert when it is raised, whoever it goes to. Nothing "
    "is repeated to who comes back: ask /api/v1/alerts."
)


class Listener:
    """One stream's events, until it ends."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[bytes] = asyncio.Queue(MOST_WAITING_EVENTS)
        self._ended = asyncio.Event()

    def tell(self, event: bytes) -> bool:
        """Whether there was room for it."""
        with suppress(asyncio.QueueFull):
            self._events.put_nowait(event)
            return True
        return False

    @property
    def is_behind(self) -> bool:
        return not self._events.empty()

    def end(self) -> None:
        self._ended.set()
        self.tell(b"")  # wakes who waits; who does not is about to look

    async def next(self) -> bytes:
        """What to send, a sign of life where nothing happens; empty at the end."""
        if self._ended.is_set() and self._events.empty():
            return b""
        with suppress(TimeoutError):
            async with asyncio.timeout(PING_SECONDS):
                return await self._events.get()
        return _PING


class Stream:
    """Tells all who listen. Nobody who listens slowly holds anything up."""

    def __init__(self) -> None:
        self._listeners: dict[Listener, web.BaseRequest] = {}
        self._newest_block = b""
        self._is_over = False

    def tell_block(self, block: Mapping[str, Any]) -> None:
        """A block is judged: `{number, hash, timestamp}`."""
        self._newest_block = _event("block", json.encode(block))
        self._tell(self._newest_block)

    @property
    def newest_block(self) -> bytes:
        """The event of the block that was judged last; empty before one was."""
        return self._newest_block

    def tell_alert(self, body: str) -> None:
        """An alert is raised, with this body."""
        self._tell(_event("alert", body.encode()))

    def end(self) -> None:
        """Every stream ends, so that the server can."""
        self._is_over = True
        for listener, request in self._listeners.items():
            # Who has not even taken what was said before is not waited for.
            if listener.is_behind and request.transport is not None:
                request.transport.abort()
            listener.end()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self._is_over or len(self._listeners) >= MOST_LISTENERS:
            raise web.HTTPServiceUnavailable(
                text=f"{MOST_LISTENERS} listen already: ask again later",
                headers={"Retry-After": "30"},
            )
        listener = Listener()
        listener.tell(_RETRY + self._newest_block)
        self._listeners[listener] = request
        if isinstance(request.protocol, Guest):
            request.protocol.farewell = listener.end
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        harden(response)
        response.force_close()  # it ends when there is no more to say
        is_still_in = request.get(STILL_IN, lambda: True)
        try:
            # Left, or was cut off.
            with suppress(ConnectionError):
                await response.prepare(request)
                while (event := await listener.next()) and is_still_in():
                    await response.write(event)
        finally:
            del self._listeners[listener]
        return response

    def _tell(self, event: bytes) -> None:
        for listener, request in self._listeners.items():
            if not listener.tell(event) and request.transport is not None:
                request.transport.abort()


def _event(name: str, data: bytes) -> bytes:
    """One event. `data` is JSON on one line."""
    return b"event: " + name.encode() + b"\ndata: " + data + b"\n\n"
