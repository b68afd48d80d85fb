"""What moves a price: the feeds at the end of its way, and the caps upon it (contract section 4).

An exchange rate and a fixed price are no feeds, so no move of a market reaches them; what a
contract adds that was not recognised is taken to follow the market.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from monitor.core.prices import Price, PriceKind, reported
from monitor.core.units import AssetId


class Leaf(NamedTuple):
    """A feed that follows the market price of `asset` in `quote` (None: USD).

    The price goes with the `exponent`-th power of what it says.
    """

    asset: AssetId
    quote: AssetId | None
    exponent: int


@dataclass(frozen=True, slots=True)
class Quoted:
    """An asset's price in one market. `numeraire`: what the market counts in, None for USD."""

    asset: AssetId
    numeraire: AssetId | None
    price: Price | None

    def leaves(self) -> Iterator[Leaf]:
        """None where the market needs no oracle for it, or nothing that trades is asked."""
        if self.price is None:
            return
        if not self.price.path:
            yield Leaf(self.asset, self.numeraire, 1)
        for edge in self.price.path:
            if edge.exponent == 0 or edge.reads or edge.kind not in (PriceKind.MARKET, None):
                continue
            quote = self.numeraire if edge.kind is None else edge.quote
            yield Leaf(reported(edge, self.asset, self.numeraire), quote, edge.exponent)

    @property
    def is_rated(self) -> bool:
        """Whether a rate is on the price's way: the asset grows against what it is priced by."""
        path = () if self.price is None else self.price.path
        return any(edge.kind is PriceKind.EXCHANGE_RATE and edge.exponent > 0 for edge in path)

    def power(self, moving: Set[AssetId]) -> int:
        """The power of a factor with which the price goes, where these assets' prices take it."""
        return sum(
            leaf.exponent * ((leaf.asset in moving) - (leaf.quote in moving))
            for leaf in self.leaves()
        )

    def cap(self) -> tuple[Fraction, Fraction] | None:
        """The cap, and what the price would be without it: both as shares of the price.

        None where there is none, or it moves with what it caps (a cap of a rate).
        """
        price = self.price
        if price is None or not price.value or price.cap_value is None or price.cap_follows:
            return None
        free = Fraction(1)
        for edge in price.path:
            if edge.exponent > 0 and edge.binds and edge.answer and edge.uncapped is not None:
                free *= Fraction(edge.uncapped, edge.answer)
        return Fraction(price.cap_value, price.value), max(free, Fraction(1))


class Reach:
    """Which assets' prices go along when one moves: all that rest on it, the ratio kept.

    A price in another asset says so only where no market has one in USD, as in the projection.
    """

    def __init__(
        self, quoted: Iterable[Quoted], correlated: Mapping[AssetId, frozenset[AssetId]]
    ) -> None:
        listed = tuple(quoted)
        self._correlated = correlated
        in_usd = {one.asset for one in listed if one.numeraire is None}
        resting: dict[AssetId, set[AssetId]] = {}
        for one in listed:
            if one.numeraire is not None and one.asset in in_usd:
                continue
            for leaf in one.leaves():
                if leaf.exponent > 0:
                    resting.setdefault(leaf.asset, set()).add(one.asset)
        self._resting = resting

    def of_price(self, asset: AssetId) -> frozenset[AssetId]:
        """What moves with the asset's price."""
        return self.of_peg(asset) | self._correlated.get(asset, frozenset())

    def of_peg(self, asset: AssetId) -> frozenset[AssetId]:
        """What moves with it when it leaves what it is pegged to."""
        return frozenset({asset, *self._resting.get(asset, ())})
