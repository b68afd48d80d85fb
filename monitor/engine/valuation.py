"""USD for people: what an amount is worth, and how it is written. Never part of a verdict."""

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from monitor.core.keys import Kind, price_key, token_key
from monitor.core.ledger import LedgerView, each, find
from monitor.core.pairs import Token
from monitor.core.prices import Price
from monitor.core.sources import Listing, RiskRules
from monitor.core.units import AssetId, MarketId
from monitor.engine.receipts import receipts_in
from monitor.oracles.valuation_feed import VALUATION, VALUATION_DECIMALS

USD_UNIT = 10**8
"""The base unit of a market that counts in USD."""


class Valuation:
    """Prices in USD at one state of the ledger (contract section 2, *USD*).

    An asset's own `price_feed` if there is one, else the oracle of the first market, in
    configuration order, that lists it and counts in USD (base unit 1e8); else what a claim is worth
    of its underlying.
    """

    def __init__(self, view: LedgerView, listings: Sequence[Listing]) -> None:
        """`listings`: of all markets, in configuration order."""
        self._view = view
        self._listed: dict[AssetId, Listing] = {}
        self._decimals: dict[AssetId, int] = {}
        for listing in listings:
            if listing.decimals is not None:
                self._decimals.setdefault(listing.asset, listing.decimals)
            if listing.numeraire is None and listing.base_unit == USD_UNIT:
                self._listed.setdefault(listing.asset, listing)
        self.receipts = receipts_in(view)
        self._prices: dict[AssetId, Fraction | None] = {}

    def usd(self, asset: AssetId, amount_raw: int) -> Fraction | None:
        """What an amount is worth; None when the price is unknown."""
        if asset not in self._prices:
            self._prices[asset] = None  # what claims itself is worth nothing known
            self._prices[asset] = self._usd_per_raw(asset)
        price = self._prices[asset]
        return None if price is None else price * amount_raw

    def is_told(self, asset: AssetId) -> bool:
        """Whether there is somebody to say what an asset is worth, be it unknown now."""
        has_feed = find(self._view, price_key(VALUATION, asset), Price) is not None
        return has_feed or asset in self._listed or asset in self.receipts

    def _usd_per_raw(self, asset: AssetId) -> Fraction | None:
        decimals = self._decimals.get(asset)
        if decimals is None and (token := find(self._view, token_key(asset), Token)):
            decimals = token.decimals
        own = find(self._view, price_key(VALUATION, asset), Price)
        if own is not None:
            if own.value is None or decimals is None:
                return None
            return Fraction(own.value, 10 ** (VALUATION_DECIMALS + decimals))
        listed = self._listed.get(asset)
        if listed is None or decimals is None:
            return self._usd_per_share(asset)
        if listed.price is None or listed.price.value is None:
            return None
        return Fraction(listed.price.value, listed.base_unit * 10**decimals)

    def _usd_per_share(self, asset: AssetId) -> Fraction | None:
        claim = self.receipts.get(asset)
        if claim is None or claim.underlying is None or claim.unit_assets_raw is None:
            return None
        worth = self.usd(claim.underlying, claim.unit_assets_raw)
        return None if worth is None or not claim.unit_shares else worth / claim.unit_shares


def total(values: Sequence[Fraction | None]) -> Fraction | None:
    """A sum that is unknown as soon as one part is."""
    if len(values) == 1:  # as most positions have; sums of fractions are slow
        return values[0]
    known = [value for value in values if value is not None]
    return sum(known, Fraction(0)) if len(known) == len(values) else None


def usd_text(value: Fraction | None) -> str | None:
    """Two decimals, half-up; unknown stays None."""
    if value is None:
        return None
    cents = Decimal((value * 1000).__floor__()) / 1000
    return f"{cents.quantize(Decimal('0.01'), ROUND_HALF_UP):f}"


def ratio_number(value: Fraction | None) -> float | None:
    """A ratio as JSON has it; unknown stays None."""
    return None if value is None else float(value)


def list_all(view: LedgerView, rules: Sequence[RiskRules]) -> list[Listing]:
    """What all markets list, in configuration order."""
    return [listing for rule in rules for listing in rule.listings(view)]


def symbols(view: LedgerView, listings: Sequence[Listing]) -> dict[AssetId, str]:
    """Symbol of every asset that is listed, by the first market, or said of itself."""
    told = {
        AssetId(key.subject): t.symbol for key, t in each(view, Kind.TOKEN, MarketId(""), Token)
    }
    return told | {listing.asset: listing.symbol for listing in reversed(listings)}


def labels(listings: Sequence[Listing], named: Mapping[str, AssetId]) -> Mapping[AssetId, str]:
    """The assets that metrics tell of, and what labels them: no stranger can add to them.

    Those that a market's own governance chose, by their symbol (an address is no label), and the
    [assets] entries, `named`.
    """
    chosen = (listing for listing in listings if not listing.is_permissionless)
    told = {one.asset: one.symbol for one in chosen if one.symbol != one.asset}
    return {asset: name for name, asset in named.items()} | told
