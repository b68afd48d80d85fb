"""What one account holds in one market id, and how a change of it is told.

Shares and raw collateral stand where other protocols have scaled balances; there are no indices.
"""

from collections.abc import Sequence
from typing import NamedTuple

from monitor.core.events import CollateralChanged, DebtChanged, LentChanged, Place
from monitor.core.keys import position_key
from monitor.core.ledger import Holding, LedgerView, Position, find
from monitor.core.pairs import Pair
from monitor.core.units import RAY, Ray, ScaledAmount
from monitor.errors import LedgerCorrupt


class Held(NamedTuple):
    """`Morpho.position`."""

    lent_shares: int
    debt_shares: int
    collateral_raw: int


def held_in(position: Position) -> Held:
    """Every side has one asset at most."""
    return Held(_only(position.lent), _only(position.debts), _only(position.supplies))


def held_at(view: LedgerView, place: Place) -> Held:
    key = position_key(place.market, place.account, place.sub_market)
    return held_in(find(view, key, Position) or Position())


def sums(held: Sequence[Held]) -> Held:
    """Side by side."""
    return Held(*(sum(side) for side in zip(*held, strict=True))) if held else Held(0, 0, 0)


def lends(place: Place, pair: Pair, shares: int) -> LentChanged:
    return LentChanged(place, pair.loan, _natural(place, "lends", shares))


def owes(place: Place, pair: Pair, shares: int) -> DebtChanged:
    return DebtChanged(place, pair.loan, _natural(place, "owes", shares), Ray(RAY))


def pledges(place: Place, pair: Pair, raw: int) -> CollateralChanged:
    """Collateral that is not lent out always secures the debt."""
    pledged = _natural(place, "pledges", raw)
    return CollateralChanged(place, pair.collateral, pledged, Ray(RAY), used=pledged > 0)


def _only(side: tuple[Holding, ...]) -> int:
    return sum(held.scaled for held in side)


def _natural(place: Place, verb: str, amount: int) -> ScaledAmount:
    if amount < 0:
        raise LedgerCorrupt(f"after it {place.account} {verb} {amount} in {place.sub_market}")
    return ScaledAmount(amount)
