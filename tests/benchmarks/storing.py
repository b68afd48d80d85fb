"""Rows of the store: commits, a cold load, and what a position takes in Redis and in memory."""

import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from builders import USDC, WETH, a_block, an_address
from redis.asyncio import Redis
from redis_server import RedisServer

from benchmarks import hashes
from benchmarks.footprint import IDENTITY
from benchmarks.timing import Row, Spread, at_least, at_most, awaited, interleaved, millis, ratio
from monitor.core.blocks import BlockRef
from monitor.core.delta import BlockDelta, Change
from monitor.core.ledger import Holding, Key, Kind, Ledger, Position, each, position_key
from monitor.core.units import RAY, Address, MarketId, Ray, ScaledAmount
from monitor.store.codec import encode_record
from monitor.store.connection import connect
from monitor.store.redis_store import RedisStore

POSITIONS = 100_000
TOUCHED = 50
COMMITS = 100
"""Of each arm in one round."""
LOADS = 5
DAEMON_SETTINGS = (
    *("--appendfsync", "everysec"),
    *("--hash-max-ziplist-entries", "256", "--hash-max-ziplist-value", "1024"),
)
"""Those of the embedded server, for both layouts; the names are those that old servers know too."""
MARKET = MarketId("aave")
WSTETH = an_address("wstETH")

Entries = Sequence[tuple[Key, Position]]


async def storing_rows() -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        server = RedisServer(Path(folder))
        server.start(*DAEMON_SETTINGS)
        client, plain = connect(server.url), Redis.from_url(server.url, decode_responses=True)
        try:
            return await _measured(client, plain, server.url)
        finally:
            await client.aclose()
            await plain.aclose()
            server.stop()


async def _measured(client: Redis, plain: Redis, url: str) -> list[Row]:
    entries = _population()
    store = await RedisStore.open(client, IDENTITY, take_over=True)
    before, begun = await _used_bytes(plain), a_block()
    await store.begin(begun, dict(entries))
    each_bytes = (await _used_bytes(plain) - before) / POSITIONS
    await hashes.fill(plain, entries)
    rows = [await _commit_row(plain, store, entries, begun)]
    rows += await _load_rows(plain, store)
    rows.append(_size_row(each_bytes, entries))
    rows += await _footprint_rows(url)
    await store.lease.release()
    return rows


def _population() -> Entries:
    """Accounts with two supplies and a debt, all numbers of the size they have on mainnet."""
    rng = random.Random(4)
    return [(position_key(MARKET, an_address(f"{n}")), _position(rng)) for n in range(POSITIONS)]


def _position(rng: random.Random) -> Position:
    supplies = [_holding(rng, asset, used=True) for asset in sorted((WETH, WSTETH))]
    return Position(tuple(supplies), (_holding(rng, USDC, used=False),))


def _holding(rng: random.Random, asset: Address, *, used: bool) -> Holding:
    scaled, growth = rng.randint(10**15, 10**21), rng.randint(0, RAY // 4)
    return Holding(asset, ScaledAmount(scaled), Ray(RAY + growth), used)


async def _used_bytes(client: Redis) -> int:
    return int((await client.info("memory"))["used_memory"])


# -- commits ------------------------------------------------------------------------------------


async def _commit_row(plain: Redis, store: RedisStore, entries: Entries, begun: BlockRef) -> Row:
    deltas = _deltas(entries, begun)

    async def ours(delta: BlockDelta) -> None:
        await store.commit(delta)

    async def theirs(delta: BlockDelta) -> None:
        await hashes.commit(plain, delta.block, _after(delta))

    rounds = len(deltas) // COMMITS
    seconds = await interleaved(
        _p50(theirs, iter(deltas)), _p50(ours, iter(deltas)), rounds=rounds - 1
    )
    multi, script = seconds
    return at_least(
        f"commit of {TOUCHED} positions: MULTI of hashes / ours (p50)",
        ratio(multi, script),
        3,
        f"p50 of {COMMITS} in a row: a hash a position in MULTI, {millis(multi)}; "
        f"store.commit with undo record, parent and fence {millis(script)}; everysec",
    )


def _after(delta: BlockDelta) -> list[tuple[Key, Position]]:
    return [(c.key, c.after) for c in delta.changes if isinstance(c.after, Position)]


def _deltas(entries: Entries, begun: BlockRef) -> list[BlockDelta]:
    """Linked blocks; each changes some positions of the moment."""
    rng, now, block = random.Random(5), dict(entries), begun
    keys, deltas = list(now), []
    for _ in range(8 * COMMITS):
        block = a_block(block)
        touched = sorted(rng.sample(keys, TOUCHED))
        changes = [Change(key, now[key], _position(rng)) for key in touched]
        now.update((change.key, change.after) for change in changes)  # type: ignore[misc]
        deltas.append(BlockDelta(block, tuple(changes)))
    return deltas


def _p50(
    commit: Callable[[BlockDelta], Awaitable[None]], deltas: Iterator[BlockDelta]
) -> Callable[[], Awaitable[float]]:
    """An arm that goes on where its last round ended."""

    async def arm() -> float:
        taken = []
        for delta in islice(deltas, COMMITS):
            started = time.perf_counter()
            await commit(delta)
            taken.append(time.perf_counter() - started)
        return statistics.median(taken)

    return arm


# -- the cold load ------------------------------------------------------------------------------


async def _load_rows(plain: Redis, store: RedisStore) -> list[Row]:
    async def theirs() -> None:
        await hashes.load(plain)

    async def theirs_read() -> None:
        positions = [hashes.position_of(fields) for fields in (await hashes.load(plain)).values()]
        _expect(len(positions))

    async def ours() -> None:
        Ledger((await store.load()).records)

    async def ours_read() -> None:
        ledger = Ledger((await store.load()).records)
        _expect(sum(1 for _ in each(ledger, Kind.POSITION, MARKET, Position)))

    arms = map(awaited, (theirs, ours, theirs_read, ours_read))
    plainly, packed, plainly_read, packed_read = await interleaved(*arms, rounds=LOADS)
    return [
        at_least(
            f"cold load of {POSITIONS} positions: hash a position / ours",
            ratio(plainly, packed),
            15,
            f"HGETALL of each, pipelined by {hashes.HASHES_PER_TRIP}, to dicts "
            f"{millis(plainly)}; store.load to the daemon's Ledger {millis(packed)}",
        ),
        at_least(
            "the same, and every position read once",
            ratio(plainly_read, packed_read),
            None,
            f"to Position objects: {millis(plainly_read)}; ours {millis(packed_read)}",
        ),
    ]


def _expect(positions: int) -> None:
    if positions != POSITIONS:
        raise AssertionError(f"{positions} positions were loaded, expected {POSITIONS}")


# -- sizes --------------------------------------------------------------------------------------


def _size_row(each_bytes: float, entries: Entries) -> Row:
    record = statistics.mean(len(encode_record(position)) for _, position in entries[:1000])
    figure = each_bytes / record
    return at_most(
        "Redis: bytes of memory a position / bytes of its record",
        Spread.of([figure]),
        1.5,
        f"used_memory grew by {each_bytes:.0f} bytes a position with two supplies and a debt, "
        f"whose record has {record:.0f} beside a key of 20",
    )


async def _footprint_rows(url: str) -> list[Row]:
    """In a process of its own, as the daemon is one."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.footprint", url), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    loaded, read = json.loads(told)
    how = "resident memory of a process that loads them into its Ledger, a position: "
    return [
        at_most(
            "memory a position in the daemon, loaded",
            Spread.of([loaded]),
            1000,
            f"{how}{loaded:.0f} bytes while packed",
            unit="bytes",
        ),
        at_most(
            "the same, every position read once",
            Spread.of([read]),
            1000,
            f"{how}{read:.0f} bytes unpacked",
            unit="bytes",
        ),
    ]
