"""What an Aave market believes prices to be: AaveOracle, read every block.

Prices move without a log (capped and time-dependent adapters, silent feed phases), so a log only
announces what the read then says. What stands behind each source is `graph`'s. Source:
AaveOracle.sol (aave-v3-origin 3.6, and aave-v3-core 3.0.2, which is the same here).
"""

from collections.abc import Iterator
from dataclasses import replace

from monitor.core.abi import Abi
from monitor.core.events import DomainEvent, MarketChanged, PriceMoved
from monitor.core.keys import Kind, market_key, price_key
from monitor.core.ledger import LedgerView, Market, each, find
from monitor.core.ports import Readings, ViewCall, ViewFailed
from monitor.core.prices import Price
from monitor.core.reserves import Category, Reserve
from monitor.core.sources import PolledSource
from monitor.core.units import ZERO_ADDRESS, Address, AssetId, BaseValue, MarketId

UNSCALED = "the oracle does not tell its BASE_CURRENCY_UNIT"


class AaveOraclePrices(PolledSource):
    """The prices of one market's reserves, and of what prices e-mode categories before 3.2."""

    def __init__(self, market: MarketId, oracle: Abi) -> None:
        self._market = market
        self._oracle = oracle

    @property
    def name(self) -> str:
        return self._market

    def polls(self, view: LedgerView) -> tuple[ViewCall, ...]:
        """Nothing where there is no AaveOracle."""
        contracts = find(view, market_key(self._market), Market)
        if contracts is None or contracts.oracle == ZERO_ADDRESS:
            return ()
        calls = list(self._oracle_calls(contracts))
        for asset in self._assets(view):
            calls += self._price_calls(contracts, asset)
        return tuple(calls)

    def polled(self, view: LedgerView, readings: Readings) -> tuple[DomainEvent, ...]:
        """Prices that changed, with the way they had; and the scale they are in, where the oracle
        was replaced by one with another. A market whose oracle is nobody has none.
        """
        contracts, assets = find(view, market_key(self._market), Market), self._assets(view)
        if contracts is None or not assets:
            return ()
        events: list[DomainEvent] = []
        unit = readings.get(self._oracle_calls(contracts)[0])
        if contracts.oracle == ZERO_ADDRESS:
            unit = ViewFailed(UNSCALED)
        if isinstance(unit, tuple) and unit[0] not in (0, contracts.base_unit):
            rescaled = replace(contracts, base_unit=unit[0])
            events.append(MarketChanged(self._market, rescaled))
        for asset in assets:
            value, source, reason = self._told(contracts, asset, readings)
            if unit is not None and (isinstance(unit, ViewFailed) or unit[0] == 0):
                value, reason = None, UNSCALED
            known = find(view, price_key(self._market, asset), Price)
            told = replace(known or Price(None), value=value, source=source, reason=reason)
            if told != known:
                events.append(PriceMoved(self._market, asset, told))
        for key, _ in each(view, Kind.PRICE, self._market, Price):
            if key.subject not in assets:  # no category is priced by it any more
                events.append(PriceMoved(self._market, AssetId(Address(key.subject)), None))
        return tuple(events)

    def _assets(self, view: LedgerView) -> dict[AssetId, None]:
        """Whose prices are asked, each once and in order."""
        return dict.fromkeys((*self._reserves(view), *self._category_sources(view)))

    def _reserves(self, view: LedgerView) -> Iterator[AssetId]:
        for _, reserve in each(view, Kind.RESERVE, self._market, Reserve):
            yield reserve.asset

    def _category_sources(self, view: LedgerView) -> Iterator[AssetId]:
        for _, category in each(view, Kind.CATEGORY, self._market, Category):
            if category.price_source != ZERO_ADDRESS:
                yield AssetId(category.price_source)

    def _oracle_calls(self, contracts: Market) -> tuple[ViewCall, ViewCall]:
        oracle = self._oracle.functions
        return (
            ViewCall(contracts.oracle, oracle["BASE_CURRENCY_UNIT"]),
            ViewCall(contracts.oracle, oracle["getFallbackOracle"]),
        )

    def _price_calls(self, contracts: Market, asset: AssetId) -> tuple[ViewCall, ViewCall]:
        oracle = self._oracle.functions
        return (
            ViewCall(contracts.oracle, oracle["getAssetPrice"], (asset,)),
            ViewCall(contracts.oracle, oracle["getSourceOfAsset"], (asset,)),
        )

    def _told(
        self, contracts: Market, asset: AssetId, readings: Readings
    ) -> tuple[BaseValue | None, Address | None, str]:
        """The price, whose answer it is, and why there is none."""
        price_call, source_call = self._price_calls(contracts, asset)
        source = _address(readings, source_call)
        if source is None and source_call in readings:
            source = _address(readings, self._oracle_calls(contracts)[1])
        answer = readings.get(price_call)
        if answer is None:
            return None, source, "the node no longer has this block's state"
        if isinstance(answer, ViewFailed):
            return None, source, f"the oracle reverts: {answer.reason}"
        if answer[0] == 0:
            return None, source, "the oracle answers 0"
        return BaseValue(answer[0]), source, ""


def _address(readings: Readings, call: ViewCall) -> Address | None:
    """The contract an answer names; None for nobody."""
    found = readings.get(call)
    named = found[0] if isinstance(found, tuple) else ZERO_ADDRESS
    return None if named == ZERO_ADDRESS else Address(named)
