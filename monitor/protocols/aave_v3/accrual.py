"""Interest: a reserve's indices and treasury claim at a later time, by the version of the pool.

Source: ReserveLogic.sol (updateState, getNormalizedIncome, getNormalizedDebt) of aave-v3-origin 3.6
and of `@aave/core-v3` 1.19.3 (3.0.2).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from monitor.core.events import IndexMoved
from monitor.core.fixed_point import (
    binomial_interest_ray,
    bps_mul_half_up,
    compound_interest_ray,
    linear_interest_ray,
    ray_div_down,
    ray_div_half_up,
    ray_mul_down,
    ray_mul_half_up,
)
from monitor.core.reserves import Reserve
from monitor.core.units import MarketId, Ray, ScaledAmount

_NOTHING = ScaledAmount(0)


class Accrual(NamedTuple):
    """What `updateState` writes."""

    supply_index_ray: Ray
    debt_index_ray: Ray
    treasury_minted_scaled: ScaledAmount


@dataclass(frozen=True, slots=True)
class Interest:
    """How one version of the pool accrues.

    `compound`: (rate, seconds) to the factor of the debt index. `debt_growth`: (scaled debt, old
    index, new index) to what the debt grew by. `to_scaled`: how the treasury's part is scaled.
    """

    compound: Callable[[int, int], Ray]
    debt_growth: Callable[[int, int, int], int]
    to_scaled: Callable[[int, int], int]

    def accrue(self, reserve: Reserve, at_unix: int) -> Accrual:
        """The stored state after `updateState` at that time.

        The debt total is the one at the previous update: debt tokens are minted and burnt before
        ReserveDataUpdated is logged, and must not count yet.
        """
        if at_unix == reserve.updated_unix:
            return Accrual(reserve.supply_index_ray, reserve.debt_index_ray, _NOTHING)
        supply_index = reserve.supply_index_ray
        if reserve.supply_rate_ray:
            supply_index = supply_index_at(reserve, at_unix)
        debt_index = reserve.debt_index_ray
        if reserve.debt_scaled_at_accrual:
            debt_index = self.debt_index_at(reserve, at_unix)
        debt_accrued_raw = self.debt_growth(
            reserve.debt_scaled_at_accrual, reserve.debt_index_ray, debt_index
        )
        treasury_raw = bps_mul_half_up(debt_accrued_raw, reserve.terms.reserve_factor_bps)
        minted = ScaledAmount(self.to_scaled(treasury_raw, supply_index))
        return Accrual(supply_index, debt_index, minted)

    def debt_index_at(self, reserve: Reserve, at_unix: int) -> Ray:
        """getReserveNormalizedVariableDebt: compounds even where there is no debt."""
        elapsed = at_unix - reserve.updated_unix
        if elapsed == 0:
            return reserve.debt_index_ray
        growth = self.compound(reserve.debt_rate_ray, elapsed)
        return Ray(ray_mul_half_up(growth, reserve.debt_index_ray))

    def silent_accrual(self, market: MarketId, reserve: Reserve, at_unix: int) -> IndexMoved:
        """`updateState` without the ReserveDataUpdated that usually tells of it: rates stay."""
        accrual = self.accrue(reserve, at_unix)
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


def _growth_by_index(scaled: int, old_ray: int, new_ray: int) -> int:
    return ray_mul_down(scaled, new_ray - old_ray)


def _growth_by_totals(scaled: int, old_ray: int, new_ray: int) -> int:
    return ray_mul_half_up(scaled, new_ray) - ray_mul_half_up(scaled, old_ray)


BINOMIAL = Interest(binomial_interest_ray, _growth_by_totals, ray_div_half_up)
"""Up to 3.3, where nothing is owed at a stable rate."""
DIRECTED = Interest(compound_interest_ray, _growth_by_index, ray_div_down)
"""3.5 and later."""


def supply_index_at(reserve: Reserve, at_unix: int) -> Ray:
    """getReserveNormalizedIncome, the same in every version."""
    elapsed = at_unix - reserve.updated_unix
    if elapsed == 0:
        return reserve.supply_index_ray
    growth = linear_interest_ray(reserve.supply_rate_ray, elapsed)
    return Ray(ray_mul_half_up(growth, reserve.supply_index_ray))
