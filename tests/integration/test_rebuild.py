"""A ledger thrown away and begun again: its breakers go on, and nothing is said twice."""

from collections.abc import AsyncIterator, Mapping

import pytest
from builders import a_block, a_delta, a_hash, an_alert
from redis.asyncio import Redis
from redis_server import RedisServer

from monitor.core.alerts import Alert, BreakerPhase, BreakerState, Judgement
from monitor.core.blocks import BlockRef
from monitor.errors import LedgerCorrupt
from monitor.store.contents import connect_raw, contents_of, replace
from monitor.store.course import course_of
from monitor.store.identity import Identity
from monitor.store.redis_store import RedisStore

BASE = a_block()
CHAIN = [BASE]
for _ in range(5):
    CHAIN.append(a_block(CHAIN[-1]))
PHASES = {
    1: BreakerPhase.ARMED,
    2: BreakerPhase.WARNED,
    3: BreakerPhase.TRIPPED,
    4: BreakerPhase.RECOVERING,
}
"""What the breaker came to after each block; the fifth is applied, but not judged."""
WARNED, TRIPPED = an_alert(CHAIN[2]), an_alert(CHAIN[3])
KEPT = frozenset({"meta", "alerts", "history", "outbox", "webhooks", "gone", "letters"})


@pytest.fixture
async def raw(redis_server: RedisServer) -> AsyncIterator[Redis]:
    async with connect_raw(redis_server.url) as client:
        yield client


async def judge(store: RedisStore, number: int, *alerts: Alert) -> None:
    state = BreakerState(PHASES[number], held_blocks=number)
    judgement = Judgement(CHAIN[number], (("eth-cascade", state),), alerts)
    await store.judge(judgement, {alert.id: ["ops"] for alert in alerts})


async def fill(client: Redis, identity: Identity) -> RedisStore:
    """The chain; the warning was delivered, the trip was not yet."""
    store = await RedisStore.open(client, identity)
    await store.begin(BASE, {})
    for block in CHAIN[1:]:
        await store.commit(a_delta(block))
    await judge(store, 1)
    await judge(store, 2, WARNED)
    delivery = await store.deliveries.due("ops", 1e12)
    assert delivery is not None
    await store.deliveries.begin_attempt(delivery)
    await store.deliveries.delivered(delivery)
    await judge(store, 3, TRIPPED)
    await judge(store, 4)
    return store


async def rebuild(raw: Redis, identity: Identity, store: RedisStore) -> None:
    entries = await contents_of(raw, identity.keys())
    course = course_of(entries)
    assert course is not None
    keep = KEPT | {entry.name for entry in entries if entry.name.startswith("queue:")}
    await replace(raw, identity.keys(), store.lease.token, (course,), keep)
    assert (await store.load()).cursor is None


def phases(breakers: Mapping[str, BreakerState]) -> list[BreakerPhase]:
    return [state.phase for state in breakers.values()]


@pytest.mark.parametrize(
    ("block", "wanted"),
    [
        (a_block(number=99), []),
        (BASE, []),
        (CHAIN[1], [BreakerPhase.ARMED]),
        (CHAIN[2], [BreakerPhase.WARNED]),
        (CHAIN[3], [BreakerPhase.TRIPPED]),
        (CHAIN[4], [BreakerPhase.RECOVERING]),
        (CHAIN[5], [BreakerPhase.RECOVERING]),
        (a_block(number=900), [BreakerPhase.RECOVERING]),
    ],
)
async def test_begin__after_a_rebuild__takes_the_breakers_of_that_block(
    client: Redis, raw: Redis, identity: Identity, block: BlockRef, wanted: list[BreakerPhase]
) -> None:
    store = await fill(client, identity)
    await rebuild(raw, identity, store)
    await store.begin(block, {})
    assert phases((await store.load()).breakers) == wanted


async def test_judge__blocks_again_after_a_rebuild__queues_nothing_twice(
    client: Redis, raw: Redis, identity: Identity
) -> None:
    store = await fill(client, identity)
    told = await store.recent_alerts(9)
    await rebuild(raw, identity, store)
    assert await store.recent_alerts(9) == told
    await store.begin(CHAIN[1], {})
    for number, alerts in ((2, [WARNED]), (3, [TRIPPED]), (4, [])):
        await store.commit(a_delta(CHAIN[number]))
        await judge(store, number, *alerts)
    assert await store.recent_alerts(9) == told
    assert await store.deliveries.pending() == 1
    delivery = await store.deliveries.due("ops", 1e12)
    assert delivery is not None
    assert delivery.alert_id == TRIPPED.id


async def test_revert__of_a_block_judged_again__retracts_what_was_told_before(
    client: Redis, raw: Redis, identity: Identity
) -> None:
    store = await fill(client, identity)
    await rebuild(raw, identity, store)
    await store.begin(CHAIN[1], {})
    await store.commit(a_delta(CHAIN[2]))
    await judge(store, 2, WARNED)
    retraction = an_alert(CHAIN[2], "retraction")
    undo = await store.undo_record(CHAIN[2].hash)
    assert await store.revert(undo, {WARNED.id: (retraction, ["ops"])}) == (retraction,)
    await store.commit(a_delta(CHAIN[2]))
    await judge(store, 2, WARNED)  # the block is back: now it is told again
    assert await store.deliveries.pending() == 3


async def test_rebuild__twice_without_a_run__keeps_the_course(
    client: Redis, raw: Redis, identity: Identity
) -> None:
    store = await fill(client, identity)
    await rebuild(raw, identity, store)
    await rebuild(raw, identity, store)
    await store.begin(CHAIN[3], {})
    assert phases((await store.load()).breakers) == [BreakerPhase.TRIPPED]


async def test_rebuild__notes_that_do_not_decode__are_left_out(
    client: Redis, raw: Redis, identity: Identity
) -> None:
    store = await fill(client, identity)
    await raw.hset(identity.keys().of("judged"), CHAIN[4].hash, b"\xff garbage")
    await raw.hset(identity.keys().of("judged"), a_hash("other"), b"{}")
    await rebuild(raw, identity, store)
    await store.begin(CHAIN[3], {})
    assert phases((await store.load()).breakers) == [BreakerPhase.WARNED]


@pytest.mark.parametrize("state", [b"\xff", b"{", b'{"phase": 77}', None])
async def test_rebuild__breakers_that_do_not_decode__are_left_out(
    client: Redis, raw: Redis, identity: Identity, state: bytes | None
) -> None:
    store = await fill(client, identity)
    breakers = identity.keys().of("breakers")
    if state is None:
        await raw.delete(breakers)
        await raw.set(breakers, "no hash")
    else:
        await raw.hset(breakers, "eth-cascade", state)
        with pytest.raises(LedgerCorrupt, match="store rebuild"):
            await store.load()
    await rebuild(raw, identity, store)
    await store.begin(CHAIN[5], {})
    expected = [] if state is None else [BreakerPhase.TRIPPED]  # of the block before
    assert phases((await store.load()).breakers) == expected


@pytest.mark.parametrize(
    ("name", "value"), [("alerts", b"\xff"), ("outbox", b"\xff"), ("outbox", b"pending")]
)
async def test_due__delivery_that_does_not_decode__names_the_way_out(
    client: Redis, raw: Redis, identity: Identity, name: str, value: bytes
) -> None:
    store = await fill(client, identity)
    key = identity.keys().of(name)
    for field in await raw.hkeys(key):
        await raw.hset(key, field, value)
    with pytest.raises(LedgerCorrupt, match="store rebuild --forget-alerts"):
        await store.deliveries.due("ops", 1e12)


async def test_begin__fresh_store__has_no_breakers(client: Redis, identity: Identity) -> None:
    store = await RedisStore.open(client, identity)
    await store.begin(BASE, {})
    assert (await store.load()).breakers == {}
