"""What stored positions take in memory: `python -m benchmarks.footprint <redis url>`, as JSON.

Bytes a position, [as loaded, after each was read once].
"""

import asyncio
import gc
import json
import os
import sys
from pathlib import Path

from builders import a_hash

from monitor.core.keys import Kind
from monitor.core.ledger import Ledger, Position, each
from monitor.core.units import MarketId
from monitor.store.connection import connect
from monitor.store.identity import Identity
from monitor.store.redis_store import RedisStore

IDENTITY = Identity("bench", 31337, a_hash("genesis"), "benchmark")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def resident_bytes(pid: int | str = "self") -> int:
    gc.collect()
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES


async def footprint(url: str) -> tuple[float, float]:
    client = connect(url)
    store = await RedisStore.open_reader(client, IDENTITY)
    before = resident_bytes()
    ledger = Ledger((await store.load()).records)
    loaded = resident_bytes()
    count = sum(1 for _ in each(ledger, Kind.POSITION, MarketId("aave"), Position))
    read = resident_bytes()
    await client.aclose()
    return (loaded - before) / count, (read - before) / count


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(footprint(sys.argv[1]))))
