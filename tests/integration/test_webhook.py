"""The json sender: signatures checked by the standard's package, failures told in words."""

import itertools
import time
from datetime import UTC, datetime
from email.utils import formatdate

import pytest
from aiohttp import web
from receiving import OLD_SECRET, SECRET, hang, receiving, status
from standardwebhooks import Webhook, WebhookVerificationError

from monitor.alerts.target import Target
from monitor.alerts.webhook import WebhookSender
from monitor.core.alerts import Delivery
from monitor.errors import DeliveryFailed

BODY = '{"type":"breaker.tripped","data":{"name":"größer"}}'
DELIVERY = Delivery("alert-1", "hook", BODY, attempts=0, due_unix=0, created_unix=0)


def a_target(url: str, *secrets: str, allow_private: bool = True) -> Target:
    return Target("hook", url, secrets=secrets or (SECRET,), allow_private=allow_private)


def sending(target: Target, timeout_seconds: float = 5.0) -> WebhookSender:
    return WebhookSender(target, lambda: True, timeout_seconds=timeout_seconds)


async def failure_of(target: Target, timeout_seconds: float = 5.0) -> DeliveryFailed:
    async with sending(target, timeout_seconds) as sender:
        with pytest.raises(DeliveryFailed) as caught:
            await sender.send(DELIVERY)
    assert "KEY" not in str(caught.value)
    return caught.value


async def test_sender__a_delivery__is_signed_by_the_standard() -> None:
    async with receiving() as receiver, sending(a_target(receiver.url)) as sender:
        await sender.send(DELIVERY)
    ((headers, body),) = receiver.got
    assert body == BODY.encode()
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == "alert-1"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 5
    assert Webhook(SECRET).verify(body, headers)["type"] == "breaker.tripped"


@pytest.mark.parametrize(
    ("secrets", "known"),
    [
        ((OLD_SECRET,), {OLD_SECRET}),
        ((OLD_SECRET, SECRET), {OLD_SECRET, SECRET}),
        ((SECRET,), {SECRET}),
    ],
    ids=["before", "while both count", "after"],
)
async def test_sender__secret_that_rotates__is_known_to_whoever_has_one_of_them(
    secrets: tuple[str, ...], known: set[str]
) -> None:
    async with (
        receiving() as receiver,
        sending(a_target(receiver.url, *secrets)) as sender,
    ):
        await sender.send(DELIVERY)
    ((headers, body),) = receiver.got
    for secret in (SECRET, OLD_SECRET):
        if secret in known:
            Webhook(secret).verify(body, headers)
        else:
            with pytest.raises(WebhookVerificationError):
                Webhook(secret).verify(body, headers)
    signatures = headers["webhook-signature"].split(" ")
    sent = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    wanted = [Webhook(secret).sign("alert-1", sent, BODY) for secret in secrets]
    assert signatures == wanted
    assert all(signature.startswith("v1,") for signature in signatures)


async def test_sender__a_second_attempt__has_a_time_of_its_own_and_the_same_id() -> None:
    seconds = itertools.count(1_700_000_000, 60)
    async with receiving(status(500)) as receiver:
        target = a_target(receiver.url)
        async with WebhookSender(target, lambda: True, clock=lambda: next(seconds)) as sender:
            with pytest.raises(DeliveryFailed):
                await sender.send(DELIVERY)
            await sender.send(DELIVERY)
    (first, _), (second, _) = receiver.got
    assert first["webhook-id"] == second["webhook-id"]
    assert int(first["webhook-timestamp"]) < int(second["webhook-timestamp"])
    assert first["webhook-signature"] != second["webhook-signature"]


async def test_sender__another_secret__does_not_verify() -> None:
    async with receiving() as receiver, sending(a_target(receiver.url)) as sender:
        await sender.send(DELIVERY)
    ((headers, body),) = receiver.got
    with pytest.raises(WebhookVerificationError):
        Webhook(OLD_SECRET).verify(body, headers)


@pytest.mark.parametrize("code", [302, 307, 400, 404, 410, 500])
async def test_sender__anything_but_2xx__is_a_failure(code: int) -> None:
    elsewhere = {"Location": "/elsewhere"} if code < 400 else {}
    async with receiving(status(code, elsewhere)) as receiver:
        failure = await failure_of(a_target(receiver.url))
    assert str(code) in str(failure)
    assert len(receiver.got) == 1


@pytest.mark.parametrize("code", [200, 202, 204])
async def test_sender__any_2xx__is_success(code: int) -> None:
    async with receiving(status(code)) as receiver, sending(a_target(receiver.url)) as sender:
        await sender.send(DELIVERY)


async def test_sender__slow_receiver__fails_in_time() -> None:
    async with receiving(hang) as receiver:
        started = time.monotonic()
        failure = await failure_of(a_target(receiver.url), timeout_seconds=0.2)
    assert time.monotonic() - started < 2
    assert "did not answer" in str(failure)


async def test_sender__nobody_listens__is_a_failure() -> None:
    async with receiving() as receiver:
        url = receiver.url
    assert "refused" in str(await failure_of(a_target(url))).lower()


async def test_sender__name_that_does_not_resolve__is_a_failure() -> None:
    failure = await failure_of(a_target("http://nowhere.invalid/KEY"))
    assert "does not resolve" in str(failure)


async def test_sender__receiver_that_hangs_up__is_a_failure() -> None:
    async def hang_up(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with receiving(hang_up) as receiver:
        await failure_of(a_target(receiver.url))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0"])
async def test_sender__private_address__is_never_dialled(host: str) -> None:
    async with receiving() as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        target = a_target(f"http://{host}:{port}/KEY", allow_private=False)
        failure = await failure_of(target)
    assert receiver.got == []
    assert "private address" in str(failure)


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), ("a date", 100), ("soon", None), ("-3", None)]
)
async def test_sender__retry_after__is_handed_on(header: str, seconds: float | None) -> None:
    if header == "a date":
        header = formatdate(time.time() + 100, usegmt=True)
    async with receiving(status(429, {"Retry-After": header})) as receiver:
        failure = await failure_of(a_target(receiver.url))
    if seconds is None:
        assert failure.retry_after_seconds is None
    else:
        assert failure.retry_after_seconds == pytest.approx(seconds, abs=5)
