"""How one version of the pool judges an account: rounding, formula, and what a liquidation may do.

Source: GenericLogic.sol (calculateUserAccountData), LiquidationLogic.sol of aave-v3-origin 3.6 and
of `@aave/core-v3` 1.19.3 (3.0.2); for Spark's rounding upgrade accounting.md 1.12.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from monitor.core.fixed_point import (
    bps_mul_half_up,
    mul_div_up,
    ray_mul_down,
    ray_mul_half_up,
    ray_mul_up,
    wad_div_half_up,
)
from monitor.core.risk import PartialTerms
from monitor.core.units import BPS, WAD, Bps, Wad


@dataclass(frozen=True, slots=True)
class Verdict:
    """The arithmetic of `getUserAccountData`.

    `supplied_raw`, `owed_raw`: (scaled, index) to an amount. `debt_value`: (amount, price, unit) to
    a value. `health`: (collateral value, sum of values times thresholds, debt value) to a health
    factor; the debt is not 0. `needs_threshold`: collateral whose reserve has no liquidation
    threshold counts for nothing and cannot be seized.
    """

    supplied_raw: Callable[[int, int], int]
    owed_raw: Callable[[int, int], int]
    debt_value: Callable[[int, int, int], int]
    health: Callable[[int, int, int], int]
    needs_threshold: bool
    liquidation: PartialTerms


def _value_down(amount: int, price: int, unit: int) -> int:
    return amount * price // unit


def _health_of_average(collateral: int, weighted: int, debt: int) -> int:
    """The average threshold loses its fraction first."""
    average_bps = weighted // collateral if collateral else 0
    return wad_div_half_up(bps_mul_half_up(collateral, average_bps), debt)


def _health_of_sum(_: int, weighted: int, debt: int) -> int:
    return wad_div_half_up(weighted, debt) // BPS


_HALF_OF_RESERVE = PartialTerms(
    close_factor_bps=Bps(5_000),
    full_close_health_wad=Wad(95 * WAD // 100),
    full_close_value_base=0,
    dust_value_base=0,
    of_one_debt=True,
    writes_off=False,
)
"""Up to 3.2, but for how thresholds are summed."""

HALF_UP = Verdict(
    supplied_raw=ray_mul_half_up,
    owed_raw=ray_mul_half_up,
    debt_value=_value_down,
    health=_health_of_average,
    needs_threshold=True,
    liquidation=replace(_HALF_OF_RESERVE, averages_threshold=True),
)
"""3.0.1 and 3.0.2."""
SPARK = Verdict(
    supplied_raw=ray_mul_down,
    owed_raw=ray_mul_up,
    debt_value=mul_div_up,
    health=_health_of_sum,
    needs_threshold=True,
    liquidation=_HALF_OF_RESERVE,
)
DIRECTED = Verdict(
    supplied_raw=ray_mul_down,
    owed_raw=ray_mul_up,
    debt_value=mul_div_up,
    health=_health_of_sum,
    needs_threshold=False,
    liquidation=PartialTerms(
        close_factor_bps=Bps(5_000),
        full_close_health_wad=Wad(95 * WAD // 100),
        full_close_value_base=2_000 * 10**8,
        dust_value_base=1_000 * 10**8,
    ),
)
"""3.6. Its constants assume a base currency of 8 decimals, as the contract does."""
