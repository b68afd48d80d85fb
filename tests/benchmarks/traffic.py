"""Ten thousand real logs: a crowd at a real Aave market on anvil, block after crowded block."""

import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from devnet import USD, Address, Tx, World, account, open_world

from monitor.chain.node import Node, NodeSettings
from monitor.core.blocks import BlockRef
from monitor.core.ledger import Ledger
from monitor.core.sources import EventSource
from monitor.core.units import Address as CoreAddress
from monitor.core.units import MarketId
from monitor.engine.folding import Folder, bootstrap
from monitor.library import abi_library
from monitor.oracles.sources import price_sources
from monitor.protocols.registry import PROTOCOLS, MarketPlan

LOGS = 10_000
VERBS_PER_BLOCK = 75
"""Which log about 300 times."""
PEOPLE = 240
FUNDED_PER_BLOCK = 40
PURSE_USD = 10_000_000
SUPPLIED_USD, OWED_USD = 100_000, 20_000
PLEDGED, LENT = ("WETH", "WBTC"), ("USDC", "DAI")
SMALLEST_USD, LARGEST_USD = 1, 300
VERBS = {"supply": 30, "borrow": 20, "repay": 20, "withdraw": 16, "transfer": 10, "pledge": 4}
"""How often each is drawn, in percent."""
MARKET = MarketId("aave")
SEED = 8


@dataclass(frozen=True, slots=True)
class Traffic:
    """A busy market: its node, the ledger before the rush, and the blocks of the rush."""

    world: World
    node: Node
    sources: tuple[EventSource, ...]
    addresses: frozenset[CoreAddress]
    ledger: Ledger
    blocks: tuple[BlockRef, ...]


@asynccontextmanager
async def busy_market() -> AsyncIterator[Traffic]:
    """About LOGS logs in crowded blocks, and the monitor's own eyes on them."""
    rng = random.Random(SEED)
    async with open_world() as world:
        people = [account(f"bench {number}") for number in range(PEOPLE)]
        await _settle(world, people)
        start = await world.head()
        await _rush(world, people, rng)
        node = _node(world)
        try:
            yield await _watched(world, node, start.number)
        finally:
            await node.close()


async def _settle(world: World, people: Sequence[Address]) -> None:
    """Purses, supplies and debts, so that whatever is drawn later can be done."""
    for first in range(0, len(people), FUNDED_PER_BLOCK):
        some = people[first : first + FUNDED_PER_BLOCK]
        await world.block(*(tx for who in some for tx in _purse(world, who)))
        await world.block(*(tx for who in some for tx in _supplies(world, who)))
        await world.block(*(tx for who in some for tx in _debts(world, who)))


def _purse(world: World, who: Address) -> Iterator[Tx]:
    for symbol in (*PLEDGED, *LENT):
        yield world.mint(who, symbol, _raw(world, symbol, PURSE_USD))
        yield world.approve(who, symbol, world.addresses.pool)


def _supplies(world: World, who: Address) -> Iterator[Tx]:
    for symbol in (*PLEDGED, *LENT):
        yield world.supply(who, symbol, _raw(world, symbol, SUPPLIED_USD))


def _debts(world: World, who: Address) -> Iterator[Tx]:
    for symbol in LENT:
        yield world.borrow(who, symbol, _raw(world, symbol, OWED_USD))


def _raw(world: World, symbol: str, usd: int) -> int:
    asset = world.terms.asset(symbol)
    return int(usd * USD * 10**asset.decimals // asset.price_e8)


async def _rush(world: World, people: Sequence[Address], rng: random.Random) -> None:
    """Blocks until the market has logged enough; what underlying tokens log is nobody's here."""
    strangers = set(world.addresses.tokens.values())
    logs = 0
    while logs < LOGS:
        receipts = await world.block(*(_draw(world, people, rng) for _ in range(VERBS_PER_BLOCK)))
        logs += sum(log.address not in strangers for r in receipts for log in r.logs)


def _draw(world: World, people: Sequence[Address], rng: random.Random) -> Tx:
    who, symbol = rng.choice(people), rng.choice((*PLEDGED, *LENT))
    amount_raw = _raw(world, symbol, rng.randint(SMALLEST_USD, LARGEST_USD))
    [verb] = rng.choices(list(VERBS), weights=list(VERBS.values()))
    if verb == "supply":
        return world.supply(who, symbol, amount_raw)
    if verb == "withdraw":
        return world.withdraw(who, symbol, amount_raw)
    if verb == "transfer":
        return world.transfer_atoken(who, symbol, rng.choice(people), amount_raw)
    if verb == "pledge":
        return world.set_collateral(who, rng.choice(LENT), rng.random() < 1 / 2)
    lent = rng.choice(LENT)
    if verb == "borrow":
        return world.borrow(who, lent, _raw(world, lent, rng.randint(SMALLEST_USD, LARGEST_USD)))
    return world.repay(who, lent, _raw(world, lent, rng.randint(SMALLEST_USD, LARGEST_USD)))


def _node(world: World) -> Node:
    settings = NodeSettings((world.anvil.http_url,), world.anvil.chain_id)
    aggregate3 = abi_library("multicall3/Multicall3").functions["aggregate3"]
    return Node(settings, aggregate3, lambda *_: None)


async def _watched(world: World, node: Node, start: int) -> Traffic:
    entry = CoreAddress(world.addresses.addresses_provider)
    sources: tuple[EventSource, ...] = (
        PROTOCOLS["aave_v3"](MarketPlan(MARKET, entry, 0), abi_library),
        *price_sources([MARKET], abi_library, {}),
    )
    folder = Folder(sources, node.follower, node.reader)
    at, head = await node.block_by(start), await node.block_by("latest")
    ledger = await bootstrap(sources, folder, node.reader, at, head)
    blocks = [await node.block_by(number) for number in range(at.number + 1, head.number + 1)]
    return Traffic(world, node, sources, folder.addresses(ledger), ledger, tuple(blocks))
