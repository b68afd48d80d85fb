"""What only the store in Redis can get wrong: crashes, other writers, other servers, retries."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from builders import a_block, a_delta, a_hash, a_judgement, a_position, an_address, an_alert
from redis.asyncio import Redis
from redis_server import RedisServer, an_identity

from monitor.core.blocks import BlockRef
from monitor.core.keys import Key, position_key
from monitor.core.ledger import Record
from monitor.core.ports import StoredState
from monitor.core.units import MarketId
from monitor.errors import (
    ConfigError,
    LedgerCorrupt,
    SchemaMismatch,
    StoreUnavailable,
    WriterFenced,
)
from monitor.store import connection, redis_store
from monitor.store.codec import digest
from monitor.store.connection import connect
from monitor.store.identity import Identity
from monitor.store.redis_store import RedisStore

CORE = MarketId("aave-core")
BASE = a_block()
FIRST = a_block(BASE)


def positions(count: int) -> dict[Key, Record]:
    return {position_key(CORE, an_address(str(n))): a_position(n + 1) for n in range(count)}


@asynccontextmanager
async def server_with(server: RedisServer, *settings: str) -> AsyncIterator[Redis]:
    """A client of the server, started with some settings."""
    server.start(*settings)
    async with connect(server.url) as client:
        yield client


async def test_open__second_writer__is_refused(client: Redis, identity: Identity) -> None:
    first = await RedisStore.open(client, identity, lease_seconds=0.3)
    holding = asyncio.create_task(first.lease.hold())
    with pytest.raises(WriterFenced, match="another daemon"):
        await RedisStore.open(client, identity, lease_seconds=0.3)
    await first.begin(BASE, {})
    holding.cancel()


async def test_open__crashed_writer__waits_for_its_lease_to_run_out(
    client: Redis, identity: Identity
) -> None:
    await RedisStore.open(client, identity, lease_seconds=0.2)
    second = await RedisStore.open(client, identity, lease_seconds=0.2)
    await second.begin(BASE, {})


async def test_open__released_lease__is_taken_at_once(client: Redis, identity: Identity) -> None:
    first = await RedisStore.open(client, identity)
    await first.lease.release()
    async with asyncio.timeout(1):
        await RedisStore.open(client, identity)


async def test_open__take_over__fences_the_earlier_writer(
    client: Redis, identity: Identity
) -> None:
    first = await RedisStore.open(client, identity)
    await first.begin(BASE, {})
    second = await RedisStore.open(client, identity, take_over=True)
    with pytest.raises(WriterFenced, match="with token 1"):
        await first.commit(a_delta(FIRST))
    assert (await second.load()).cursor == BASE


async def test_hold__lease_taken_by_another__raises(client: Redis, identity: Identity) -> None:
    first = await RedisStore.open(client, identity, lease_seconds=0.1)
    await RedisStore.open(client, identity, take_over=True)
    async with asyncio.timeout(1):
        with pytest.raises(WriterFenced):
            await first.lease.hold()


async def test_hold__longer_than_the_lease__keeps_it(client: Redis, identity: Identity) -> None:
    store = await RedisStore.open(client, identity, lease_seconds=0.2)
    holding = asyncio.create_task(store.lease.hold())
    await asyncio.sleep(0.5)
    assert await client.exists(identity.keys().of("lease"))
    holding.cancel()


async def test_begin_attempt__fenced_writer__does_not_send(
    client: Redis, identity: Identity
) -> None:
    store = await RedisStore.open(client, identity)
    await store.begin(BASE, {})
    await store.commit(a_delta(FIRST))
    alert = an_alert(FIRST)
    await store.judge(a_judgement(FIRST, alert), {alert.id: ["ops"]})
    delivery = await store.deliveries.due("ops", 1e12)
    await RedisStore.open(client, identity, take_over=True)
    assert delivery is not None
    with pytest.raises(WriterFenced):
        await store.deliveries.begin_attempt(delivery)


async def test_open__another_chain__is_refused(client: Redis, identity: Identity) -> None:
    await (await RedisStore.open(client, identity)).begin(BASE, {})
    other = replace(identity, genesis=a_hash("another"))
    with pytest.raises(SchemaMismatch, match=f"genesis: expected {a_hash('another')}, found 0x"):
        await RedisStore.open(client, other, take_over=True)


async def test_open__state_of_another__leaves_its_writer_alone(
    client: Redis, identity: Identity
) -> None:
    writer = await RedisStore.open(client, identity)
    await writer.begin(BASE, {})
    with pytest.raises(SchemaMismatch, match="configuration: expected 2, found configuration-1"):
        await RedisStore.open(client, replace(identity, configuration="2"), take_over=True)
    await writer.commit(a_delta(FIRST))


async def test_open__after_a_first_run_that_left_no_state__begins_anew(
    client: Redis, identity: Identity
) -> None:
    await (await RedisStore.open(client, identity)).lease.release()
    mended = replace(identity, configuration="2")
    store = await RedisStore.open(client, mended)
    await store.begin(BASE, {})
    with pytest.raises(SchemaMismatch):
        await RedisStore.open_reader(client, identity)
    assert (await (await RedisStore.open_reader(client, mended)).load()).cursor == BASE


async def test_open__older_layout__is_refused(client: Redis, identity: Identity) -> None:
    await (await RedisStore.open(client, identity)).begin(BASE, {})
    await client.hset(identity.keys().of("meta"), "schema", "0")
    with pytest.raises(SchemaMismatch, match="schema: expected 2, found 0"):
        await RedisStore.open_reader(client, identity)


async def test_open_reader__beside_a_writer__loads_what_it_wrote(
    client: Redis, identity: Identity
) -> None:
    writer = await RedisStore.open(client, identity)
    await writer.begin(BASE, positions(3))
    reader = await RedisStore.open_reader(client, identity)
    assert await reader.load() == await writer.load()


async def test_open_reader__no_state__leaves_no_trace(client: Redis, identity: Identity) -> None:
    reader = await RedisStore.open_reader(client, identity)
    assert await reader.load() == StoredState()
    assert await keys_of(client, identity) == []


async def test_commit__by_a_reader__is_fenced(client: Redis, identity: Identity) -> None:
    await (await RedisStore.open(client, identity)).begin(BASE, {})
    reader = await RedisStore.open_reader(client, identity)
    with pytest.raises(WriterFenced, match="token none"):
        await reader.commit(a_delta(FIRST))


async def test_commit__scripts_flushed__works(client: Redis, identity: Identity) -> None:
    store = await RedisStore.open(client, identity)
    await store.begin(BASE, {})
    await client.script_flush()
    await store.commit(a_delta(FIRST))
    assert (await store.load()).cursor == FIRST


async def test_begin__after_a_crash_in_the_middle__throws_the_leftovers_away(
    client: Redis, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await RedisStore.open(client, identity)
    monkeypatch.setattr(redis_store, "FILL_RECORDS", 10)
    fill, calls = store._fill, 0

    async def crash_at_the_third(*args: object, **terms: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise StoreUnavailable("gone")
        await fill(*args, **terms)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "_fill", crash_at_the_third)
    with pytest.raises(StoreUnavailable):
        await store.begin(BASE, positions(50))
    monkeypatch.undo()
    assert await store.load() == StoredState()
    await store.begin(BASE, positions(3))
    assert (await store.load()).records == positions(3)


async def test_load__many_positions__fill_compact_buckets(
    client: Redis, identity: Identity
) -> None:
    store = await RedisStore.open(client, identity)
    await store.begin(BASE, positions(5000))
    assert (await store.load()).records == positions(5000)
    buckets = [key for key in await keys_of(client, identity) if ":position:" in key]
    assert max([await client.hlen(key) for key in buckets]) <= 16
    assert {await client.object("encoding", key) for key in buckets} <= {"ziplist", "listpack"}


async def test_ledger_digest__after_commits__equals_a_replay(
    client: Redis, identity: Identity
) -> None:
    store = await RedisStore.open(client, identity)
    before, after = positions(20), {key: a_position(7, 3) for key in positions(10)}
    await store.begin(BASE, before)
    await store.commit(a_delta(FIRST, *((key, before[key], after[key]) for key in after)))
    assert await store.ledger_digest() == digest(before | after)


async def test_every_key__carries_the_hash_tag(client: Redis, identity: Identity) -> None:
    store = await RedisStore.open(client, identity)
    await store.begin(BASE, positions(3))
    await store.commit(a_delta(FIRST))
    alert = an_alert(FIRST)
    await store.judge(a_judgement(FIRST, alert), {alert.id: ["ops"]})
    prefix = f"cm:{{{identity.namespace}:31337}}:"
    assert {f"{prefix}queue:ops", f"{prefix}tail"} <= set(await keys_of(client, identity))
    assert all(key.startswith(prefix) for key in await keys_of(client, identity))


async def test_judge__more_alerts_than_the_history_holds__forgets_delivered_ones(
    client: Redis, identity: Identity
) -> None:
    store = await RedisStore.open(client, identity)
    await store.begin(BASE, {})
    await store.commit(a_delta(FIRST))
    alerts = [an_alert(FIRST, str(number)) for number in range(1003)]
    webhooks = {alerts[0].id: ["ops"]}
    await store.judge(a_judgement(FIRST, *alerts), webhooks)
    await store.forget(FIRST.number)
    await store.commit(a_delta(second := a_block(FIRST)))
    await store.judge(a_judgement(second, an_alert(second)), {})
    kept = {stored.alert.id for stored in await store.recent_alerts(2000)}
    assert len(kept) == 1001
    assert alerts[0].id in kept


async def test_bury__dead_letter__is_kept_with_its_reason(
    client: Redis, identity: Identity
) -> None:
    store = await RedisStore.open(client, identity)
    await store.begin(BASE, {})
    await store.commit(a_delta(FIRST))
    alert = an_alert(FIRST)
    await store.judge(a_judgement(FIRST, alert), {alert.id: ["ops"]})
    delivery = await store.deliveries.due("ops", 1e12)
    assert delivery is not None
    await store.deliveries.bury(delivery, "24 h of 500")
    [letter] = await client.lrange(identity.keys().of("letters"), 0, -1)
    assert '"reason":"24 h of 500"' in letter


@pytest.mark.parametrize(
    "written", ["pending 1 soon", "", "pending x 1.0 1.0", "delivered 1 1.0 1.0"]
)
async def test_take__outbox_written_by_somebody_else__says_what_it_found(
    client: Redis, identity: Identity, written: str
) -> None:
    store = await RedisStore.open(client, identity)
    await store.begin(BASE, {})
    await store.commit(a_delta(FIRST))
    alert = an_alert(FIRST)
    await store.judge(a_judgement(FIRST, alert), {alert.id: ["ops"]})
    await client.hset(identity.keys().of("outbox"), f"{alert.id}:ops", written)
    with pytest.raises(LedgerCorrupt, match=f"delivery of alert {alert.id} is '{written}' in the"):
        await store.deliveries.take("ops", 1e12)


@pytest.mark.parametrize("appendfsync", ["everysec", "always"])
async def test_commit__server_killed_again_and_again__loses_nothing_acknowledged(
    mortal_server: RedisServer, appendfsync: str
) -> None:
    identity = an_identity()
    async with server_with(mortal_server, "--appendfsync", appendfsync) as client:
        store = await RedisStore.open(client, identity)
        await store.begin(BASE, positions(50))
        cursor, blocks = BASE, [BASE]
        for _ in range(3):
            acknowledged = await commit_until_killed(store, mortal_server, blocks)
            mortal_server.start("--appendfsync", appendfsync)
            cursor = await cursor_of(store)
            assert cursor in (acknowledged, a_block(acknowledged))
            blocks = [cursor]
        assert await store.ledger_digest() == digest(
            positions(50) | {position_key(CORE, an_address("0")): a_position(cursor.number)}
        )


async def cursor_of(store: RedisStore) -> BlockRef:
    cursor = (await store.load()).cursor
    assert cursor is not None
    return cursor


async def commit_until_killed(
    store: RedisStore, server: RedisServer, blocks: list[BlockRef]
) -> BlockRef:
    """Commit children of the last block; the newest acknowledged when the server was killed."""
    key = position_key(CORE, an_address("0"))

    async def write() -> None:
        while True:
            child = a_block(blocks[-1])
            await store.commit(a_delta(child, (key, None, a_position(child.number))))
            blocks.append(child)

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.2)
    server.kill()
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    # Killed and cancelled at once: the cancellation must not be lost in the error.
    assert writing.cancelled()
    assert len(blocks) > 5
    return blocks[-1]


async def test_commit__server_restarts_meanwhile__is_carried_through(
    mortal_server: RedisServer,
) -> None:
    async with server_with(mortal_server) as client:
        store = await RedisStore.open(client, an_identity())
        await store.begin(BASE, {})
        mortal_server.kill()
        committing = asyncio.create_task(store.commit(a_delta(FIRST)))
        await asyncio.sleep(0.2)
        mortal_server.start()
        await committing
        assert (await store.load()).tail == (BASE, FIRST)


async def test_load__server_stopped_in_its_tracks__is_unavailable_soon(
    mortal_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_PAUSES_SECONDS", (0.05, 0.05))
    async with server_with(mortal_server) as client:
        store = await RedisStore.open(client, an_identity())
        mortal_server.signal(signal.SIGSTOP)
        async with asyncio.timeout(5):
            with pytest.raises(StoreUnavailable, match="does not answer"):
                await store.load()
        mortal_server.signal(signal.SIGCONT)


async def test_open_reader__server_away__is_unavailable(
    mortal_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_PAUSES_SECONDS", ())
    async with connect(mortal_server.url) as client:
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await RedisStore.open_reader(client, an_identity())


async def test_open__evicting_policy__is_refused(mortal_server: RedisServer) -> None:
    async with server_with(mortal_server, "--maxmemory-policy", "allkeys-lru") as client:
        with pytest.raises(ConfigError, match="maxmemory-policy allkeys-lru: expected noeviction"):
            await RedisStore.open(client, an_identity())


async def test_open__wrong_password__is_a_fault_of_the_configuration(
    mortal_server: RedisServer,
) -> None:
    mortal_server.start()
    async with connect(mortal_server.url) as client:
        await client.config_set("requirepass", "secret")
    async with connect(mortal_server.url) as client:
        with pytest.raises(ConfigError, match="refuses this user"):
            await RedisStore.open(client, an_identity())


async def test_commit__memory_full__is_unavailable_and_writes_nothing(
    mortal_server: RedisServer,
) -> None:
    async with server_with(mortal_server) as client:
        store = await RedisStore.open(client, an_identity())
        await store.begin(BASE, positions(3))
        before = await store.load()
        await client.config_set("maxmemory", "1")
        with pytest.raises(StoreUnavailable, match="raise maxmemory"):
            await store.commit(a_delta(FIRST, *((key, None, a_position()) for key in positions(9))))
        await client.config_set("maxmemory", "0")
        assert await store.load() == before


async def test_commit__server_became_a_replica__is_unavailable(mortal_server: RedisServer) -> None:
    async with server_with(mortal_server) as client:
        store = await RedisStore.open(client, an_identity())
        await store.begin(BASE, {})
        await client.replicaof("127.0.0.1", 1)
        with pytest.raises(StoreUnavailable, match="is a replica"):
            await store.commit(a_delta(FIRST))


async def test_store__cluster_node__keeps_all_its_keys_in_one_slot(
    mortal_server: RedisServer,
) -> None:
    mortal_server.start_as_cluster()
    async with connect(mortal_server.url) as client:
        store = await RedisStore.open(client, an_identity())
        await store.begin(BASE, positions(100))
        await store.commit(a_delta(FIRST))
        alert = an_alert(FIRST)
        await store.judge(a_judgement(FIRST, alert), {alert.id: ["ops", "dao"]})
        await store.revert(await store.undo_record(FIRST.hash), {})
        assert (await store.load()).cursor == BASE


async def keys_of(client: Redis, identity: Identity) -> list[str]:
    """All keys that have the namespace in their name."""
    return [key async for key in client.scan_iter(match=f"*{identity.namespace}:*", count=10_000)]
