"""Each format by its configuration: what `check --send-test` does, and what is never said."""

import json
from pathlib import Path
from typing import Any

import pytest
from receiving import SECRET, Receiver, receiving, status
from standardwebhooks import Webhook as Standard

from monitor.alert_schema import Deadman, Webhook
from monitor.alerts.target import Format, Target
from monitor.receiver_check import deadman, webhook
from monitor.rim import target_of

KEY = "0123456789abcdef0123456789abcdef"
TAKEN = status(202, body=b'{"status":"success"}', type="application/json")


def configured(format: str, url: str, **more: Any) -> Target:
    """As a table of the configuration is read."""
    table = {"name": "hook", "format": format, "url": url, "allow_private": True} | more
    return target_of(Webhook.model_validate(table), chain_id=8453)


def own(format: str, receiver: Receiver) -> Target:
    match format:
        case "json":
            return configured(format, receiver.url, secret=[SECRET])
        case "pagerduty":
            return configured(format, receiver.url, routing_key=KEY)
        case "alertmanager":
            return configured(format, receiver.url, bearer=KEY)
    return configured(format, f"json://127.0.0.1:{receiver.port}/KEY")


def told(format: str, headers: dict[str, str], body: bytes) -> str:
    """What says in each format that it is a test."""
    parsed = json.loads(body)
    match format:
        case "json":
            return str(Standard(SECRET).verify(body, headers)["type"])
        case "pagerduty":
            return str(parsed["payload"]["class"])
        case "alertmanager":
            return str(next(one for one in parsed if "endsAt" not in one)["labels"]["alertname"])
    return str(parsed["title"])


@pytest.mark.parametrize(
    ("format", "requests", "says"),
    [
        ("json", 1, "monitor.test"),
        ("alertmanager", 1, "CascadeMonitorTest"),
        ("pagerduty", 2, "monitor.test"),
        ("apprise", 1, "TEST check: this webhook works, nothing is wrong"),
    ],
)
async def test_send_test__each_format__says_that_it_is_one(
    format: str, requests: int, says: str
) -> None:
    answers = [TAKEN, TAKEN] if format == "pagerduty" else []
    async with receiving(*answers) as receiver:
        finding = await webhook(own(format, receiver), send_test=True)
    assert (finding.subject, finding.detail) == ("webhook hook", "took the test message")
    assert len(receiver.got) == requests
    assert told(format, *receiver.got[0]) == says


@pytest.mark.parametrize("format", list(Format))
async def test_check__without_send_test__sends_nothing(format: str) -> None:
    async with receiving() as receiver:
        finding = await webhook(own(format, receiver), send_test=False)
    assert receiver.got == []
    assert not finding.fault


@pytest.mark.parametrize("format", list(Format))
async def test_send_test__refused__is_a_fault_without_secrets(format: str) -> None:
    async with receiving(status(403)) as receiver:
        target = own(format, receiver)
        finding = await webhook(target, send_test=True)
    assert "answered 403" in finding.fault
    for secret in (KEY, "KEY", SECRET, "127.0.0.1"):
        assert secret not in finding.fault
        assert secret not in repr(target)


async def test_check__ca_file_that_is_none__is_a_fault(tmp_path: Path) -> None:
    target = configured("json", "https://hook.test", secret=[SECRET], ca_file=tmp_path / "none")
    finding = await webhook(target, send_test=False)
    assert "expected a file of certificates in PEM" in finding.fault


def test_target__of_a_whole_table__has_everything() -> None:
    target = configured(
        "alertmanager", "http://am.test", bearer="b", resend_seconds=7, page_url="https://p.test",
        ca_file="/ca.pem",
    )  # fmt: skip
    assert target == Target(
        name="hook",
        url="http://am.test",
        format=Format.ALERTMANAGER,
        bearer="b",
        chain_id=8453,
        page_url="https://p.test",
        resend_seconds=7,
        allow_private=True,
        ca_file=Path("/ca.pem"),
    )


@pytest.mark.parametrize(("wanted", "named"), [(["*"], {"a", "b"}), (["b", "gone"], {"b"})])
def test_target__breakers__are_those_configured_and_wanted(
    wanted: list[str], named: set[str]
) -> None:
    table = {"name": "hook", "url": "http://hook.test", "secret": [SECRET], "breakers": wanted}
    hook = Webhook.model_validate(table)
    assert target_of(hook, 1, frozenset({"a", "b"})).breakers == frozenset(named)


@pytest.mark.parametrize(
    ("send_test", "code", "detail", "fault"),
    [
        (False, 500, "to be asked every 60 s; was not now", ""),
        (True, 200, "answered a ping", ""),
        (True, 500, "", "the URL of deadman answered 500: expected 2xx"),
    ],
)
async def test_check__dead_mans_switch__is_asked_only_if_that_is_wanted(
    send_test: bool, code: int, detail: str, fault: str
) -> None:
    async with receiving(status(code)) as receiver:
        table = Deadman.model_validate({"url": receiver.url, "allow_private": True})
        finding = await deadman(table, send_test=send_test)
    assert (finding.detail, finding.fault) == (detail, fault)
    assert len(receiver.got) == send_test
