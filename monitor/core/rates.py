"""Curves by which interest follows utilisation, as contracts keep them."""

from dataclasses import dataclass

from monitor.core.slots import slotwise
from monitor.core.units import ZERO_ADDRESS, Address, Ray, Wad


@slotwise
@dataclass(frozen=True, slots=True)
class KinkedCurve:
    """A borrow rate a year that bends at `optimal_ray` (Aave).

    `base` + `slope1` · utilisation / optimal up to there; beyond it `base` + `slope1` + `slope2` ·
    (utilisation - optimal) / (1 - optimal). The optimal utilisation is not 0.
    """

    base_ray: Ray
    slope1_ray: Ray
    slope2_ray: Ray
    optimal_ray: Ray


@slotwise
@dataclass(frozen=True, slots=True)
class AdaptiveCurve:
    """A borrow rate that drifts while utilisation is off its target (Morpho). Rates per second.

    At the target it is `rate_at_target`, a `steepness`-th of it where nothing is lent, so many
    times it where all is, linear in between. The error is the distance to the target: -1 where
    nothing is lent, 1 where all is. The rate at target grows by e^(`speed` · error · seconds),
    between `lowest` and `highest`; over one accrual its start, its end and twice its middle count.
    """

    rate_at_target_wad: Wad
    target_wad: Wad
    steepness_wad: Wad
    speed_wad: Wad
    lowest_wad: Wad
    highest_wad: Wad


RateCurve = KinkedCurve | AdaptiveCurve


@slotwise
@dataclass(frozen=True, slots=True)
class RateTerms:
    """Who sets the rates of a reserve, by which curve. None: not read yet, or `reason` says why."""

    strategy: Address = ZERO_ADDRESS
    curve: KinkedCurve | None = None
    reason: str = ""
