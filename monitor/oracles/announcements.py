"""Chainlink's AnswerUpdated: a market's price is about to be read anew.

It is counted, and no more: the read that every block ends with says what the price is.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.events import DomainEvent, PriceMoved
from monitor.core.keys import Key, Kind
from monitor.core.ledger import LedgerView, each, find
from monitor.core.ports import ContractReader, Readings, ViewCall
from monitor.core.prices import Price
from monitor.core.units import Address, AssetId, MarketId
from monitor.oracles.family import Views


class Announcements:
    """The logs of all aggregators behind one market's prices: a proxy logs nothing."""

    def __init__(self, market: MarketId, views: Views) -> None:
        self._market = market
        self._updated = views.answer_updated

    @property
    def name(self) -> str:
        return self._market

    def addresses(self, view: LedgerView) -> frozenset[Address]:
        prices = each(view, Kind.PRICE, self._market, Price)
        return frozenset(emitter for _, price in prices for emitter in _emitters(price))

    def questions(self, logs: Sequence[RawLog], view: LedgerView) -> tuple[ViewCall, ...]:
        return ()

    def decoder(self, block: BlockRef, view: LedgerView, facts: Readings) -> "AnswerDecoder":
        return AnswerDecoder(self._market, self._updated.topic0, view)

    def polls(self, view: LedgerView) -> tuple[ViewCall, ...]:
        return ()

    def polled(self, view: LedgerView, readings: Readings) -> tuple[DomainEvent, ...]:
        return ()

    async def bootstrap(
        self, reader: ContractReader, at: BlockRef, head: BlockRef
    ) -> tuple[DomainEvent, ...]:
        return ()


class AnswerDecoder:
    """Decodes the answers of one block."""

    def __init__(self, market: MarketId, topic0: str, view: LedgerView) -> None:
        self._market = market
        self._topic0 = topic0
        self._view = view
        self._priced: Mapping[Address, Sequence[Key]] | None = None

    def decode(self, log: RawLog) -> tuple[DomainEvent, ...]:
        if log.topics[:1] != (self._topic0,):
            return ()
        if self._priced is None:
            self._priced = self._by_emitter()
        found = [(key, find(self._view, key, Price)) for key in self._priced.get(log.address, ())]
        return tuple(
            PriceMoved(self._market, AssetId(Address(key.subject)), price, key.sub_market)
            for key, price in found
            if price is not None  # its asset may have been dropped in this very block
        )

    def _by_emitter(self) -> Mapping[Address, Sequence[Key]]:
        found: dict[Address, list[Key]] = defaultdict(list)
        for key, price in each(self._view, Kind.PRICE, self._market, Price):
            for emitter in _emitters(price):
                found[emitter].append(key)
        return found


def _emitters(price: Price) -> set[Address]:
    return {edge.source for edge in price.path if edge.reports_market}
