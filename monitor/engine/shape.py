"""What decides which assets make a loop, whoever holds them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from monitor.core.ledger import LedgerView
from monitor.core.sources import RiskRules
from monitor.core.units import AssetId
from monitor.engine.valuation import list_all
from monitor.leverage.claims import Claims, claims_of
from monitor.leverage.ties import Ties, moved, ties_of

Correlated = Mapping[AssetId, frozenset[AssetId]]


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides which assets make a loop, but for the positions. `listed`: by any market."""

    ties: Ties
    listed: frozenset[AssetId]
    claims: Claims

    def moved(self, after: "Shape") -> frozenset[AssetId]:
        """The assets of which it says something else afterwards."""
        before = self.claims
        claims = {*before.claims, *after.claims.claims}
        changed = (asset for asset in claims if _told(before, asset) != _told(after.claims, asset))
        return moved(self.ties, after.ties).union(changed)


@dataclass(frozen=True, slots=True)
class Shaping:
    """How shapes are made. `correlated`: which assets the configuration says follow one another."""

    markets: Sequence[RiskRules]
    correlated: Callable[[LedgerView], Correlated]

    def anew(self, view: LedgerView, at_unix: int) -> Shape:
        return Shape(
            ties_of(view, self.markets, self.correlated(view)),
            frozenset(one.asset for one in list_all(view, self.markets)),
            claims_of(view, self.markets, at_unix),
        )

    def again(self, before: Shape, view: LedgerView, at_unix: int) -> Shape:
        """The same, where nothing that ties are made of was written: there may be thousands of
        prices. What vaults hold goes with their markets' interest, and is always read.
        """
        return Shape(before.ties, before.listed, claims_of(view, self.markets, at_unix))


def _told(claims: Claims, asset: AssetId) -> object:
    """What loops are found by of one claim."""
    return (
        claims.kind(asset),
        claims.underlying(asset),
        claims.lends_in(asset),
        claims.within(asset),
    )
