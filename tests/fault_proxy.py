"""A proxy before a real node that misbehaves on demand, over HTTP and over WebSocket.

    async with FaultProxy(anvil.http_url, anvil.ws_url) as proxy:
        proxy.inject(rpc_faults.HANG)  # until another is injected, or `heal`
        ...
        assert proxy.hits

The port stays the same for the proxy's life, also over `stop` and `start`.
"""

import asyncio
import itertools
import json
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias

import aiohttp
from aiohttp import WSMessage, WSMsgType, web

Json: TypeAlias = dict[str, Any]
Edit = Callable[["FaultProxy", Json, Json], Awaitable[Json | None]]
"""(proxy, request, the node's answer) to what is sent instead; None: nothing is.

An equal answer counts as untouched. What a node pushes has the method "eth_subscription".
"""
DATA = (WSMsgType.TEXT, WSMsgType.BINARY)
CHUNK = b" " * 2**20


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to go wrong. What a field does not name goes right.

    delay_seconds  before an answer; infinite: there is none
    status         HTTP, in place of the node's answer; refuses, and ends, WebSockets
    text           the body or frame in place of the node's answer
    is_cut         half an answer; over HTTP with the length of the whole
    padding_bytes  of white space behind an answer
    is_drop        the connection is reset in place of an answer
    is_silent      connections are accepted and stay open, and nothing ever comes: half-open
    edit           changes single JSON-RPC answers
    """

    name: str
    delay_seconds: float = 0.0
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    text: str | None = None
    is_cut: bool = False
    padding_bytes: int = 0
    is_drop: bool = False
    is_silent: bool = False
    edit: Edit | None = None


@dataclass(slots=True)
class Link:
    """A client's WebSocket, the node's behind it, and the requests under way on them."""

    request: web.Request
    socket: web.WebSocketResponse
    node: aiohttp.ClientWebSocketResponse
    asked: dict[Any, Json] = field(default_factory=dict)


class FaultProxy:
    """Use as `async with FaultProxy(http_url, ws_url) as proxy`.

    `touched` are the methods the present fault really changed something for, `asked` counts all,
    `paths` are those asked for. `memory` is for faults that remember; `inject` empties it.
    """

    def __init__(self, upstream_http: str, upstream_ws: str) -> None:
        self._http = upstream_http
        self._ws = upstream_ws
        self._fault: Fault | None = None
        self._left = math.inf
        self._late: set[asyncio.Task[None]] = set()
        self._runner: web.AppRunner | None = None
        self._session: aiohttp.ClientSession | None = None
        self.port = 0
        self.asked: Counter[str] = Counter()
        self.touched: list[str] = []
        self.paths: set[str] = set()
        self.memory: dict[str, Any] = {}

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/secret-key"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/secret-key"

    @property
    def requests(self) -> int:
        """How many there were, by either transport."""
        return self.asked.total()

    @property
    def hits(self) -> int:
        """How often the present fault, or the last one, changed something."""
        return len(self.touched)

    @property
    def fault(self) -> Fault | None:
        return self._fault

    @fault.setter
    def fault(self, fault: Fault | None) -> None:
        if fault is None:
            self.heal()
        else:
            self.inject(fault)

    def inject(self, fault: Fault, count: int | None = None) -> None:
        """Go wrong from now on: `count` times, or until further notice."""
        self._fault = fault
        self._left = math.inf if count is None else count
        self.touched = []
        self.memory = {}

    def heal(self) -> None:
        self._fault = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        app = web.Application(client_max_size=2**30)
        app.router.add_post("/{path:.*}", self._post)
        app.router.add_get("/{path:.*}", self._get)
        no_timeout = aiohttp.ClientTimeout(total=None)
        self._session = aiohttp.ClientSession(timeout=no_timeout)
        self._runner = web.AppRunner(
            app, shutdown_timeout=0.1, handler_cancellation=True, access_log=None
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = site.port

    async def stop(self) -> None:
        """Refuse connections until `start`. A fault stays as it was."""
        self.drop_connections()
        for late in self._late:
            late.cancel()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()

    def drop_connections(self) -> None:
        """Reset every connection, of either kind, without a goodbye."""
        if self._runner is not None and self._runner.server is not None:
            for connection in self._runner.server.connections:
                if connection.transport is not None:
                    connection.transport.abort()

    async def ask(self, method: str, *params: Any) -> Any:
        """The real node's answer."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return json.loads(await self._forward(json.dumps(request).encode()))["result"]

    def _touch(self, method: str) -> None:
        self.touched.append(method)
        self._left -= 1
        if self._left <= 0:
            self.heal()

    async def _forward(self, body: bytes) -> bytes:
        assert self._session is not None
        headers = {"Content-Type": "application/json"}
        async with self._session.post(self._http, data=body, headers=headers) as answer:
            return await answer.read()

    # HTTP

    async def _post(self, request: web.Request) -> web.StreamResponse:
        self.paths.add(request.path)
        body = await request.read()
        asked: list[Json] = [*_each(json.loads(body))]
        self.asked.update(one["method"] for one in asked)
        fault = self._fault
        if fault is None:
            return _json(await self._forward(body))
        if fault.edit is not None:
            return await self._edited(fault.edit, body, asked)
        self._touch(asked[0]["method"])
        if fault.is_drop:
            return _reset(request)
        await _wait(math.inf if fault.is_silent else fault.delay_seconds)
        if fault.status != 200 or fault.text is not None:
            return web.Response(status=fault.status, headers=[*fault.headers], text=fault.text)
        answer = await self._forward(body)
        if fault.is_cut:
            return await _cut(request, answer)
        if fault.padding_bytes:
            return await _padded(request, answer, fault.padding_bytes)
        return _json(answer)

    async def _edited(self, edit: Edit, body: bytes, asked: list[Json]) -> web.Response:
        found = json.loads(await self._forward(body))
        by_id = {answer["id"]: answer for answer in _each(found)}
        answers = []
        for one in asked:
            answer = await self._edit(edit, one, by_id[one["id"]])
            if answer is None:
                await _wait(math.inf)
            answers.append(answer)
        return _json(json.dumps(answers if isinstance(found, list) else answers[0]).encode())

    async def _edit(self, edit: Edit, request: Json, answer: Json) -> Json | None:
        edited = await edit(self, request, json.loads(json.dumps(answer)))
        if edited != answer:
            self._touch(request["method"])
        return edited

    # WebSocket

    async def _get(self, request: web.Request) -> web.StreamResponse:
        self.paths.add(request.path)
        fault = self._fault
        if fault is not None and (fault.is_silent or fault.status != 200):
            self._touch("a handshake")
            await _wait(math.inf if fault.is_silent else 0.0)
            return web.Response(status=fault.status, headers=[*fault.headers], text=fault.text)
        assert self._session is not None
        socket = web.WebSocketResponse(autoping=False, max_msg_size=0)
        async with self._session.ws_connect(self._ws, max_msg_size=0) as node:
            await socket.prepare(request)
            link = Link(request, socket, node)
            pumps = (self._upwards(link), self._downwards(link))
            tasks = [asyncio.create_task(pump) for pump in pumps]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            with suppress(ConnectionError):
                await socket.close()
        return socket

    async def _upwards(self, link: Link) -> None:
        async for message in link.socket:
            is_silent = self._fault is not None and self._fault.is_silent
            if is_silent:
                self._touch("a frame up")
            elif message.type is WSMsgType.PING:
                await link.socket.pong(message.data)
            elif message.type in DATA:
                for one in _each(json.loads(message.data)):
                    self.asked[one["method"]] += 1
                    link.asked[one["id"]] = one
                await self._ask_node(link, message)

    async def _ask_node(self, link: Link, message: WSMessage) -> None:
        await link.node.send_str(message.data)

    async def _downwards(self, link: Link) -> None:
        async for message in link.node:
            if message.type in DATA and not await self._answered(link, message):
                return

    async def _answered(self, link: Link, message: WSMessage) -> bool:
        """Something came from the node. False: the connection was ended."""
        fault = self._fault
        if fault is not None and not math.isfinite(fault.delay_seconds):
            self._touch("a frame down")
        elif fault is not None and fault.delay_seconds:
            self._later(self._late_frame(link, message, fault))
        else:
            return await self._frame(link, message, fault)
        return True

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        late = asyncio.create_task(work)
        self._late.add(late)
        late.add_done_callback(self._late.discard)

    async def _late_frame(self, link: Link, message: WSMessage, fault: Fault) -> None:
        self._touch("a frame down")
        await asyncio.sleep(fault.delay_seconds)
        with suppress(ConnectionError):
            await link.socket.send_str(message.data)

    async def _frame(self, link: Link, message: WSMessage, fault: Fault | None) -> bool:
        """Pass one of the node's frames on, or what the fault makes of it. False: the end."""
        answer = json.loads(message.data)
        request = link.asked.pop(answer.get("id"), {"method": "eth_subscription", "params": []})
        if fault is None:
            await link.socket.send_str(message.data)
        elif fault.edit is not None:
            edited = await self._edit(fault.edit, request, answer)
            if edited is not None:
                await link.socket.send_str(json.dumps(edited))
        else:
            self._touch(request["method"])
            if fault.is_drop or fault.status != 200:
                _reset(link.request)
                return False
            if not fault.is_silent:
                await link.socket.send_str(_changed(message.data, fault))
        return True


def _changed(frame: str, fault: Fault) -> str:
    text = frame if fault.text is None else fault.text
    return text[: len(text) // 2 if fault.is_cut else None] + " " * fault.padding_bytes


def _each(document: Any) -> Iterator[Json]:
    return itertools.chain(document if isinstance(document, list) else [document])


async def _wait(seconds: float) -> None:
    """Infinite: until the client hangs up, or the proxy stops."""
    if math.isfinite(seconds):
        await asyncio.sleep(seconds)
    else:
        await asyncio.Event().wait()


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")


def _reset(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _cut(request: web.Request, body: bytes) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": str(len(body))})
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    _reset(request)
    return response


async def _padded(request: web.Request, body: bytes, padding_bytes: int) -> web.StreamResponse:
    length = len(body) + padding_bytes
    response = web.StreamResponse(headers={"Content-Length": str(length)})
    with suppress(ConnectionError):  # the client may hang up
        await response.prepare(request)
        await response.write(body)
        for start in range(0, padding_bytes, len(CHUNK)):
            await response.write(CHUNK[: padding_bytes - start])
    return response
