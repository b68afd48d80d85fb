"""What is forgotten of the alerts, and what never is."""

import time
from dataclasses import replace

import pytest
from builders import a_block, a_delta, an_alert
from redis.asyncio import Redis

from monitor.core.alerts import (
    Alert,
    AlertType,
    BreakerPhase,
    BreakerState,
    ConditionState,
    Judgement,
)
from monitor.core.blocks import BlockRef
from monitor.store.identity import Identity
from monitor.store.redis_store import RedisStore

BASE = a_block()
LIMIT = 1000


class Life:
    """A store whose chain goes on, block by block."""

    def __init__(self, store: RedisStore) -> None:
        self.store = store
        self.block = BASE

    async def judge(
        self, *alerts: Alert, states: dict[str, BreakerState] | None = None
    ) -> BlockRef:
        """One block more; the alerts go to ops, and are delivered."""
        await self.store.commit(a_delta(self.block))
        judgement = Judgement(self.block, tuple((states or {}).items()), alerts)
        await self.store.judge(judgement, {alert.id: ["ops"] for alert in alerts})
        done = None
        while (done := await self.store.deliveries.take("ops", time.time(), done=done)) is not None:
            pass
        return self.block

    def next(self) -> BlockRef:
        self.block = a_block(self.block)
        return self.block

    async def flap(self, count: int) -> None:
        """So many alerts of another breaker, a hundred in a block."""
        for first in range(0, count, 100):
            block = self.next()
            await self.judge(*(an_alert(block, f"flapping-{n}") for n in range(first, first + 100)))
            if block.number % 4 == 0:
                await self.store.forget(block.number - 2)

    async def kept(self) -> set[str]:
        return {stored.alert.id for stored in await self.store.recent_alerts(20_000)}


@pytest.fixture
async def life(client: Redis, identity: Identity) -> Life:
    store = await RedisStore.open(client, identity)
    await store.begin(BASE, {})
    return Life(store)


async def test_history__alert_of_an_episode_that_fires__is_kept_until_it_does_not(
    life: Life,
) -> None:
    block = life.next()
    warned = replace(an_alert(block, type=AlertType.WARNED), episode="long")
    tripped = replace(an_alert(block), episode="long")
    firing = BreakerState(BreakerPhase.TRIPPED, episode="long")
    await life.judge(warned, tripped, states={"eth-cascade": firing})
    await life.flap(1500)
    assert {warned.id, tripped.id} <= await life.kept()
    bodies = await life.store.deliveries.delivered_bodies("ops")
    assert bodies[:2] == [warned.body, tripped.body]
    life.next()
    await life.judge(states={"eth-cascade": BreakerState()})
    await life.flap(100)
    assert not {warned.id, tripped.id} & await life.kept()


async def test_history__alert_whose_block_can_go__is_kept_until_it_cannot(life: Life) -> None:
    block = life.next()
    alert = an_alert(block)
    await life.judge(alert)
    for _ in range(15):
        life.next()
        await life.judge(*(an_alert(life.block, f"flapping-{n}") for n in range(100)))
    assert alert.id in await life.kept()
    await life.store.forget(life.block.number)
    await life.flap(100)
    assert alert.id not in await life.kept()


async def test_history__blind_breaker_and_condition__are_kept_while_they_are(life: Life) -> None:
    block = life.next()
    blind = an_alert(block, type=AlertType.BLIND)
    state = BreakerState(blind=True, blind_block_hash=block.hash)
    await life.judge(blind, states={"eth-cascade": state})
    head = an_alert(block, "monitor.head", AlertType.BLIND)
    seen = ConditionState(is_blind=True, serial=1)
    await life.store.announce({"monitor.head": seen}, [head], {head.id: []})
    # Looked at again, with nothing to be said: the episode under way stays the same.
    await life.store.announce({"monitor.head": replace(seen, reasons=("worse",))}, [], {})
    await life.flap(1500)
    assert {blind.id, head.id} <= await life.kept()
    life.next()
    await life.judge(states={"eth-cascade": BreakerState()})
    await life.store.announce({"monitor.head": ConditionState(serial=1)}, [], {})
    await life.flap(200)
    assert not {blind.id, head.id} & await life.kept()


async def test_history__ten_thousand_flapping_alerts__take_no_more_room_than_two_thousand(
    life: Life, client: Redis, identity: Identity
) -> None:
    await life.flap(2000)
    await life.store.forget(life.block.number)
    before = await size_of(client, identity)
    await life.flap(8000)
    await life.store.forget(life.block.number)
    assert len(await life.kept()) == LIMIT
    assert await size_of(client, identity) < 1.05 * before


async def test_history__many_that_have_to_stay__make_no_post_dear(
    life: Life, client: Redis
) -> None:
    """All pending for a receiver that is away: 4,000 beyond the limit."""
    for first in range(0, 5000, 500):
        block = life.next()
        await life.store.commit(a_delta(block))
        alerts = [an_alert(block, str(n)) for n in range(first, first + 500)]
        judgement = Judgement(block, (), tuple(alerts))
        await life.store.judge(judgement, {alert.id: ["away"] for alert in alerts})
    block = life.next()
    await life.store.commit(a_delta(block))
    alert = an_alert(block)
    looked_before = await commands(client)
    await life.store.judge(Judgement(block, (), (alert,)), {alert.id: ["away"]})
    assert await commands(client) - looked_before < 100
    assert len(await life.kept()) == 5001


async def commands(client: Redis) -> int:
    """Commands the server has run, those of scripts included."""
    found = await client.info("commandstats")
    return sum(stats["calls"] for stats in found.values())


async def size_of(client: Redis, identity: Identity) -> int:
    """Bytes of all that one daemon keeps."""
    names = [key async for key in client.scan_iter(match=f"*{identity.namespace}:*", count=10_000)]
    sizes = [await client.memory_usage(name, samples=0) for name in names]
    return sum(size or 0 for size in sizes)
