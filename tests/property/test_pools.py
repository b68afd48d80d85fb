"""Pools of every family: no sale beats the mid, nothing is lost in it, and depth only helps."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from unit.simulation.worlds import USDC, WETH

from monitor.core.curves import ConstantProductCurve, DepthCurve, StableSwapCurve
from monitor.core.stable_swap import FEE_UNIT, Swap
from monitor.core.units import Address, AssetId
from monitor.simulation.impact import Pool
from monitor.simulation.pools import pools_of
from monitor.simulation.product import ProductPool
from monitor.simulation.stable import StablePool

POOL = Address("0x" + "1" * 40)
NO_PRICES: dict[AssetId, float] = {}


@st.composite
def products(draw: st.DrawFn) -> ConstantProductCurve:
    reserves = draw(st.tuples(st.integers(10**6, 2**112 - 1), st.integers(10**6, 2**112 - 1)))
    return ConstantProductCurve(POOL, WETH, USDC, *reserves, draw(st.integers(0, 100_000)))


@st.composite
def stables(draw: st.DrawFn) -> StableSwapCurve:
    """Two to four coins of 6 to 18 decimals, the scarcest a thousandth of the most."""
    count = draw(st.integers(2, 4))
    decimals = draw(st.lists(st.sampled_from([6, 8, 18]), min_size=count, max_size=count))
    worth = 10 ** draw(st.integers(3, 9))
    shares = draw(st.lists(st.integers(1, 1000), min_size=count, max_size=count))
    swap = Swap(
        tuple(10 ** (36 - places) for places in decimals),
        draw(st.integers(1, 5000)) * 100,
        100,
        draw(st.integers(0, 10**8)),
        draw(st.sampled_from([0, 2 * FEE_UNIT, 10 * FEE_UNIT])),
    )
    return StableSwapCurve(
        POOL,
        tuple(AssetId(Address(f"0x{number:040x}")) for number in range(count)),
        tuple(share * worth * 10**places for share, places in zip(shares, decimals, strict=True)),
        swap,
        FEE_UNIT // 2,
    )


CURVES = st.one_of(products(), stables())


def pool(curve: DepthCurve) -> Pool:
    (made,) = pools_of([curve], NO_PRICES.get).pools
    return made


def held(made: Pool, place: int) -> float:
    """Raw units of a token in a pool."""
    if isinstance(made, StablePool):
        return made.balances[place] / made.rates[place]
    assert isinstance(made, ProductPool)
    return made.reserves[place]


@given(stables(), st.floats(-6, 1))
def test_sold__any_stable_pool__is_what_the_contract_gives(
    curve: StableSwapCurve, exponent: float
) -> None:
    amount = int(curve.balances[0] * 10.0**exponent)
    assume(amount > 0)
    given_out = curve.swap.given(curve.balances, 0, 1, amount)
    proceeds, _ = pool(curve).sold(float(amount), 0, 1)
    # The contract's D and y are right to a unit or two of 1e-18, times how far apart prices are.
    noise = 3 + 50 * 1e18 / curve.swap.rates[1]
    assert proceeds == pytest.approx(given_out, rel=1e-9, abs=noise)


@given(CURVES, st.floats(-6, 2))
def test_sold__any_amount__brings_no_more_than_the_mid_and_loses_nothing(
    curve: DepthCurve, exponent: float
) -> None:
    here = pool(curve)
    amount = held(here, 0) * 10.0**exponent
    proceeds, after = here.sold(amount, 0, 1)
    assert 0 <= proceeds <= amount * here.mid(0, 1) * here.kept(0, 1) * (1 + 1e-9)
    assert held(after, 0) == pytest.approx(held(here, 0) + amount, rel=1e-12)
    out = held(here, 1) - held(after, 1)
    # What else leaves is the protocol's share of the fee, which is less than the fee.
    assert proceeds <= out * (1 + 1e-9) + 1e-9 * held(here, 1)
    assert after.mid(0, 1) < here.mid(0, 1)


def without_offpeg(curve: DepthCurve) -> DepthCurve:
    """With the least fee alone."""
    if not isinstance(curve, StableSwapCurve):
        return curve
    return replace(curve, swap=replace(curve.swap, offpeg_e10=0))


@given(CURVES, st.floats(-6, 2), st.floats(0.1, 10))
def test_scaled__a_deeper_pool__gives_no_less(
    curve: DepthCurve, exponent: float, factor: float
) -> None:
    here = pool(without_offpeg(curve))
    amount = held(here, 0) * 10.0**exponent
    more, less = sorted((here.scaled(factor), here), key=lambda made: -held(made, 0))
    assert more.sold(amount, 0, 1)[0] >= less.sold(amount, 0, 1)[0] * (1 - 1e-9)
    assert here.scaled(factor).mid(0, 1) == pytest.approx(here.mid(0, 1), rel=1e-9)


def test_scaled__a_fee_that_grows_off_the_peg__may_take_more_of_a_deeper_pool() -> None:
    """A sale that brings a small pool to its peg leaves a deep one off it. So does the contract."""
    swap = Swap((10**30,) * 4, 292_800, 100, 10**8, 10 * FEE_UNIT)
    balances = (10**9, 3 * 10**9, 10**9, 10**9)
    tokens = tuple(AssetId(Address(f"0x{number:040x}")) for number in range(4))
    here = pool(StableSwapCurve(POOL, tokens, balances, swap, 0))
    shallow, deep = (swap.given([n * b for b in balances], 0, 1, 10**9) for n in (1, 3))
    assert deep < shallow
    assert here.sold(1e9, 0, 1)[0] == pytest.approx(shallow, rel=1e-8)
    assert here.scaled(3).sold(1e9, 0, 1)[0] == pytest.approx(deep, rel=1e-8)


@given(CURVES, st.floats(0.05, 20))
def test_moved__any_pool__has_the_mid_it_was_moved_to(curve: DepthCurve, factor: float) -> None:
    here = pool(curve)
    factors = [factor, *(1.0 for _ in here.tokens[1:])]
    after = here.moved(factors)
    assert after.mid(0, 1) == pytest.approx(here.mid(0, 1) * factor, rel=1e-9)
    if len(here.tokens) > 2:
        assert after.mid(1, 2) == pytest.approx(here.mid(1, 2), rel=1e-9)


@given(CURVES)
def test_mid__any_pool__is_what_its_curve_says_exactly(curve: DepthCurve) -> None:
    exact = curve.mid(0, 1)
    assert isinstance(exact, Fraction)
    assert pool(curve).mid(0, 1) == pytest.approx(float(exact), rel=1e-9)
