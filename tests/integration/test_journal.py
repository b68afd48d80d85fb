"""Records at the base and the journal above it: whatever was taken in, the ledger is the same."""

import pytest
from builders import a_block, a_delta, a_judgement, a_position, an_address
from redis.asyncio import Redis
from redis_server import RedisServer

from monitor.core.blocks import BlockRef
from monitor.core.delta import BlockDelta, apply
from monitor.core.keys import Key, position_key
from monitor.core.ledger import Ledger, Record
from monitor.core.units import MarketId
from monitor.errors import LedgerCorrupt
from monitor.store import journal
from monitor.store.connection import Scripts, read
from monitor.store.contents import connect_raw, contents_of, replace
from monitor.store.identity import Identity
from monitor.store.redis_store import RedisStore

ALICE, BOB, CAROL = (
    position_key(MarketId("core"), an_address(name)) for name in ("alice", "bob", "carol")
)
BEGUN: dict[Key, Record] = {ALICE: a_position(1), BOB: a_position(2)}
BASE = a_block()
STEPS: tuple[dict[Key, Record | None], ...] = (
    {ALICE: a_position(10), CAROL: a_position(30)},
    {ALICE: None},
    {ALICE: a_position(11), BOB: None},
    {CAROL: a_position(31)},
)


def deltas() -> list[BlockDelta]:
    present: dict[Key, Record | None] = dict(BEGUN)
    block, found = BASE, []
    for step in STEPS:
        block = a_block(block)
        found.append(a_delta(block, *((key, present.get(key), new) for key, new in step.items())))
        present |= step
    return found


BLOCKS: list[BlockRef] = [BASE, *(delta.block for delta in deltas())]


def ledgers() -> list[dict[Key, Record]]:
    """The records after each of BLOCKS."""
    ledger, found = Ledger(BEGUN), [dict(BEGUN)]
    for delta in deltas():
        apply(ledger, delta)
        found.append(dict(ledger.records()))
    return found


@pytest.fixture
async def store(client: Redis, identity: Identity) -> RedisStore:
    store = await RedisStore.open(client, identity)
    await store.begin(BASE, BEGUN)
    for delta in deltas():
        await store.commit(delta)
    return store


async def test_commit__block__leaves_the_records_at_the_base(
    store: RedisStore, client: Redis, identity: Identity
) -> None:
    found = await client.smembers(identity.keys().of("groups"))
    assert len(found) == 2
    await store.forget(BLOCKS[-1].number)
    assert not await client.exists(identity.keys().of("undo"))
    assert (await store.load()).records == ledgers()[-1]


@pytest.mark.parametrize("final", range(len(BLOCKS)))
async def test_undo_record__any_base__is_what_the_block_did(store: RedisStore, final: int) -> None:
    await store.forget(BLOCKS[final].number)
    for number, delta in enumerate(deltas(), start=1):
        if number > final:
            assert (await store.undo_record(delta.block.hash)).delta == delta


@pytest.mark.parametrize("final", range(len(BLOCKS)))
async def test_revert__down_to_any_base__gives_each_ledger_on_the_way(
    store: RedisStore, final: int
) -> None:
    await store.forget(BLOCKS[final].number)
    for number in reversed(range(final, len(BLOCKS))):
        assert (await store.load()).records == ledgers()[number]
        if number > final:
            await store.revert(await store.undo_record(BLOCKS[number].hash), {})


async def test_forget__more_blocks_than_one_script_takes__takes_in_all(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "BLOCKS", 1)
    await store.judge(a_judgement(BLOCKS[1]), {})
    await store.forget(BLOCKS[3].number)
    state = await store.load()
    assert state.tail == tuple(BLOCKS[3:])
    assert state.records == ledgers()[-1]


async def test_forget__answer_lost__is_done_once(
    store: RedisStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Scripts.run

    async def twice(self: Scripts, name: str, *terms: object) -> list[str]:
        first = await run(self, name, *terms)  # type: ignore[arg-type]
        assert await run(self, name, *terms) == first  # type: ignore[arg-type]
        return first

    monkeypatch.setattr(Scripts, "run", twice)
    await store.forget(BLOCKS[2].number)
    monkeypatch.undo()
    state = await store.load()
    assert (state.tail, state.records) == (tuple(BLOCKS[2:]), ledgers()[-1])


async def test_load__base_moves_while_it_is_read__is_the_same_ledger(
    store: RedisStore, client: Redis, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = await RedisStore.open_reader(client, identity)
    moves = iter([BLOCKS[1], BLOCKS[3], BLOCKS[4]])

    async def moving(*terms: object, **more: object) -> list[object]:
        """The writer takes a block in before each thing the reader asks."""
        if (block := next(moves, None)) is not None:
            with monkeypatch.context() as writer:
                writer.setattr(journal, "read", read)
                await store.forget(block.number)
        return await read(*terms, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(journal, "read", moving)
    state = await reader.load()
    monkeypatch.undo()
    assert next(moves, None) is None
    assert state.records == ledgers()[-1]
    assert state == await store.load()


async def test_load__block_reverted_while_it_is_read__is_the_ledger_without_it(
    store: RedisStore, client: Redis, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = await RedisStore.open_reader(client, identity)
    newest = iter([await store.undo_record(BLOCKS[-1].hash)])

    async def reverting(*terms: object, **more: object) -> list[object]:
        """The writer takes the newest block back before the first thing the reader asks."""
        if (undo := next(newest, None)) is not None:
            await store.revert(undo, {})
        return await read(*terms, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(journal, "read", reverting)
    state = await reader.load()
    assert (state.cursor, state.records) == (BLOCKS[-2], ledgers()[-2])


async def test_load__block_after_block_is_committed_meanwhile__is_the_ledger_of_one(
    store: RedisStore, client: Redis, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = await RedisStore.open_reader(client, identity)
    newest = BLOCKS[-1]

    async def committing(*terms: object, **more: object) -> list[object]:
        """The writer commits a block before each thing the reader asks."""
        nonlocal newest
        newest = a_block(newest)
        await store.commit(a_delta(newest, (ALICE, None, a_position(newest.number))))
        return await read(*terms, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(journal, "read", committing)
    state = await reader.load()
    assert (state.cursor, state.records) == (BLOCKS[-1], ledgers()[-1])


async def test_load__base_moves_beyond_what_was_read__is_the_newer_ledger(
    store: RedisStore, client: Redis, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = await RedisStore.open_reader(client, identity)
    new = a_block(BLOCKS[-1])
    moves = iter([False, True])

    async def moving(*terms: object, **more: object) -> list[object]:
        """Between its blocks and its records the reader is overtaken."""
        if next(moves, False):
            with monkeypatch.context() as writer:
                writer.setattr(journal, "read", read)
                await store.commit(a_delta(new, (ALICE, None, a_position(99))))
                await store.forget(new.number)
        return await read(*terms, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(journal, "read", moving)
    state = await reader.load()
    assert (state.cursor, state.records[ALICE]) == (new, a_position(99))


async def test_load__no_newest_judged_block__is_corrupt(
    store: RedisStore, client: Redis, identity: Identity
) -> None:
    await client.delete(identity.keys().of("evaluated"))
    with pytest.raises(LedgerCorrupt, match=r"the newest judged block .* does not decode"):
        await store.load()


async def test_commit__redis_went_back__says_that_a_restart_goes_on(
    store: RedisStore, client: Redis, redis_server: RedisServer, identity: Identity
) -> None:
    async with connect_raw(redis_server.url) as raw:
        earlier = await contents_of(raw, identity.keys())
        lost = a_block(BLOCKS[-1])
        await store.commit(a_delta(lost))
        await replace(raw, identity.keys(), store.lease.token, earlier, frozenset())
    with pytest.raises(LedgerCorrupt, match="Start the daemon again: where Redis went back"):
        await store.commit(a_delta(a_block(lost)))
    next_one = await RedisStore.open(client, identity, take_over=True)
    await next_one.commit(a_delta(lost))
    assert (await next_one.load()).records == ledgers()[-1]


async def test_load__what_a_block_wrote_is_missing__is_corrupt(
    store: RedisStore, client: Redis, identity: Identity
) -> None:
    await client.hdel(identity.keys().of("undo"), BLOCKS[2].hash)
    with pytest.raises(LedgerCorrupt, match=f"{BLOCKS[2].hash}.* cannot be loaded"):
        await store.load()
    with pytest.raises(LedgerCorrupt, match=f"{BLOCKS[2].hash}.* cannot be undone or forgotten"):
        await store.undo_record(BLOCKS[3].hash)
    with pytest.raises(LedgerCorrupt, match=f"{BLOCKS[2].hash}.* cannot be undone or forgotten"):
        await store.forget(BLOCKS[3].number)


async def test_load__damaged_position__is_corrupt_when_it_is_read(
    client: Redis, identity: Identity
) -> None:
    store = await RedisStore.open(client, identity)
    await store.begin(BASE, {ALICE: a_position(1)})
    [name] = await client.smembers(identity.keys().of("groups"))
    key = identity.keys().of(str(name))
    [field] = (await store._journal._fields([str(name)]).__anext__()).keys()
    await client.hset(key, field, "{}")
    ledger = Ledger((await store.load()).records)
    with pytest.raises(LedgerCorrupt, match=f"{ALICE.subject}.* does not decode"):
        ledger.get(ALICE)
