"""The outbox in Redis: one queue per webhook, and what became of every delivery."""

import math
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping

from redis.asyncio import Redis

from monitor.core.alerts import MONITOR, AlertType, Delivery
from monitor.core.delivery import FURTHEST_SECONDS
from monitor.errors import LedgerCorrupt
from monitor.store import codec
from monitor.store.connection import Scripts, read
from monitor.store.history import History
from monitor.store.keys import Keys
from monitor.store.operation import KeyList, Part

PAGE = 100
"""Ids of a queue that are looked at in one round trip."""


class RedisDeliveryQueue:
    """DeliveryQueue over the store's connection and scripts. Made by the store."""

    def __init__(
        self,
        client: "Redis",
        keys: Keys,
        scripts: Scripts,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._keys = keys
        self._scripts = scripts
        self._history = History(client, keys)
        self._clock = clock

    async def due(
        self, webhook: str, now_unix: float, *, final_only: bool = False
    ) -> Delivery | None:
        delivery = await self._first(webhook, final_only=final_only)
        if delivery is None or not _is_due(delivery, now_unix):
            return None
        return delivery

    async def take(
        self,
        webhook: str,
        now_unix: float,
        *,
        final_only: bool = False,
        done: Delivery | None = None,
        aside: Collection[str] = (),
    ) -> Delivery | None:
        keys = KeyList(self._keys)
        operation: Part = {
            "webhook": webhook,
            "queue": keys.queue(webhook),
            "now": repr(now_unix),
            "furthest": FURTHEST_SECONDS,
            "final_only": final_only,
            "aside": list(aside),
            "monitor": MONITOR,
            "retracted": AlertType.RETRACTED,
        }
        if done is not None:
            operation["done"] = {"id": done.alert_id, "created": repr(done.created_unix)}
        outcome, *found = await self._scripts.run("take", operation, keys.names)
        if outcome == "none":
            return None
        if outcome == "damaged":
            raise _damaged(*found)
        alert_id, posted, *terms = found
        return _delivery(alert_id, webhook, posted, " ".join(("pending", *terms)))

    async def begin_attempt(self, delivery: Delivery) -> bool:
        return await self._move(delivery, status="pending", attempts=delivery.attempts + 1)

    async def delivered(self, delivery: Delivery) -> None:
        await self._move(delivery, status="delivered")

    async def postpone(self, delivery: Delivery, due_unix: float) -> None:
        await self._move(delivery, status="pending", due=repr(due_unix))

    async def bury(self, delivery: Delivery, reason: str) -> None:
        letter = codec.DeadLetter(delivery, reason, self._clock())
        await self._move(delivery, status="dead", letter=codec.encode_text(letter))

    async def cut(self, webhook: str, most: int, reason: str) -> int:
        keys = KeyList(self._keys)
        operation: Part = {
            "webhook": webhook,
            "queue": keys.queue(webhook),
            "most": most,
            "reason": reason,
            "now": self._clock(),
        }
        buried = 0
        while True:
            _, count = await self._scripts.run("cut", operation, keys.names)
            buried += int(count)
            if int(count) < PAGE:
                return buried

    async def delivered_bodies(self, webhook: str) -> list[str]:
        return await self._history.delivered_bodies(webhook)

    async def overdue_seconds(
        self, now_unix: float, *, finalized: frozenset[str] = frozenset()
    ) -> Mapping[str, float]:
        waits = {}
        for webhook in sorted(await self.webhooks()):
            first = await self._first(webhook, final_only=webhook in finalized)
            if first is not None:
                waits[webhook] = max(0.0, now_unix - first.created_unix)
        return waits

    async def pending(self) -> int:
        queues = [self._keys.queue(webhook) for webhook in await self.webhooks()]
        return sum(await read(self._client, *(("LLEN", queue) for queue in queues)))

    async def webhooks(self) -> frozenset[str]:
        [names] = await read(self._client, ("SMEMBERS", self._keys.of("webhooks")))
        return frozenset(names)

    async def _first(self, webhook: str, *, final_only: bool) -> Delivery | None:
        """The oldest delivery of a webhook, of those it may have."""
        async for alert_id, posted in self._waiting(webhook, PAGE if final_only else 1):
            if final_only and not await self._is_final(posted):
                continue
            entry = f"{alert_id}:{webhook}"
            [state] = await read(self._client, ("HGET", self._keys.of("outbox"), entry))
            # The alert may be dropped between these reads, and after them: begin_attempt tells.
            if state is not None:
                return _delivery(alert_id, webhook, posted, state)
        return None

    async def _waiting(self, webhook: str, page: int) -> AsyncIterator[tuple[str, str]]:
        """The ids of a queue with their alerts, oldest first; a page of one is its head alone."""
        first = 0
        while True:
            [ids] = await read(
                self._client, ("LRANGE", self._keys.queue(webhook), first, first + page - 1)
            )
            if not ids:
                return
            [texts] = await read(self._client, ("HMGET", self._keys.of("alerts"), *ids))
            for alert_id, text in zip(ids, texts, strict=True):
                if text is not None:
                    yield alert_id, text
            if page == 1 or len(ids) < page:
                return
            first += page

    async def _is_final(self, posted: str) -> bool:
        """Whether nothing can take an alert back. What takes back, waits for nothing either."""
        alert = codec.decode_posted(posted).alert
        if not alert.is_of_chain or alert.type is AlertType.RETRACTED:
            return True
        [base] = await read(self._client, ("LINDEX", self._keys.of("tail"), 0))
        return base is not None and alert.block.number <= codec.decode_block(base).number

    async def _move(self, delivery: Delivery, *, attempts: int = 0, **terms: str) -> bool:
        keys = KeyList(self._keys)
        operation = {
            "id": delivery.alert_id,
            "webhook": delivery.webhook,
            "queue": keys.queue(delivery.webhook),
            "attempts": attempts,
            "created": repr(delivery.created_unix),
            **terms,
        }
        answer = await self._scripts.run("deliver", operation, keys.names)
        return answer[0] == "ok"


def _is_due(delivery: Delivery, now_unix: float) -> bool:
    """What is fresh is due at once, whatever the clock says; and no delivery is put off so far as
    a clock that was wrong may say."""
    due_unix = delivery.due_unix
    is_fresh = due_unix == delivery.created_unix
    return is_fresh or not now_unix < due_unix <= now_unix + FURTHEST_SECONDS


def _delivery(alert_id: str, webhook: str, posted: str, state: str) -> Delivery:
    body = codec.decode_posted(posted).alert.body
    return Delivery(alert_id, webhook, body, *_terms(alert_id, state))


def _terms(alert_id: str, state: str) -> tuple[int, float, float]:
    try:
        _, attempts, due, created = state.split(" ")
        terms = int(attempts), float(due), float(created)
    except ValueError as exc:
        raise _damaged(alert_id, state) from exc
    if terms[0] < 0 or not all(map(math.isfinite, terms[1:])):
        raise _damaged(alert_id, state)
    return terms


def _damaged(alert_id: str, state: str) -> LedgerCorrupt:
    return LedgerCorrupt(
        f"the delivery of alert {alert_id} is {state[:100]!r} in the store: expected its status, "
        "attempts and two times. Something else wrote there. Restore a backup, or forget all "
        "there is: cascade-monitor store rebuild --forget-alerts --config F."
    )
