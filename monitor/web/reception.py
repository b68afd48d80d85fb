"""Connections and their bounds: how many there may be, and how long each may keep us waiting."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, cast

from aiohttp import web

from monitor.web.answer import json_answer
from monitor.web.headers import HEADERS, harden

MOST_CONNECTIONS = 512
MOST_OF_ONE_PEER = 256
"""One machine that goes wild leaves room for the one that scrapes the metrics."""
HEAD_SECONDS = 10.0
"""From its first byte, or from the connection, until the head of a question is whole."""
IDLE_SECONDS = 75.0
"""Longer than proxies keep a connection that nothing is asked on."""
LINGERING_SECONDS = 2.0
"""For the rest of a body that nobody wants to read."""
SENDING_SECONDS = 30.0
"""For an answer, once it is made."""
MOST_LINE_BYTES = MOST_FIELD_BYTES = 8190
MOST_HEADERS = 64
_BUSY = b"".join(
    (
        b"HTTP/1.1 503 Service Unavailable\r\n",
        b"Connection: close\r\nContent-Length: 0\r\nRetry-After: 5\r\n",
        *(f"{name}: {value}\r\n".encode() for name, value in HEADERS.items()),
        b"\r\n",
    )
)


class Reception(web.Server):
    """The server of an application that is set up, for guests within bounds."""

    def __init__(self, application: web.Server) -> None:
        self._answer = application.request_handler
        self._bounds: dict[str, Any] = {
            "access_log": None,
            "keepalive_timeout": IDLE_SECONDS,
            "lingering_time": LINGERING_SECONDS,
            "max_line_size": MOST_LINE_BYTES,
            "max_field_size": MOST_FIELD_BYTES,
            "max_headers": MOST_HEADERS,
            # A small body could unpack to a large one.
            "auto_decompress": False,
        }
        super().__init__(self._asked, request_factory=application.request_factory)
        self._peers: Counter[str] = Counter()

    def __call__(self) -> web.RequestHandler:
        return Guest(self, asyncio.get_running_loop(), self._bounds)

    def admit(self, peer: str) -> bool:
        """Whether there is room; it is taken until `release`."""
        if self._peers.total() >= MOST_CONNECTIONS or self._peers[peer] >= MOST_OF_ONE_PEER:
            return False
        self._peers[peer] += 1
        return True

    def release(self, peer: str) -> None:
        self._peers[peer] -= 1
        if not self._peers[peer]:
            del self._peers[peer]

    async def _asked(self, request: web.BaseRequest) -> web.StreamResponse:
        if isinstance(request.protocol, Guest):
            request.protocol.asked()
        return await self._answer(request)


class Guest(web.RequestHandler):
    """One connection."""

    __slots__ = ("_deadline", "_is_asking", "_peer", "_reception", "farewell")

    def __init__(
        self, reception: Reception, loop: asyncio.AbstractEventLoop, bounds: Mapping[str, Any]
    ) -> None:
        super().__init__(reception, loop=loop, **bounds)
        self._reception = reception
        self._peer: str | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._is_asking = False
        self.farewell: Callable[[], None] | None = None
        """Called when the connection is lost."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = str((transport.get_extra_info("peername") or ("",))[0])
        if not self._reception.admit(peer):
            cast(asyncio.Transport, transport).write(_BUSY)
            transport.close()
            return
        self._peer = peer
        super().connection_made(transport)
        self._expect_a_head()

    def data_received(self, data: bytes) -> None:
        if self._peer is None:
            return
        super().data_received(data)
        if self._deadline is None and not self._is_asking:
            self._expect_a_head()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._expect_nothing()
        if self.farewell is not None:
            self.farewell()
        if self._peer is not None:
            self._reception.release(self._peer)
            self._peer = None
            super().connection_lost(exc)

    def asked(self) -> None:
        """The head of a question is whole."""
        self._is_asking = True
        self._expect_nothing()

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer, in time, with the headers that all have."""
        if not resp.prepared:
            harden(resp)
        try:
            async with asyncio.timeout(SENDING_SECONDS):
                return await super().finish_response(request, resp, start_time)
        except TimeoutError:
            self.abort()
            return resp, True
        finally:
            self._is_asking = False

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What is no HTTP is told so and not logged: anybody can write nonsense to a port."""
        if status >= 500:
            self.log_exception("no answer for %r", request.path, exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("part of an answer is sent already: it cannot become another")
        said = "this is a bug: the log has it" if status >= 500 else "this is not HTTP/1.1"
        answer = json_answer({"error": said}, status)
        answer.force_close()
        return answer

    def abort(self) -> None:
        """End the connection now, whatever the other side has not taken yet."""
        if self.transport is not None:
            self.transport.abort()

    def _expect_a_head(self) -> None:
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(HEAD_SECONDS, self.abort)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
