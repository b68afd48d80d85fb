"""Messages for people through the real apprise, to services on loopback."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alert_bodies import ACTION, a_body, a_delivery
from certificates import Authority
from receiving import Receiver, hang, receiving, status, wired

from monitor.alerts.chat import ChatSender
from monitor.alerts.target import Format, Target
from monitor.core.alerts import Delivery
from monitor.errors import ConfigError, DeliveryFailed

TRIPPED = a_delivery(a_body(actions=[ACTION]))


def a_target(receiver: Receiver | str, **more: Any) -> Target:
    """apprise's own form of a receiver that takes JSON."""
    url = receiver if isinstance(receiver, str) else f"json://127.0.0.1:{receiver.port}/T/KEY"
    return Target("chat", url, Format.APPRISE, **({"allow_private": True} | more))


def sending(
    target: Target, may_send: Callable[[], bool] = lambda: True, seconds: float = 20.0
) -> ChatSender:
    return ChatSender(target, may_send, timeout_seconds=seconds)


# Only the first test goes through `async with`: that looks at the URL, in one more process.
async def failure_of(target: Target, **options: Any) -> str:
    with pytest.raises(DeliveryFailed) as caught:
        await sending(target, **options).send(TRIPPED)
    told = str(caught.value)
    assert told.startswith("webhook chat ")
    assert "KEY" not in told
    assert "127.0.0.1" not in told
    return told


@pytest.fixture(autouse=True)
def silence(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No test may log its URL."""
    caplog.set_level("DEBUG")
    yield
    assert "KEY" not in caplog.text


async def test_chat__tripped__arrives_as_a_message() -> None:
    page = "https://ops.example/cm"
    async with (
        receiving() as receiver,
        sending(a_target(receiver, page_url=page)) as sender,
    ):
        await sender.send(TRIPPED)
    ((_, body),) = receiver.got
    told = json.loads(body)
    assert receiver.paths == ["/T/KEY"]
    assert told["title"] == "TRIPPED eth-cascade: $23.1M liquidated (limit $20.0M)"
    assert told["type"] == "failure"
    lines = told["message"].splitlines()
    assert lines[0] == "If WETH falls 30 %: $23.1M liquidated. Projected at block 100"
    assert "Can do: freeze WETH in aave-core (simulated: ok)" in lines
    assert lines[-1] == f"Page: {page}"


async def test_chat__mattermost__gets_its_own_payload_and_no_markup_of_strangers() -> None:
    hostile = a_body(actions=[ACTION | {"description": "freeze {{evil}} [x](http://e) @all <a>"}])
    async with receiving() as receiver:
        target = a_target(f"mmost://127.0.0.1:{receiver.port}/KEY?image=no")
        await sending(target).send(a_delivery(hostile))
    ((_, body),) = receiver.got
    text = json.loads(body)["text"]
    assert receiver.paths == ["/hooks/KEY"]
    assert "TRIPPED eth-cascade" in text
    assert "{{evil}}" in text
    for mark in ("](http", "@all", "<a>"):
        assert mark not in text


@pytest.mark.parametrize(
    ("type", "severity", "firing", "colour"),
    [
        ("breaker.warned", "warning", True, "warning"),
        ("breaker.cleared", "critical", False, "success"),
    ],
)
async def test_chat__other_alerts__have_their_colours(
    type: str, severity: str, firing: bool, colour: str
) -> None:
    body = a_body(type, severity=severity, firing=firing)
    async with receiving() as receiver:
        await sending(a_target(receiver)).send(a_delivery(body))
    assert json.loads(receiver.got[0][1])["type"] == colour


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_chat__private_address__is_never_dialled(host: str) -> None:
    async with receiving() as receiver:
        target = a_target(f"json://{host}:{receiver.port}/KEY", allow_private=False)
        told = await failure_of(target)
    assert receiver.got == []
    assert "a private address" in told


async def test_chat__redirect__is_not_followed_though_the_url_asks_for_it() -> None:
    async with receiving() as inner:
        elsewhere = {"Location": f"http://127.0.0.1:{inner.port}/"}
        async with receiving(status(302, elsewhere)) as receiver:
            url = f"json://127.0.0.1:{receiver.port}/KEY?redirect=yes"
            told = await failure_of(a_target(url))
    assert inner.got == []
    assert told == "webhook chat answered 302: expected that it takes the message"


async def test_chat__refused__says_with_which_status() -> None:
    async with receiving(status(410)) as receiver:
        told = await failure_of(a_target(receiver))
    assert "answered 410" in told


async def test_chat__service_that_hangs__is_ended_in_time() -> None:
    async with receiving(hang) as receiver:
        started = time.monotonic()
        told = await failure_of(a_target(receiver), seconds=2.5)
    assert time.monotonic() - started < 8
    assert "did not answer" in told


async def test_chat__nobody_listens__is_a_failure() -> None:
    async with receiving() as receiver:
        target = a_target(receiver)
    assert "could not be reached" in await failure_of(target)


async def test_chat__may_not_send__nothing_leaves() -> None:
    async with receiving() as receiver:
        told = await failure_of(a_target(receiver), may_send=lambda: False)
    assert receiver.got == []
    assert "does not hold the lease" in told


async def test_chat__lease_lost_while_it_connects__no_byte_leaves() -> None:
    async def say(_writer: asyncio.StreamWriter) -> None:
        return None

    answers = iter([True])
    async with wired(say) as wire:
        port = wire.url.split(":")[2].split("/")[0]
        target = a_target(f"json://127.0.0.1:{port}/KEY")
        told = await failure_of(target, may_send=lambda: next(answers, False))
    assert wire.connections == 1
    assert wire.got == b""
    assert "does not hold the lease" in told


async def test_chat__parent_gone__no_byte_leaves() -> None:
    async with receiving() as receiver:
        job = {"url": f"json://127.0.0.1:{receiver.port}/", "allow_private": True,
               "title": "t", "body": "b", "type": "info"}  # fmt: skip
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "monitor.alerts.chat_process"],
            input=json.dumps(job) + "\n",
            capture_output=True,
            text=True,
            check=False,
        )
    assert receiver.got == []
    assert json.loads(done.stdout.splitlines()[-1])["because"] == "withheld"


async def test_chat__proxy_in_the_environment__is_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    async with receiving() as proxy, receiving() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        await sending(a_target(receiver)).send(TRIPPED)
    assert (len(proxy.got), len(receiver.got)) == (0, 1)
    assert "authorization" not in receiver.got[0][0]


async def test_chat__certificate_of_ones_own_authority__needs_ca_file(tmp_path: Path) -> None:
    authority = Authority.made_in(tmp_path)
    async with receiving(tls=authority.server("localhost")) as receiver:
        # To ask for no verification does not help.
        url = f"jsons://localhost:{receiver.port}/KEY?verify=no"
        await failure_of(a_target(url))
        assert receiver.got == []
        await sending(a_target(url, ca_file=authority.ca_file)).send(TRIPPED)
    assert len(receiver.got) == 1


@pytest.mark.parametrize("url", ["nosuch://KEY/x", "slack://KEY", "mmost://"])
async def test_chat__url_that_apprise_does_not_know__is_a_fault_of_the_configuration(
    url: str,
) -> None:
    with pytest.raises(ConfigError, match="webhook chat: its url is none that apprise knows"):
        async with sending(a_target(url)):
            pass


async def test_chat__process_that_cannot_be_started__is_a_failure_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    async with sending(a_target("json://127.0.0.1:1/KEY")) as sender:
        with pytest.raises(DeliveryFailed, match="no process could be started"):
            await sender.send(TRIPPED)
    monkeypatch.setattr(sys, "executable", "/bin/true")
    async with sending(a_target("json://127.0.0.1:1/KEY")) as sender:
        with pytest.raises(DeliveryFailed, match="ended without a word"):
            await sender.send(TRIPPED)


async def test_chat__body_that_is_no_alert__is_a_failure() -> None:
    with pytest.raises(DeliveryFailed, match="not the body of an alert"):
        await sending(a_target("json://127.0.0.1:1/KEY")).send(Delivery("x", "chat", "{}", 0, 0, 0))


def test_import__of_all_senders__does_not_import_apprise() -> None:
    code = "import sys, monitor.alerts.senders; sys.exit('apprise' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
