"""What a sale does to a StableSwap pool, against the contracts' own integers."""

import random

import pytest
from unit.simulation.worlds import DAI, USDC, WETH, WSTETH

from monitor.core.curves import StableSwapCurve
from monitor.core.stable_swap import FEE_UNIT, NoConvergenceError, Swap
from monitor.core.units import Address, AssetId
from monitor.simulation.pools import pools_of
from monitor.simulation.stable import StablePool

POOL = Address("0x" + "1" * 40)
NO_PRICES: dict[AssetId, float] = {}
USDT = AssetId(Address("0x" + "7" * 40))
TOKENS = (DAI, USDC, USDT)
UNITS = (10**18, 10**6, 10**6)
RATES = (10**18, 10**30, 10**30)
HALF = FEE_UNIT // 2


def curve(
    *whole: int, strength: int = 100, fee_e10: int = 4 * 10**6, offpeg_e10: int = 0
) -> StableSwapCurve:
    """Of two or three coins, with so many whole tokens."""
    count = len(whole)
    balances = tuple(amount * unit for amount, unit in zip(whole, UNITS, strict=False))
    swap = Swap(RATES[:count], strength, 1, fee_e10, offpeg_e10)
    return StableSwapCurve(POOL, TOKENS[:count], balances, swap, HALF)


def pool(told: StableSwapCurve) -> StablePool:
    made = pools_of([told], NO_PRICES.get)
    (found,) = made.pools
    assert isinstance(found, StablePool)
    return found


@pytest.mark.parametrize(
    ("sold", "brings"), [(100_000, 99_900), (500_000, 496_753), (900_000, 869_629)]
)
def test_given__of_a_million_each__is_the_published_run(sold: int, brings: int) -> None:
    """curve-contract tests/simulation.py: A = 100, flat and then a cliff."""
    even = Swap((10**18, 10**18), 100, 1, 0)
    balances = (10**6 * 10**18,) * 2
    assert even.given(balances, 0, 1, sold * 10**18) // 10**18 == pytest.approx(brings, abs=1)


@pytest.mark.parametrize(
    "told",
    [
        curve(10**6, 10**6),
        curve(10**7, 10**5, strength=200),
        curve(3 * 10**6, 10**6, 2 * 10**6, strength=2000),
        curve(10**6, 5 * 10**6, strength=2, fee_e10=3 * 10**7),
        curve(10**7, 10**6, strength=500, offpeg_e10=5 * FEE_UNIT),
    ],
)
@pytest.mark.parametrize("share", [1e-7, 1e-4, 0.01, 0.3, 5])
@pytest.mark.parametrize("way", [(0, 1), (1, 0)])
def test_sold__any_amount__gives_what_the_contract_gives(
    told: StableSwapCurve, share: float, way: tuple[int, int]
) -> None:
    inward, outward = way
    amount = int(told.balances[inward] * share)
    proceeds, after = pool(told).sold(float(amount), inward, outward)
    given = told.swap.given(told.balances, inward, outward, amount)
    assert proceeds == pytest.approx(given, rel=1e-9, abs=2)
    assert after.balances[inward] == pytest.approx(
        (told.balances[inward] + amount) * told.swap.rates[inward] / 1e18
    )


def test_sold__small_trade_in_a_deep_pool__keeps_its_digits() -> None:
    """A thousandth of a raw unit in 1e12 tokens; the fee is told apart to the last digits."""
    deep = pool(curve(10**12, 10**12, fee_e10=0))
    proceeds, _ = deep.sold(1e9, 0, 1)
    assert proceeds == pytest.approx(1e9 / 1e12, rel=1e-13)


def test_sold__many_trades_to_and_fro__stays_with_the_contract() -> None:
    """Half of the fee leaves the pool, half of it stays."""
    told = curve(2 * 10**6, 10**6, 10**6, strength=300, fee_e10=2 * 10**7)
    rng, balances, here = random.Random(5), list(told.balances), pool(told)
    for _ in range(100):
        inward, outward = rng.sample(range(3), 2)
        least = min(b * rate for b, rate in zip(balances, told.swap.rates, strict=True))
        amount = int(least * rng.uniform(0.001, 0.3)) // told.swap.rates[inward]
        given = told.swap.given(balances, inward, outward, amount)
        free = Swap(told.swap.rates, 300, 1, 0).given(balances, inward, outward, amount)
        proceeds, here = here.sold(float(amount), inward, outward)
        # A raw unit of rounding a trade adds up in the reference.
        assert proceeds == pytest.approx(given, rel=1e-8, abs=2)
        balances[inward] += amount
        balances[outward] -= given + (free - given) // 2
    assert here.balances == pytest.approx(
        [b * rate / 1e18 for b, rate in zip(balances, told.swap.rates, strict=True)], rel=1e-7
    )


@pytest.mark.parametrize("whole", [(10**6, 10**6), (10**7, 10**6), (10**6, 2 * 10**6, 3 * 10**6)])
def test_mid__of_a_pool__is_what_a_little_sale_brings_and_what_the_curve_says(
    whole: tuple[int, ...],
) -> None:
    told = curve(*whole, fee_e10=0)
    here = pool(told)
    proceeds, _ = here.sold(1e10, 0, 1)
    assert here.mid(0, 1) == pytest.approx(proceeds / 1e10, rel=1e-9)
    exact = told.mid(0, 1)
    assert exact is not None
    assert here.mid(0, 1) == pytest.approx(float(exact), rel=1e-12)
    assert here.mid(1, 0) == pytest.approx(1 / float(exact), rel=1e-12)


@pytest.mark.parametrize("factor", [0.999, 0.95, 0.5, 1e-4, 1.02, 3.0])
@pytest.mark.parametrize("offpeg_e10", [0, 5 * FEE_UNIT])
def test_moved__of_two_coins__is_where_a_trade_with_its_fee_ends(
    factor: float, offpeg_e10: int
) -> None:
    before = pool(curve(3 * 10**6, 2 * 10**6, fee_e10=10**8, offpeg_e10=offpeg_e10))
    after = before.moved((factor, 1.0))
    assert after.mid(0, 1) == pytest.approx(before.mid(0, 1) * factor, rel=1e-11)
    inward = 0 if factor < 1 else 1
    put_in = (after.balances[inward] - before.balances[inward]) / before.rates[inward]
    assert put_in > 0
    _, traded = before.sold(put_in, inward, 1 - inward)
    assert traded.balances == pytest.approx(after.balances, rel=1e-12)


@pytest.mark.parametrize("factors", [(0.95, 1.0, 1.0), (1.0, 0.7, 0.9), (0.9, 0.9, 0.9)])
def test_moved__of_three_coins__has_every_mid_where_it_was_to_be(
    factors: tuple[float, ...],
) -> None:
    before = pool(curve(10**6, 2 * 10**6, 3 * 10**6))
    after = before.moved(factors)
    for inward in range(3):
        for outward in range(3):
            ratio = factors[inward] / factors[outward]
            assert after.mid(inward, outward) == pytest.approx(
                before.mid(inward, outward) * ratio, rel=1e-11
            )
    assert after.invariant() == pytest.approx(before.invariant(), rel=1e-12)


def test_moved__by_equal_factors__stays() -> None:
    here = pool(curve(10**6, 2 * 10**6))
    assert here.moved((0.8, 0.8)) is here


def test_scaled__to_double__keeps_mid_and_gives_twice_for_twice() -> None:
    here = pool(curve(10**6, 2 * 10**6))
    twice = here.scaled(2)
    assert twice.mid(0, 1) == pytest.approx(here.mid(0, 1), rel=1e-12)
    assert twice.sold(2e23, 0, 1)[0] == pytest.approx(2 * here.sold(1e23, 0, 1)[0], rel=1e-12)


def test_kept__off_the_peg__is_no_less_than_what_a_sale_keeps() -> None:
    here = pool(curve(10**7, 10**6, fee_e10=10**8, offpeg_e10=5 * FEE_UNIT))
    free = pool(curve(10**7, 10**6, fee_e10=0))
    share = here.sold(1e24, 0, 1)[0] / free.sold(1e24, 0, 1)[0]
    assert share < here.kept(0, 1) == pytest.approx(0.99)


def test_asymmetry__of_balances__makes_the_scarce_coin_dear() -> None:
    assert pool(curve(10**6, 10**7)).mid(0, 1) > 1e-12 > pool(curve(10**7, 10**6)).mid(0, 1)


def test_invariant__of_a_coin_used_up__is_not_found() -> None:
    with pytest.raises(NoConvergenceError):
        curve(10**6, 1).swap.invariant([10**24, 0])
    assert curve(0, 10**6).mid(0, 1) is None


def test_pools_of__a_coin_used_up__is_empty_and_said() -> None:
    made = pools_of([curve(0, 10**6)], NO_PRICES.get)
    assert (made.pools, made.unknown) == ((), ())
    assert made.empty == (f"pool {POOL} holds nothing of one of its coins: nothing is sold there",)


def test_rate__of_a_receipt__is_in_its_price() -> None:
    """A coin worth 1.2 of the other: the mid of a balanced pool is near its rate."""
    swap = Swap((10**18, 12 * 10**17), 100, 1, 0)
    told = StableSwapCurve(POOL, (WETH, WSTETH), (12 * 10**21, 10**22), swap, HALF)
    assert pool(told).mid(1, 0) == pytest.approx(1.2, rel=1e-12)
