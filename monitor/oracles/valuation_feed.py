"""A Chainlink feed the user named for an asset: what positions are *shown* to be worth, no more."""

from dataclasses import dataclass

from monitor.core.abi import Abi
from monitor.core.events import DomainEvent, PriceMoved
from monitor.core.ledger import LedgerView
from monitor.core.ports import Readings, ViewCall, ViewFailed
from monitor.core.prices import Price
from monitor.core.sources import PolledSource
from monitor.core.units import Address, AssetId, BaseValue, MarketId

VALUATION = MarketId("")
"""Such prices belong to no market."""
VALUATION_DECIMALS = 8


@dataclass(frozen=True, slots=True)
class ValuationFeed(PolledSource):
    """One `price_feed` of the configuration, in USD."""

    name: str
    asset: AssetId
    feed: Address
    abi: Abi

    def polls(self, view: LedgerView) -> tuple[ViewCall, ...]:
        names = ("latestAnswer", "decimals", "latestTimestamp")
        return tuple(ViewCall(self.feed, self.abi.functions[name]) for name in names)

    def polled(self, view: LedgerView, readings: Readings) -> tuple[DomainEvent, ...]:
        return (PriceMoved(VALUATION, self.asset, self._price(view, readings)),)

    def _price(self, view: LedgerView, readings: Readings) -> Price:
        answer, decimals, answered = (readings.get(call) for call in self.polls(view))
        if not isinstance(answer, tuple) or not isinstance(decimals, tuple):
            failed = next((f for f in (answer, decimals) if isinstance(f, ViewFailed)), None)
            why = failed.reason if failed else "the node no longer has this block's state"
            return Price(None, self.feed, reason=f"price_feed {self.feed}: {why}")
        if answer[0] <= 0:
            return Price(None, self.feed, reason=f"price_feed {self.feed} answers {answer[0]}")
        value = answer[0] * 10**VALUATION_DECIMALS // 10 ** decimals[0]
        answered_unix = answered[0] if isinstance(answered, tuple) else None
        return Price(BaseValue(value), self.feed, answered_unix=answered_unix)
