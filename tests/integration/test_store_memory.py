"""A server that runs out of memory: each write happens whole, or not at all."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from builders import a_block, a_delta, a_judgement, a_position, an_address, an_alert
from redis.asyncio import Redis
from redis_server import RedisServer, an_identity

from monitor.core.keys import Key, position_key
from monitor.core.ledger import Record
from monitor.core.units import MarketId
from monitor.errors import StoreUnavailable
from monitor.store.connection import connect, read
from monitor.store.redis_store import RedisStore

BASE = a_block()
FIRST = a_block(BASE)
SECOND = a_block(FIRST)
OLD: dict[Key, Record] = {
    position_key(MarketId("core"), an_address(str(n))): a_position(n + 1) for n in range(300)
}
NEW: dict[Key, Record] = {
    position_key(MarketId("core"), an_address(str(n))): a_position(n + 1, 7) for n in range(600)
}
ALERTS = [an_alert(SECOND, str(n)) for n in range(50)]

Write = Callable[[RedisStore], Awaitable[object]]


async def commit(store: RedisStore) -> None:
    await store.commit(a_delta(a_block(SECOND), *((key, OLD.get(key), NEW[key]) for key in NEW)))


async def judge(store: RedisStore) -> None:
    judgement = a_judgement(SECOND, *ALERTS)
    await store.judge(judgement, {alert.id: ["ops", "dao"] for alert in ALERTS})


async def revert(store: RedisStore) -> None:
    await store.revert(await store.undo_record(SECOND.hash), {})


async def forget(store: RedisStore) -> None:
    await store.forget(SECOND.number)


async def nothing(store: RedisStore) -> None:
    pass


@pytest.fixture
async def server(mortal_server: RedisServer) -> AsyncIterator[Redis]:
    mortal_server.start()
    async with connect(mortal_server.url) as client:
        yield client


async def everything(client: Redis) -> dict[str, bytes]:
    names = [str(key) for key in await client.keys("*")]
    dumps = await read(client, *(("DUMP", name) for name in names), as_bytes=True)
    return dict(zip(names, dumps, strict=True))


async def begun(client: Redis) -> RedisStore:
    """At SECOND, which wrote a lot and is not judged."""
    await client.config_set("maxmemory", "0")
    await client.flushall()
    store = await RedisStore.open(client, an_identity(), lease_seconds=60)
    await store.begin(BASE, OLD)
    await store.commit(a_delta(FIRST))
    await store.commit(a_delta(SECOND, *((key, OLD.get(key), NEW[key]) for key in NEW)))
    return store


async def limit(client: Redis, headroom: int) -> None:
    used = (await client.info("memory"))["used_memory"]
    await client.config_set("maxmemory", str(used + headroom))


@pytest.mark.parametrize(
    ("first", "write"),
    [(nothing, commit), (nothing, judge), (nothing, forget), (judge, revert)],
    ids=lambda step: step.__name__,
)
async def test_write__memory_runs_out__is_whole_or_nothing(
    server: Redis, first: Write, write: Write
) -> None:
    store = await begun(server)
    await first(store)
    await write(store)
    whole = renamed(await everything(server))
    outcomes = set()
    # From far too little, over a limit that is crossed in the middle of the script, to plenty.
    for headroom in (-(2**20), 0, *(2**power for power in range(10, 24))):
        store = await begun(server)
        await first(store)
        before = await everything(server)
        await limit(server, headroom)
        try:
            await write(store)
            outcomes.add("done")
        except StoreUnavailable:
            outcomes.add("refused")
            assert await everything(server) == before
            await server.config_set("maxmemory", "0")
            await write(store)
        assert renamed(await everything(server)) == whole
    assert outcomes == {"refused", "done"}


def renamed(keys: dict[str, bytes]) -> set[tuple[str, bytes]]:
    """Without the namespace, which each attempt has its own of, and the times it was made at."""
    own = {key.split("}:")[1]: value for key, value in keys.items()}
    volatile = {"lease", "fence", "outbox"}
    return {(name, value) for name, value in own.items() if name not in volatile}


async def test_begin__memory_runs_out_in_the_middle__begins_anew(server: Redis) -> None:
    await server.config_set("maxmemory", "0")
    store = await RedisStore.open(server, an_identity(), lease_seconds=60)
    many: dict[Key, Record] = {
        position_key(MarketId("core"), an_address(f"many {n}")): a_position(n + 1)
        for n in range(6000)
    }
    await limit(server, 2**19)
    with pytest.raises(StoreUnavailable, match="raise maxmemory"):
        await store.begin(BASE, many)
    assert (await store.load()).cursor is None
    await server.config_set("maxmemory", "0")
    await store.begin(BASE, OLD)
    assert (await store.load()).records == OLD
