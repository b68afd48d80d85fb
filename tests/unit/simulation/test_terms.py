"""One liquidation call: how much it may repay, what it seizes, when it is refused."""

from dataclasses import replace

import pytest
from unit.simulation.worlds import TERMS, USD

from monitor.simulation.terms import Limits, Slice, Target, largest_repay_usd, limits_of, slice_of

LIMITS = limits_of(TERMS, USD)


def target(debt: float, collateral: float, *, health: float = 0.9, total: float = 0.0) -> Target:
    return Target(health, total or debt, debt, collateral, bonus=1.05, fee=0.1)


def test_limits_of__base_units__become_usd() -> None:
    assert limits_of(TERMS, USD) == Limits(0.5, 0.95, 2000.0, 1000.0)


def test_largest__health_just_below_one__is_half_of_the_whole_position() -> None:
    assert largest_repay_usd(target(30_000, 60_000, health=0.97, total=50_000), LIMITS) == 25_000


def test_largest__half_of_the_position_above_the_reserve_debt__is_the_reserve_debt() -> None:
    assert largest_repay_usd(target(3000, 9000, health=0.97, total=9000), LIMITS) == 3000


@pytest.mark.parametrize("health", [0.95, 0.5])
def test_largest__health_not_above_the_bound__is_all(health: float) -> None:
    assert largest_repay_usd(target(30_000, 60_000, health=health), LIMITS) == 30_000


@pytest.mark.parametrize(("debt", "collateral"), [(1999.99, 60_000), (1800, 1999.99)])
def test_largest__either_side_small__is_all(debt: float, collateral: float) -> None:
    assert largest_repay_usd(target(debt, collateral, health=0.97), LIMITS) == debt


def test_largest__collateral_short__is_what_the_collateral_pays_for() -> None:
    assert largest_repay_usd(target(1000, 840), LIMITS) == pytest.approx(800)


def test_largest__that_would_leave_dust_of_debt__is_what_leaves_no_dust() -> None:
    """Half of the 6,000 in total would leave 500 of this debt; 1,000 must stay."""
    chosen = target(3500, 60_000, health=0.97, total=6000)
    assert largest_repay_usd(chosen, LIMITS) == 2500


def test_largest__that_would_leave_dust_of_collateral__is_what_leaves_no_dust() -> None:
    chosen = target(6000, 5800, health=0.97, total=9800)
    assert largest_repay_usd(chosen, LIMITS) == pytest.approx((5800 - 1000) / 1.05)


def test_largest__with_no_size_that_leaves_no_dust__is_nothing() -> None:
    limits = Limits(0.5, 0.95, 100.0, 1000.0)
    assert largest_repay_usd(target(900, 60_000, health=0.97), limits) == 0


def test_slice__of_everything__clears_the_debt_and_pays_the_fee_out_of_the_bonus() -> None:
    piece = slice_of(target(1900, 2150), LIMITS, 1900)
    assert piece is not None
    assert piece.clears_debt
    assert not piece.clears_collateral
    assert (piece.seized_usd, piece.fee_usd) == pytest.approx((1995, 9.5))


def test_slice__at_the_collateral_cap__takes_exactly_what_is_there() -> None:
    chosen = target(1000, 900)
    piece = slice_of(chosen, LIMITS, largest_repay_usd(chosen, LIMITS))
    fee_usd = 0.1 * (900 - 900 / 1.05)
    assert piece == Slice(900 / 1.05, 900, fee_usd, clears_debt=False, clears_collateral=True)


@pytest.mark.parametrize("repay", [1000, 1500])
def test_slice__that_leaves_dust__is_refused(repay: float) -> None:
    assert slice_of(target(1900, 60_000), LIMITS, repay) is None


def test_slice__that_leaves_exactly_the_smallest_allowed__is_executed() -> None:
    assert slice_of(target(1900, 60_000), LIMITS, 900) is not None


def test_largest__of_one_debt__is_half_of_that_debt() -> None:
    limits = replace(LIMITS, of_one_debt=True, full_close_usd=0.0, dust_usd=0.0)
    assert largest_repay_usd(target(900, 60_000, health=0.97, total=9000), limits) == 450
