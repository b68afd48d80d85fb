"""The way out, against servers that do what servers must not: nothing leaves that should stay."""

import asyncio
import itertools
import socket
from pathlib import Path
from typing import Any

import pytest
from certificates import Authority
from posting import BODY, answer_of, failure_of, saying, to
from receiving import Receiver, receiving, status, wired

from monitor.alerts.addresses import is_public
from monitor.alerts.post import Answer, Post
from monitor.errors import ConfigError, DeliveryFailed

# Whether we may still send.


async def test_post__may_not_send__does_not_even_connect() -> None:
    async with wired(saying(b"")) as wire:
        failure = await failure_of(to(wire.url), may_send=lambda: False)
    assert wire.connections == 0
    assert "does not hold the lease" in str(failure)


async def test_post__lease_lost_while_it_connects__no_byte_leaves() -> None:
    answers = iter([True, False])
    async with wired(saying(b"HTTP/1.1 200 OK\r\n\r\n"), listens=False) as wire:
        failure = await failure_of(to(wire.url), may_send=lambda: next(answers))
    assert wire.connections == 1
    assert wire.got == b""
    assert "does not hold the lease" in str(failure)


async def test_post__lease_lost_on_a_kept_connection__no_request_leaves() -> None:
    holds = True
    async with receiving() as receiver, Post(to(receiver.url), lambda: holds) as post:
        await post.request("POST", body=BODY)
        asked = itertools.count()
        post._may_send = lambda: next(asked) == 0
        post._session.connector._may_send = post._may_send  # type: ignore[union-attr]
        with pytest.raises(DeliveryFailed, match="does not hold the lease"):
            await post.request("POST", body=BODY)
        assert next(asked) == 2
    assert len(receiver.got) == 1


async def test_post__asked_for_the_lease__only_once_the_connection_stands() -> None:
    told: list[int] = []
    async with wired(saying(b"HTTP/1.1 204 No Content\r\n\r\n")) as wire:

        def may_send() -> bool:
            told.append(wire.connections)
            assert wire.got == b""
            return True

        async with Post(to(wire.url), may_send) as post:
            await post.request("GET")
    assert len(told) == 2


# Where it may go.


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:7f00:1]"])
async def test_post__private_address__is_never_dialled(host: str) -> None:
    async with receiving() as receiver:
        where = to(f"http://{host}:{receiver.port}/KEY", allow_private=False)
        failure = await failure_of(where)
    assert receiver.got == []
    assert "private address" in str(failure)


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """Each look-up gets the next of these addresses; returns the names that were asked for."""
    left, asked = list(answers), []

    async def getaddrinfo(host: str, port: int, **_: object) -> list[Any]:
        asked.append(host)
        address = left.pop(0)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        rest = (0, 0) if ":" in address else ()
        return [(family, socket.SOCK_STREAM, 6, "", (address, port, *rest))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return asked


async def test_post__name_that_turns_private__is_refused_at_that_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # 127.0.0.2 stands for a public address: a test dials no stranger.
    monkeypatch.setattr(
        "monitor.alerts.post.is_public", lambda ip: str(ip) == "127.0.0.2" or is_public(ip)
    )
    close = {"Connection": "close"}
    async with receiving(status(204, close), status(204, close), host="0.0.0.0") as receiver:
        asked = resolving(monkeypatch, "127.0.0.2", "127.0.0.1", "::ffff:127.0.0.1", "127.0.0.2")
        where = to(f"http://rebinds.test:{receiver.port}/KEY", allow_private=False)
        async with Post(where, lambda: True) as post:
            await post.request("POST", body=BODY)
            for _ in range(2):
                with pytest.raises(DeliveryFailed, match="a private address"):
                    await post.request("POST", body=BODY)
            await post.request("POST", body=BODY)
    assert asked == ["rebinds.test"] * 4
    assert len(receiver.got) == 2


@pytest.mark.parametrize(
    "address", ["64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "::7f00:1", "169.254.169.254", "fd00::1"]
)
async def test_post__name_of_a_private_address_in_disguise__is_never_dialled(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolving(monkeypatch, address)
    failure = await failure_of(to("http://disguised.test/KEY", allow_private=False))
    assert "a private address" in str(failure)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_post__redirect__is_a_failure_and_never_followed(code: int) -> None:
    async with receiving() as inner:
        async with receiving(status(code, {"Location": inner.url})) as receiver:
            answer = await answer_of(to(receiver.url))
        assert inner.got == []
    failure = answer.refusal("webhook hook")
    assert str(failure) == (
        f"webhook hook answered {code}: expected 2xx: redirects are not followed, configure where "
        "it leads"
    )


async def test_post__proxy_in_the_environment__is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as proxy, receiving() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        assert (await answer_of(to(receiver.url))).is_success
    assert (len(proxy.got), len(receiver.got)) == (0, 1)


async def test_post__cookies__are_not_kept() -> None:
    async with (
        receiving(status(200, {"Set-Cookie": "a=b"})) as receiver,
        Post(to(receiver.url), lambda: True) as post,
    ):
        await post.request("POST", body=BODY)
        await post.request("POST", body=BODY)
    assert "cookie" not in receiver.got[1][0]


async def test_post__name_that_does_not_resolve__is_a_failure() -> None:
    failure = await failure_of(to("http://nowhere.invalid/KEY"))
    assert "does not resolve" in str(failure)


async def test_post__nobody_listens__is_a_failure() -> None:
    async with receiving() as receiver:
        url = receiver.url
    assert "refused" in str(await failure_of(to(url))).lower()


# TLS.


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made_in(tmp_path_factory.mktemp("authority"))


async def reach(receiver: Receiver, ca_file: Path | None) -> Answer:
    return await answer_of(to(receiver.url.replace("127.0.0.1", "localhost"), ca_file=ca_file))


async def test_post__certificate_of_ones_own_authority__needs_ca_file(authority: Authority) -> None:
    async with receiving(tls=authority.server("localhost")) as receiver:
        with pytest.raises(DeliveryFailed, match=r"certificate was refused \(.*issuer") as caught:
            await reach(receiver, None)
        assert "localhost" not in str(caught.value)
        assert receiver.got == []
        assert (await reach(receiver, authority.ca_file)).is_success


async def test_post__certificate_for_another_name__is_refused(authority: Authority) -> None:
    async with receiving(tls=authority.server("elsewhere.test")) as receiver:
        with pytest.raises(DeliveryFailed, match=r"refused \(Hostname mismatch\)"):
            await reach(receiver, authority.ca_file)
    assert receiver.got == []


async def test_post__certificate_that_expired__is_refused(authority: Authority) -> None:
    async with receiving(tls=authority.server("localhost", days=-1)) as receiver:
        with pytest.raises(DeliveryFailed, match=r"refused \(certificate has expired\)"):
            await reach(receiver, authority.ca_file)
    assert receiver.got == []


async def test_post__tls_to_a_server_without__is_a_failure_in_words() -> None:
    async with receiving() as receiver:
        failure = await failure_of(to(receiver.url.replace("http:", "https:")))
    assert "TLS failed" in str(failure)


@pytest.mark.parametrize("text", [None, "no certificate"])
async def test_post__ca_file_that_is_none__is_a_fault_of_the_configuration(
    text: str | None, tmp_path: Path
) -> None:
    ca_file = tmp_path / "ca.pem"
    if text is not None:
        ca_file.write_text(text)
    with pytest.raises(ConfigError, match="expected a file of certificates in PEM"):
        await answer_of(to("https://receiver.test/KEY", ca_file=ca_file))
