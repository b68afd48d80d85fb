"""What one liquidation call does under the terms of a market, in USD at the round's prices."""

from dataclasses import dataclass

from monitor.core.risk import LiquidationTerms
from monitor.core.units import BPS, WAD

NOISE_USD = 1e-6
"""Float noise in a leftover that is meant to be exactly the smallest allowed."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`PartialTerms` as floats."""

    close_factor: float
    full_close_health: float
    full_close_usd: float
    dust_usd: float
    of_one_debt: bool = False
    writes_off: bool = True


@dataclass(frozen=True, slots=True)
class Target:
    """An account as a liquidator sees it: the chosen debt against the chosen collateral.

    `bonus` is what is seized per value repaid (1.05), `fee` the protocol's share of what is seized
    beyond the value repaid.
    """

    health: float
    total_debt_usd: float
    debt_usd: float
    collateral_usd: float
    bonus: float
    fee: float


@dataclass(frozen=True, slots=True)
class Slice:
    """What a call moves. `fee_usd` is the part of `seized_usd` the protocol keeps."""

    repaid_usd: float
    seized_usd: float
    fee_usd: float
    clears_debt: bool
    clears_collateral: bool


def limits_of(terms: LiquidationTerms, base_unit: int) -> Limits:
    return Limits(
        close_factor=terms.close_factor_bps / BPS,
        full_close_health=terms.full_close_health_wad / WAD,
        full_close_usd=terms.full_close_value_base / base_unit,
        dust_usd=terms.dust_value_base / base_unit,
        of_one_debt=terms.of_one_debt,
        writes_off=terms.writes_off,
    )


def largest_repay_usd(target: Target, limits: Limits) -> float:
    """The protocol's maximum under its close factor, bonus and dust rules; 0 when there is none."""
    repay = target.debt_usd
    if (
        target.collateral_usd >= limits.full_close_usd
        and target.debt_usd >= limits.full_close_usd
        and target.health > limits.full_close_health
    ):
        owed_usd = target.debt_usd if limits.of_one_debt else target.total_debt_usd
        repay = min(repay, limits.close_factor * owed_usd)
    repay = min(repay, target.collateral_usd / target.bonus)
    if slice_of(target, limits, repay) is None:
        kept_collateral = (target.collateral_usd - limits.dust_usd) / target.bonus
        repay = min(target.debt_usd - limits.dust_usd, kept_collateral)
    return max(repay, 0.0)


def slice_of(target: Target, limits: Limits, repay_usd: float) -> Slice | None:
    """The call that repays this much, at most the maximum. None where it would leave dust."""
    clears_debt = repay_usd >= target.debt_usd
    clears_collateral = repay_usd >= target.collateral_usd / target.bonus
    seized = target.collateral_usd if clears_collateral else repay_usd * target.bonus
    if not clears_debt and not clears_collateral:
        left = min(target.debt_usd - repay_usd, target.collateral_usd - seized)
        if left < limits.dust_usd - NOISE_USD:
            return None
    fee = target.fee * (seized - seized / target.bonus)
    return Slice(repay_usd, seized, fee, clears_debt, clears_collateral)
