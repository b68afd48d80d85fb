"""A cold load, timed: `python -m benchmarks.loading <redis url> <positions> <arm>...`, as JSON.

A process of its own, as a daemon that starts is one. The seconds of each arm, round by round: plain
and ours, and either with every position read.
"""

import asyncio
import json
import sys
from collections.abc import Sequence

from redis.asyncio import Redis

from benchmarks import hashes
from benchmarks.footprint import IDENTITY
from benchmarks.timing import awaited, interleaved
from monitor.core.keys import Kind
from monitor.core.ledger import Ledger, Position, each
from monitor.core.units import MarketId
from monitor.store.connection import connect
from monitor.store.redis_store import RedisStore

LOADS = 5
MARKET = MarketId("aave")


async def loaded(url: str, positions: int, names: Sequence[str]) -> list[list[float]]:
    client, plain = connect(url), Redis.from_url(url, decode_responses=True)
    store = await RedisStore.open_reader(client, IDENTITY)

    async def theirs() -> None:
        await hashes.load(plain)

    async def ours() -> None:
        Ledger((await store.load()).records)

    async def theirs_read() -> None:
        read = [hashes.position_of(fields) for fields in (await hashes.load(plain)).values()]
        _expect(len(read), positions)

    async def ours_read() -> None:
        ledger = Ledger((await store.load()).records)
        _expect(sum(1 for _ in each(ledger, Kind.POSITION, MARKET, Position)), positions)

    try:
        arms = {"plain": theirs, "ours": ours, "plain-read": theirs_read, "ours-read": ours_read}
        return await interleaved(*(awaited(arms[name]) for name in names), rounds=LOADS)
    finally:
        await client.aclose()
        await plain.aclose()


def _expect(found: int, positions: int) -> None:
    if found != positions:
        raise AssertionError(f"{found} positions were loaded, expected {positions}")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(loaded(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))))
