"""`GET /api/v1/stream`, for those who listen, who do not, and who are too many."""

import asyncio
import json
import time
from contextlib import AsyncExitStack
from typing import Any

import pytest
from asking import Client, Wire, serving, wired

from monitor.web import stream

BLOCK = {"number": 17, "hash": "0x11", "timestamp": 1_700_000_000}
TOKEN = "a-token-of-some-length"
QUESTION = b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def listening(stack: AsyncExitStack, client: Client) -> Wire:
    """Somebody who listens, and has heard the first words."""
    wire = await stack.enter_async_context(wired(client.port))
    await wire.say(QUESTION)
    status, headers, _ = await wire.answer()
    assert (status, headers["content-type"]) == (200, "text/event-stream")
    await wire.reader.readuntil(b"retry: 3000\n\n")
    return wire


async def heard(wire: Wire) -> tuple[str, Any]:
    """The next event: its name and its data. A sign of life is ("ping", None)."""
    async with asyncio.timeout(5):
        while not (line := await wire.reader.readline()).startswith((b"event: ", b": ping")):
            assert line, "the stream ended"
    if line.startswith(b":"):
        return "ping", None
    data = await wire.reader.readline()
    assert data.startswith(b"data: ")
    return line[7:].decode().strip(), json.loads(data[6:])


async def test_stream__blocks_and_alerts__come_as_they_happen() -> None:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(serving())
        wires = [await listening(stack, client) for _ in range(3)]
        client.stream.tell_block(BLOCK)
        client.stream.tell_alert('{"type":"breaker.tripped","why":"line\\nfeed € "}')
        for wire in wires:
            assert await heard(wire) == ("block", BLOCK)
            name, body = await heard(wire)
            assert (name, body["why"]) == ("alert", "line\nfeed € ")


async def test_stream__who_comes_later__hears_the_newest_block_at_once() -> None:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(serving())
        client.stream.tell_block(BLOCK | {"number": 16})
        client.stream.tell_block(BLOCK)
        assert await heard(await listening(stack, client)) == ("block", BLOCK)


async def test_stream__on_which_nothing_happens__shows_signs_of_life(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "PING_SECONDS", 0.1)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(serving())
        wire = await listening(stack, client)
        assert [await heard(wire) for _ in range(3)] == [("ping", None)] * 3
        client.stream.tell_block(BLOCK)
        found = await heard(wire)
        while found == ("ping", None):
            found = await heard(wire)
        assert found == ("block", BLOCK)


async def test_stream__more_than_may_listen__are_503_until_one_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "MOST_LISTENERS", 3)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(serving())
        wires = [await listening(stack, client) for _ in range(3)]
        url = f"http://127.0.0.1:{client.port}/api/v1/stream"
        async with client.session.get(url) as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
            assert "3 listen already" in (await answer.json())["error"]
        wires[0].close()
        async with asyncio.timeout(5):  # at once: nothing has to be written for it to be seen
            while True:
                async with client.session.get(url) as answer:
                    if answer.status == 200:
                        break


async def test_stream__who_does_not_read__is_cut_off_and_holds_nobody_up() -> None:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(serving())
        deaf, wire = await listening(stack, client), await listening(stack, client)
        body = json.dumps({"text": "x" * 100_000})
        longest = 0.0
        for _ in range(200):
            started = time.monotonic()
            client.stream.tell_alert(body)
            longest = max(longest, time.monotonic() - started)
            assert (await heard(wire))[0] == "alert"
        assert longest < 0.1
        assert await deaf.is_ended()


@pytest.mark.parametrize("is_deaf", [False, True])
async def test_stream__while_the_server_stops__ends_within_5_seconds(is_deaf: bool) -> None:
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(serving())
        wires = [await listening(stack, client) for _ in range(3)]
        if is_deaf:
            for _ in range(60):
                client.stream.tell_alert(json.dumps("x" * 200_000))
            await asyncio.sleep(0.1)  # the server writes until nobody reads
        started = time.monotonic()
        await client.server.stop()
        assert time.monotonic() - started < 5
        for wire in wires:
            assert await wire.is_ended()


async def test_stream__without_the_token__is_401() -> None:
    async with serving(TOKEN) as client, wired(client.port) as wire:
        await wire.say(QUESTION)
        assert (await wire.answer())[0] == 401
