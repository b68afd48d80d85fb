"""Morpho's integers against rationals and decimals: the same figures, rounded the way they say."""

from decimal import Decimal, localcontext
from fractions import Fraction
from math import ceil, floor, trunc

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monitor.core.units import WAD, YEAR_SECONDS
from monitor.protocols.morpho_blue.interest import compounded_wad, fee_shares, interest_raw
from monitor.protocols.morpho_blue.liquidation import (
    MAX_INCENTIVE_WAD,
    ORACLE_SCALE,
    incentive_wad,
    loss_of,
    slice_by_repaid,
    slice_by_seized,
)
from monitor.protocols.morpho_blue.rate_model import (
    MAX_RATE_AT_TARGET_WAD,
    MIN_RATE_AT_TARGET_WAD,
    borrow_rate,
    divide_to_zero,
    power_of_e_wad,
)
from monitor.protocols.morpho_blue.shares import (
    to_assets_down,
    to_assets_up,
    to_shares_down,
    to_shares_up,
)

amounts = st.integers(0, 2**112)
totals = st.tuples(st.integers(0, 2**112), st.integers(0, 2**120))
lltvs = st.integers(0, WAD - 1)
prices = st.integers(1, 2**200)
rates = st.integers(0, 8 * WAD // YEAR_SECONDS)
rates_at_target = st.integers(MIN_RATE_AT_TARGET_WAD, MAX_RATE_AT_TARGET_WAD)
times = st.integers(0, YEAR_SECONDS)


@given(amounts, totals)
def test_shares__both_ways__are_the_rational_rounded(amount: int, total: tuple[int, int]) -> None:
    assets, shares = total
    price = Fraction(assets + 1, shares + 10**6)
    assert to_shares_down(amount, *total) == floor(amount / price)
    assert to_shares_up(amount, *total) == ceil(amount / price)
    assert to_assets_down(amount, *total) == floor(amount * price)
    assert to_assets_up(amount, *total) == ceil(amount * price)


@given(amounts, totals)
def test_shares__there_and_back__never_favour_the_caller(
    amount: int, total: tuple[int, int]
) -> None:
    assert to_assets_down(to_shares_down(amount, *total), *total) <= amount
    assert to_assets_up(to_shares_up(amount, *total), *total) >= amount


@given(rates, times)
def test_compounding__third_term__is_just_below_e(rate: int, elapsed: int) -> None:
    x = Fraction(rate * elapsed, WAD)
    cubic = x + x**2 / 2 + x**3 / 6
    assert 0 <= cubic * WAD - compounded_wad(rate, elapsed) < x + 3


@given(amounts, rates, times, st.integers(0, WAD // 4), st.data())
def test_fee__of_any_interest__is_worth_no_more_than_its_share(
    debt: int, rate: int, elapsed: int, fee: int, data: st.DataObject
) -> None:
    supply = data.draw(st.integers(debt, 2**113))
    shares = data.draw(amounts)
    earned = interest_raw(debt, rate, elapsed)
    minted = fee_shares(earned, fee, supply + earned, shares)
    worth = to_assets_down(minted, supply + earned, shares + minted)
    assert worth <= Fraction(earned * fee, WAD)


@given(st.integers(-(2**200), 2**200), st.integers(-(2**100), 2**100))
def test_signed_division__like_soliditys__drops_the_fraction(a: int, b: int) -> None:
    assume(b)
    assert divide_to_zero(a, b) == trunc(Fraction(a, b))


@given(st.integers(-41 * WAD, 93 * WAD))
def test_power_of_e__of_anything__is_within_a_hundredth(exponent: int) -> None:
    with localcontext(prec=60):
        exact = (Decimal(exponent) / WAD).exp() * WAD
    assert abs(power_of_e_wad(exponent) - exact) <= exact / 100 + 1


@pytest.mark.parametrize("exponent", [-41446531673892822313, 93859467695000404319])
def test_power_of_e__beyond_its_bounds__is_clipped(exponent: int) -> None:
    assert power_of_e_wad(exponent) == power_of_e_wad(10 * exponent)


@given(amounts, amounts, rates_at_target, times)
def test_rate__any_market__lies_on_a_curve_between_quarter_and_fourfold(
    one: int, other: int, first: int, elapsed: int
) -> None:
    debt, supply = sorted((one, other))
    rate = borrow_rate(supply, debt, first, elapsed)
    assert MIN_RATE_AT_TARGET_WAD <= rate.rate_at_target_wad <= MAX_RATE_AT_TARGET_WAD
    low, high = sorted((first, rate.rate_at_target_wad))
    # The average is of four samples between the ends, where e^x is off by as much as it may be.
    assert low * 99 // 400 - 1 <= rate.average_wad <= 4 * high * 101 // 100


@given(st.integers(0, 2**40), rates_at_target, times)
def test_rate__by_decimals__is_the_same_curve(lent: int, first: int, elapsed: int) -> None:
    """The published formula at full precision; e^x in two terms is what keeps them apart."""
    supply = 2**40
    rate = borrow_rate(supply, lent, first, elapsed)
    with localcontext(prec=50):
        utilisation, target = Decimal(lent) / supply, Decimal("0.9")
        error = (utilisation - target) / (1 - target if utilisation > target else target)
        lowest, highest = Decimal("0.001") / YEAR_SECONDS, Decimal(2) / YEAR_SECONDS
        drift = 50 * error * elapsed / YEAR_SECONDS

        def drifted(part: Decimal) -> Decimal:
            return min(max(Decimal(first) / WAD * (drift * part).exp(), lowest), highest)

        end, middle = drifted(Decimal(1)), drifted(Decimal("0.5"))
        average = (Decimal(first) / WAD + end + 2 * middle) / 4
        factor = error * (3 if error >= 0 else Decimal("0.75")) + 1
        expected = average * factor
    assert float(rate.average_wad) == pytest.approx(float(expected * WAD), rel=0.01, abs=4)
    assert float(rate.rate_at_target_wad) == pytest.approx(float(end * WAD), rel=0.01, abs=4)


@given(lltvs)
def test_incentive__of_any_lltv__is_the_published_curve(lltv: int) -> None:
    curve = 1 / (1 - Fraction(3, 10) * (1 - Fraction(lltv, WAD)))
    exact = min(Fraction(115, 100), curve)
    assert abs(Fraction(incentive_wad(lltv), WAD) - exact) <= Fraction(3, WAD)
    assert WAD <= incentive_wad(lltv) <= MAX_INCENTIVE_WAD


@pytest.mark.parametrize(
    ("lltv", "expected"),
    [
        (86 * WAD // 100, 1043841336116910229),
        (915 * WAD // 1000, 1026167265264238070),
        (945 * WAD // 1000, 1016776817488561260),
        (0, MAX_INCENTIVE_WAD),
    ],
)
def test_incentive__of_usual_markets__is_the_table(lltv: int, expected: int) -> None:
    assert incentive_wad(lltv) == expected


@given(amounts, prices, lltvs, totals)
def test_seizing__any_amount__costs_at_least_its_worth_less_the_bonus(
    seized: int, price: int, lltv: int, total: tuple[int, int]
) -> None:
    piece = slice_by_seized(seized, price, lltv, *total)
    worth = Fraction(seized * price, ORACLE_SCALE) * Fraction(WAD, incentive_wad(lltv))
    assert piece.repaid_raw >= worth
    assert piece.repaid_raw == to_assets_up(piece.repaid_shares, *total)


@given(amounts, prices, lltvs, totals)
def test_repaying__any_shares__seizes_at_most_their_worth_and_the_bonus(
    shares: int, price: int, lltv: int, total: tuple[int, int]
) -> None:
    piece = slice_by_repaid(shares, price, lltv, *total)
    worth = to_assets_down(shares, *total) * Fraction(incentive_wad(lltv), WAD)
    assert Fraction(piece.seized_raw * price, ORACLE_SCALE) <= worth
    assert piece.repaid_raw >= to_assets_down(shares, *total)


def test_repaying__at_a_price_of_zero__fails_as_the_contract_does() -> None:
    with pytest.raises(ZeroDivisionError):
        slice_by_repaid(1, 0, 0, 1, 1)


@given(totals, st.data())
def test_loss__of_any_position__is_never_more_than_all_debt(
    total: tuple[int, int], data: st.DataObject
) -> None:
    debt, shares = total
    left = data.draw(st.integers(0, shares))
    loss = loss_of(left, debt, shares)
    assert loss.shares == left
    assert to_assets_down(left, debt, shares) <= loss.assets_raw <= debt
