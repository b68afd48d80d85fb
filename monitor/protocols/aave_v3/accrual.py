"""Interest: a reserve's indices and treasury claim at a later time.

Source: aave-v3-origin 3.6 ReserveLogic.sol (updateState, getNormalizedIncome, getNormalizedDebt).
"""

from typing import NamedTuple

from monitor.core.events import IndexMoved
from monitor.core.fixed_point import (
    bps_mul_half_up,
    compound_interest_ray,
    linear_interest_ray,
    ray_div_down,
    ray_mul_down,
    ray_mul_half_up,
)
from monitor.core.ledger import Reserve
from monitor.core.units import MarketId, Ray, ScaledAmount

_NOTHING = ScaledAmount(0)


class Accrual(NamedTuple):
    """What `updateState` writes."""

    supply_index_ray: Ray
    debt_index_ray: Ray
    treasury_minted_scaled: ScaledAmount


def accrue(reserve: Reserve, at_unix: int) -> Accrual:
    """The stored state after `updateState` at that time.

    The debt total is the one at the previous update: debt tokens are minted and burnt before
    ReserveDataUpdated is logged, and must not count yet.
    """
    elapsed = at_unix - reserve.updated_unix
    if elapsed == 0:
        return Accrual(reserve.supply_index_ray, reserve.debt_index_ray, _NOTHING)
    supply_index = reserve.supply_index_ray
    if reserve.supply_rate_ray:
        supply_index = supply_index_at(reserve, at_unix)
    debt_index = reserve.debt_index_ray
    if reserve.debt_scaled_at_accrual:
        debt_index = debt_index_at(reserve, at_unix)
    debt_accrued_raw = ray_mul_down(
        reserve.debt_scaled_at_accrual, debt_index - reserve.debt_index_ray
    )
    treasury_raw = bps_mul_half_up(debt_accrued_raw, reserve.terms.reserve_factor_bps)
    return Accrual(supply_index, debt_index, ScaledAmount(ray_div_down(treasury_raw, supply_index)))


def silent_accrual(market: MarketId, reserve: Reserve, at_unix: int) -> IndexMoved:
    """`updateState` without the ReserveDataUpdated that usually tells of it: the rates stay."""
    accrual = accrue(reserve, at_unix)
    return IndexMoved(
        market=market,
        asset=reserve.asset,
        supply_index_ray=accrual.supply_index_ray,
        debt_index_ray=accrual.debt_index_ray,
        supply_rate_ray=reserve.supply_rate_ray,
        debt_rate_ray=reserve.debt_rate_ray,
        updated_unix=at_unix,
        treasury_scaled=ScaledAmount(reserve.treasury_scaled + accrual.treasury_minted_scaled),
    )


def supply_index_at(reserve: Reserve, at_unix: int) -> Ray:
    """getReserveNormalizedIncome."""
    elapsed = at_unix - reserve.updated_unix
    if elapsed == 0:
        return reserve.supply_index_ray
    growth = linear_interest_ray(reserve.supply_rate_ray, elapsed)
    return Ray(ray_mul_half_up(growth, reserve.supply_index_ray))


def debt_index_at(reserve: Reserve, at_unix: int) -> Ray:
    """getReserveNormalizedVariableDebt: compounds even where there is no debt."""
    elapsed = at_unix - reserve.updated_unix
    if elapsed == 0:
        return reserve.debt_index_ray
    growth = compound_interest_ray(reserve.debt_rate_ray, elapsed)
    return Ray(ray_mul_half_up(growth, reserve.debt_index_ray))
