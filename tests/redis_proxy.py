"""Between a client and its Redis: a socket that breaks where a test wants it to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path


class RedisProxy:
    """Forwards a unix socket to another. Counts how often it did what it was told to."""

    def __init__(self, socket: Path, target: Path) -> None:
        self.target = target
        self.cuts = 0
        self._socket = socket
        self._cut = ""
        self._marker = b""
        self._way = asyncio.Event()
        self._way.set()

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    def cut_answer(self, marker: bytes) -> None:
        """The next request with these bytes is passed on whole; its answer never comes."""
        self._cut, self._marker = "answer", marker

    def cut_request(self, marker: bytes) -> None:
        """Of the next request with these bytes only the first half arrives."""
        self._cut, self._marker = "request", marker

    def stall(self) -> None:
        """Keep back whatever comes from either side, until `go_on`."""
        self._way.clear()

    def go_on(self) -> None:
        self._way.set()

    async def serve(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        """One connection."""
        server, requests = await asyncio.open_unix_connection(str(self.target))
        back = asyncio.create_task(self._pass_on(server, answers))
        try:
            while data := await client.read(1 << 20):
                if self._cut and self._marker in data:
                    await self._break(data, requests, back)
                    break
                await self._way.wait()
                requests.write(data)
                await requests.drain()
        finally:
            back.cancel()
            requests.close()
            answers.close()

    async def _break(
        self, data: bytes, requests: asyncio.StreamWriter, back: asyncio.Task[None]
    ) -> None:
        whole, self._cut = self._cut == "answer", ""
        back.cancel()
        with suppress(asyncio.CancelledError):
            await back
        requests.write(data if whole else data[: len(data) // 2])
        await requests.drain()
        self.cuts += 1

    async def _pass_on(self, server: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        while data := await server.read(1 << 20):
            await self._way.wait()
            answers.write(data)
            await answers.drain()
        answers.close()


@asynccontextmanager
async def proxy(socket: Path, target: str) -> AsyncIterator[RedisProxy]:
    """A proxy before the server with this unix:// URL."""
    made = RedisProxy(socket, Path(target.removeprefix("unix://")))
    async with await asyncio.start_unix_server(made.serve, str(socket)):
        yield made
