"""One crash, told by the real daemon to every format at once: the real Alertmanager among them."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from alertmanager_server import Alertmanager, Notified
from daemon_process import command, daemon_process
from devnet.cache import InstallError
from receiving import Receiver, eventually, receiving, status
from stage import Stage, slide

KEY = "0123456789abcdef0123456789abcdef"
TAKEN = status(202, body=b'{"status":"success"}', type="application/json")


@pytest.fixture
def notified() -> Iterator[Notified]:
    receiver = Notified()
    yield receiver
    receiver.close()


@pytest.fixture
def alertmanager(notified: Notified, tmp_path: Path) -> Iterator[Alertmanager]:
    try:
        server = Alertmanager(tmp_path, notified.url)
    except InstallError as error:
        pytest.skip(f"real Alertmanager and Prometheus: {error}")
    try:
        server.run()
        yield server
    finally:
        server.stop()


@pytest.fixture
async def pager() -> AsyncIterator[Receiver]:
    async with receiving(*[TAKEN] * 50) as receiver:
        yield receiver


@pytest.fixture
async def chat() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


def tables(alertmanager: Alertmanager, pager: Receiver, chat: Receiver) -> str:
    page = 'page_url = "https://ops.example/cm"\nallow_private = true\n'
    return f"""
[[webhooks]]
name = "am"
format = "alertmanager"
url = "{alertmanager.url}"
resend_seconds = 1
{page}
[[webhooks]]
name = "pager"
format = "pagerduty"
url = "{pager.url}"
routing_key = "{KEY}"
{page}
[[webhooks]]
name = "chat"
format = "apprise"
url = "json://127.0.0.1:{chat.port}/KEY"
{page}"""


async def test_receivers__prices_crash__every_format_is_told_and_no_secret_is(
    stage: Stage, alertmanager: Alertmanager, notified: Notified, pager: Receiver, chat: Receiver
) -> None:
    config, port = stage.config(more=tables(alertmanager, pager, chat))
    tested = await command("check", "--config", str(config), "--send-test")
    for name in ("am", "pager", "chat"):
        assert f"webhook {name}" in tested.out
    assert tested.out.count("took the test message") == 4
    async with daemon_process(config, port) as daemon:
        await daemon.reached(await stage.head())
        await daemon.reached(await slide(stage.world, 1680))
        await stage.receiver.wait_for("breaker.tripped")
        await asyncio.to_thread(notified.wait_for, "eth-cascade", ("critical", "firing"))
        await eventually(lambda: len(pager.got) >= 3 and len(chat.got) >= 2, 20)
        (first,) = alertmanager.firing("eth-cascade")

        def is_kept() -> bool:
            (now,) = alertmanager.firing("eth-cascade")
            return bool(now["endsAt"] > first["endsAt"])

        await eventually(is_kept, 20)
        await daemon.reached(await slide(stage.world, 4000))
        await eventually(lambda: alertmanager.firing("eth-cascade") == [], 20)
        await eventually(lambda: json.loads(pager.got[-1][1])["event_action"] == "resolve", 20)
        await eventually(lambda: b"CLEARED" in chat.got[-1][1], 20)
    trip = next(json.loads(body) for _, body in pager.got if b"breaker.tripped" in body)
    assert trip["payload"]["severity"] == "critical"
    assert trip["payload"]["summary"].startswith("TRIPPED eth-cascade: $")
    message = json.loads(chat.got[1][1])
    assert message["title"] == trip["payload"]["summary"]
    assert message["message"].endswith("Page: https://ops.example/cm")
    assert "If WETH falls 5 %: " in message["message"]
    for secret in (KEY, "/KEY"):
        assert secret not in tested.out + tested.err + daemon.log.read_text()
