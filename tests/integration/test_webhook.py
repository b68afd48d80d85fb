"""The outbox against real receivers on loopback, signatures checked by the standard's package."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate

import pytest
from aiohttp import web
from builders import a_block, a_delta, a_judgement, an_alert
from fakes import MemoryStore
from standardwebhooks import Webhook, WebhookVerificationError

from monitor.alerts.outbox import Outbox, Patience
from monitor.alerts.webhook import WebhookSender, WebhookTarget
from monitor.core.alerts import Delivery
from monitor.core.delivery import AlertSender
from monitor.errors import DeliveryFailed, StoreUnavailable
from monitor.metrics import DeliveryOutcome

SECRET, OLD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_b2xkLW9sZC1vbGQtb2xkLW9sZA=="
BODY = '{"type":"breaker.tripped","data":{"name":"größer"}}'
DELIVERY = Delivery("alert-1", "hook", BODY, attempts=0, due_unix=0, created_unix=0)
AT_ONCE = Patience(first_seconds=0, poll_seconds=0.02)

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Receiver:
    """An HTTP server on loopback that answers as told and keeps what it was sent."""

    url: str = ""
    answers: list[Respond] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append((headers, await request.read()))
        return await self.answers.pop(0)(request) if self.answers else web.Response()


@contextlib.asynccontextmanager
async def receiving(*answers: Respond) -> AsyncIterator[Receiver]:
    receiver = Receiver(answers=list(answers))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/T/KEY"
    try:
        yield receiver
    finally:
        await runner.cleanup()


def status(code: int, headers: Mapping[str, str] | None = None) -> Respond:
    async def respond(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=code, headers=headers)

    return respond


async def hang(_request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


def a_target(
    url: str, *secrets: str, allow_private: bool = True, name: str = "hook"
) -> WebhookTarget:
    return WebhookTarget(name, url, secrets or (SECRET,), allow_private)


async def failure_of(target: WebhookTarget, timeout_seconds: float = 5.0) -> DeliveryFailed:
    async with WebhookSender(target, timeout_seconds=timeout_seconds) as sender:
        with pytest.raises(DeliveryFailed) as caught:
            await sender.send(DELIVERY)
    assert "KEY" not in str(caught.value)
    return caught.value


async def test_sender__a_delivery__is_signed_by_the_standard() -> None:
    async with receiving() as receiver, WebhookSender(a_target(receiver.url)) as sender:
        await sender.send(DELIVERY)
    ((headers, body),) = receiver.got
    assert body == BODY.encode()
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == "alert-1"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 5
    assert Webhook(SECRET).verify(body, headers)["type"] == "breaker.tripped"


async def test_sender__secret_that_rotates__signs_with_both() -> None:
    async with (
        receiving() as receiver,
        WebhookSender(a_target(receiver.url, SECRET, OLD_SECRET)) as sender,
    ):
        await sender.send(DELIVERY)
    ((headers, body),) = receiver.got
    for secret in (SECRET, OLD_SECRET):
        Webhook(secret).verify(body, headers)


async def test_sender__another_secret__does_not_verify() -> None:
    async with receiving() as receiver, WebhookSender(a_target(receiver.url)) as sender:
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
    async with receiving(status(code)) as receiver, WebhookSender(a_target(receiver.url)) as sender:
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


async def eventually(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not reached():  # noqa: ASYNC110 (what is waited for knows nothing of this test)
            await asyncio.sleep(0.01)


class Now:
    """The wall clock of a test."""

    def __init__(self) -> None:
        self.unix = 1_000_000.0

    def __call__(self) -> float:
        return self.unix


class Post:
    """An outbox over a queue in memory, with what was observed."""

    def __init__(self, senders: Mapping[str, AlertSender], patience: Patience = AT_ONCE) -> None:
        self.now = Now()
        self.queue = MemoryStore(self.now)
        self.seen: list[tuple[str, DeliveryOutcome]] = []
        self.outbox = Outbox(
            self.queue,
            senders,
            lambda name, outcome: self.seen.append((name, outcome)),
            patience=patience,
            clock=self.now,
        )
        self._block = a_block()

    async def put(self, *webhooks: str) -> str:
        """Queue one more alert; returns its id."""
        if (await self.queue.load()).cursor is None:
            await self.queue.begin(self._block, {})
        self._block = a_block(self._block)
        await self.queue.commit(a_delta(self._block))
        alert = an_alert(self._block)
        await self.queue.judge(a_judgement(self._block, alert), {alert.id: webhooks})
        self.outbox.notify()
        return alert.id

    async def emptied(self) -> None:
        """Run until nothing is pending."""
        await self.until(lambda: not any(self.queue._queues.values()))

    async def until(self, reached: Callable[[], bool]) -> None:
        task = asyncio.create_task(self.outbox.run())
        try:
            await eventually(reached)
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def test_outbox__500_then_200__sends_the_same_bytes_again() -> None:
    async with receiving(status(500)) as receiver, WebhookSender(a_target(receiver.url)) as sender:
        post = Post({"hook": sender})
        await post.put("hook")
        await post.emptied()
    (first, first_body), (second, second_body) = receiver.got
    assert first_body == second_body
    assert first["webhook-id"] == second["webhook-id"]
    assert [outcome for _, outcome in post.seen] == ["failed", "delivered"]


async def test_outbox__first_alert_refused__keeps_the_order() -> None:
    async with (
        receiving(status(500), status(500)) as receiver,
        WebhookSender(a_target(receiver.url)) as sender,
    ):
        post = Post({"hook": sender})
        wanted = [await post.put("hook") for _ in range(3)]
        await post.emptied()
    ids = [headers["webhook-id"] for headers, _ in receiver.got]
    assert ids == [wanted[0], wanted[0], *wanted]


async def test_outbox__one_receiver_hangs__the_other_is_served() -> None:
    async with (
        receiving(hang) as slow,
        receiving() as quick,
        WebhookSender(a_target(slow.url)) as slow_sender,
        WebhookSender(a_target(quick.url)) as quick_sender,
    ):
        post = Post({"slow": slow_sender, "quick": quick_sender})
        for _ in range(3):
            await post.put("slow", "quick")
        started = time.monotonic()
        await post.until(lambda: len(quick.got) == 3)
    assert time.monotonic() - started < 2


async def test_outbox__notified__does_not_wait_for_the_next_poll() -> None:
    async with receiving() as receiver, WebhookSender(a_target(receiver.url)) as sender:
        post = Post({"hook": sender}, Patience(poll_seconds=60))
        task = asyncio.create_task(post.outbox.run())
        await asyncio.sleep(0.1)
        await post.put("hook")
        await eventually(lambda: bool(receiver.got))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_outbox__retry_after__is_honoured() -> None:
    async with (
        receiving(status(503, {"Retry-After": "90"})) as receiver,
        WebhookSender(a_target(receiver.url)) as sender,
    ):
        post = Post({"hook": sender})
        await post.put("hook")
        await post.until(lambda: len(post.seen) == 1)
        assert await post.queue.due("hook", post.now.unix + 89) is None
        assert await post.queue.due("hook", post.now.unix + 90) is not None


async def test_outbox__a_day_of_failures__is_buried_and_the_next_goes_on() -> None:
    async with receiving(status(500)) as receiver, WebhookSender(a_target(receiver.url)) as sender:
        post = Post({"hook": sender})
        dead = await post.put("hook")
        post.now.unix += 24 * 3600
        alive = await post.put("hook")
        await post.emptied()
    assert [letter.alert_id for letter, _ in post.queue.letters] == [dead]
    assert receiver.got[-1][0]["webhook-id"] == alive
    assert [outcome for _, outcome in post.seen] == ["dead", "delivered"]


async def test_outbox__webhook_no_longer_configured__becomes_dead_letters_and_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with receiving() as receiver, WebhookSender(a_target(receiver.url)) as sender:
        post = Post({"hook": sender})
        first, second = await post.put("hook", "removed"), await post.put("removed")
        await post.outbox.retire()
        assert await post.queue.pending() == 1
        await post.emptied()
    assert [headers["webhook-id"] for headers, _ in receiver.got] == [first]
    wanted = [(first, "removed"), (second, "removed")]
    assert [(d.alert_id, d.webhook) for d, _ in post.queue.letters] == wanted
    assert "webhook removed is no longer configured: its 2 pending deliveries" in caplog.text
    caplog.clear()
    await post.outbox.retire()
    assert caplog.text == ""


async def test_outbox__receiver_asks_for_a_week__is_tried_once_more_at_the_end() -> None:
    async with (
        receiving(status(503, {"Retry-After": "604800"})) as receiver,
        WebhookSender(a_target(receiver.url)) as sender,
    ):
        post = Post({"hook": sender})
        await post.put("hook")
        await post.until(lambda: len(post.seen) == 1)
        assert await post.queue.due("hook", post.now.unix + 24 * 3600) is not None


async def test_outbox__store_away_after_a_send__does_not_send_again() -> None:
    async with receiving() as receiver, WebhookSender(a_target(receiver.url)) as sender:
        post = Post({"hook": sender})
        await post.put("hook")
        delivered, faults = post.queue.delivered, [StoreUnavailable("away"), StoreUnavailable("")]

        async def flaky(delivery: Delivery) -> None:
            if faults:
                raise faults.pop()
            await delivered(delivery)

        post.queue.delivered = flaky  # type: ignore[method-assign]
        await post.emptied()
    assert len(receiver.got) == 1


async def test_outbox__store_away_while_reading__goes_on_when_it_is_back() -> None:
    async with receiving() as receiver, WebhookSender(a_target(receiver.url)) as sender:
        post = Post({"hook": sender})
        await post.put("hook")
        due, faults = post.queue.due, [StoreUnavailable("away")]

        async def flaky(webhook: str, now_unix: float) -> Delivery | None:
            if faults:
                raise faults.pop()
            return await due(webhook, now_unix)

        post.queue.due = flaky  # type: ignore[method-assign]
        await post.emptied()
    assert len(receiver.got) == 1


async def test_flush__what_is_due__is_sent() -> None:
    async with receiving() as receiver, WebhookSender(a_target(receiver.url)) as sender:
        post = Post({"hook": sender})
        await post.put("hook")
        assert await post.outbox.flush() == 0
    assert len(receiver.got) == 1


async def test_flush__receiver_that_hangs__ends_in_time_and_counts_the_rest() -> None:
    async with receiving(hang) as receiver, WebhookSender(a_target(receiver.url)) as sender:
        post = Post({"hook": sender})
        await post.put("hook")
        started = time.monotonic()
        assert await post.outbox.flush(timeout_seconds=0.2) == 1
    assert time.monotonic() - started < 2


def test_patience__many_attempts__stay_within_a_minute() -> None:
    bounds = [Patience().bound_seconds(attempts) for attempts in (0, 1, 5, 100, 10**9)]
    assert bounds == [1, 2, 32, 60, 60]
