"""The HTTP face before those who mean ill: too much, too slowly, too often, or no HTTP at all."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from asking import serving, wired

from monitor.web import answer, reception

TOKEN = "a-token-of-some-length"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "said",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"nonsense\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST /api/v1/project HTTP/1.1\r\nHost: localhost\r\n"
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + b"X: a\r\n" * 200 + b"\r\n",
    ],
)
async def test_wire__what_is_no_http__is_400_and_ended_and_not_logged(
    said: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving() as client, wired(client.port) as wire:
        await wire.say(said)
        status, headers, body = await wire.answer()
        assert status == 400
        assert b"error" in body
        assert headers["server"] == "cascade-monitor"
        assert headers["x-content-type-options"] == "nosniff"
        assert await wire.is_ended()
        assert await client.get("/healthz") == (200, {"ok": True, "reasons": []})
    assert not caplog.records


async def test_head__that_comes_slowly__is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "HEAD_SECONDS", 0.3)
    async with serving() as client, wired(client.port) as wire, wired(client.port) as mute:

        async def drip() -> None:
            for byte in HEALTH[:-1]:
                await wire.say(bytes([byte]))
                await asyncio.sleep(0.02)

        with pytest.raises(ConnectionError):
            await drip()
        assert await mute.is_ended(2)


async def test_second_head__that_comes_slowly__is_cut_off_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reception, "HEAD_SECONDS", 0.3)
    async with serving() as client, wired(client.port) as wire:
        await wire.say(HEALTH)
        assert (await wire.answer())[0] == 200
        await wire.say(b"GET /hea")
        assert await wire.is_ended(2)


async def test_connection__on_which_nothing_is_asked_again__stays_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reception, "HEAD_SECONDS", 0.1)
    async with serving() as client, wired(client.port) as wire:
        for _ in range(3):
            await wire.say(HEALTH)
            assert (await wire.answer())[0] == 200
            await asyncio.sleep(0.3)


async def test_idle_connection__after_its_time__is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "IDLE_SECONDS", 0.2)
    async with serving() as client, wired(client.port) as wire:
        await wire.say(HEALTH)
        assert (await wire.answer())[0] == 200
        assert await wire.is_ended(3)


async def test_body__that_comes_slowly__is_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer, "BODY_SECONDS", 0.2)
    monkeypatch.setattr(reception, "LINGERING_SECONDS", 0.2)
    async with serving() as client, wired(client.port) as wire:
        await wire.say(
            b"POST /api/v1/project HTTP/1.1\r\nHost: localhost\r\nContent-Length: 30\r\n\r\n{"
        )
        status, _, body = await wire.answer()
        assert status == 408
        assert b"the body is not here after" in body
        assert await wire.is_ended(3)


async def test_body__of_any_length_in_chunks__is_cut_at_64_kib() -> None:
    async with serving() as client, wired(client.port) as wire:
        await wire.say(b"POST /api/v1/project HTTP/1.1\r\nHost: localhost\r\n")
        await wire.say(b"Transfer-Encoding: chunked\r\n\r\n")
        await wire.say((b"8000\r\n" + b" " * 0x8000 + b"\r\n") * 4)
        assert (await wire.answer())[0] == 413


async def test_body__packed__is_not_unpacked() -> None:
    async with serving() as client:
        headers = {"Content-Encoding": "gzip"}
        status, said = await client.ask("POST", "/api/v1/project", headers, b"\x1f\x8b\x08")
        assert (status, "the body" in said["error"]) == (400, True)


async def test_answer__that_nobody_reads__is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "SENDING_SECONDS", 0.3)
    async with serving() as client, wired(client.port) as wire:
        client.answers.large = "x" * 30_000_000
        await wire.say(b"GET /api/v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await asyncio.sleep(1.0)  # not reading is the whole point
        assert await wire.is_ended()


async def test_connections__more_than_one_peer_may_have__are_503(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reception, "MOST_OF_ONE_PEER", 5)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(serving())
        first = [await stack.enter_async_context(wired(client.port)) for _ in range(5)]
        for wire in first:
            await wire.say(HEALTH)
            assert (await wire.answer())[0] == 200
        last = await stack.enter_async_context(wired(client.port))
        status, headers, _ = await last.answer()
        assert (status, headers["retry-after"]) == (503, "5")
        assert await last.is_ended()
        first[0].close()
        async with asyncio.timeout(5):
            while True:  # until the server has seen that it left
                async with wired(client.port) as again:
                    await again.say(HEALTH)
                    if (await again.answer())[0] == 200:
                        break


async def test_connections__beyond_all_that_may_be__are_503(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reception, "MOST_CONNECTIONS", 2)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(serving())
        for _ in range(2):
            wire = await stack.enter_async_context(wired(client.port))
            await wire.say(HEALTH)
            assert (await wire.answer())[0] == 200
        last = await stack.enter_async_context(wired(client.port))
        assert (await last.answer())[0] == 503


@pytest.mark.parametrize(
    "lines",
    [
        b"Authorization: Bearer wrong\r\nAuthorization: Bearer " + TOKEN.encode(),
        b"Authorization: Bearer " + TOKEN.encode() + b"\r\nAuthorization: Bearer wrong",
        b"Authorization: Bearer " + TOKEN.encode() * 2,
        b"Authorization: Bearer " + TOKEN.encode()[:-1],
        b"Authorization: Basic " + TOKEN.encode(),
        b"Authorization: Bearer, " + TOKEN.encode(),
        b"Authorization:\r\nX-Api-Key: " + TOKEN.encode(),
        b"Cookie: token=" + TOKEN.encode(),
        b"Authorization: Bearer \xff\xfe",
    ],
)
async def test_token__in_any_form_but_its_own__is_401(lines: bytes) -> None:
    async with serving(TOKEN) as client, wired(client.port) as wire:
        await wire.say(b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\n" + lines + b"\r\n\r\n")
        assert (await wire.answer())[0] == 401


@pytest.mark.parametrize(
    "target",
    [
        f"/api/v1/status?token={TOKEN}",
        f"/api/v1/status?access_token={TOKEN}",
        f"http://user:{TOKEN}@localhost/api/v1/status",
        "/healthz/../api/v1/status",
        "/healthz%2f..%2fapi%2fv1%2fstatus",
        "//healthz",
        "/healthz/",
        "/metrics;/api/v1/status",
        "/api/v1/status#/healthz",
        "/api/v1/status?/healthz",
    ],
)
async def test_token__not_given__no_way_of_writing_the_path_goes_round_it(target: str) -> None:
    async with serving(TOKEN) as client, wired(client.port) as wire:
        await wire.say(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert (await wire.answer())[0] in (400, 401)


@pytest.mark.parametrize(
    "hosts",
    [
        b"Host: localhost\r\nHost: evil.example",
        b"Host: evil.example\r\nHost: localhost",
        b"Host: user@localhost",
        b"Host: localhost/x",
        b"Host: localhost:99999999",
        b"Host: 127.0.0.1.evil.example",
        b"Host: 0.0.0.0",
        b"Host: [::ffff:10.0.0.1]",
        b"X: y",
    ],
)
async def test_host__that_is_not_this_machines__is_refused(hosts: bytes) -> None:
    """A name that is bound anew to 127.0.0.1 comes with itself in the Host header."""
    async with serving() as client, wired(client.port) as wire:
        await wire.say(b"GET /api/v1/status HTTP/1.1\r\n" + hosts + b"\r\n\r\n")
        assert (await wire.answer())[0] in (400, 403)


async def test_bug__in_an_answer__is_500_without_its_words(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving() as client:
        client.answers.fault = RuntimeError("key k3yk3yk3y at /home/someone")
        status, said = await client.get("/api/v1/status", Accept="text/html")
        assert (status, said) == (500, {"error": "this is a bug: the log has it"})
