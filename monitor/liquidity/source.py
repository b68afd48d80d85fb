"""A pool as a plug-in: it feeds the ledger, and its depth is read from there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.curves import DepthCurve
from monitor.core.events import DomainEvent
from monitor.core.ledger import LedgerView
from monitor.core.ports import ContractReader, Readings, ViewCall
from monitor.core.sources import EventSource, Liquidity
from monitor.core.units import Address


class Venue(EventSource, Liquidity, Protocol):
    """An event source and a place to sell."""


class LoggedPool(Protocol):
    """A pool whose logs tell everything once it was read."""

    @property
    def address(self) -> Address: ...

    def addresses(self, view: LedgerView) -> frozenset[Address]: ...

    def decode(self, log: RawLog, view: LedgerView) -> tuple[DomainEvent, ...]: ...

    async def bootstrap(
        self, reader: ContractReader, at: BlockRef, head: BlockRef
    ) -> tuple[DomainEvent, ...]: ...

    def curve(self, view: LedgerView) -> DepthCurve | None: ...


@dataclass(frozen=True, slots=True)
class PoolDecoder:
    """Decodes one pool's logs against a current view."""

    pool: LoggedPool
    view: LedgerView

    def decode(self, log: RawLog) -> tuple[DomainEvent, ...]:
        return self.pool.decode(log, self.view) if log.address == self.pool.address else ()


@dataclass(frozen=True, slots=True)
class PoolSource:
    """A pool that logs tell of, as a venue."""

    pool: LoggedPool

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
        return self.pool.curve(view)
