"""AdaptiveCurveIrm: the borrow rate, and how its rate at target drifts.

Rates are per second, scaled by 1e18; every division truncates towards zero, as Solidity's does.
Source: AdaptiveCurveIrm.sol, ExpLib.sol, ConstantsLib.sol of morpho-blue-irm 1.0.0.
"""

from typing import NamedTuple

from monitor.core.units import WAD, YEAR_SECONDS

CURVE_STEEPNESS_WAD = 4 * WAD
ADJUSTMENT_SPEED_WAD = 50 * WAD // YEAR_SECONDS
TARGET_UTILISATION_WAD = 9 * WAD // 10
INITIAL_RATE_AT_TARGET_WAD = 4 * WAD // 100 // YEAR_SECONDS
MIN_RATE_AT_TARGET_WAD = WAD // 1_000 // YEAR_SECONDS
MAX_RATE_AT_TARGET_WAD = 2 * WAD // YEAR_SECONDS

LN_2_WAD = 693147180559945309
LOWEST_EXPONENT_WAD = -41446531673892822312
"""ln(1e-18), floored: below it the result is zero."""
HIGHEST_EXPONENT_WAD = 93859467695000404319
"""Where the result is clipped, before it could overflow."""
HIGHEST_POWER_WAD = 57716089161558943949701069502944508345128422502756744429568


class Rate(NamedTuple):
    """What a market owes per second since its last accrual, and the rate at target it ends with."""

    average_wad: int
    rate_at_target_wad: int


def divide_to_zero(dividend: int, divisor: int) -> int:
    """Signed division as Solidity does it."""
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient


def power_of_e_wad(exponent_wad: int) -> int:
    """ExpLib.wExp: e^x by 2^q · e^r, where e^r is taken to its second term."""
    if exponent_wad < LOWEST_EXPONENT_WAD:
        return 0
    if exponent_wad >= HIGHEST_EXPONENT_WAD:
        return HIGHEST_POWER_WAD
    rounding = -(LN_2_WAD // 2) if exponent_wad < 0 else LN_2_WAD // 2
    q = divide_to_zero(exponent_wad + rounding, LN_2_WAD)
    r = exponent_wad - q * LN_2_WAD
    power = WAD + r + r * r // WAD // 2
    return power << q if q >= 0 else power >> -q


def borrow_rate(
    supply_raw: int, debt_raw: int, rate_at_target_wad: int, elapsed_seconds: int
) -> Rate:
    """`_borrowRate`. A rate at target of zero is a market's first use."""
    utilisation = debt_raw * WAD // supply_raw if supply_raw else 0
    error = _error_wad(utilisation)
    if rate_at_target_wad == 0:
        return Rate(_on_curve(INITIAL_RATE_AT_TARGET_WAD, error), INITIAL_RATE_AT_TARGET_WAD)
    speed = divide_to_zero(ADJUSTMENT_SPEED_WAD * error, WAD)
    drift = speed * elapsed_seconds
    if drift == 0:
        return Rate(_on_curve(rate_at_target_wad, error), rate_at_target_wad)
    end = _drifted(rate_at_target_wad, drift)
    middle = _drifted(rate_at_target_wad, divide_to_zero(drift, 2))
    average = (rate_at_target_wad + end + 2 * middle) // 4
    return Rate(_on_curve(average, error), end)


def _error_wad(utilisation_wad: int) -> int:
    """Distance from the target: -1 at nothing lent, 0 at the target, 1 at all of it."""
    distance = utilisation_wad - TARGET_UTILISATION_WAD
    norm = WAD - TARGET_UTILISATION_WAD if distance > 0 else TARGET_UTILISATION_WAD
    return divide_to_zero(distance * WAD, norm)


def _on_curve(rate_at_target_wad: int, error_wad: int) -> int:
    """A quarter of the rate at target where nothing is lent, four times it where all is."""
    if error_wad < 0:
        coefficient = WAD - WAD * WAD // CURVE_STEEPNESS_WAD
    else:
        coefficient = CURVE_STEEPNESS_WAD - WAD
    factor = divide_to_zero(coefficient * error_wad, WAD) + WAD
    return divide_to_zero(factor * rate_at_target_wad, WAD)


def _drifted(rate_at_target_wad: int, drift_wad: int) -> int:
    drifted = rate_at_target_wad * power_of_e_wad(drift_wad) // WAD
    return min(max(drifted, MIN_RATE_AT_TARGET_WAD), MAX_RATE_AT_TARGET_WAD)
