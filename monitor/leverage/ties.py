"""Which assets are pegged to one another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from monitor.core.ledger import LedgerView
from monitor.core.sources import RiskRules
from monitor.core.units import AssetId, MarketId


@dataclass(frozen=True, slots=True)
class Ties:
    """`roots`: of every asset that is pegged to another, a name that it shares with that.

    `pairs`: the (market, sub-market)s whose own oracle pegs their collateral to their loan. That
    holds there alone: anybody may open a market with any oracle.
    """

    roots: Mapping[AssetId, str] = field(default_factory=dict)
    pairs: frozenset[tuple[MarketId, str]] = frozenset()

    def root(self, asset: AssetId) -> str:
        return self.roots.get(asset, asset)

    def is_pegged(self, one: AssetId, other: AssetId) -> bool:
        return self.root(one) == self.root(other)


def moved(before: Ties, after: Ties) -> frozenset[AssetId]:
    """Assets whose holders must be looked at again: no other pair of assets was tied or untied."""
    return frozenset(
        asset for asset in {*before.roots, *after.roots} if before.root(asset) != after.root(asset)
    )


def ties_of(
    view: LedgerView,
    rules: Sequence[RiskRules],
    correlated: Mapping[AssetId, frozenset[AssetId]],
) -> Ties:
    """All ties at one block. `correlated`: which assets follow the key, as the operator says."""
    return Ties()
