"""One way to tell receivers of alerts, in a process of its own.

`python -m benchmarks.telling <ours|plain> <redis url> <alerts> <healthy> <url>...`: the first
`healthy` URLs are of receivers that work. Prints [seconds until those have everything, peak
megabytes of this process, megabytes Redis used] as JSON.
"""

import asyncio
import json
import logging
import resource
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

import aiohttp
from builders import a_block, a_delta, an_alert

from benchmarks.footprint import IDENTITY
from monitor.alerts.outbox import Outbox
from monitor.alerts.post import TIMEOUT_SECONDS
from monitor.alerts.target import Target
from monitor.alerts.webhook import WebhookSender
from monitor.core.alerts import Alert, Judgement
from monitor.metrics import DeliveryOutcome
from monitor.store.connection import connect
from monitor.store.redis_store import RedisStore

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ALERTS_OF_A_BLOCK = 100
BODY_BYTES = 2_000
"""About what a projection in an alert takes."""
TRIES = 3


def alert_of(block_number: int, number: int) -> Alert:
    alert = an_alert(a_block(number=block_number), str(number))
    text = f'{{"type":"{alert.type}","data":"{"x" * BODY_BYTES}"}}'
    return Alert(
        alert.id, alert.fingerprint, alert.episode, alert.breaker, alert.type, alert.block, text
    )


async def ours(redis_url: str, count: int, healthy: int, urls: Sequence[str]) -> list[float]:
    """The daemon's store, outbox and senders: everything is queued, then told."""
    names = [f"hook-{number}" for number in range(len(urls))]
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(connect(redis_url))
        store = await RedisStore.open(client, IDENTITY, take_over=True, lease_seconds=3600)
        await _queue(store, count, names)
        senders = {}
        for name, url in zip(names, urls, strict=True):
            target = Target(name, url, secrets=(SECRET,), allow_private=True)
            sender = WebhookSender(target, store.lease.is_current)
            senders[name] = await stack.enter_async_context(sender)
        left = dict.fromkeys(names[:healthy], count)
        done = asyncio.Event()

        def observe(name: str, outcome: DeliveryOutcome) -> None:
            if name in left and outcome is DeliveryOutcome.DELIVERED:
                left[name] -= 1
                if not any(left.values()):
                    done.set()

        outbox = Outbox(store.deliveries, senders, observe, clock=store.clock, max_pending=count)
        started = time.perf_counter()
        task = asyncio.create_task(outbox.run())
        await done.wait()
        seconds = time.perf_counter() - started
        used = (await client.info("memory"))["used_memory_peak"]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return [seconds, _peak_megabytes(), used / 2**20]


async def _queue(store: RedisStore, count: int, names: Sequence[str]) -> None:
    block = a_block()
    await store.begin(block, {})
    for first in range(0, count, ALERTS_OF_A_BLOCK):
        block = a_block(block)
        await store.commit(a_delta(block))
        numbers = range(first, min(first + ALERTS_OF_A_BLOCK, count))
        alerts = tuple(alert_of(block.number, number) for number in numbers)
        await store.judge(Judgement(block, (), alerts), {alert.id: names for alert in alerts})
        await store.forget(block.number)


async def plain(_redis_url: str, count: int, healthy: int, urls: Sequence[str]) -> list[float]:
    """What one writes first: every alert to all receivers at once, three tries each, the next
    alert after that. Nothing is kept, so a crash loses what was not yet told."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(timeout=timeout) as session:

        async def tell(url: str, body: bytes) -> None:
            for attempt in range(TRIES):
                try:
                    async with session.post(url, data=body) as response:
                        if response.status < 300:
                            return
                except (aiohttp.ClientError, TimeoutError):
                    pass
                if attempt < TRIES - 1:
                    await asyncio.sleep(0.1 * 2**attempt)

        started = time.perf_counter()
        for number in range(count):
            body = alert_of(number, number).body.encode()
            await asyncio.gather(*(tell(url, body) for url in urls))
        return [time.perf_counter() - started, _peak_megabytes(), 0.0]


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def told(arguments: list[str]) -> list[float]:
    way, redis_url, count, healthy, *urls = arguments
    tell = {"ours": ours, "plain": plain}[way]
    return await tell(redis_url, int(count), int(healthy), urls)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    sys.stdout.write(json.dumps(asyncio.run(told(sys.argv[1:]))))
