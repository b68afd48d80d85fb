"""A monitor beside a world, held against the contracts: its ledger is theirs, record for record."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from devnet import World
from fuzz.monitored import Monitored, Records

from monitor.store.embedded import EmbeddedRedis

NAMESPACE = "life"


def market_of(world: World) -> World:
    """The same world without its pools, which take nine tenths of the time of a reading."""
    return World(world.anvil, replace(world.addresses, pools={}), world.terms)


@asynccontextmanager
async def following(world: World, folder: Path) -> AsyncIterator[Monitored]:
    """A life that begins with the head, over a Redis of its own."""
    async with EmbeddedRedis(folder) as redis:
        monitored = Monitored(market_of(world), redis.url, NAMESPACE)
        await monitored.begin((await world.head()).number)
        try:
            yield monitored
        finally:
            await monitored.end()


async def followed(world: World, monitored: Monitored) -> Records:
    """The ledger at the head. It equals what the contracts alone tell of that block."""
    head = await world.head()
    records = dict((await monitored.ledger_at(head.hash)).records())
    assert records == await monitored.snapshot(head.number)
    return records
