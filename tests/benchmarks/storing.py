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
from typing import Any

from builders import USDC, WETH, a_block, an_address
from redis.asyncio import Redis
from redis_server import RedisServer

from benchmarks import hashes
from benchmarks.footprint import IDENTITY
from benchmarks.timing import Row, Spread, at_least, at_most, interleaved, millis, ratio
from monitor import garbage
from monitor.core.blocks import BlockRef
from monitor.core.delta import BlockDelta, Change
from monitor.core.keys import Key, position_key
from monitor.core.ledger import Holding, Position
from monitor.core.units import RAY, Address, MarketId, Ray, ScaledAmount
from monitor.store.codec import encode_record
from monitor.store.connection import connect
from monitor.store.redis_store import RedisStore

POSITIONS = 100_000
TOUCHED = 50
COMMITS = 100
"""Of each arm in one round."""
KEPT_BLOCKS = 64
"""Two epochs: what the Ethereum main chain has above its final block."""
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
    rows = await _load_rows(url)
    rows += await _commit_rows(plain, store, entries, begun)
    rows.append(await _unfinal_load_row(url))
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


async def _commit_rows(
    plain: Redis, store: RedisStore, entries: Entries, begun: BlockRef
) -> list[Row]:
    deltas = _deltas(entries, begun)
    garbage.settle()  # as the daemon does, and for both arms
    shares: list[float] = []

    async def theirs(delta: BlockDelta) -> None:
        await hashes.commit(plain, delta.block, _after(delta))

    commits = _p50(store.commit, iter(deltas))
    newest = iter(deltas[COMMITS - 1 :: COMMITS])

    async def ours() -> float:
        """The commits. Then the records take in what became final meanwhile, timed apart."""
        p50_seconds = await commits()
        started = time.perf_counter()
        await store.forget(next(newest).block.number - KEPT_BLOCKS)
        shares.append((time.perf_counter() - started) / COMMITS)
        return p50_seconds

    rounds = len(deltas) // COMMITS - 1
    multi, script = await interleaved(_p50(theirs, iter(deltas)), ours, rounds=rounds)
    both = [commit + share for commit, share in zip(script, shares[1:], strict=True)]
    return [
        at_least(
            f"commit of {TOUCHED} positions: MULTI of hashes / ours (p50)",
            ratio(multi, script),
            3,
            f"p50 of {COMMITS} in a row: a hash a position in MULTI, {millis(multi)}; "
            f"store.commit with undo record, parent and fence {millis(script)}; everysec",
        ),
        at_least(
            "the same, and its share of store.forget, which is done once blocks are final",
            ratio(multi, both),
            None,
            f"forget {millis(shares[1:])} a block, {COMMITS} blocks at once: the records take "
            "them in; MULTI has no undo to forget",
        ),
    ]


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


async def _load_rows(url: str) -> list[Row]:
    arms = ("plain", "ours", "plain-read", "ours-read")
    plainly, packed, plainly_read, packed_read = await _told(
        "benchmarks.loading", url, POSITIONS, *arms
    )
    return [
        at_least(
            f"cold load of {POSITIONS} positions: hash a position / ours",
            ratio(plainly, packed),
            15,
            f"in a process of their own: HGETALL of each, pipelined by {hashes.HASHES_PER_TRIP}, "
            f"to dicts {millis(plainly)}; store.load to the daemon's Ledger {millis(packed)}",
        ),
        at_least(
            "the same, and every position read once",
            ratio(plainly_read, packed_read),
            None,
            f"to Position objects: {millis(plainly_read)}; ours {millis(packed_read)}",
        ),
    ]


async def _unfinal_load_row(url: str) -> Row:
    plainly, packed = await _told("benchmarks.loading", url, POSITIONS, "plain", "ours")
    return at_least(
        f"cold load with {KEPT_BLOCKS} blocks that are not final yet",
        ratio(plainly, packed),
        None,
        f"each wrote {TOUCHED} positions, which plain hashes only hold as they are now: "
        f"{millis(plainly)}; ours {millis(packed)}",
    )


async def _told(module: str, *arguments: object) -> Any:
    """What a process of its own measured."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *map(str, arguments)), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    return json.loads(told)


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
    loaded, read = await _told("benchmarks.footprint", url)
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
