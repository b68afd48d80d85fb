"""Asks a server on loopback by the guarded way out."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from monitor.alerts.post import Answer, Destination, Post
from monitor.errors import DeliveryFailed

BODY = b'{"type":"breaker.tripped"}'


def to(url: str, *, allow_private: bool = True, ca_file: Path | None = None) -> Destination:
    return Destination("webhook hook", url, allow_private, ca_file)


async def answer_of(
    where: Destination,
    *,
    reads: bool = True,
    seconds: float = 5.0,
    may_send: Callable[[], bool] = lambda: True,
) -> Answer:
    async with Post(where, may_send, timeout_seconds=seconds) as post:
        return await post.ask("POST", body=BODY, reads=reads)


async def failure_of(where: Destination, **options: Any) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        await answer_of(where, **options)
    told = str(caught.value)
    assert told.startswith("webhook hook ")
    assert "KEY" not in told
    assert "127.0.0.1" not in told
    assert "localhost" not in told
    return caught.value


def saying(text: bytes) -> Callable[[asyncio.StreamWriter], Awaitable[None]]:
    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(text)

    return say
