"""The newest books, made once a block."""

import asyncio
from collections.abc import Mapping, Sequence

from monitor.core.blocks import BlockRef
from monitor.core.ledger import Ledger
from monitor.core.sources import Liquidity, RiskRules
from monitor.core.units import AssetId, MarketId
from monitor.engine.loop_book import USUAL, LoopBook, LoopTerms
from monitor.engine.net_value import NetValue, net_values
from monitor.engine.positions import NOTHING_NAMED, Checksum, Owner, PositionBook, itself
from monitor.engine.price_book import PriceBook

NetValues = Mapping[MarketId, NetValue]


class Books:
    """The newest books of positions, prices and loops: made once a block, whoever asks."""

    def __init__(
        self,
        rules: Sequence[RiskRules],
        checksum: Checksum,
        pools: Sequence[Liquidity] = (),
        named: Mapping[str, AssetId] = NOTHING_NAMED,
        owner: Owner = itself,
        loops: LoopTerms = USUAL,
    ) -> None:
        """`named`: the [assets] entries. `owner`: as of a PositionBook."""
        self._loop_terms = loops
        self._loops: LoopBook | None = None
        self._net_values: tuple[BlockRef, NetValues] | None = None
        self.owner = owner
        self._named = named
        self._rules = tuple(rules)
        self._pools = tuple(pools)
        self.checksum = checksum
        self._newest: PositionBook | None = None
        self._prices: PriceBook | None = None
        self._making: asyncio.Task[None] | None = None

    async def make(self, view: Ledger, block: BlockRef) -> None:
        """All, beside the event loop: positions are many. Until it is done the view must stand
        still.
        """
        self._making = asyncio.create_task(asyncio.to_thread(self._make, view, block))
        await self._making

    async def made(self) -> None:
        """Once what is being made is there: nobody makes the same twice."""
        if self._making is not None:
            await asyncio.wait([self._making])

    def _make(self, view: Ledger, block: BlockRef) -> None:
        _ = self.at(view, block).concentrations
        self.prices_at(view, block)
        self.net_values_at(view, block)

    @property
    def newest(self) -> PositionBook | None:
        """Of whichever block; None before the first is made."""
        return self._newest

    def at(self, view: Ledger, block: BlockRef) -> PositionBook:
        if self._newest is None or self._newest.block != block:
            self._newest = PositionBook(
                view, block, self._rules, self.checksum, self._named, self.owner
            )
        return self._newest

    def prices_at(self, view: Ledger, block: BlockRef) -> PriceBook:
        if self._prices is None or self._prices.block != block:
            self._prices = PriceBook(view, block, self._rules, self._pools)
        return self._prices

    def loops_at(self, view: Ledger, block: BlockRef) -> LoopBook:
        if self._loops is None or self._loops.block != block:
            positions = self.at(view, block)
            self._loops = LoopBook(positions, view, self._rules, self._named, self._loop_terms)
        return self._loops

    def net_values_at(self, view: Ledger, block: BlockRef) -> NetValues:
        """What collateral is in use in each market, gross and net."""
        if self._net_values is None or self._net_values[0] != block:
            positions, loops = self.at(view, block), self.loops_at(view, block)
            pledged = {market: sums.pledged for market, sums in positions.sums.items()}
            found = net_values(pledged, loops.rows, positions.claims, positions.usd_per_raw)
            self._net_values = (block, found)
        return self._net_values[1]
