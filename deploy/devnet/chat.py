"""A chat as apprise's own form of JSON reaches it: it notes what its members would read."""

import asyncio
from types import TracebackType
from typing import Any, Self

from aiohttp import web


class Chat:
    """Listens on loopback within an `async with`."""

    def __init__(self) -> None:
        self.url = ""
        self._said: list[dict[str, Any]] = []
        self._news = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.add_routes([web.post("/chat", self._take)])
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"json://127.0.0.1:{self._runner.addresses[0][1]}/chat"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def wait_for(self, head: str, seconds: float = 20.0) -> str:
        """The first message whose title begins so, whole. Raises TimeoutError."""
        async with asyncio.timeout(seconds), self._news:
            while True:
                for each in self._said:
                    if each["title"].startswith(head):
                        return f"{each['title']}\n\n{each['message']}"
                await self._news.wait()

    async def _take(self, request: web.Request) -> web.Response:
        said = await request.json()
        async with self._news:
            self._said.append(said)
            self._news.notify_all()
        return web.Response(status=204)
