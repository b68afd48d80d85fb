"""The pagerduty sender against a receiver that answers as PagerDuty documents it, or does not."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from alert_bodies import ACTION, a_body, a_delivery, taken_back
from receiving import Receiver, Respond, eventually, receiving, status

from monitor.alerts import pagerduty
from monitor.alerts.pagerduty import PagerDutySender
from monitor.alerts.target import Format, Target
from monitor.core.alerts import Delivery
from monitor.errors import DeliveryFailed, StoreUnavailable

KEY = "0123456789abcdef0123456789abcdef"
WARNED = a_body("breaker.warned", severity="warning", block=100)
TRIPPED = a_body("breaker.tripped", block=102, starts=100, actions=[ACTION])
CLEARED = a_body("breaker.cleared", block=110, starts=100, firing=False)
SIGHT: dict[str, Any] = {"measure": None, "value": None, "threshold": None}
BLIND = a_body("monitor.blind", block=104, **SIGHT)
SEES = a_body("monitor.recovered", block=106, firing=False, **SIGHT)


def saying(code: int, **said: Any) -> Respond:
    return status(code, body=json.dumps(said).encode(), type="application/json")


def taking(times: int) -> list[Respond]:
    return [saying(202, status="success", message="Event processed", dedup_key="k")] * times


def a_target(receiver: Receiver, **more: Any) -> Target:
    return Target(
        "pager", receiver.url, Format.PAGERDUTY, routing_key=KEY, chain_id=1, allow_private=True,
        **more,
    )  # fmt: skip


def sending(receiver: Receiver, **more: Any) -> PagerDutySender:
    return PagerDutySender(a_target(receiver, **more), lambda: True)


async def told(bodies: Sequence[str]) -> list[dict[str, Any]]:
    async with receiving(*taking(20)) as receiver, sending(receiver) as sender:
        for body in bodies:
            await sender.send(a_delivery(body))
    return [json.loads(body) for _, body in receiver.got]


def told_in_short(events: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["event_action"], one.get("payload", {}).get("severity", "")) for one in events]


@pytest.mark.parametrize(
    ("bodies", "wanted"),
    [
        ([WARNED, TRIPPED, CLEARED], [("trigger", "warning"), ("trigger", "critical"),
                                      ("resolve", "")]),
        ([WARNED, TRIPPED, taken_back(TRIPPED, firing=True)],
         [("trigger", "warning"), ("trigger", "critical"), ("trigger", "warning")]),
        ([TRIPPED, taken_back(TRIPPED, firing=False)], [("trigger", "critical"), ("resolve", "")]),
        ([taken_back(TRIPPED, firing=False)], [("resolve", "")]),
        ([taken_back(CLEARED, firing=True)], [("trigger", "critical")]),
        ([CLEARED, TRIPPED], [("resolve", ""), ("resolve", "")]),
        ([TRIPPED, taken_back(TRIPPED, firing=False), TRIPPED],
         [("trigger", "critical"), ("resolve", ""), ("trigger", "critical")]),
    ],
    ids=["cleared", "uncovered", "retracted", "another's", "unclear", "replayed late", "back"],
)  # fmt: skip
async def test_send__each_story__triggers_and_resolves(
    bodies: list[str], wanted: list[tuple[str, str]]
) -> None:
    events = await told(bodies)
    assert told_in_short(events) == wanted
    assert len({event["dedup_key"] for event in events}) == 1


async def test_send__a_trip__carries_what_a_person_needs_and_little_more() -> None:
    page = "https://ops.example/cm"
    async with (
        receiving(*taking(1)) as receiver,
        sending(receiver, page_url=page) as sender,
    ):
        await sender.send(a_delivery(TRIPPED))
    ((_, body),) = receiver.got
    event = json.loads(body)
    details = event["payload"].pop("custom_details")
    assert event == {
        "routing_key": KEY,
        "event_action": "trigger",
        "dedup_key": json.loads(TRIPPED)["data"]["alert"]["fingerprint"],
        "client": "cascade-monitor",
        "client_url": page,
        "links": [{"href": page, "text": "cascade-monitor"}],
        "payload": {
            "summary": "TRIPPED eth-cascade: $23.1M liquidated (limit $20.0M)",
            "source": "chain 1",
            "severity": "critical",
            "timestamp": "2023-11-14T22:33:44Z",
            "component": "eth-cascade",
            "class": "breaker.tripped",
        },
    }
    assert details["value"] == "23100000.00"
    assert details["actions"] == [ACTION]
    assert details["reproduce"].startswith("cascade-monitor project")
    assert "by_market" not in str(details)


async def test_send__huge_alert__stays_far_below_the_limit() -> None:
    long = "x" * 100_000
    actions = [ACTION | {"calldata": long}] * 500
    body = a_body(actions=actions, reproduce=long, projection={"unknown": [long] * 500})
    (event,) = await told([body])
    assert len(json.dumps(event)) < 50_000


async def test_send__breaker_blind_and_tripped__are_two_incidents() -> None:
    events = await told([TRIPPED, BLIND, SEES])
    trip, blind, sees = (event["dedup_key"] for event in events)
    assert blind == sees != trip
    assert [event["event_action"] for event in events] == ["trigger", "trigger", "resolve"]


async def test_send__the_monitor_itself__has_its_fingerprint_for_a_key() -> None:
    body = a_body("monitor.blind", breaker="monitor.head", **SIGHT)
    (event,) = await told([body])
    assert event["dedup_key"] == json.loads(body)["data"]["alert"]["fingerprint"]


async def test_send__test_message__opens_and_closes() -> None:
    events = await told([a_body("monitor.test", severity="warning")])
    assert told_in_short(events) == [("trigger", "info"), ("resolve", "")]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (saying(202, status="throttled"), "not that it took the event"),
        (status(202, body=b"<html>Welcome</html>"), "Is its URL PagerDuty's"),
        (status(200), "not that it took the event"),
        (
            saying(400, status="invalid event", message="Event object is invalid",
                   errors=[f"'routing_key' {KEY} is invalid", "and <b>more</b>"]),
            "answered 400: expected 2xx: Event object is invalid; 'routing_key' (key) is invalid; "
            "and (b)more(/b)",
        ),
        (status(400, body=b"[]"), "answered 400: expected 2xx"),
        (saying(429), "answered 429"),
    ],
)  # fmt: skip
async def test_send__anything_but_taken__is_a_failure_without_the_key(
    answer: Respond, told: str
) -> None:
    async with receiving(answer) as receiver, sending(receiver) as sender:
        with pytest.raises(DeliveryFailed) as caught:
            await sender.send(a_delivery(TRIPPED))
    assert told in str(caught.value)
    assert KEY not in str(caught.value)


async def test_send__failed_once__is_told_alike_again() -> None:
    answers = [status(500), *taking(2)]
    async with receiving(*answers) as receiver, sending(receiver) as sender:
        with pytest.raises(DeliveryFailed):
            await sender.send(a_delivery(TRIPPED))
        await sender.send(a_delivery(TRIPPED))
        with pytest.raises(DeliveryFailed, match="not the body of an alert"):
            await sender.send(Delivery("x", "pager", "{}", 0, 0, 0))
    (first, second) = receiver.got
    assert first[1] == second[1]


class Taken:
    """What a queue says was taken, once the store is there."""

    def __init__(self, *bodies: str) -> None:
        self.bodies = list(bodies)
        self.faults = [StoreUnavailable("away")]

    async def delivered_bodies(self, webhook: str) -> list[str]:
        if self.faults:
            raise self.faults.pop()
        return self.bodies


@pytest.mark.parametrize(
    ("before", "sent", "wanted"),
    [
        ([TRIPPED, CLEARED], TRIPPED, "resolve"),
        ([TRIPPED], taken_back(TRIPPED, firing=True), "resolve"),
        ([WARNED, TRIPPED], taken_back(TRIPPED, firing=True), "trigger"),
        ([TRIPPED, CLEARED], taken_back(CLEARED, firing=True), "trigger"),
        ([WARNED], TRIPPED, "trigger"),
    ],
    ids=["replayed", "warning not told", "warning told", "all-clear taken back", "goes on"],
)
async def test_keep__after_a_restart__it_is_known_what_was_told(
    before: list[str], sent: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pagerduty, "LOOK_SECONDS", 0.01)
    async with receiving(*taking(1)) as receiver, sending(receiver) as sender:
        queue: Any = Taken(*before)
        task = asyncio.create_task(sender.keep(queue))
        await eventually(lambda: sender._is_whole)
        await sender.send(a_delivery(sent))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert [json.loads(body)["event_action"] for _, body in receiver.got] == [wanted]
