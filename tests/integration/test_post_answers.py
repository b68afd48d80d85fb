"""Answers that are none: a server that says what servers must not costs a time-out at most."""

import asyncio
import gzip
import itertools
import logging
import socket
import time
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest
from aiohttp import web
from posting import answer_of, failure_of, saying, to
from receiving import Wire, hang, receiving, status, wired

from monitor.alerts.post import LONGEST_WAIT_SECONDS, MOST_BYTES


async def endless_body(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x" * 65_536)


@pytest.mark.parametrize("reads", [True, False])
async def test_post__endless_body__is_success_at_once_and_read_no_further(reads: bool) -> None:
    async with receiving(endless_body) as receiver:
        started = time.monotonic()
        answer = await answer_of(to(receiver.url), reads=reads)
    assert answer.is_success
    assert len(answer.body) == (MOST_BYTES if reads else 0)
    assert time.monotonic() - started < 2


async def test_post__body_that_stalls__costs_the_time_out_not_the_success() -> None:
    async def silent(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\nbegun")
        await writer.drain()
        await asyncio.sleep(30)

    async with wired(silent) as wire:
        answer = await answer_of(to(wire.url), seconds=0.3)
    assert (answer.status, answer.body) == (202, b"begun")


async def test_post__body_cut_short__keeps_its_status() -> None:
    async with wired(saying(b"HTTP/1.1 500 No\r\nContent-Length: 1000\r\n\r\nsorry")) as wire:
        answer = await answer_of(to(wire.url))
    assert answer.status == 500


async def test_post__bomb_of_gzip__stays_packed() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    packed = {"Content-Encoding": "gzip"}
    async with receiving(status(200, packed, bomb)) as receiver:
        answer = await answer_of(to(receiver.url))
    assert receiver.got[0][0]["accept-encoding"] == "identity"
    assert answer.body == bomb[:MOST_BYTES]


async def slow_drip(writer: asyncio.StreamWriter) -> None:
    for byte in itertools.cycle(b"x-header: a\r\n"):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.01)


async def endless_continue(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("say", [slow_drip, endless_continue])
async def test_post__answer_that_never_comes_to_its_point__fails_in_time(
    say: Callable[[asyncio.StreamWriter], Any],
) -> None:
    async with wired(say) as wire:
        started = time.monotonic()
        failure = await failure_of(to(wire.url), seconds=0.4)
    assert time.monotonic() - started < 2
    assert "did not answer" in str(failure) or "not HTTP" in str(failure)


async def test_post__receiver_that_hangs__fails_in_time() -> None:
    async with receiving(hang) as receiver:
        started = time.monotonic()
        failure = await failure_of(to(receiver.url), seconds=0.2)
    assert time.monotonic() - started < 2
    assert "did not answer: expected a status within 0.2 s" in str(failure)


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 1_000_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Many: 1\r\n" * 100_000 + b"\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"\x00\xff\xfe" * 100,
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n",
    ],
)
async def test_post__what_is_not_http__is_a_failure(text: bytes) -> None:
    async with wired(saying(text)) as wire:
        failure = await failure_of(to(wire.url), reads=False)
    assert "answered what is not HTTP" in str(failure)


async def reset(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200")
    await writer.drain()
    held = writer.get_extra_info("socket")
    held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    writer.transport.abort()


@pytest.mark.parametrize("say", [reset, saying(b"HTTP/1.1 200"), saying(b"")])
async def test_post__connection_lost_amid_the_answer__is_a_failure(
    say: Callable[[asyncio.StreamWriter], Any],
) -> None:
    async with wired(say) as wire:
        await failure_of(to(wire.url))


@pytest.mark.parametrize("code", [101, 400, 401, 403, 404, 410, 429, 500, 503])
async def test_post__anything_but_2xx__is_a_failure_that_names_it(code: int) -> None:
    async with wired(saying(b"HTTP/1.1 %d Said\r\nContent-Length: 0\r\n\r\n" % code)) as wire:
        answer = await answer_of(to(wire.url))
        failure = answer.refusal("webhook hook")
    assert not answer.is_success
    assert str(failure).startswith(f"webhook hook answered {code}")
    assert ("it says it is there no more" in str(failure)) == (code == 410)


@pytest.mark.parametrize("code", [200, 201, 202, 204, 205, 299])
async def test_post__any_2xx__is_success(code: int) -> None:
    async with wired(saying(b"HTTP/1.1 %d Said\r\nContent-Length: 0\r\n\r\n" % code)) as wire:
        assert (await answer_of(to(wire.url))).is_success


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 0 ", 0),
        pytest.param(formatdate(time.time() - 9, usegmt=True), 0, id="nine seconds ago"),
        ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST_WAIT_SECONDS),
        ("1000000000", LONGEST_WAIT_SECONDS),
        ("9" * 400, LONGEST_WAIT_SECONDS),
        ("1e9", None),
        ("soon", None),
        ("-3", None),
        ("", None),
        ("7.5", None),
        ("nan", None),
        ("Sun, 99 Foo 20000 99:99:99 GMT", None),
        ("\x80\xff", None),
    ],
)
async def test_post__retry_after__is_seconds_or_nothing(header: str, seconds: float | None) -> None:
    head = f"HTTP/1.1 503 No\r\nRetry-After: {header}\r\nContent-Length: 0\r\n\r\n"
    async with wired(saying(head.encode("latin-1"))) as wire:
        answer = await answer_of(to(wire.url))
    assert answer.wait_seconds == seconds


async def test_post__retry_after_as_a_date__is_the_time_until_then() -> None:
    later = formatdate(time.time() + 100, usegmt=True)
    async with receiving(status(429, {"Retry-After": later})) as receiver:
        answer = await answer_of(to(receiver.url))
    assert answer.wait_seconds == pytest.approx(100, abs=5)


async def test_post__every_fault__leaves_no_url_in_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    wires: list[Wire] = []
    for say in (saying(b"nonsense\r\n\r\n"), reset, saying(b"")):
        async with wired(say) as wire:
            wires.append(wire)
            await failure_of(to(wire.url))
    assert len(wires) == 3
    assert "KEY" not in caplog.text
