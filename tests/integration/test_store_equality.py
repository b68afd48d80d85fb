"""Any sequence of operations leaves the store in memory and the one in Redis equal."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random

from builders import a_block, a_delta, a_judgement, a_position, an_address, an_alert
from fakes import MemoryStore
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from redis_server import RedisServer, an_identity

from monitor.core.alerts import AlertType, BreakerPhase, ConditionState, Delivery
from monitor.core.blocks import BlockRef
from monitor.core.delivery import DeliveryQueue
from monitor.core.delta import BlockDelta
from monitor.core.keys import Key, position_key
from monitor.core.ledger import Record
from monitor.core.ports import StateStore
from monitor.core.units import MarketId
from monitor.errors import InvariantBroken
from monitor.store.connection import connect
from monitor.store.redis_store import RedisStore

KEYS = [position_key(MarketId("core"), an_address(str(n))) for n in range(6)]
WEBHOOKS = ("ops", "dao")
BASE = a_block()

Call = Callable[[StateStore, DeliveryQueue], Awaitable[object]]


@dataclass
class Play:
    """Draws operations, and does each to both stores: the same answer, or the same error."""

    random: Random
    memory: MemoryStore
    redis: RedisStore
    now_unix: float = 0.0
    blocks: list[BlockRef] = field(default_factory=lambda: [BASE])
    begun: list[Delivery] = field(default_factory=list)

    async def both(self, call: Call) -> object:
        """Now and then twice, as after a lost answer."""
        for _ in range(self.random.choice((1, 1, 2))):
            expected = await outcome(call(self.memory, self.memory))
            assert await outcome(call(self.redis, self.redis.deliveries)) == expected
        return expected

    async def commit(self) -> None:
        parent = self.random.choice((self.blocks[-1],) * 9 + (self.random.choice(self.blocks),))
        block = a_block(parent, fork=self.random.choice(("", "", "", "b")))
        records = (await self.memory.load()).records
        delta = self.a_delta(block, dict(records))
        if await self.both(lambda store, _: store.commit(delta)) is None:
            cursor = (await self.memory.load()).cursor
            if cursor != self.blocks[-1]:
                self.blocks.append(block)

    async def judge(self) -> None:
        block = self.random.choice((self.blocks[-1],) * 4 + tuple(self.blocks[-3:]))
        names = self.random.sample(("a", "b", "c"), self.random.randrange(3))
        alerts = [an_alert(block, name) for name in names]
        phase = self.random.choice(list(BreakerPhase))
        judgement = a_judgement(block, *alerts, phase=phase)
        await self.both(lambda store, _: store.judge(judgement, {a.id: WEBHOOKS for a in alerts}))

    async def revert(self) -> None:
        block = self.random.choice((self.blocks[-1],) * 4 + (self.random.choice(self.blocks),))
        found = await outcome(self.memory.undo_record(block.hash))
        assert await outcome(self.redis.undo_record(block.hash)) == found
        if isinstance(found, type):
            return
        undo = await self.memory.undo_record(block.hash)
        retractions = {
            alert.id: (an_alert(block, alert.breaker, AlertType.RETRACTED), WEBHOOKS)
            for alert in (undo.judgement.alerts if undo.judgement else ())
        }
        answer = await self.both(lambda store, _: store.revert(undo, retractions))
        if not isinstance(answer, type):
            self.blocks.pop()

    async def forget(self) -> None:
        number = self.blocks[-1].number - self.random.randrange(2, 8)
        await self.both(lambda store, _: store.forget(number))

    async def deliver(self) -> None:
        webhook = self.random.choice(WEBHOOKS)
        delivery = await self.memory.due(webhook, self.now_unix)
        assert await self.redis.deliveries.due(webhook, self.now_unix) == delivery
        if delivery is None:
            return
        later = self.now_unix + self.random.random() * 10
        calls: list[Call] = [
            lambda _, queue: queue.begin_attempt(delivery),
            lambda _, queue: queue.delivered(delivery),
            lambda _, queue: queue.postpone(delivery, later),
            lambda _, queue: queue.bury(delivery, "because"),
        ]
        await self.both(calls[0])
        if self.random.random() < 0.3:
            self.begun.append(delivery)  # its end comes later, whatever happens until then
            return
        await self.both(self.random.choice((*calls, calls[1], calls[1])))

    async def deliver_late(self) -> None:
        if self.begun:
            delivery = self.begun.pop(0)
            await self.both(lambda _, queue: queue.delivered(delivery))

    async def take(self) -> None:
        webhook = self.random.choice(WEBHOOKS)
        final_only = self.random.random() < 0.3
        done = self.begun.pop(0) if self.begun and self.random.random() < 0.5 else None
        if done is not None and done.webhook != webhook:
            self.begun.append(done)
            done = None
        found = await self.once(
            lambda queue: queue.take(webhook, self.now_unix, final_only=final_only, done=done)
        )
        if isinstance(found, Delivery):
            self.begun.append(found)

    async def once(self, call: Callable[[DeliveryQueue], Awaitable[object]]) -> object:
        expected = await outcome(call(self.memory))
        assert await outcome(call(self.redis.deliveries)) == expected
        return expected

    async def cut(self) -> None:
        webhook, most = self.random.choice(WEBHOOKS), self.random.randrange(2, 6)
        await self.once(lambda queue: queue.cut(webhook, most, "full"))

    async def announce(self) -> None:
        alert = an_alert(self.blocks[-1], "monitor.head", AlertType.BLIND)
        state = ConditionState(self.random.random() < 0.5, self.random.randrange(5))
        told = [alert] * self.random.randrange(2)
        await self.both(
            lambda store, _: store.announce({"monitor.head": state}, told, {alert.id: WEBHOOKS})
        )

    async def same_of_the_outbox(self) -> None:
        """Whatever else can be asked is answered the same."""
        for webhook in WEBHOOKS:
            await self.once(lambda queue: queue.delivered_bodies(webhook))  # noqa: B023
        await self.once(lambda queue: queue.overdue_seconds(self.now_unix))
        only = frozenset({"dao"})
        await self.once(lambda queue: queue.overdue_seconds(self.now_unix, finalized=only))
        await self.both(lambda store, _: store.conditions())

    async def wait(self) -> None:
        self.now_unix += self.random.random() * 10

    async def run(self, count: int) -> None:
        begun = {key: a_position(7) for key in KEYS[:3]}
        await self.both(lambda store, _: store.begin(BASE, begun))
        deeds = [self.commit] * 4 + [self.judge] * 4 + [self.revert] * 3
        deeds += [self.deliver] * 6 + [self.deliver_late, self.wait, self.forget]
        deeds += [self.take] * 4 + [self.cut, self.announce]
        for _ in range(count):
            await self.random.choice(deeds)()
            assert await self.redis.load() == await self.memory.load()
            assert await self.redis.recent_alerts(99) == await self.memory.recent_alerts(99)
            assert await self.redis.deliveries.pending() == await self.memory.pending()
            if self.random.random() < 0.2:
                await self.same_of_the_outbox()

    def a_delta(self, block: BlockRef, records: dict[Key, Record]) -> BlockDelta:
        changes = []
        for key in self.random.sample(KEYS, self.random.randrange(4)):
            after = self.random.choice((None, a_position(self.random.randrange(1, 2**255))))
            if after != records.get(key):
                changes.append((key, records.get(key), after))
        return a_delta(block, *changes)


async def outcome(awaitable: Awaitable[object]) -> object:
    """What comes back, or the class of what is raised."""
    try:
        return await awaitable
    except InvariantBroken as exc:
        return type(exc)


async def play(url: str, random: Random, count: int) -> None:
    async with connect(url) as client:
        game = Play(random, MemoryStore(lambda: game.now_unix), None)  # type: ignore[arg-type]
        game.redis = await RedisStore.open(client, an_identity(), clock=lambda: game.now_unix)
        await game.run(count)


# Fewer random draws are not a simpler game: shrinking would only take minutes.
@settings(max_examples=60, deadline=None, phases=[Phase.reuse, Phase.generate])
@given(random=st.randoms(use_true_random=False), count=st.integers(10, 80))
def test_stores__any_operations__are_equal(
    redis_server: RedisServer, random: Random, count: int
) -> None:
    asyncio.run(play(redis_server.url, random, count))
