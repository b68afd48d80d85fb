"""A pool as a plug-in: its logs feed the ledger, its depth is read from there."""

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.curves import DepthCurve
from monitor.core.events import DomainEvent
from monitor.core.ledger import LedgerView, TickPool, find, pool_key
from monitor.core.ports import ContractReader, Readings, ViewCall
from monitor.core.units import Address
from monitor.liquidity.uniswap_v3 import UniswapV3Pool, curve_of


@dataclass(frozen=True, slots=True)
class PoolDecoder:
    """Decodes one pool's logs against a current view."""

    pool: UniswapV3Pool
    view: LedgerView

    def decode(self, log: RawLog) -> tuple[DomainEvent, ...]:
        return self.pool.decode(log, self.view) if log.address == self.pool.address else ()


@dataclass(frozen=True, slots=True)
class PoolSource:
    """An event source and a place to sell."""

    pool: UniswapV3Pool

    @property
    def name(self) -> str:
        return self.pool.address

    def addresses(self, view: LedgerView) -> frozenset[Address]:
        return self.pool.addresses(view)

    def questions(self, logs: Sequence[RawLog], view: LedgerView) -> tuple[ViewCall, ...]:
        return ()

    def decoder(self, block: BlockRef, view: LedgerView, facts: Readings) -> PoolDecoder:
        return PoolDecoder(self.pool, view)

    def polls(self, view: LedgerView) -> tuple[ViewCall, ...]:
        return ()

    def polled(self, view: LedgerView, readings: Readings) -> tuple[DomainEvent, ...]:
        return ()

    async def bootstrap(
        self, reader: ContractReader, at: BlockRef, head: BlockRef
    ) -> tuple[DomainEvent, ...]:
        return await self.pool.bootstrap(reader, at, head)

    def curve(self, view: LedgerView) -> DepthCurve | None:
        state = find(view, pool_key(self.pool.address), TickPool)
        if state is None or not state.sqrt_price_x96:  # announced, but not initialised yet
            return None
        return curve_of(self.pool.address, state)
