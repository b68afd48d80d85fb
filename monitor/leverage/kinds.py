"""What kind of loop it is: the first that fits (contract section 3)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from monitor.core.loops import Leg, LoopKind
from monitor.core.receipts import ReceiptKind
from monitor.core.trails import Side
from monitor.core.units import AssetId
from monitor.leverage.claims import Claims
from monitor.leverage.standings import Seat, Standing, seat_of
from monitor.leverage.ties import Ties

LENDING = frozenset({ReceiptKind.ERC4626, ReceiptKind.AAVE_ATOKEN})
"""Claims on money that is put to work again. A staked token (a rate) is none."""


class Link(NamedTuple):
    """A debt, and the pledge that its money became."""

    debt: Side
    pledge: Side


@dataclass(frozen=True, slots=True)
class Judge:
    """Tells kinds of one owner's loops."""

    standings: Mapping[Seat, Standing]
    ties: Ties
    claims: Claims

    def kind(
        self, legs: Sequence[Leg], links: Collection[Link], through: Collection[AssetId]
    ) -> LoopKind:
        """`through`: what borrowed money was seen to be pledged as; nothing of a loop by state,
        whose links are tied in one way or another.
        """
        if self._is_rehypothecated(legs, through):
            return LoopKind.REHYPOTHECATED
        if any(link.debt.market != link.pledge.market for link in links):
            return LoopKind.CROSS_PROTOCOL
        if all(link.debt.asset == link.pledge.asset for link in links):
            return LoopKind.SAME_ASSET
        if not through or all(self.is_tied(link) for link in links):
            return LoopKind.CORRELATED
        return LoopKind.DIRECTIONAL

    def is_tied(self, link: Link) -> bool:
        """Whether debt and pledge are pegged: everywhere, or where they are."""
        debt, pledge = link
        if self.ties.is_pegged(debt.asset, pledge.asset):
            return True
        if seat_of(debt).spot != seat_of(pledge).spot:
            return False
        standing = self.standings[seat_of(pledge)]
        return seat_of(pledge).spot in self.ties.pairs or standing.is_pair(pledge.asset, debt.asset)

    def _is_rehypothecated(self, legs: Sequence[Leg], through: Collection[AssetId]) -> bool:
        """Whether a pledge is a claim on what the loop's own money went into: borrowed money was
        pledged as it, its asset is owed, or it is lent out in a market of the loop.
        """
        owed = {leg.debt for leg in legs}
        spots = {(leg.market, leg.sub_market) for leg in legs}
        return any(
            asset in through
            or not owed.isdisjoint(rests(self.claims, asset)[1:])
            or not spots.isdisjoint(self.claims.lends_in(asset))
            for asset in {leg.collateral for leg in legs}
            if self.claims.kind(asset) in LENDING
        )


def rests(claims: Claims, asset: AssetId) -> list[AssetId]:
    """An asset, what it is a claim on, what that is one on: circles end."""
    found = [asset]
    under = claims.underlying(asset)
    while under is not None and under not in found:
        found.append(under)
        under = claims.underlying(under)
    return found
