"""The outbox in Redis: one queue per webhook, and what became of every delivery."""

from redis.asyncio import Redis

from monitor.core.alerts import Delivery
from monitor.errors import LedgerCorrupt
from monitor.store import codec
from monitor.store.connection import Scripts, read
from monitor.store.keys import Keys
from monitor.store.operation import KeyList


class RedisDeliveryQueue:
    """DeliveryQueue over the store's connection and scripts. Made by the store."""

    def __init__(self, client: "Redis", keys: Keys, scripts: Scripts) -> None:
        self._client = client
        self._keys = keys
        self._scripts = scripts

    async def due(self, webhook: str, now_unix: float) -> Delivery | None:
        [alert_id] = await read(self._client, ("LINDEX", self._keys.queue(webhook), 0))
        if alert_id is None:
            return None
        state, posted = await read(
            self._client,
            ("HGET", self._keys.of("outbox"), f"{alert_id}:{webhook}"),
            ("HGET", self._keys.of("alerts"), alert_id),
        )
        # The alert may be dropped between these reads, and after them: begin_attempt tells.
        if state is None or posted is None:
            return None
        attempts, due_unix, created_unix = _terms(alert_id, state)
        if due_unix > now_unix:
            return None
        body = codec.decode_posted(posted).alert.body
        return Delivery(alert_id, webhook, body, attempts, due_unix, created_unix)

    async def begin_attempt(self, delivery: Delivery) -> bool:
        return await self._move(delivery, status="pending", attempts=delivery.attempts + 1)

    async def delivered(self, delivery: Delivery) -> None:
        await self._move(delivery, status="delivered")

    async def postpone(self, delivery: Delivery, due_unix: float) -> None:
        await self._move(delivery, status="pending", due=repr(due_unix))

    async def bury(self, delivery: Delivery, reason: str) -> None:
        letter = codec.encode_text({"delivery": delivery, "reason": reason})
        await self._move(delivery, status="dead", letter=letter)

    async def pending(self) -> int:
        queues = [self._keys.queue(webhook) for webhook in await self.webhooks()]
        return sum(await read(self._client, *(("LLEN", queue) for queue in queues)))

    async def webhooks(self) -> frozenset[str]:
        [names] = await read(self._client, ("SMEMBERS", self._keys.of("webhooks")))
        return frozenset(names)

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


def _terms(alert_id: str, state: str) -> tuple[int, float, float]:
    try:
        _, attempts, due, created = state.split(" ")
        return int(attempts), float(due), float(created)
    except ValueError as exc:
        raise LedgerCorrupt(
            f"the delivery of alert {alert_id} is {state!r} in the store: expected its status, "
            "attempts and two times. Something else wrote there. Restore a backup, or forget all "
            "there is: cascade-monitor store rebuild --forget-alerts --config F."
        ) from exc
