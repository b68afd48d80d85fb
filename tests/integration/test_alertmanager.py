"""The real Alertmanager takes what we push, and the real Prometheus alerts on what we measure."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alert_bodies import a_body, a_delivery, taken_back
from alertmanager_server import Alertmanager, Notified, Prometheus, free_port, wait_until
from builders import a_block, a_delta
from devnet.cache import InstallError
from prometheus_client import CollectorRegistry
from receiving import eventually
from redis.asyncio import Redis

from monitor.alerts.alertmanager import AlertmanagerSender
from monitor.alerts.outbox import Outbox
from monitor.alerts.senders import keeping
from monitor.alerts.target import Format, Target
from monitor.core.alerts import Alert, AlertType, BreakerPhase, Judgement
from monitor.core.blocks import BlockRef
from monitor.metrics import Labels, Metrics
from monitor.store.identity import Identity
from monitor.store.redis_store import RedisStore
from monitor.web.server import WebServer
from monitor.web.stream import Stream

FIRES, WARNS = ("critical", "firing"), ("warning", "firing")
ENDS, CALMS = ("critical", "resolved"), ("warning", "resolved")


@pytest.fixture(scope="module")
def notified() -> Iterator[Notified]:
    receiver = Notified()
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def alertmanager(
    notified: Notified, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Alertmanager]:
    try:
        server = Alertmanager(tmp_path_factory.mktemp("alertmanager"), notified.url)
    except InstallError as error:
        pytest.skip(f"real Alertmanager and Prometheus: {error}")
    try:
        server.run()
        yield server
    finally:
        server.stop()


class Taken:
    """A queue that knows only what was taken."""

    def __init__(self, *bodies: str) -> None:
        self.bodies = list(bodies)

    async def delivered_bodies(self, _webhook: str) -> list[str]:
        return self.bodies


@contextlib.asynccontextmanager
async def pushing(server: Alertmanager, *taken: str) -> AsyncIterator[AlertmanagerSender]:
    """A sender that keeps what fires firing, twice in each resolve_timeout."""
    target = Target(
        "am", server.url, Format.ALERTMANAGER, chain_id=1, resend_seconds=1, allow_private=True
    )
    async with AlertmanagerSender(target, lambda: True) as sender:
        task = asyncio.create_task(sender.keep(Taken(*taken)))  # type: ignore[arg-type]
        try:
            yield sender
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def story(breaker: str) -> tuple[str, str, str]:
    """Warned, tripped and cleared, an episode of a test's own."""
    return (
        a_body("breaker.warned", breaker=breaker, severity="warning", block=100),
        a_body("breaker.tripped", breaker=breaker, block=102, starts=100),
        a_body("breaker.cleared", breaker=breaker, block=110, starts=100, firing=False),
    )


def ends_at(server: Alertmanager, breaker: str) -> datetime:
    (alert,) = server.firing(breaker)
    return datetime.fromisoformat(alert["endsAt"])


async def outlived(server: Alertmanager, breaker: str, first: datetime) -> None:
    """Until Alertmanager would have resolved an alert it heard of no more."""

    def is_later() -> bool:
        return datetime.now(UTC) > first and ends_at(server, breaker) > first

    await eventually(is_later, 20)


async def test_alertmanager__tripped__fires_once_beyond_its_timeout_until_cleared(
    alertmanager: Alertmanager, notified: Notified
) -> None:
    _, tripped, cleared = story("kept")
    async with pushing(alertmanager) as sender:
        await sender.send(a_delivery(tripped))
        await asyncio.to_thread(notified.wait_for, "kept", FIRES)
        await outlived(alertmanager, "kept", ends_at(alertmanager, "kept"))
        assert notified.of("kept") == [FIRES]
        await sender.send(a_delivery(cleared))
        await asyncio.to_thread(notified.wait_for, "kept", FIRES, ENDS)
        assert alertmanager.firing("kept") == []
    (first, last) = [one for one in notified.alerts if one["labels"]["breaker"] == "kept"]
    assert first["labels"] == {
        "alertname": "CascadeBreaker",
        "breaker": "kept",
        "chain_id": "1",
        "severity": "critical",
    }
    assert first["annotations"]["summary"] == "TRIPPED kept: $23.1M liquidated (limit $20.0M)"
    assert first["startsAt"] == "2023-11-14T22:33:20Z"
    assert last["endsAt"] == "2023-11-14T22:35:20Z"


async def test_alertmanager__told_once_and_not_kept__is_resolved_by_its_timeout(
    alertmanager: Alertmanager, notified: Notified
) -> None:
    """What `keep` is for: without it the test above could not fail."""
    _, tripped, _ = story("forgotten")
    target = Target("am", alertmanager.url, Format.ALERTMANAGER, allow_private=True)
    async with AlertmanagerSender(target, lambda: True) as sender:
        await sender.send(a_delivery(tripped))
    await asyncio.to_thread(notified.wait_for, "forgotten", FIRES, ENDS)


async def test_alertmanager__warned_then_tripped_then_taken_back__says_how_it_stands(
    alertmanager: Alertmanager, notified: Notified
) -> None:
    warned, tripped, cleared = story("swaying")
    async with pushing(alertmanager) as sender:
        await sender.send(a_delivery(warned))
        await asyncio.to_thread(notified.wait_for, "swaying", WARNS)
        await sender.send(a_delivery(tripped))
        await asyncio.to_thread(notified.wait_for, "swaying", WARNS, FIRES, CALMS)
        await sender.send(a_delivery(taken_back(tripped, firing=True)))
        await asyncio.to_thread(notified.wait_for, "swaying", WARNS, FIRES, CALMS, ENDS, WARNS)
        (alert,) = alertmanager.firing("swaying")
        assert alert["labels"]["severity"] == "warning"
        await sender.send(a_delivery(cleared))
        await eventually(lambda: alertmanager.firing("swaying") == [])


async def test_alertmanager__same_alert_again__is_told_to_nobody_twice(
    alertmanager: Alertmanager, notified: Notified
) -> None:
    _, tripped, cleared = story("again")
    async with pushing(alertmanager) as sender:
        await sender.send(a_delivery(tripped))
        await asyncio.to_thread(notified.wait_for, "again", FIRES)
        first = ends_at(alertmanager, "again")
        for _ in range(3):
            await sender.send(a_delivery(tripped))
        await outlived(alertmanager, "again", first)
        await sender.send(a_delivery(cleared))
        await asyncio.to_thread(notified.wait_for, "again", FIRES, ENDS)


async def test_alertmanager__sender_restarted__what_was_taken_keeps_firing(
    alertmanager: Alertmanager, notified: Notified
) -> None:
    warned, tripped, cleared = story("restarted")
    async with pushing(alertmanager) as sender:
        await sender.send(a_delivery(tripped))
        await asyncio.to_thread(notified.wait_for, "restarted", FIRES)
    first = ends_at(alertmanager, "restarted")
    async with pushing(alertmanager, warned, tripped) as sender:
        await outlived(alertmanager, "restarted", first)
        assert notified.of("restarted") == [FIRES]
        await sender.send(a_delivery(cleared))
        await asyncio.to_thread(notified.wait_for, "restarted", FIRES, ENDS)


def an_alert_of(body: str, block: BlockRef) -> Alert:
    told = json.loads(body)
    named = told["data"]["alert"]
    return Alert(named["id"], named["fingerprint"], named["episode"], named["breaker"],
                 AlertType(told["type"]), block, body)  # fmt: skip


async def test_alertmanager__daemon_killed_between_two_alerts__goes_on_from_the_store(
    alertmanager: Alertmanager, notified: Notified, client: Redis, identity: Identity
) -> None:
    """Through the outbox and a real Redis: what was delivered is what is kept after a restart."""
    _, tripped, cleared = story("stored")
    store = await RedisStore.open(client, identity)
    blocks = [a_block(number=100)]
    await store.begin(blocks[0], {})

    async def judged(body: str) -> None:
        blocks.append(a_block(blocks[-1]))
        await store.commit(a_delta(blocks[-1]))
        alert = an_alert_of(body, blocks[-1])
        judgement = Judgement(blocks[-1], (), (alert,))
        await store.judge(judgement, {alert.id: ("am",)})

    @contextlib.asynccontextmanager
    async def running() -> AsyncIterator[None]:
        target = Target("am", alertmanager.url, Format.ALERTMANAGER, resend_seconds=1,
                        allow_private=True)  # fmt: skip
        async with AlertmanagerSender(target, lambda: True) as sender:
            senders = {"am": sender}
            outbox = Outbox(store.deliveries, senders, lambda *_: None)
            work = [outbox.run(), *keeping(senders, store.deliveries).values()]
            tasks = [asyncio.create_task(each) for each in work]
            yield
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    await judged(tripped)
    async with running():
        await asyncio.to_thread(notified.wait_for, "stored", FIRES)
        await pending(store, 0)
    first = ends_at(alertmanager, "stored")
    async with running():
        await outlived(alertmanager, "stored", first)
        await judged(cleared)
        await asyncio.to_thread(notified.wait_for, "stored", FIRES, ENDS)
    await store.lease.release()


async def pending(store: RedisStore, count: int) -> None:
    async with asyncio.timeout(5):
        while await store.deliveries.pending() != count:  # noqa: ASYNC110 (Redis tells nobody)
            await asyncio.sleep(0.01)


RULE = {
    "alert": "BreakerTripped",
    "expr": f"cascade_monitor_breaker_state == {BreakerPhase.TRIPPED.value}",
    "labels": {"severity": "critical"},
}


class NoAnswers:
    """A scrape asks nothing of the engine."""


@pytest.fixture
async def measured() -> AsyncIterator[tuple[Metrics, str]]:
    """The daemon's own metrics at its own address."""
    labels = Labels(["m"], ["s"], [], ["scraped", "calm"], [], 1)
    metrics = Metrics(CollectorRegistry(), labels, "0")
    answers: Any = NoAnswers()
    web = WebServer(answers, metrics, Stream(), version="0", token=None)
    port = await web.start("127.0.0.1", free_port())
    yield metrics, f"127.0.0.1:{port}"
    await web.stop()


async def test_prometheus__breaker_tripped_in_the_metrics__is_alerted_and_resolved(
    alertmanager: Alertmanager,
    notified: Notified,
    measured: tuple[Metrics, str],
    tmp_path: Path,
) -> None:
    metrics, address = measured
    metrics.breaker_state.labels("scraped").set(BreakerPhase.TRIPPED)
    metrics.breaker_state.labels("calm").set(BreakerPhase.WARNED)
    prometheus = Prometheus(tmp_path)
    try:
        await asyncio.to_thread(prometheus.run, address, alertmanager, [RULE])
        await asyncio.to_thread(notified.wait_for, "scraped", FIRES)
        metrics.breaker_state.labels("scraped").set(BreakerPhase.ARMED)
        await asyncio.to_thread(notified.wait_for, "scraped", FIRES, ENDS)
    finally:
        prometheus.stop()
    assert notified.of("calm") == []


async def test_alertmanager__restarted_and_knows_nothing__is_told_again(
    alertmanager: Alertmanager, notified: Notified
) -> None:
    _, tripped, cleared = story("remembered")
    async with pushing(alertmanager) as sender:
        await sender.send(a_delivery(tripped))
        await asyncio.to_thread(notified.wait_for, "remembered", FIRES)
        alertmanager.stop()
        await asyncio.to_thread(alertmanager.run)
        await asyncio.to_thread(
            wait_until, lambda: bool(alertmanager.firing("remembered")), "told again"
        )
        await sender.send(a_delivery(cleared))
        await eventually(lambda: alertmanager.firing("remembered") == [])
