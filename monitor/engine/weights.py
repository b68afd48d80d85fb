"""Prices as whole numbers: what thousands of positions are worth adds up without fractions."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from monitor.core.units import AssetId
from monitor.leverage.concentration import Worth

UsdPerRaw = Callable[[AssetId], Fraction | None]


@dataclass(frozen=True, slots=True)
class Weights:
    """What a raw unit of each asset is worth, exactly; None where unknown.

    `unit`: how many of what they count in are 1 USD; it divides every price.
    """

    by_asset: Mapping[AssetId, int | None]
    unit: int

    def worth(self, asset: AssetId, raw: int) -> int | None:
        weight = self.by_asset[asset]
        return None if weight is None else weight * raw

    def usd(self, worth: int | Fraction | None) -> Fraction | None:
        return None if worth is None else Fraction(worth, self.unit)


def weights_of(assets: Iterable[AssetId], usd_per_raw: UsdPerRaw) -> Weights:
    prices = {asset: usd_per_raw(asset) for asset in assets}
    unit = lcm(*(price.denominator for price in prices.values() if price is not None))
    return Weights(
        {a: None if price is None else int(price * unit) for a, price in prices.items()}, unit
    )


def added(worths: Sequence[Worth]) -> Worth:
    """A sum that is unknown as soon as one part is."""
    known = [worth for worth in worths if worth is not None]
    return sum(known) if len(known) == len(worths) else None
