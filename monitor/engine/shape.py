"""What decides which assets make a loop, whoever holds them."""

from dataclasses import dataclass

from monitor.core.units import AssetId
from monitor.leverage.claims import Claims
from monitor.leverage.ties import Ties, moved


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides which assets make a loop, but for the positions."""

    ties: Ties
    claims: Claims

    def moved(self, after: "Shape") -> frozenset[AssetId]:
        """The assets of which it says something else afterwards."""
        before = self.claims
        claims = {*before.claims, *after.claims.claims}
        changed = (asset for asset in claims if _told(before, asset) != _told(after.claims, asset))
        return moved(self.ties, after.ties).union(changed)


def _told(claims: Claims, asset: AssetId) -> object:
    """What loops are found by of one claim."""
    return (
        claims.kind(asset),
        claims.underlying(asset),
        claims.behind(asset),
        claims.within(asset),
    )
