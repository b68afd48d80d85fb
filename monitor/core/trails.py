"""Where borrowed money went: what of it is in its owner's wallets, and what was pledged again.

This is history: it begins when the ledger does, and no contract can be asked for it.
"""

from dataclasses import dataclass
from typing import NamedTuple

from monitor.core.units import Address, AssetId, MarketId, RawAmount


class Side(NamedTuple):
    """One asset that an account owes, or has pledged, in one market."""

    market: MarketId
    sub_market: str
    account: Address
    asset: AssetId


@dataclass(frozen=True, slots=True)
class Lot:
    """Borrowed money in a wallet of its owner: `raw` of `asset`, which `borrowed_raw` of the debt
    `origin` became. `since_unix`: when it was borrowed. `transactions`: the way it took, oldest
    first.
    """

    asset: AssetId
    raw: RawAmount
    origin: Side
    borrowed_raw: RawAmount
    since_unix: int
    transactions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hop:
    """Borrowed money that was pledged again, and still is: `borrowed_raw` of the debt `origin`
    became `pledged_raw` of `pledge`. `is_flash`: in one transaction, the pledge before the debt.
    """

    origin: Side
    borrowed_raw: RawAmount
    pledge: Side
    pledged_raw: RawAmount
    transactions: tuple[str, ...]
    is_flash: bool = False


@dataclass(frozen=True, slots=True)
class Trail:
    """What was seen of one owner's borrowed money. Lots and hops: oldest first.

    `seen`: the debts whose whole life was seen, sorted. Of others a part may have been pledged
    again before the ledger began.
    """

    lots: tuple[Lot, ...] = ()
    hops: tuple[Hop, ...] = ()
    seen: tuple[Side, ...] = ()
