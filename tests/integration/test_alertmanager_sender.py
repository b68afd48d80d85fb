"""The alertmanager sender against a receiver that keeps what it was pushed."""

import asyncio
import json
import logging
import time
from collections.abc import Sequence
from typing import Any

import pytest
from alert_bodies import GENESIS_UNIX, a_body, a_delivery, taken_back
from receiving import Receiver, eventually, receiving, status

from monitor.alerts import alertmanager
from monitor.alerts.alertmanager import AlertmanagerSender
from monitor.alerts.target import Format, Target
from monitor.core.alerts import Delivery
from monitor.errors import DeliveryFailed, StoreUnavailable

WARNED = a_body("breaker.warned", severity="warning", block=100)
TRIPPED = a_body("breaker.tripped", block=102, starts=100)
CLEARED = a_body("breaker.cleared", block=110, starts=100, firing=False)


class Taken:
    """A queue that knows only what was taken."""

    def __init__(self, *bodies: str) -> None:
        self.bodies = list(bodies)
        self.away = False

    async def delivered_bodies(self, webhook: str) -> list[str]:
        assert webhook == "am"
        if self.away:
            raise StoreUnavailable("Redis is away")
        return self.bodies


def a_target(receiver: Receiver, **more: Any) -> Target:
    return Target("am", receiver.url, Format.ALERTMANAGER, chain_id=1, allow_private=True, **more)


def pushed(receiver: Receiver, push: int = -1) -> dict[tuple[str, str], bool]:
    """Of one request: by breaker and severity whether it fires."""
    alerts = json.loads(receiver.got[push][1])
    return {
        (one["labels"]["breaker"], one["labels"]["severity"]): "endsAt" not in one for one in alerts
    }


async def told(receiver: Receiver, bodies: Sequence[str]) -> dict[tuple[str, str], bool]:
    async with AlertmanagerSender(a_target(receiver), lambda: True) as sender:
        for body in bodies:
            await sender.send(a_delivery(body))
    return pushed(receiver)


CRITICAL, WARNING = ("eth-cascade", "critical"), ("eth-cascade", "warning")


@pytest.mark.parametrize(
    ("bodies", "wanted"),
    [
        ([WARNED], {CRITICAL: False, WARNING: True}),
        ([WARNED, TRIPPED], {CRITICAL: True, WARNING: False}),
        ([WARNED, TRIPPED, CLEARED], {CRITICAL: False, WARNING: False}),
        ([WARNED, TRIPPED, taken_back(TRIPPED, firing=True)], {CRITICAL: False, WARNING: True}),
        ([TRIPPED, taken_back(TRIPPED, firing=False)], {CRITICAL: False, WARNING: False}),
        (
            [WARNED, TRIPPED, CLEARED, taken_back(CLEARED, firing=True)],
            {CRITICAL: True, WARNING: False},
        ),
        ([WARNED, TRIPPED, CLEARED, WARNED], {CRITICAL: False, WARNING: False}),
    ],
)
async def test_send__each_story__tells_how_things_stand_after_it(
    bodies: list[str], wanted: dict[tuple[str, str], bool]
) -> None:
    async with receiving() as receiver:
        assert await told(receiver, bodies) == wanted


async def test_send__an_alert__has_labels_of_identity_only() -> None:
    page = "https://ops.example/cm"
    async with receiving() as receiver:
        target = a_target(receiver, page_url=page, bearer="token-1")
        async with AlertmanagerSender(target, lambda: True) as sender:
            await sender.send(a_delivery(TRIPPED))
    ((headers, body),) = receiver.got
    critical, warning = json.loads(body)
    assert receiver.paths == ["/T/KEY/api/v2/alerts"]
    assert headers["authorization"] == "Bearer token-1"
    assert critical["labels"] == {
        "alertname": "CascadeBreaker",
        "breaker": "eth-cascade",
        "chain_id": "1",
        "severity": "critical",
    }
    assert critical["annotations"] | {"description": ""} == {
        "summary": "TRIPPED eth-cascade: $23.1M liquidated (limit $20.0M)",
        "description": "",
        "value": "23100000.00",
        "threshold": "20000000.00",
        "block": "102",
        "reproduce": "cascade-monitor project --snapshot abc.cms --shock WETH=-0.3",
        "page": page,
    }
    assert critical["generatorURL"] == page
    assert critical["startsAt"] == "2023-11-14T22:33:20Z"
    assert "endsAt" not in critical
    assert warning["endsAt"] == "2023-11-14T22:33:44Z"


async def test_send__chain_whose_clock_is_ahead__ends_now_all_the_same() -> None:
    ahead = (int(time.time()) - GENESIS_UNIX) // 12 + 500
    body = a_body("breaker.cleared", block=ahead, firing=False)
    async with receiving() as receiver:
        await told(receiver, [body])
    for alert in json.loads(receiver.got[0][1]):
        assert alert["startsAt"] <= alert["endsAt"]
        assert alert["endsAt"] <= time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


async def test_send__one_of_two_positions_safe_again__the_watch_still_fires() -> None:
    def body(type: str, block: int, subject: str, *, firing: bool = True) -> str:
        return a_body(type, breaker="mine", block=block, firing=firing, subject=subject,
                      position={"account": subject})  # fmt: skip

    low = [body("watch.below", 1, "a"), body("watch.below", 2, "b")]
    first = body("watch.recovered", 3, "b", firing=False)
    last = body("watch.recovered", 4, "a", firing=False)
    async with receiving() as receiver:
        await told(receiver, [*low, first, last])
    assert [pushed(receiver, n)["mine", "critical"] for n in (-2, -1)] == [True, False]


async def test_send__refused__changes_nothing_and_is_told_again() -> None:
    async with (
        receiving(status(200), status(400), status(200)) as receiver,
        AlertmanagerSender(a_target(receiver), lambda: True) as sender,
    ):
        await sender.send(a_delivery(WARNED))
        with pytest.raises(DeliveryFailed, match="answered 400"):
            await sender.send(a_delivery(TRIPPED))
        await sender.send(a_delivery(TRIPPED))
    assert receiver.got[1][1] == receiver.got[2][1]


async def test_send__login_page_with_200__is_a_failure() -> None:
    page = status(200, body=b" <html>Please log in</html>")
    async with (
        receiving(page, status(200, body=b'{"status":"success"}')) as receiver,
        AlertmanagerSender(a_target(receiver), lambda: True) as sender,
    ):
        with pytest.raises(DeliveryFailed, match="Is there a login in front of it"):
            await sender.send(a_delivery(TRIPPED))
        await sender.send(a_delivery(TRIPPED))


async def test_send__body_that_is_no_alert__is_a_failure_and_sends_nothing() -> None:
    async with (
        receiving() as receiver,
        AlertmanagerSender(a_target(receiver), lambda: True) as sender,
    ):
        with pytest.raises(DeliveryFailed, match="not the body of an alert"):
            await sender.send(Delivery("x", "am", "{}", 0, 0, 0))
    assert receiver.got == []


async def kept(sender: AlertmanagerSender, queue: Taken, receiver: Receiver, pushes: int) -> None:
    """Keep until so many requests came."""
    task = asyncio.create_task(sender.keep(queue))  # type: ignore[arg-type]
    try:
        await eventually(lambda: len(receiver.got) >= pushes)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_keep__after_a_restart__sends_what_the_queue_says_fires_and_again() -> None:
    other = a_body("breaker.tripped", breaker="peg", block=90)
    async with receiving() as receiver:
        target = a_target(receiver, resend_seconds=0.05)
        async with AlertmanagerSender(target, lambda: True) as sender:
            await kept(sender, Taken(WARNED, TRIPPED, other), receiver, 3)
    for push in range(3):
        assert pushed(receiver, push) == {CRITICAL: True, ("peg", "critical"): True}


async def test_keep__all_clear_given_up_meanwhile__lets_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alertmanager, "RECOLLECT_SECONDS", 0.05)
    queue: Any = Taken(TRIPPED)
    async with receiving() as receiver:
        target = a_target(receiver, resend_seconds=0.01)
        async with AlertmanagerSender(target, lambda: True) as sender:
            await kept(sender, queue, receiver, 1)
            queue.bodies.append(CLEARED)
            task = asyncio.create_task(sender.keep(queue))
            await eventually(lambda: not list(sender._ongoing.firing()))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_keep__taken_since_but_not_written_down_yet__counts_too() -> None:
    async with (
        receiving() as receiver,
        AlertmanagerSender(a_target(receiver), lambda: True) as sender,
    ):
        await sender.send(a_delivery(CLEARED))
        other = a_body("breaker.tripped", breaker="peg", block=90)
        await kept(sender, Taken(WARNED, TRIPPED, other), receiver, 2)
    assert pushed(receiver) == {("peg", "critical"): True}


async def test_keep__breaker_that_is_configured_no_more__is_left_to_time_out() -> None:
    removed = a_body(breaker="removed")
    blind = a_body("monitor.blind", breaker="monitor.head", threshold=None)
    async with receiving() as receiver:
        target = a_target(receiver, breakers=frozenset({"eth-cascade"}))
        async with AlertmanagerSender(target, lambda: True) as sender:
            await kept(sender, Taken(removed, TRIPPED, blind), receiver, 1)
    assert pushed(receiver) == {CRITICAL: True, ("monitor.head", "critical"): True}


async def test_keep__nothing_fires__sends_nothing() -> None:
    async with receiving() as receiver:
        target = a_target(receiver, resend_seconds=0.01)
        async with AlertmanagerSender(target, lambda: True) as sender:
            task = asyncio.create_task(sender.keep(Taken(TRIPPED, CLEARED)))  # type: ignore[arg-type]
            await eventually(lambda: sender._is_whole)
            await sender.send(a_delivery(a_body(breaker="peg")))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert ("eth-cascade", "critical") not in pushed(receiver, 0)


async def test_keep__may_not_send__sends_nothing_and_forgets() -> None:
    leads = True
    async with receiving() as receiver:
        target = a_target(receiver, resend_seconds=0.02)
        async with AlertmanagerSender(target, lambda: leads) as sender:
            queue = Taken(TRIPPED)
            task = asyncio.create_task(sender.keep(queue))  # type: ignore[arg-type]
            await eventually(lambda: len(receiver.got) > 1)
            leads = False
            await eventually(lambda: not sender._is_whole)
            before = len(receiver.got)
            queue.bodies.append(CLEARED)
            await asyncio.sleep(0.1)
            leads = True
            await eventually(lambda: sender._is_whole)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert len(receiver.got) == before


async def test_keep__store_or_receiver_away__says_so_once_and_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)
    async with receiving(status(500), status(500)) as receiver:
        target = a_target(receiver, resend_seconds=0.02)
        async with AlertmanagerSender(target, lambda: True) as sender:
            queue = Taken(TRIPPED)
            queue.away = True
            task = asyncio.create_task(sender.keep(queue))  # type: ignore[arg-type]
            await eventually(lambda: "Redis is away" in caplog.text)
            queue.away = False
            await eventually(lambda: len(receiver.got) >= 4)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert caplog.text.count("cannot keep alerts firing") == 1
    assert pushed(receiver) == {CRITICAL: True}


async def test_keep_own__past_the_outbox__sends_again_until_that_can_speak() -> None:
    blind = a_body("monitor.blind", breaker="monitor.store", threshold=None)
    is_away = True
    async with receiving() as receiver:
        target = a_target(receiver, resend_seconds=0.02)
        async with AlertmanagerSender(target, lambda: True) as sender:
            await sender.send(a_delivery(blind))
            task = asyncio.create_task(sender.keep_own(lambda: is_away))
            await eventually(lambda: len(receiver.got) > 3)
            assert pushed(receiver) == {("monitor.store", "critical"): True}
            is_away = False
            await eventually(lambda: not sender._ongoing.threads)
            is_away, before = True, len(receiver.got)
            await asyncio.sleep(0.1)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
    assert len(receiver.got) == before


async def test_keep__more_than_fit_in_one_request__sends_several() -> None:
    bodies = [a_body(breaker=f"b{number}") for number in range(100)]
    async with (
        receiving() as receiver,
        AlertmanagerSender(a_target(receiver), lambda: True) as sender,
    ):
        await kept(sender, Taken(*bodies), receiver, 2)
    assert [len(pushed(receiver, push)) for push in (0, 1)] == [64, 36]
