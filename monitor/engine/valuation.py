"""USD for people: what an amount is worth, and how it is written. Never part of a verdict."""

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from monitor.core.ledger import (
    Kind,
    LedgerView,
    Market,
    Price,
    Reserve,
    each,
    find,
    market_key,
    price_key,
    reserve_key,
)
from monitor.core.units import AssetId, MarketId
from monitor.oracles.valuation_feed import VALUATION, VALUATION_DECIMALS

USD_UNIT = 10**8
"""The base unit of a market that counts in USD."""


class Valuation:
    """Prices in USD at one state of the ledger (contract section 2, *USD*).

    An asset's own `price_feed` if there is one, else the oracle of the first market, in
    configuration order, that lists it. Only USD-based oracles count (base unit 1e8).
    """

    def __init__(self, view: LedgerView, markets: Sequence[MarketId]) -> None:
        self._view = view
        self._markets = markets
        self._prices: dict[AssetId, Fraction | None] = {}

    def usd(self, asset: AssetId, amount_raw: int) -> Fraction | None:
        """What an amount is worth; None when the price is unknown."""
        if asset not in self._prices:
            self._prices[asset] = self._usd_per_raw(asset)
        price = self._prices[asset]
        return None if price is None else price * amount_raw

    def _usd_per_raw(self, asset: AssetId) -> Fraction | None:
        listed = next(
            (
                (market, reserve)
                for market in self._markets
                if (reserve := find(self._view, reserve_key(market, asset), Reserve))
            ),
            None,
        )
        if listed is None:
            return None
        market, reserve = listed
        unit = 10**reserve.decimals
        own = find(self._view, price_key(VALUATION, asset), Price)
        if own is not None:
            return None if own.value is None else Fraction(own.value, 10**VALUATION_DECIMALS * unit)
        price = find(self._view, price_key(market, asset), Price)
        contracts = find(self._view, market_key(market), Market)
        if price is None or price.value is None or contracts is None:
            return None
        if contracts.base_unit != USD_UNIT:  # based on something else: not USD
            return None
        return Fraction(price.value, contracts.base_unit * unit)


def total(values: Sequence[Fraction | None]) -> Fraction | None:
    """A sum that is unknown as soon as one part is."""
    known = [value for value in values if value is not None]
    return sum(known, Fraction(0)) if len(known) == len(values) else None


def usd_text(value: Fraction | None) -> str | None:
    """Two decimals, half-up; unknown stays None."""
    if value is None:
        return None
    cents = Decimal((value * 1000).__floor__()) / 1000
    return f"{cents.quantize(Decimal('0.01'), ROUND_HALF_UP):f}"


def symbols(view: LedgerView, markets: Sequence[MarketId]) -> dict[AssetId, str]:
    """Symbol of every listed asset."""
    return {
        reserve.asset: reserve.symbol
        for market in reversed(markets)
        for _, reserve in each(view, Kind.RESERVE, market, Reserve)
    }
