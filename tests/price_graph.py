"""The prices of a world as the daemon reads them, at the head, with the requests that takes."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from devnet import World
from devnet.configuration import Wiring, configuration

from monitor.chain.node import Node, NodeSettings
from monitor.core.blocks import BlockRef
from monitor.core.keys import Kind
from monitor.core.ledger import Ledger, each
from monitor.core.overlay import Overlay
from monitor.core.prices import Price
from monitor.core.units import MarketId
from monitor.engine.folding import Folder, bootstrap
from monitor.engine.price_book import PriceBook, PriceRow
from monitor.library import abi_library
from monitor.parts import Parts, parts_of
from monitor.settings import load


@dataclass
class PriceGraph:
    """`requests`: by method. `kept`: the ledger at the first reading, which later ones start on."""

    world: World
    parts: Parts
    node: Node
    requests: Counter[str]
    kept: Ledger = field(default_factory=Ledger)

    async def begin(self) -> None:
        """The whole state, once."""
        head = await self.node.block_by("latest")
        self.kept = await bootstrap(
            self.parts.sources, self._folder(), self.node.reader, head, head
        )

    async def book(self) -> PriceBook:
        """Every price at the head."""
        head = await self._head()
        return PriceBook(await self.view(head), head, self.parts.markets, self.parts.pools)

    async def view(self, head: BlockRef | None = None) -> Overlay:
        """The ledger, with the prices of the head."""
        overlay = Overlay(self.kept)
        await self._folder().poll(head or await self._head(), overlay)
        return overlay

    async def row(self, market: str, symbol: str, sub_market: str = "") -> PriceRow:
        found = [
            row
            for row in (await self.book()).rows
            if (row.market, row.listing.symbol, row.listing.sub_market)
            == (market, symbol, sub_market)
        ]
        assert len(found) == 1
        return found[0]

    async def price(self, market: str, symbol: str, sub_market: str = "") -> Price:
        return (await self.row(market, symbol, sub_market)).price

    async def subjects(self, market: str) -> set[str]:
        """Whatever a price is kept of, listed or not."""
        prices = each(await self.view(), Kind.PRICE, MarketId(market), Price)
        return {key.subject for key, _ in prices}

    async def _head(self) -> BlockRef:
        return await self.node.block_by((await self.world.head()).number)

    def _folder(self) -> Folder:
        return Folder(self.parts.sources, self.node.follower, self.node.reader)


@asynccontextmanager
async def price_graph(world: World, folder: Path) -> AsyncIterator[PriceGraph]:
    """Over the configuration that the devnet writes for a world."""
    config = folder / "prices.toml"
    config.write_text(configuration(world, Wiring(folder / "state")))
    requests: Counter[str] = Counter()

    def observe(_: int, method: str, outcome: str) -> None:
        requests[method] += 1

    settings = NodeSettings((world.anvil.http_url,), world.anvil.chain_id)
    aggregate3 = abi_library("multicall3/Multicall3").functions["aggregate3"]
    node = Node(settings, aggregate3, observe)
    graph = PriceGraph(world, parts_of(load(config, {})), node, requests)
    try:
        await graph.begin()
        yield graph
    finally:
        await node.close()
