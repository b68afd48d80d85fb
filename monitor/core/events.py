"""The common tongue: what protocols, oracles and pools tell the ledger.

Amounts are absolute (what holds after the event), so a reader needs no history.

Events are named tuples, since there is one or more to nearly every log and a frozen dataclass takes
three times as long to make. Two of different types may be equal: tell them apart by type.
"""

from typing import NamedTuple

from monitor.core.ledger import Market
from monitor.core.pairs import Pair, Token
from monitor.core.pools import ProductPool, StablePool, TickPool
from monitor.core.prices import Feed, Price
from monitor.core.rates import RateTerms
from monitor.core.receipts import Receipt
from monitor.core.reserves import Category, Reserve, ReserveTerms
from monitor.core.units import (
    Address,
    AssetId,
    MarketId,
    RawAmount,
    Ray,
    ScaledAmount,
    Shares,
)


class Place(NamedTuple):
    """A position: one account in one market."""

    market: MarketId
    account: Address
    sub_market: str = ""


class CollateralChanged(NamedTuple):
    """An account now holds `scaled` of a supplied asset. `used`: None where that is told apart."""

    place: Place
    asset: AssetId
    scaled: ScaledAmount
    checkpoint_ray: Ray
    used: bool | None = None


class DebtChanged(NamedTuple):
    """An account now owes `scaled` of an asset."""

    place: Place
    asset: AssetId
    scaled: ScaledAmount
    checkpoint_ray: Ray


class LentChanged(NamedTuple):
    """An account now lends `scaled` of an asset that cannot secure its debt."""

    place: Place
    asset: AssetId
    scaled: ScaledAmount


class CollateralUseChanged(NamedTuple):
    """A supplied asset now does, or does not, secure debt."""

    place: Place
    asset: AssetId
    used: bool


class CategoryChosen(NamedTuple):
    """An account entered an e-mode category; 0 leaves."""

    place: Place
    category: int


class IndexMoved(NamedTuple):
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


class CashMoved(NamedTuple):
    """Underlying flowed into (positive) or out of a reserve."""

    market: MarketId
    asset: AssetId
    delta_raw: RawAmount
    sub_market: str = ""


class DeficitMoved(NamedTuple):
    """Bad debt was booked (positive) or covered."""

    market: MarketId
    asset: AssetId
    delta_raw: RawAmount


class TreasuryPaid(NamedTuple):
    """What had accrued for the treasury was minted to it."""

    market: MarketId
    asset: AssetId


class MarketChanged(NamedTuple):
    """The contracts of a market are known, or one was replaced."""

    market: MarketId
    contracts: Market


class PairMoved(NamedTuple):
    """An isolated market is new, or has these totals now."""

    market: MarketId
    sub_market: str
    pair: Pair


class TokenKnown(NamedTuple):
    """What a token says of itself."""

    asset: AssetId
    token: Token


class ReceiptMoved(NamedTuple):
    """A claim on another token is worth this now."""

    token: AssetId
    receipt: Receipt


class SharesMoved(NamedTuple):
    """An account now has so many raw shares of a claim. Below none: its logs contradict themselves,
    and who holds it is not known any more.
    """

    token: AssetId
    account: Address
    shares: Shares


class ReserveListed(NamedTuple):
    """A market gained an asset."""

    market: MarketId
    reserve: Reserve
    sub_market: str = ""


class ReserveDropped(NamedTuple):
    """A market no longer lists an asset. Nobody holds or owes any."""

    market: MarketId
    asset: AssetId


class RiskParametersChanged(NamedTuple):
    """The terms of a reserve are now these."""

    market: MarketId
    asset: AssetId
    terms: ReserveTerms


class RateTermsChanged(NamedTuple):
    """The rates of a reserve are now set so."""

    market: MarketId
    asset: AssetId
    terms: RateTerms


class CategoryChanged(NamedTuple):
    """An e-mode category is now this."""

    market: MarketId
    category: Category


class PriceMoved(NamedTuple):
    """A market's oracle now says this of an asset; None: it is asked of it no more."""

    market: MarketId
    asset: AssetId
    price: Price | None
    sub_market: str = ""


class FeedKnown(NamedTuple):
    """What a contract on the way of a price is; None: it is on none any more."""

    contract: Address
    feed: Feed | None


class PoolMoved(NamedTuple):
    """A pool's price, liquidity, ticks, reserves or balances are now these."""

    pool: Address
    state: TickPool | ProductPool | StablePool


class Liquidated(NamedTuple):
    """An account was liquidated. Amounts are the event's own; balances come by other events.

    `lost_raw`: of its debt, what was written off with it, where the same event tells that.
    """

    place: Place
    collateral: AssetId
    debt: AssetId
    repaid_raw: RawAmount
    seized_raw: RawAmount
    liquidator: Address
    paid_in_receipts: bool
    lost_raw: RawAmount = RawAmount(0)


DomainEvent = (
    CollateralChanged
    | DebtChanged
    | LentChanged
    | CollateralUseChanged
    | CategoryChosen
    | IndexMoved
    | CashMoved
    | DeficitMoved
    | TreasuryPaid
    | MarketChanged
    | PairMoved
    | TokenKnown
    | ReceiptMoved
    | SharesMoved
    | ReserveListed
    | ReserveDropped
    | RiskParametersChanged
    | RateTermsChanged
    | CategoryChanged
    | PriceMoved
    | FeedKnown
    | PoolMoved
    | Liquidated
)
