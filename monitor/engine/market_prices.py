"""What pools say assets trade at: their mids, exactly, against what oracles say."""

from collections.abc import Sequence, Set
from fractions import Fraction

from monitor.core.curves import DepthCurve
from monitor.core.prices import PEG_WIDTH
from monitor.core.sources import Listing
from monitor.core.units import AssetId
from monitor.simulation.impact import route


class MarketPrices:
    """Market prices at one state. An asset that no pool leads anywhere has none."""

    def __init__(self, curves: Sequence[DepthCurve], listings: Sequence[Listing]) -> None:
        """`listings`: of all markets, in configuration order."""
        self._curves = tuple(curve for curve in curves if curve.tokens and curve.mid(0, 1))
        self._anchors: dict[AssetId, Fraction] = {}
        for listing in listings:
            price = oracle_price(listing)
            if price is not None and listing.numeraire is None and _is_pegged(listing):
                self._anchors.setdefault(listing.asset, price)

    def of(self, listing: Listing) -> Fraction | None:
        """Per raw unit: in USD, or in raw units of the listing's numeraire.

        Of two assets that are worth a dollar each is counted by the other.
        """
        numeraire, asset = listing.numeraire, listing.asset
        if numeraire is not None:
            found = None if asset == numeraire else self._mid(asset, {numeraire})
            return None if found is None else found[0]
        found = self._mid(asset, self._anchors.keys() - {asset})
        return None if found is None else found[0] * self._anchors[found[1]]

    def deviation(self, listing: Listing) -> Fraction | None:
        """Oracle price by market price, less 1; None where either is unknown."""
        told, traded = oracle_price(listing), self.of(listing)
        if told is None or not traded:
            return None
        ratio = Fraction(told.numerator * traded.denominator, told.denominator * traded.numerator)
        return ratio - 1

    def _mid(self, asset: AssetId, goals: Set[AssetId]) -> tuple[Fraction, AssetId] | None:
        """Raw units of the nearest goal per raw unit of an asset, and that goal."""
        hops = route(self._curves, asset, goals.__contains__)
        if hops is None:
            return None
        mid, goal = Fraction(1), asset
        for number, inward, outward in hops:
            curve = self._curves[number]
            forward = curve.mid(inward, outward)
            if forward is None:
                return None
            mid, goal = mid * forward, curve.tokens[outward]
        return mid, goal


def oracle_price(listing: Listing) -> Fraction | None:
    """Per raw unit, in USD or in raw units of the numeraire; None when unknown."""
    price = listing.price
    if price is None or price.value is None or not listing.base_unit:
        return None
    if listing.numeraire is not None:
        return Fraction(price.value, listing.base_unit)
    if listing.decimals is None:
        return None
    return Fraction(price.value, listing.base_unit * 10**listing.decimals)


def _is_pegged(listing: Listing) -> bool:
    price = listing.price
    if price is None or price.value is None:
        return False
    return abs(Fraction(price.value, listing.base_unit) - 1) <= PEG_WIDTH
