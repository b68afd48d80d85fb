"""A webhook receiver as an on-call team would run one: it verifies, notes, and answers 204."""

import asyncio
import base64
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from standardwebhooks import Webhook, WebhookVerificationError

HANG_UP = 0
"""In place of a status: the connection is reset, though the letter was read."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One POST that arrived. `body` is parsed; `arrived_monotonic` tells the order."""

    id: str
    type: str
    body: dict[str, Any]
    raw: str
    arrived_monotonic: float


@dataclass
class Receiver:
    """Listens on loopback within an `async with`. A wrong signature is refused with 401.

    `answer` may be set to make it fail: it gets the letter and returns a status, at once or later.
    `letters` are those that were acknowledged, to a sender who was still there to hear it.
    """

    secret: str = field(
        default_factory=lambda: "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
    )
    answer: Callable[[Letter], int | Awaitable[int]] = lambda _: 204
    letters: list[Letter] = field(default_factory=list)
    refused: int = 0
    url: str = ""
    _runner: web.AppRunner | None = None
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.add_routes([web.post("/alerts", self._take)])
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/alerts"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def wait_for(self, type: str, seconds: float = 20.0) -> Letter:
        """The first letter of a type, now or when it comes. Raises TimeoutError."""
        async with asyncio.timeout(seconds), self._news:
            while True:
                found = next((letter for letter in self.letters if letter.type == type), None)
                if found is not None:
                    return found
                await self._news.wait()

    async def _take(self, request: web.Request) -> web.Response:
        raw = await request.text()
        try:
            Webhook(self.secret).verify(raw, dict(request.headers))
        except (WebhookVerificationError, ValueError):  # ValueError: headers that do not parse
            self.refused += 1
            return web.Response(status=401)
        body = json.loads(raw)
        letter = Letter(request.headers["webhook-id"], body["type"], body, raw, time.monotonic())
        answer = self.answer(letter)
        status = answer if isinstance(answer, int) else await answer
        if status == HANG_UP and request.transport is not None:
            request.transport.abort()
        if 200 <= status < 300 and request.transport is not None:
            async with self._news:
                self.letters.append(letter)
                self._news.notify_all()
        return web.Response(status=status or 500)
