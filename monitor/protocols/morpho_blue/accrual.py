"""A pair's totals at a later time: what the contract would store after `accrueInterest`.

Source: Morpho.sol (_accrueInterest), MorphoBalancesLib.sol (expectedMarketBalances).
"""

from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from monitor.core.pairs import Pair
from monitor.core.rates import AdaptiveCurve, KinkedCurve, RateCurve
from monitor.core.risk import Rates
from monitor.core.units import RAY, WAD, YEAR_SECONDS, ZERO_ADDRESS, Ray, Wad
from monitor.protocols.morpho_blue.interest import fee_shares, interest_raw
from monitor.protocols.morpho_blue.rate_model import (
    ADJUSTMENT_SPEED_WAD,
    CURVE_STEEPNESS_WAD,
    MAX_RATE_AT_TARGET_WAD,
    MIN_RATE_AT_TARGET_WAD,
    TARGET_UTILISATION_WAD,
    borrow_rate,
)


class Totals(NamedTuple):
    """A pair's totals at a time. `fee_shares` of `supply_shares` are new: the fee recipient's."""

    supply_raw: int
    supply_shares: int
    debt_raw: int
    debt_shares: int
    fee_shares: int


def accrued(pair: Pair, rate_wad: int, elapsed_seconds: int) -> Totals:
    """The totals after so long at that rate."""
    interest = interest_raw(pair.debt_raw, rate_wad, elapsed_seconds)
    supply = pair.supply_raw + interest
    minted = fee_shares(interest, pair.fee_wad, supply, pair.supply_shares)
    shares = pair.supply_shares + minted
    return Totals(supply, shares, pair.debt_raw + interest, pair.debt_shares, minted)


@lru_cache(4_096)
def totals_at(pair: Pair, at_unix: int) -> Totals | None:
    """None where interest accrues at a rate that is not known. Asked anew for every account."""
    rate = _rate_wad(pair, at_unix)
    return None if rate is None else accrued(pair, rate, at_unix - pair.updated_unix)


def yearly_rates(pair: Pair, at_unix: int) -> Rates:
    """What the loan costs and earns now, by the rate that holds since the last accrual."""
    owed, lent = Fraction(pair.debt_raw), Fraction(pair.supply_raw)
    utilisation = Fraction(owed, lent) if lent else None
    # At the moment of an accrual no time has passed, but a rate holds from then on.
    rate = _rate_wad(pair, max(at_unix, pair.updated_unix + 1))
    if rate is None:
        return Rates(utilisation=utilisation)
    borrow = Fraction(rate * YEAR_SECONDS, WAD)
    kept = 1 - Fraction(pair.fee_wad, WAD)
    return Rates(borrow * (utilisation or 0) * kept, borrow, utilisation)


def curve_at(pair: Pair, at_unix: int) -> RateCurve | None:
    """The curve of the loan's rate, as it has drifted until then. None for an unknown model's."""
    if pair.rate_model == ZERO_ADDRESS:
        return KinkedCurve(Ray(0), Ray(0), Ray(0), Ray(RAY))
    if pair.rate_at_target_wad is None:
        return None
    elapsed = at_unix - pair.updated_unix
    drifted = borrow_rate(pair.supply_raw, pair.debt_raw, pair.rate_at_target_wad, elapsed)
    return AdaptiveCurve(
        rate_at_target_wad=Wad(drifted.rate_at_target_wad),
        target_wad=Wad(TARGET_UTILISATION_WAD),
        steepness_wad=Wad(CURVE_STEEPNESS_WAD),
        speed_wad=Wad(ADJUSTMENT_SPEED_WAD),
        lowest_wad=Wad(MIN_RATE_AT_TARGET_WAD),
        highest_wad=Wad(MAX_RATE_AT_TARGET_WAD),
    )


def _rate_wad(pair: Pair, at_unix: int) -> int | None:
    if pair.rate_model == ZERO_ADDRESS or pair.debt_raw == 0 or at_unix == pair.updated_unix:
        return 0
    if pair.rate_at_target_wad is None:
        return pair.borrow_rate_wad
    elapsed = at_unix - pair.updated_unix
    return borrow_rate(pair.supply_raw, pair.debt_raw, pair.rate_at_target_wad, elapsed).average_wad
