"""How concentrated a market is: what its largest owners have of its collateral and of its debt.

By owner, over all their accounts. Of one collateral by amount, of a whole side by value in USD:
unknown where a price of it is, as the side's sum is.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from monitor.core.units import Address, AssetId
from monitor.engine.sums import Sums
from monitor.engine.valuation import ratio_number
from monitor.engine.weights import UsdPerRaw, weights_of
from monitor.leverage.measures import herfindahl, top_share

FEW = 5


@dataclass(frozen=True, slots=True)
class Concentration:
    """Shares of 1: of the largest owner, of the five largest, and the sum of squared shares."""

    top1: Fraction
    top5: Fraction
    hhi: Fraction

    def as_json(self) -> dict[str, Any]:
        return {name: ratio_number(share) for name, share in self.measures().items()}

    def measures(self) -> Mapping[str, Fraction]:
        return {"top1": self.top1, "top5": self.top5, "hhi": self.hhi}


@dataclass(frozen=True, slots=True)
class Concentrations:
    """One market. A side is None where nothing is on it, or what it is worth is unknown."""

    collateral: Concentration | None
    debt: Concentration | None
    by_collateral: Mapping[AssetId, Concentration]

    def as_json(self, labels: Mapping[AssetId, str], show: Callable[[str], str]) -> dict[str, Any]:
        """`labels`: the collateral that is told of; of what anybody may list there is no end."""
        return {
            "collateral": None if self.collateral is None else self.collateral.as_json(),
            "debt": None if self.debt is None else self.debt.as_json(),
            "by_collateral": [
                {"asset": show(asset), "symbol": labels[asset]} | found.as_json()
                for asset, found in sorted(self.by_collateral.items())
                if asset in labels
            ],
        }


def concentrations_of(sums: Sums, usd_per_raw: UsdPerRaw) -> Concentrations:
    """Of all positions of one market."""
    places: defaultdict[AssetId, list[Mapping[Address, int]]] = defaultdict(list)
    for (_, asset), owners in sums.pledged_by.items():
        places[asset].append(owners)
    held = {asset: _together(each) for asset, each in places.items()}
    each = ((asset, _concentration(owners.values())) for asset, owners in held.items())
    return Concentrations(
        collateral=_by_value(held, usd_per_raw),
        debt=_by_value(sums.owed_by, usd_per_raw),
        by_collateral={asset: found for asset, found in each if found is not None},
    )


def _together(places: Sequence[Mapping[Address, int]]) -> Mapping[Address, int]:
    if len(places) == 1:
        return places[0]
    whole: defaultdict[Address, int] = defaultdict(int)
    for owners in places:
        for owner, raw in owners.items():
            whole[owner] += raw
    return whole


def _concentration(parts: Iterable[int]) -> Concentration | None:
    values = list(parts)
    top1, top5, hhi = top_share(values, 1), top_share(values, FEW), herfindahl(values)
    if top1 is None or top5 is None or hhi is None:
        return None
    return Concentration(top1, top5, hhi)


def _by_value(
    held: Mapping[AssetId, Mapping[Address, int]], usd_per_raw: UsdPerRaw
) -> Concentration | None:
    weights = weights_of(held, usd_per_raw)
    values: defaultdict[Address, int] = defaultdict(int)
    for asset, owners in held.items():
        weight = weights.by_asset[asset]
        if weight is None:
            return None
        for owner, raw in owners.items():
            values[owner] += weight * raw
    return _concentration(values.values())
