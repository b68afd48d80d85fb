"""Sessions of the page: what ends them, and what a page elsewhere can do with a browser."""

import asyncio

import pytest
from asking import EMPTY_WORLD, Client, serving, wired

from monitor.web import sessions, stream
from monitor.web.sessions import COOKIE, MOST_SESSIONS, MOST_WRONG, WAIT_SECONDS, Sessions

TOKEN = "a-token-of-some-length"
OWN = {"Sec-Fetch-Site": "same-origin"}
BLOCK = {"number": 17, "hash": "0x11", "timestamp": 1_700_000_000}


async def status_of(client: Client, path: str, **headers: str) -> int:
    url = f"http://127.0.0.1:{client.port}{path}"
    async with client.session.get(url, headers=headers) as answer:
        return answer.status


async def session_of(client: Client, **headers: str) -> str:
    url = f"http://127.0.0.1:{client.port}/login"
    async with client.session.post(
        url, data={"token": TOKEN}, headers=OWN | headers, allow_redirects=False
    ) as answer:
        return str(answer.cookies[COOKIE].value)


async def test_logout__ends_the_streams_of_its_session() -> None:
    async with serving(TOKEN) as client:
        secret = await session_of(client)
        async with wired(client.port) as left, wired(client.port) as kept:
            head = b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n"
            await left.say(head + f"Cookie: {COOKIE}={secret}\r\n\r\n".encode())
            await kept.say(head + f"Authorization: Bearer {TOKEN}\r\n\r\n".encode())
            for wire in (left, kept):
                await wire.reader.readuntil(b"retry: 3000\n\n")
            cookie = {"Cookie": f"{COOKIE}={secret}"}
            await client.session.post(
                f"http://127.0.0.1:{client.port}/logout", headers=cookie | OWN
            )
            client.stream.tell_block(BLOCK)
            async with asyncio.timeout(5):
                assert b"event: block" not in await left.reader.read()
                await kept.reader.readuntil(b"event: block")


async def test_session__that_is_over__tells_its_stream_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "PING_SECONDS", 0.05)
    monkeypatch.setattr(sessions, "LASTING_SECONDS", 0.2)
    async with serving(TOKEN) as client:
        secret = await session_of(client)
        async with wired(client.port) as wire:
            head = b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n"
            await wire.say(head + f"Cookie: {COOKIE}={secret}\r\n\r\n".encode())
            await wire.reader.readuntil(b"retry: 3000\n\n")
            assert await wire.is_ended(5)
        assert await status_of(client, "/", Cookie=f"{COOKIE}={secret}") == 401


async def test_login__anew__ends_the_session_that_the_browser_had() -> None:
    async with serving(TOKEN) as client:
        client.answers.told = EMPTY_WORLD
        first = await session_of(client)
        second = await session_of(client, Cookie=f"{COOKIE}={first}")
        assert await status_of(client, "/", Cookie=f"{COOKIE}={first}") == 401
        assert await status_of(client, "/", Cookie=f"{COOKIE}={second}") == 200


async def test_login__with_a_secret_that_somebody_planted__makes_another() -> None:
    async with serving(TOKEN) as client:
        planted = "planted-by-another-service-of-this-host"
        assert await session_of(client, Cookie=f"{COOKIE}={planted}") != planted
        assert await status_of(client, "/", Cookie=f"{COOKIE}={planted}") == 401


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_page_elsewhere__without_a_token__links_here_and_loads_nothing(site: str) -> None:
    async with serving() as client:
        client.answers.told = EMPTY_WORLD
        for path in ("/", "/api/v1/stream", "/api/v1/positions?format=csv", "/assets/live.js"):
            headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
            assert await status_of(client, path, **headers) == 403
        headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
        assert await status_of(client, "/", **headers) == 200


def test_guesses__of_many_peers__are_bounded_and_forgotten() -> None:
    now = 0.0
    guarded = Sessions(TOKEN, lambda: now)
    for peer in range(3000):
        assert guarded.log_in("guess", str(peer)) is None
    for _ in range(5 * MOST_WRONG):
        guarded.log_in("guess", "one")
    held = guarded._wrong
    assert len(held) <= 1000
    assert max(map(len, held.values())) <= MOST_WRONG + 1
    assert guarded.must_wait("one")
    assert not guarded.must_wait("another")
    now = WAIT_SECONDS + 1
    assert not guarded.must_wait("one")


def test_sessions__more_than_there_may_be__end_the_oldest() -> None:
    guarded = Sessions(TOKEN)
    secrets = [guarded.log_in(TOKEN, "one") or "" for _ in range(MOST_SESSIONS + 1)]
    assert not guarded.knows(secrets[0])
    assert all(map(guarded.knows, secrets[1:]))
    assert not guarded.knows("")
