"""Markets that pool what is lent: a reserve an asset, and the e-mode categories that list some."""

from dataclasses import dataclass

from monitor.core.slots import slotwise
from monitor.core.units import (
    ZERO_ADDRESS,
    Address,
    AssetId,
    Bps,
    RawAmount,
    Ray,
    ScaledAmount,
)


@dataclass(frozen=True, slots=True)
class ReserveTerms:
    """Risk parameters of one reserve."""

    ltv_bps: Bps = Bps(0)
    liquidation_threshold_bps: Bps = Bps(0)
    liquidation_bonus_bps: Bps = Bps(0)
    liquidation_fee_bps: Bps = Bps(0)
    reserve_factor_bps: Bps = Bps(0)
    supply_cap: int = 0
    borrow_cap: int = 0
    is_active: bool = True
    is_frozen: bool = False
    is_paused: bool = False
    is_borrowable: bool = False
    grace_until_unix: int = 0


@slotwise
@dataclass(frozen=True, slots=True)
class Reserve:
    """One asset of one market: indices, totals and terms."""

    asset: AssetId
    ordinal: int
    symbol: str
    decimals: int
    supply_token: Address
    debt_token: Address
    supply_index_ray: Ray
    debt_index_ray: Ray
    supply_rate_ray: Ray
    debt_rate_ray: Ray
    updated_unix: int
    supply_scaled: ScaledAmount = ScaledAmount(0)
    debt_scaled: ScaledAmount = ScaledAmount(0)
    debt_scaled_at_accrual: ScaledAmount = ScaledAmount(0)
    treasury_scaled: ScaledAmount = ScaledAmount(0)
    cash_raw: RawAmount = RawAmount(0)
    deficit_raw: RawAmount = RawAmount(0)
    terms: ReserveTerms = ReserveTerms()


@dataclass(frozen=True, slots=True)
class Category:
    """An e-mode category: its own terms for the assets it lists (sorted).

    `vacant`: (list, ordinal) of assets that were dropped while on a list: the contract keeps the
    bit, and whatever is listed under that ordinal next is on the list from its first block.
    `price_source`: what prices its assets instead of their own sources (Aave before 3.2).
    """

    number: int
    label: str
    ltv_bps: Bps
    liquidation_threshold_bps: Bps
    liquidation_bonus_bps: Bps
    collateral: tuple[AssetId, ...] = ()
    borrowable: tuple[AssetId, ...] = ()
    ltv_zero: tuple[AssetId, ...] = ()
    vacant: tuple[tuple[str, int], ...] = ()
    price_source: Address = ZERO_ADDRESS
