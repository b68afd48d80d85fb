"""A store under test with its queue, in memory or in Redis, and a short chain for it."""

from dataclasses import dataclass, replace

from builders import (
    USDC,
    WETH,
    a_block,
    a_delta,
    a_judgement,
    a_position,
    a_reserve,
    an_address,
    an_alert,
)
from fakes import MemoryStore
from redis.asyncio import Redis

from monitor.core.alerts import Alert, AlertType, BreakerPhase, Delivery, retraction_id
from monitor.core.blocks import BlockRef
from monitor.core.delivery import DeliveryQueue
from monitor.core.keys import Key, position_key, price_key, reserve_key
from monitor.core.ledger import Record
from monitor.core.ports import StateStore
from monitor.core.units import MarketId
from monitor.store.identity import Identity
from monitor.store.redis_store import RedisStore

CORE = MarketId("aave-core")
ALICE = position_key(CORE, an_address("alice"))
BOB = position_key(CORE, an_address("bob"))
RESERVE = reserve_key(CORE, WETH)
PRICE = price_key(CORE, USDC)
RECORDS: dict[Key, Record] = {ALICE: a_position(5), RESERVE: a_reserve()}

BASE = a_block()
FIRST = a_block(BASE)
SECOND = a_block(FIRST)
THIRD = a_block(SECOND)


@dataclass
class Clock:
    now_unix: float = 1763550000.25

    def __call__(self) -> float:
        return self.now_unix


@dataclass
class Subject:
    """A store under test, with its queue (a store in memory is both)."""

    store: StateStore
    queue: DeliveryQueue
    clock: Clock

    async def begin(self, *blocks: BlockRef) -> None:
        await self.store.begin(BASE, RECORDS)
        for block in blocks:
            await self.store.commit(a_delta(block))

    async def raise_alert(self, block: BlockRef, *webhooks: str) -> Alert:
        alert = an_alert(block)
        judgement = a_judgement(block, alert, phase=BreakerPhase.TRIPPED)
        await self.store.judge(judgement, {alert.id: webhooks})
        return alert

    async def revert(self, block: BlockRef, *webhooks: str) -> tuple[Alert, ...]:
        undo = await self.store.undo_record(block.hash)
        alerts = undo.judgement.alerts if undo.judgement else ()
        retractions = {a.id: (a_retraction(block), webhooks) for a in alerts}
        return await self.store.revert(undo, retractions)

    async def due(self, webhook: str) -> Delivery:
        delivery = await self.queue.due(webhook, self.clock())
        assert delivery is not None
        return delivery

    async def outcomes(self) -> list[dict[str, str]]:
        return [dict(stored.deliveries) for stored in await self.store.recent_alerts(10)]


def a_retraction(block: BlockRef) -> Alert:
    return replace(an_alert(block, type=AlertType.RETRACTED), id=retraction_id(an_alert(block).id))


async def a_subject(kind: str, client: Redis, identity: Identity) -> Subject:
    """`kind`: memory or redis."""
    clock = Clock()
    if kind == "memory":
        memory = MemoryStore(clock)
        return Subject(memory, memory, clock)
    store = await RedisStore.open(client, identity, clock=clock)
    return Subject(store, store.deliveries, clock)
