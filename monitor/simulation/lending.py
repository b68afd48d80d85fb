"""Interest while a utilisation is held: what the curves imply, and what debts and supplies become.

Sources: DefaultReserveInterestRateStrategyV2.sol and MathUtils.sol of aave-v3-origin 3.6,
AdaptiveCurveIrm.sol of morpho-blue-irm 1.0.0, MathLib.sol of morpho-blue 1.0.0. Debts compound to
the third term, supplies grow by what debts pay less the fee.
"""

import math
from dataclasses import replace
from typing import NamedTuple

from monitor.core.rates import AdaptiveCurve, KinkedCurve, RateCurve
from monitor.core.risk import Lending
from monitor.core.units import RAY, WAD, YEAR_SECONDS, Wad

YEAR_DAYS = 365


class Growth(NamedTuple):
    """What a debt and a supply become, per what they were."""

    debt: float
    supply: float


def growth_of(lending: Lending, utilisation: float, days: int) -> Growth:
    """One accrual at the end of the horizon. Raises ValueError where the curve is not known."""
    if lending.curve is None:
        raise ValueError("no curve")
    years = days / YEAR_DAYS
    x = borrow_rate(lending.curve, utilisation, years) * years
    kept = 1 - lending.fee_wad / WAD
    return Growth(compounded(x), 1 + x * utilisation * kept)


def compounded(x: float) -> float:
    """e^x to the third term, as Aave and Morpho compound."""
    return 1 + x + x * x / 2 + x * x * x / 6


def borrow_rate(curve: RateCurve, utilisation: float, years: float = 0.0) -> float:
    """A share of 1 a year, on average over that time."""
    if isinstance(curve, KinkedCurve):
        return _kinked(curve, utilisation)
    error = _error(curve, utilisation)
    steepness = curve.steepness_wad / WAD
    slope = steepness - 1 if error > 0 else 1 - 1 / steepness
    start, middle, end = (rate_at_target(curve, utilisation, years * t) for t in (0, 0.5, 1))
    return (1 + slope * error) * (start + end + 2 * middle) / 4


def rate_at_target(curve: AdaptiveCurve, utilisation: float, years: float) -> float:
    """Where an adaptive curve has drifted to after that time. A share of 1 a year."""
    start, lowest, highest, speed = (
        wad / WAD * YEAR_SECONDS
        for wad in (curve.rate_at_target_wad, curve.lowest_wad, curve.highest_wad, curve.speed_wad)
    )
    if not years:
        return start
    return min(max(start * math.exp(speed * _error(curve, utilisation) * years), lowest), highest)


def curve_after(curve: RateCurve, utilisation: float, days: int) -> RateCurve:
    """The curve as it has drifted once that utilisation was held."""
    if isinstance(curve, KinkedCurve):
        return curve
    drifted = rate_at_target(curve, utilisation, days / YEAR_DAYS) / YEAR_SECONDS
    return replace(curve, rate_at_target_wad=Wad(round(drifted * WAD)))


def cash_at(debt: float, utilisation: float) -> float:
    """What is left to be withdrawn while so much of what is lent is borrowed."""
    return debt * (1 - utilisation) / utilisation if utilisation else math.inf


def _kinked(curve: KinkedCurve, utilisation: float) -> float:
    base, slope1, slope2, optimal = (
        ray / RAY for ray in (curve.base_ray, curve.slope1_ray, curve.slope2_ray, curve.optimal_ray)
    )
    if utilisation <= optimal:
        return base + slope1 * utilisation / optimal
    return base + slope1 + slope2 * (utilisation - optimal) / (1 - optimal)


def _error(curve: AdaptiveCurve, utilisation: float) -> float:
    target = curve.target_wad / WAD
    return (utilisation - target) / (1 - target if utilisation > target else target)
