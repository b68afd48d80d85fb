"""The common tongue: what protocols, oracles and pools tell the ledger.

Amounts are absolute (what holds after the event), so a reader needs no history.
"""

from dataclasses import dataclass

from monitor.core.ledger import Category, Market, Price, Reserve, ReserveTerms, TickPool
from monitor.core.units import (
    Address,
    AssetId,
    MarketId,
    RawAmount,
    Ray,
    ScaledAmount,
)


@dataclass(frozen=True, slots=True)
class Place:
    """A position: one account in one market."""

    market: MarketId
    account: Address
    sub_market: str = ""


@dataclass(frozen=True, slots=True)
class CollateralChanged:
    """An account now holds `scaled` of a supplied asset."""

    place: Place
    asset: AssetId
    scaled: ScaledAmount
    checkpoint_ray: Ray


@dataclass(frozen=True, slots=True)
class DebtChanged:
    """An account now owes `scaled` of an asset."""

    place: Place
    asset: AssetId
    scaled: ScaledAmount
    checkpoint_ray: Ray


@dataclass(frozen=True, slots=True)
class CollateralUseChanged:
    """A supplied asset now does, or does not, secure debt."""

    place: Place
    asset: AssetId
    used: bool


@dataclass(frozen=True, slots=True)
class CategoryChosen:
    """An account entered an e-mode category; 0 leaves."""

    place: Place
    category: int


@dataclass(frozen=True, slots=True)
class IndexMoved:
    """A reserve accrued interest up to `updated_unix`."""

    market: MarketId
    asset: AssetId
    supply_index_ray: Ray
    debt_index_ray: Ray
    supply_rate_ray: Ray
    debt_rate_ray: Ray
    updated_unix: int
    treasury_scaled: ScaledAmount
    sub_market: str = ""


@dataclass(frozen=True, slots=True)
class CashMoved:
    """Underlying flowed into (positive) or out of a reserve."""

    market: MarketId
    asset: AssetId
    delta_raw: RawAmount
    sub_market: str = ""


@dataclass(frozen=True, slots=True)
class DeficitMoved:
    """Bad debt was booked (positive) or covered."""

    market: MarketId
    asset: AssetId
    delta_raw: RawAmount


@dataclass(frozen=True, slots=True)
class TreasuryPaid:
    """What had accrued for the treasury was minted to it."""

    market: MarketId
    asset: AssetId


@dataclass(frozen=True, slots=True)
class MarketChanged:
    """The contracts of a market are known, or one was replaced."""

    market: MarketId
    contracts: Market


@dataclass(frozen=True, slots=True)
class ReserveListed:
    """A market gained an asset."""

    market: MarketId
    reserve: Reserve
    sub_market: str = ""


@dataclass(frozen=True, slots=True)
class ReserveDropped:
    """A market no longer lists an asset. Nobody holds or owes any."""

    market: MarketId
    asset: AssetId


@dataclass(frozen=True, slots=True)
class RiskParametersChanged:
    """The terms of a reserve are now these."""

    market: MarketId
    asset: AssetId
    terms: ReserveTerms


@dataclass(frozen=True, slots=True)
class CategoryChanged:
    """An e-mode category is now this."""

    market: MarketId
    category: Category


@dataclass(frozen=True, slots=True)
class PriceMoved:
    """A market's oracle now says this of an asset, or can no longer be read."""

    market: MarketId
    asset: AssetId
    price: Price


@dataclass(frozen=True, slots=True)
class PoolMoved:
    """A pool's price, liquidity or ticks are now these."""

    pool: Address
    state: TickPool


@dataclass(frozen=True, slots=True)
class Liquidated:
    """An account was liquidated. Amounts are the event's own; balances come by other events."""

    place: Place
    collateral: AssetId
    debt: AssetId
    repaid_raw: RawAmount
    seized_raw: RawAmount
    liquidator: Address
    paid_in_receipts: bool


DomainEvent = (
    CollateralChanged
    | DebtChanged
    | CollateralUseChanged
    | CategoryChosen
    | IndexMoved
    | CashMoved
    | DeficitMoved
    | TreasuryPaid
    | MarketChanged
    | ReserveListed
    | ReserveDropped
    | RiskParametersChanged
    | CategoryChanged
    | PriceMoved
    | PoolMoved
    | Liquidated
)
