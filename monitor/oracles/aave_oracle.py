"""What an Aave market believes prices to be: AaveOracle, and the feed behind each asset.

The oracle is read every block: prices move without a log (capped and time-dependent adapters,
silent feed phases), so a log only hastens what the read then says. Source: AaveOracle.sol
(aave-v3-origin 3.6), EACAggregatorProxy.sol (Chainlink).
"""

from collections.abc import Sequence
from dataclasses import replace

from monitor.core.abi import Abi
from monitor.core.blocks import BlockRef, RawLog
from monitor.core.events import DomainEvent, MarketChanged, PriceMoved
from monitor.core.ledger import Kind, LedgerView, Market, Reserve, each, find, market_key
from monitor.core.ports import ContractReader, Readings, ViewCall, ViewFailed
from monitor.core.prices import Price
from monitor.core.units import ZERO_ADDRESS, Address, AssetId, BaseValue, MarketId

UNSCALED = "the oracle does not tell its BASE_CURRENCY_UNIT"


class AaveOraclePrices:
    """The prices of one market's reserves."""

    def __init__(self, market: MarketId, oracle: Abi, feed: Abi) -> None:
        self._market = market
        self._oracle = oracle
        self._feed = feed

    @property
    def name(self) -> str:
        return self._market

    def addresses(self, view: LedgerView) -> frozenset[Address]:
        """The aggregators: a proxy logs nothing, the contract behind it does."""
        return frozenset(
            price.emitter
            for _, price in each(view, Kind.PRICE, self._market, Price)
            if price.emitter is not None
        )

    def questions(self, logs: Sequence[RawLog], view: LedgerView) -> tuple[ViewCall, ...]:
        return ()

    def decoder(self, block: BlockRef, view: LedgerView, facts: Readings) -> "AnswerDecoder":
        return AnswerDecoder(self._market, self._feed, view)

    def polls(self, view: LedgerView) -> tuple[ViewCall, ...]:
        contracts = find(view, market_key(self._market), Market)
        if contracts is None:
            return ()
        calls = [self._unit_call(contracts)]
        for _, reserve in each(view, Kind.RESERVE, self._market, Reserve):
            calls += self._price_calls(contracts, reserve.asset)
        for _, price in each(view, Kind.PRICE, self._market, Price):
            if price.source is not None:
                calls += self._feed_calls(price.source)
        return tuple(dict.fromkeys(calls))

    def polled(self, view: LedgerView, readings: Readings) -> tuple[DomainEvent, ...]:
        """Prices; and the scale they are in, where the oracle was replaced by one with another."""
        contracts = find(view, market_key(self._market), Market)
        if contracts is None:
            return ()
        events: list[DomainEvent] = []
        unit = readings.get(self._unit_call(contracts))
        if isinstance(unit, tuple) and unit[0] not in (0, contracts.base_unit):
            rescaled = replace(contracts, base_unit=unit[0])
            events.append(MarketChanged(self._market, rescaled))
        for _, reserve in each(view, Kind.RESERVE, self._market, Reserve):
            price = self._price(contracts, reserve, readings)
            if unit is not None and (isinstance(unit, ViewFailed) or unit[0] == 0):
                price = Price(None, price.source, reason=UNSCALED)
            events.append(PriceMoved(self._market, reserve.asset, price))
        return tuple(events)

    async def bootstrap(
        self, reader: ContractReader, at: BlockRef, head: BlockRef
    ) -> tuple[DomainEvent, ...]:
        return ()

    def _unit_call(self, contracts: Market) -> ViewCall:
        return ViewCall(contracts.oracle, self._oracle.functions["BASE_CURRENCY_UNIT"])

    def _price_calls(self, contracts: Market, asset: AssetId) -> tuple[ViewCall, ViewCall]:
        oracle = self._oracle.functions
        return (
            ViewCall(contracts.oracle, oracle["getAssetPrice"], (asset,)),
            ViewCall(contracts.oracle, oracle["getSourceOfAsset"], (asset,)),
        )

    def _feed_calls(self, source: Address) -> tuple[ViewCall, ViewCall]:
        feed = self._feed.functions
        return ViewCall(source, feed["aggregator"]), ViewCall(source, feed["latestTimestamp"])

    def _price(self, contracts: Market, reserve: Reserve, readings: Readings) -> Price:
        price_call, source_call = self._price_calls(contracts, reserve.asset)
        answer, found = readings.get(price_call), readings.get(source_call)
        source = None if found is None or isinstance(found, ViewFailed) else found[0]
        source = None if source == ZERO_ADDRESS else source
        if answer is None:
            return Price(None, source, reason="the node no longer has this block's state")
        if isinstance(answer, ViewFailed):
            return Price(None, source, reason=f"the oracle reverts: {answer.reason}")
        if answer[0] == 0:
            return Price(None, source, reason="the oracle answers 0")
        emitter, answered = self._feed_facts(source, readings)
        return Price(BaseValue(answer[0]), source, emitter, answered)

    def _feed_facts(
        self, source: Address | None, readings: Readings
    ) -> tuple[Address | None, int | None]:
        """Aggregator and time of the last answer; not every source tells them."""
        if source is None:
            return None, None
        emitter, answered = (readings.get(call) for call in self._feed_calls(source))
        return (
            None if emitter is None or isinstance(emitter, ViewFailed) else emitter[0],
            None if answered is None or isinstance(answered, ViewFailed) else answered[0],
        )


class AnswerDecoder:
    """Chainlink's AnswerUpdated: a price is about to be read."""

    def __init__(self, market: MarketId, feed: Abi, view: LedgerView) -> None:
        self._market = market
        self._updated = feed.event("AnswerUpdated")
        self._view = view

    def decode(self, log: RawLog) -> tuple[DomainEvent, ...]:
        if log.topics[:1] != (self._updated.topic0,):
            return ()
        _, _, updated_unix = self._updated.decode(log)
        return tuple(
            PriceMoved(
                self._market, Address(key.subject), replace(price, answered_unix=updated_unix)
            )
            for key, price in each(self._view, Kind.PRICE, self._market, Price)
            if price.emitter == log.address
        )
