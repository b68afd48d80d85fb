"""The outbox against real receivers on loopback."""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from builders import a_block, a_delta, a_judgement, an_alert
from fakes import MemoryStore
from receiving import SECRET, Receiver, eventually, hang, receiving, status

from monitor.alerts.outbox import Outbox, Patience
from monitor.alerts.target import Target
from monitor.alerts.webhook import WebhookSender
from monitor.core.alerts import AlertType, Delivery
from monitor.core.delivery import AlertSender
from monitor.errors import DeliveryFailed, StoreUnavailable
from monitor.metrics import DeliveryOutcome

AT_ONCE = Patience(first_seconds=0, poll_seconds=0.02, fair_seconds=0)


def sending(receiver: Receiver) -> WebhookSender:
    target = Target("hook", receiver.url, secrets=(SECRET,), allow_private=True)
    return WebhookSender(target, lambda: True)


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

    async def put(self, *webhooks: str, breaker: str = "eth-cascade") -> str:
        """Queue one more alert; returns its id."""
        if (await self.queue.load()).cursor is None:
            await self.queue.begin(self._block, {})
        self._block = a_block(self._block)
        await self.queue.commit(a_delta(self._block))
        alert = an_alert(self._block, breaker)
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
    async with receiving(status(500)) as receiver, sending(receiver) as sender:
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
        sending(receiver) as sender,
    ):
        post = Post({"hook": sender})
        wanted = [await post.put("hook") for _ in range(3)]
        await post.emptied()
    ids = [headers["webhook-id"] for headers, _ in receiver.got]
    assert ids == [wanted[0], wanted[0], *wanted]


class Picky:
    """Refuses, for what they say, what it is told to; keeps what it took."""

    def __init__(self) -> None:
        self.refuses: set[str] = set()
        self.asked: list[str] = []
        self.took: list[str] = []

    async def send(self, delivery: Delivery) -> None:
        self.asked.append(delivery.alert_id)
        if delivery.alert_id in self.refuses:
            raise DeliveryFailed("webhook hook answered 422", is_of_letter=True)
        self.took.append(delivery.alert_id)


async def test_outbox__one_alert_refused_for_what_it_says__others_pass_but_of_its_breaker() -> None:
    picky = Picky()
    post = Post({"hook": picky})
    refused, *others = [await post.put("hook", breaker=f"breaker {n}") for n in range(4)]
    later = await post.put("hook", breaker="breaker 0")
    picky.refuses = {refused}
    await post.until(lambda: picky.took == others)
    assert picky.asked == [refused] * 3 + others
    picky.refuses = set()
    post.now.unix += 2
    await post.emptied()
    assert picky.took == [*others, refused, later]


async def test_outbox__refused_for_what_it_says_while_others_pass__is_given_up_in_time() -> None:
    picky = Picky()
    patience = Patience(first_seconds=0, poll_seconds=0.02, fair_seconds=600, give_up_seconds=60)
    post = Post({"hook": picky}, patience)
    refused = await post.put("hook")
    picky.refuses = {refused}
    for _ in range(4):
        other = await post.put("hook", breaker="other")
        await post.until(lambda: picky.took[-1:] == [other])  # noqa: B023
        post.now.unix += 20
    await post.emptied()
    assert [letter.alert_id for letter, _ in post.queue.letters] == [refused]
    assert ("hook", DeliveryOutcome.DEAD) in post.seen


async def test_outbox__all_refused_for_what_they_say__keeps_the_order() -> None:
    picky = Picky()
    post = Post({"hook": picky})
    wanted = [await post.put("hook", breaker=f"breaker {n}") for n in range(3)]
    picky.refuses = set(wanted)
    await post.until(lambda: len(picky.asked) >= 12)
    assert picky.asked[:12] == [wanted[0]] * 3 + [wanted[1]] + [wanted[0]] * 8
    picky.refuses = set()
    await post.emptied()
    assert picky.took == wanted


async def test_outbox__refused_alert_is_taken_back__its_retraction_does_not_pass_it() -> None:
    picky = Picky()
    post = Post({"hook": picky})
    refused = await post.put("hook")
    picky.refuses = {refused}
    await post.until(lambda: len(picky.asked) == 3)
    (stored,) = await post.queue.recent_alerts(1)
    undo = await post.queue.undo_record(stored.alert.block.hash)
    body = json.dumps({"data": {"alert": {"retracts": refused}}})
    back = replace(an_alert(stored.alert.block, type=AlertType.RETRACTED), body=body)
    await post.queue.revert(undo, {refused: (back, ["hook"])})
    post._block = a_block(a_block(), fork="b")
    await post.queue.commit(a_delta(post._block))
    other = await post.put("hook", breaker="other")
    await post.until(lambda: picky.took == [other])
    picky.refuses = set()
    post.now.unix += 2
    await post.emptied()
    assert picky.took == [other, refused, back.id]


async def test_outbox__one_receiver_hangs__the_other_is_served() -> None:
    async with (
        receiving(hang) as slow,
        receiving() as quick,
        sending(slow) as slow_sender,
        sending(quick) as quick_sender,
    ):
        post = Post({"slow": slow_sender, "quick": quick_sender})
        for _ in range(3):
            await post.put("slow", "quick")
        started = time.monotonic()
        await post.until(lambda: len(quick.got) == 3)
    assert time.monotonic() - started < 2


async def test_outbox__notified__does_not_wait_for_the_next_poll() -> None:
    async with receiving() as receiver, sending(receiver) as sender:
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
        sending(receiver) as sender,
    ):
        post = Post({"hook": sender})
        await post.put("hook")
        await post.until(lambda: len(post.seen) == 1)
        assert await post.queue.due("hook", post.now.unix + 89) is None
        assert await post.queue.due("hook", post.now.unix + 90) is not None


async def test_outbox__a_day_of_failures__is_buried_and_the_next_goes_on() -> None:
    async with receiving(status(500)) as receiver, sending(receiver) as sender:
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
    async with receiving() as receiver, sending(receiver) as sender:
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
        sending(receiver) as sender,
    ):
        post = Post({"hook": sender})
        await post.put("hook")
        await post.until(lambda: len(post.seen) == 1)
        assert await post.queue.due("hook", post.now.unix + 24 * 3600) is not None


async def test_outbox__store_away_after_a_send__does_not_send_again() -> None:
    async with receiving() as receiver, sending(receiver) as sender:
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
    async with receiving() as receiver, sending(receiver) as sender:
        post = Post({"hook": sender})
        await post.put("hook")
        due, faults = post.queue.due, [StoreUnavailable("away")]

        async def flaky(webhook: str, now_unix: float, **terms: Any) -> Delivery | None:
            if faults:
                raise faults.pop()
            return await due(webhook, now_unix, **terms)

        post.queue.due = flaky  # type: ignore[method-assign]
        await post.emptied()
    assert len(receiver.got) == 1


async def test_flush__what_is_due__is_sent() -> None:
    async with receiving() as receiver, sending(receiver) as sender:
        post = Post({"hook": sender})
        await post.put("hook")
        assert await post.outbox.flush() == 0
    assert len(receiver.got) == 1


async def test_flush__receiver_that_hangs__ends_in_time_and_counts_the_rest() -> None:
    async with receiving(hang) as receiver, sending(receiver) as sender:
        post = Post({"hook": sender})
        await post.put("hook")
        started = time.monotonic()
        assert await post.outbox.flush(timeout_seconds=0.2) == 1
    assert time.monotonic() - started < 2


def test_patience__many_attempts__stay_within_a_minute() -> None:
    bounds = [Patience().bound_seconds(attempts) for attempts in (0, 1, 5, 100, 10**9)]
    assert bounds == [1, 2, 32, 60, 60]
