"""Receivers on loopback, to test senders with: they answer as told, and keep what they got."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

SECRET, OLD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_b2xkLW9sZC1vbGQtb2xkLW9sZA=="

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Receiver:
    """An HTTP server. `answers` are used up; then it answers 200. `port` is its own."""

    url: str = ""
    port: int = 0
    answers: list[Respond] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append((headers, await request.read()))
        self.paths.append(request.path)
        return await self.answers.pop(0)(request) if self.answers else web.Response()


@contextlib.asynccontextmanager
async def receiving(
    *answers: Respond, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Receiver]:
    """Its URL ends in KEY, which no message may hold."""
    receiver = Receiver(answers=list(answers))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, host, 0, ssl_context=tls).start()
    receiver.port = runner.addresses[0][1]
    scheme = "https" if tls else "http"
    receiver.url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{receiver.port}/T/KEY"
    try:
        yield receiver
    finally:
        await runner.cleanup()


def status(
    code: int, headers: Mapping[str, str] | None = None, body: bytes = b"", type: str = "text/html"
) -> Respond:
    async def respond(_request: web.Request) -> web.StreamResponse:
        response = web.Response(status=code, headers=headers, body=body or None)
        if body:
            response.content_type = type
        return response

    return respond


async def hang(_request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


@dataclass
class Wire:
    """A TCP server that says bytes, whatever it is asked. `got` is what it was sent."""

    url: str = ""
    got: bytes = b""
    connections: int = 0


@contextlib.asynccontextmanager
async def wired(
    say: Callable[[asyncio.StreamWriter], Awaitable[None]], *, listens: bool = True
) -> AsyncIterator[Wire]:
    """`say` writes the answer; the connection is closed when it returns.

    `listens`: wait for the request's head first.
    """
    wire = Wire()
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            try:
                if listens:
                    wire.got += await reader.readuntil(b"\r\n\r\n")
                await say(writer)
                await writer.drain()
            finally:
                writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    wire.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/T/KEY"
    try:
        async with server:
            yield wire
    finally:
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def eventually(reached: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not reached():  # noqa: ASYNC110 (what is waited for knows nothing of this test)
            await asyncio.sleep(0.01)
