"""A store of schema 1, as the program wrote it then, is brought to the present schema whole.

`golden/schema_1.json` is every key of such a store: two markets, all kinds of records it knew,
three blocks that can be undone, and alerts in every state.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from builders import a_block, a_delta, a_hash
from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis_server import RedisServer

from monitor.core.blocks import BlockRef
from monitor.core.delta import BlockDelta, Change
from monitor.core.keys import OBSERVED, Key, Kind
from monitor.core.ledger import RECORD_OF, Ledger, Position, Record
from monitor.core.units import MarketId
from monitor.errors import LedgerCorrupt, SchemaMismatch, StoreUnavailable, WriterFenced
from monitor.store.codec import digest
from monitor.store.connection import Scripts, connect, read
from monitor.store.identity import Identity
from monitor.store.migration import migrate
from monitor.store.redis_store import RedisStore

GOLDEN: Mapping[str, Any] = json.loads(
    (Path(__file__).parents[1] / "golden" / "schema_1.json").read_text()
)
PREFIX = "cm:{golden:31337}:"
IDENTITY = Identity("golden", 31337, a_hash("genesis"), "configuration-1")
REWRITTEN = {"meta", "undo", "groups"}
"""Keys with another value after the migration; records lie under other keys."""

POOLS = {Kind.PRODUCT_POOL, Kind.STABLE_POOL}
NEWER = {Kind.RATE, Kind.PAIR, Kind.TOKEN, Kind.RECEIPT, Kind.HOLDER, Kind.FEED, *POOLS, *OBSERVED}
"""Kinds of records that came after schema 1."""


@dataclass(frozen=True)
class OldDelta:
    block: BlockRef
    changes: tuple[tuple[Key, msgspec.Raw, msgspec.Raw], ...]


def old(name: str) -> Any:
    return GOLDEN[PREFIX + name]["value"]


def old_record(kind: Kind, text: str | bytes | msgspec.Raw) -> Record:
    return msgspec.json.decode(text, type=RECORD_OF[kind])


def old_records() -> dict[Key, Record]:
    records = {}
    for name in old("groups"):
        kind, _, market = name.split(":", 2)
        for field, text in GOLDEN.get(PREFIX + name, {"value": {}})["value"].items():
            subject, _, sub_market = field.partition("/")
            key = Key(Kind(kind), MarketId(market), sub_market, subject)
            records[key] = old_record(Kind(kind), text)
    return records


def old_deltas() -> dict[str, BlockDelta]:
    def maybe(key: Key, raw: msgspec.Raw) -> Record | None:
        return None if bytes(raw) == b"null" else old_record(key.kind, raw)

    deltas = {}
    for block, text in old("undo").items():
        delta = msgspec.json.decode(text, type=OldDelta)
        changes = (Change(key, maybe(key, a), maybe(key, b)) for key, a, b in delta.changes)
        deltas[block] = BlockDelta(delta.block, tuple(changes))
    return deltas


async def wipe(client: Redis) -> None:
    for key in await client.keys(f"{PREFIX}*"):
        await client.delete(key)


async def put_back(client: Redis) -> None:
    await wipe(client)
    for key, held in GOLDEN.items():
        value = held["value"]
        match held["type"]:
            case "hash":
                await client.hset(key, mapping=value)
            case "list":
                await client.rpush(key, *value)
            case "set":
                await client.sadd(key, *value)
            case "string":
                await client.set(key, value)


async def everything(client: Redis) -> dict[str, bytes]:
    """All keys but those of the lease, as the server dumps them."""
    names = [str(key) for key in await client.keys(f"{PREFIX}*")]
    kept = [name for name in names if not name.endswith((":lease", ":fence"))]
    dumps = await read(client, *(("DUMP", name) for name in kept), as_bytes=True)
    return dict(zip(kept, dumps, strict=True))


@pytest.fixture
async def aged(client: Redis) -> AsyncIterator[Redis]:
    """A server that holds the old store."""
    await put_back(client)
    yield client
    await wipe(client)


def silent(done: int, total: int) -> None:
    pass


async def test_golden__before_the_migration__holds_what_the_test_is_about() -> None:
    kinds = {key.kind for key in old_records()}
    assert kinds == set(Kind) - NEWER
    assert len(old_deltas()) == 3
    assert {state.split(" ")[0] for state in old("outbox").values()} == {
        *("pending", "delivered", "dead", "dropped")
    }


async def test_open__schema_1__is_refused_and_names_the_command(aged: Redis) -> None:
    with pytest.raises(SchemaMismatch, match="cascade-monitor store migrate --config F"):
        await RedisStore.open(aged, IDENTITY)


async def test_migrate__schema_1__keeps_the_ledger(aged: Redis) -> None:
    assert await migrate(aged, IDENTITY, silent)
    store = await RedisStore.open(aged, IDENTITY)
    state = await store.load()
    assert state.records == old_records()
    assert await store.ledger_digest() == digest(old_records())
    assert sum(isinstance(record, Position) for record in state.records.values()) == 9


async def test_migrate__schema_1__leaves_all_else_as_it_is(aged: Redis) -> None:
    before = await everything(aged)
    await migrate(aged, IDENTITY, silent)
    after = await everything(aged)
    records = {PREFIX + name for name in old("groups")}
    rewritten = {PREFIX + name for name in REWRITTEN}
    untouched = set(before) - records - rewritten
    assert {key: after.get(key) for key in untouched} == {key: before[key] for key in untouched}
    listed = {PREFIX + str(name) for name in await aged.smembers(f"{PREFIX}groups")}
    assert set(after) - untouched - rewritten <= listed
    assert await aged.hgetall(f"{PREFIX}meta") == {**old("meta"), "schema": "2"}


async def test_migrate__kept_blocks__are_undone_as_before(aged: Redis) -> None:
    await migrate(aged, IDENTITY, silent)
    store = await RedisStore.open(aged, IDENTITY)
    ledger = Ledger(old_records())
    for block in reversed((await store.load()).tail[1:]):
        undo = await store.undo_record(block.hash)
        assert undo.delta == old_deltas()[block.hash]
        await store.revert(undo, {})
        for change in undo.delta.changes:
            ledger.put(change.key, change.before)
        assert (await store.load()).records == dict(ledger.records())


async def test_migrate__then_the_next_block__goes_on(aged: Redis) -> None:
    await migrate(aged, IDENTITY, silent)
    store = await RedisStore.open(aged, IDENTITY)
    cursor = (await store.load()).cursor
    assert cursor is not None
    await store.commit(a_delta(a_block(cursor)))
    delivery = await store.deliveries.due("dao", 1e12)
    assert delivery is not None


async def test_migrate__crash_at_any_step__leaves_the_old_state_and_works_again(
    aged: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    untouched = await everything(aged)
    run = Scripts.run
    steps: list[str] = []
    await migrate(aged, IDENTITY, silent)
    migrated = await everything(aged)

    for crash in range(100):
        await put_back(aged)
        steps.clear()

        async def crashing(self: Scripts, name: str, *terms: Any, at: int = crash) -> list[str]:
            if name == "migrate":
                steps.append(name)
                if len(steps) == at + 1:
                    raise StoreUnavailable("gone")
            return await run(self, name, *terms)

        monkeypatch.setattr(Scripts, "run", crashing)
        try:
            await migrate(aged, IDENTITY, silent)
        except StoreUnavailable:
            monkeypatch.undo()
            now = await everything(aged)
            assert {key: now[key] for key in untouched} == untouched
            await migrate(aged, IDENTITY, silent)
            assert await everything(aged) == migrated
        else:
            break
    assert crash == 7  # leftovers, records, three blocks, what they wrote over, the switch


async def test_migrate__records_left_by_a_crash_long_ago__are_thrown_away(aged: Redis) -> None:
    await aged.sadd(f"{PREFIX}new_groups", "position:lido/1")
    await aged.hset(f"{PREFIX}position:lido/1", "stale", "stale")
    await aged.hset(f"{PREFIX}new_undo", "0xstale", "stale")
    await migrate(aged, IDENTITY, silent)
    store = await RedisStore.open_reader(aged, IDENTITY)
    assert (await store.load()).records == old_records()
    assert set(await aged.hkeys(f"{PREFIX}undo")) == set(old("undo"))


async def test_migrate__answer_of_the_switch_lost__is_done(
    aged: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Scripts.run

    async def twice(self: Scripts, name: str, *terms: Any) -> list[str]:
        await run(self, name, *terms)
        return await run(self, name, *terms)

    monkeypatch.setattr(Scripts, "run", twice)
    assert await migrate(aged, IDENTITY, silent)
    monkeypatch.undo()
    store = await RedisStore.open_reader(aged, IDENTITY)
    assert (await store.load()).records == old_records()


async def test_migrate__present_schema_or_none__does_nothing(aged: Redis) -> None:
    assert await migrate(aged, IDENTITY, silent)
    before = await everything(aged)
    assert not await migrate(aged, IDENTITY, silent)
    assert await everything(aged) == before
    await wipe(aged)
    assert not await migrate(aged, IDENTITY, silent)
    assert await everything(aged) == {}


async def test_migrate__schema_of_the_future__is_refused(aged: Redis) -> None:
    await aged.hset(f"{PREFIX}meta", "schema", "3")
    with pytest.raises(SchemaMismatch, match="has schema 3: expected 1"):
        await migrate(aged, IDENTITY, silent)


async def test_migrate__beside_a_running_daemon__is_refused(aged: Redis) -> None:
    before = await everything(aged)

    async def renew() -> None:
        while True:
            await asyncio.sleep(0.05)
            await aged.set(f"{PREFIX}lease", "1 host/daemon", px=300)

    await aged.set(f"{PREFIX}lease", "1 host/daemon", px=300)
    daemon = asyncio.create_task(renew())
    async with asyncio.timeout(10):
        with pytest.raises(WriterFenced, match="written by another daemon, host/daemon"):
            await migrate(aged, IDENTITY, silent)
    daemon.cancel()
    assert await everything(aged) == before


async def test_migrate__taken_over_in_the_middle__stops_and_leaves_the_state(
    aged: Redis, redis_server: RedisServer
) -> None:
    before = await everything(aged)

    def usurp(done: int, total: int) -> None:
        with BlockingRedis.from_url(redis_server.url) as other:
            other.set(f"{PREFIX}fence", "2 host/usurper")

    with pytest.raises(WriterFenced):
        await migrate(aged, IDENTITY, usurp)
    now = await everything(aged)
    assert {key: now[key] for key in before} == before


async def test_migrate__memory_runs_out__leaves_the_state_and_none_of_its_own(
    mortal_server: RedisServer,
) -> None:
    mortal_server.start()
    async with connect(mortal_server.url) as client:
        await put_back(client)
        before = await everything(client)

        def fill_up(done: int, total: int) -> None:
            with BlockingRedis.from_url(mortal_server.url) as other:
                assert other.scard(f"{PREFIX}new_groups")
                other.config_set("maxmemory", 1)

        with pytest.raises(StoreUnavailable, match="raise maxmemory"):
            await migrate(client, IDENTITY, fill_up)
        assert await everything(client) == before


async def test_migrate__old_record_damaged__is_corrupt_and_leaves_the_state(aged: Redis) -> None:
    [name] = [name for name in old("groups") if name.startswith("market:0:lido")]
    await aged.hset(PREFIX + name, "/", "{")
    before = await everything(aged)
    with pytest.raises(LedgerCorrupt, match=r"market='lido'.* does not decode"):
        await migrate(aged, IDENTITY, silent)
    assert await everything(aged) == before


async def test_migrate__progress__counts_up_to_all_of_it(aged: Redis) -> None:
    told: list[tuple[int, int]] = []
    await migrate(aged, IDENTITY, lambda done, total: told.append((done, total)))
    total = len(old("groups"))
    assert told[-1] == (total, total)
    assert [done for done, _ in told] == sorted({done for done, _ in told})
