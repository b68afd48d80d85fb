"""What one account has in one market, as the search for loops reads it: no prices."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from monitor.core.events import Place
from monitor.core.reserves import Category
from monitor.core.trails import Side
from monitor.core.units import Address, AssetId, MarketId
from monitor.leverage.foundation import Spot


class Seat(NamedTuple):
    """Where a standing is: a `Side` without its asset."""

    market: MarketId
    sub_market: str
    account: Address

    def side(self, asset: AssetId) -> Side:
        return Side(*self, asset)

    @property
    def spot(self) -> Spot:
        return self.market, self.sub_market


def seat_of(side: Side) -> Seat:
    return Seat(side.market, side.sub_market, side.account)


@dataclass(frozen=True, slots=True)
class Standing:
    """Collateral in use with a balance, and debts with what is owed of them; sorted by asset.

    Amounts owed are raw, with the interest up to the block, right to a unit: they only tell what
    matters from dust. `category`: the e-mode the account is in, None where it is in none.
    `pledged_raw`: how much of each is pledged, alike; nothing where that was not asked.
    """

    place: Place
    pledged: tuple[AssetId, ...]
    owed: tuple[tuple[AssetId, int], ...]
    category: Category | None = None
    pledged_raw: tuple[int, ...] = ()

    @property
    def seat(self) -> Seat:
        return Seat(self.place.market, self.place.sub_market, self.place.account)

    def debts(self) -> Iterator[tuple[Side, int]]:
        return ((self.seat.side(asset), raw) for asset, raw in self.owed)

    def raw(self, pledged: AssetId) -> int | None:
        """How much of an asset is pledged; None where that was not asked."""
        return dict(zip(self.pledged, self.pledged_raw, strict=False)).get(pledged)

    def pledges(self) -> Iterator[Side]:
        return map(self.seat.side, self.pledged)

    def is_pair(self, collateral: AssetId, debt: AssetId) -> bool:
        """Whether its e-mode takes the two for a pair."""
        chosen = self.category
        return chosen is not None and collateral in chosen.collateral and debt in chosen.borrowable
