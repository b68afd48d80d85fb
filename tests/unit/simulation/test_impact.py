"""What a sale does to a pool, against Uniswap's own integers."""

import math
import random

import pytest
from unit.simulation.exact_pool import MAX_SQRT, MIN_SQRT, Q96, ExactPool, sqrt_at, step
from unit.simulation.worlds import DAI, USDC, WBTC, WETH, pool

from monitor.core.curves import TickCurve
from monitor.core.units import Address, AssetId
from monitor.simulation.impact import Hop, Pool, mid_along, route, sold_along
from monitor.simulation.ticks import Depth, Mark, TickPool, depth_of, moved, sold

POOL = Address("0x" + "1" * 40)
RANGES = ((-887_220, 887_220, 3), (-196_200, -192_000, 20), (-195_000, -193_800, 70))
"""Liquidity (in units of 1e15) laid around a mid near tick -194,500, as two neighbours do."""


def layered(tick: int = -194_500, fee_ppm: int = 3000) -> tuple[TickCurve, ExactPool]:
    nets: dict[int, int] = {}
    for lower, upper, units in RANGES:
        nets[lower] = nets.get(lower, 0) + units * 10**15
        nets[upper] = nets.get(upper, 0) - units * 10**15
    liquidity = sum(units * 10**15 for lower, upper, units in RANGES if lower <= tick < upper)
    sqrt = (sqrt_at(tick) + sqrt_at(tick + 1)) // 2
    curve = TickCurve(POOL, WETH, USDC, fee_ppm, sqrt, tick, liquidity, tuple(sorted(nets.items())))
    return curve, ExactPool(sqrt, tick, liquidity, nets, fee_ppm)


def test_reference__tick_math__has_the_published_ends() -> None:
    assert (sqrt_at(-887_272), sqrt_at(887_272), sqrt_at(0)) == (MIN_SQRT, MAX_SQRT, Q96)


def test_reference__swap_math__has_the_published_step() -> None:
    """v3-core SwapMath.spec.ts: one for zero, capped at the price target."""
    root = math.isqrt(101 * Q96**2 // 100)
    after, taken, given, fee = step(Q96, root, 2 * 10**18, 10**18, 600)
    assert (after, taken, given, fee) == (root, 9975124224178055, 9925619580021728, 5988667735148)


@pytest.mark.parametrize("zero_for_one", [True, False])
@pytest.mark.parametrize("exponent", range(-6, 3))
def test_sold__across_ticks__gives_what_the_contract_gives(
    exponent: int, zero_for_one: bool
) -> None:
    """From a trade within a thousandth of a tick to one that empties both inner ranges."""
    curve, exact = layered()
    amount = int((10**19 if zero_for_one else 10**12 * 4) * 10.0**exponent * 1.2345)
    depth, mark = depth_of(curve)
    proceeds, after = sold(depth, mark, float(amount), zero_for_one)
    _, given = exact.swap(amount, zero_for_one=zero_for_one)
    assert proceeds == pytest.approx(given, rel=1e-9, abs=10)
    assert after.sqrt == pytest.approx(exact.sqrt / Q96, rel=1e-9)
    assert depth.liquidity[after.segment] == pytest.approx(exact.liquidity)


def test_sold__many_trades_to_and_fro__stays_with_the_contract() -> None:
    rng = random.Random(7)
    curve, exact = layered(fee_ppm=500)
    depth, mark = depth_of(curve)
    for _ in range(200):
        zero_for_one = rng.random() < 0.5
        amount = int(rng.uniform(0.01, 3) * (10**20 if zero_for_one else 35 * 10**10))
        proceeds, mark = sold(depth, mark, float(amount), zero_for_one)
        _, given = exact.swap(amount, zero_for_one=zero_for_one)
        assert proceeds == pytest.approx(given, rel=1e-9, abs=10)
    assert mark.sqrt == pytest.approx(exact.sqrt / Q96, rel=1e-9)


@pytest.mark.parametrize("zero_for_one", [True, False])
def test_sold__beyond_the_last_tick__takes_what_there_is_and_rests_at_the_limit(
    zero_for_one: bool,
) -> None:
    curve, exact = layered()
    depth, mark = depth_of(curve)
    amount = 10**45
    taken, given = exact.swap(amount, zero_for_one=zero_for_one)
    proceeds, after = sold(depth, mark, float(amount), zero_for_one)
    assert taken < amount
    assert proceeds == pytest.approx(given, rel=1e-9)
    assert after.sqrt == pytest.approx(exact.sqrt / Q96, rel=1e-9)


def test_sold__across_a_gap_without_liquidity__goes_on_behind_it() -> None:
    nets = {-600: 10**18, -300: -(10**18), 300: 10**18, 600: -(10**18)}
    sqrt = sqrt_at(400)
    exact = ExactPool(sqrt, 400, 10**18, dict(nets), 3000)
    depth, mark = depth_of(
        TickCurve(POOL, WETH, USDC, 3000, sqrt, 400, 10**18, tuple(nets.items()))
    )
    proceeds, after = sold(depth, mark, 2e16, True)
    assert proceeds == pytest.approx(exact.swap(2 * 10**16, zero_for_one=True)[1], rel=1e-9)
    assert after.sqrt < 1


def test_sold__nothing__changes_nothing() -> None:
    depth, mark = depth_of(layered()[0])
    assert sold(depth, mark, 0.0, True) == (0.0, mark)


def test_sold__average_price__lies_between_the_marginal_prices() -> None:
    """A published model took the average slippage, 9.09 %, for the price drop, 17.36 %."""
    depth = Depth(WETH, USDC, kept=1.0, bounds=(), liquidity=(1000.0,))
    proceeds, after = sold(depth, Mark(1.0, 0), 100.0, True)
    assert 1 - proceeds / 100 == pytest.approx(1 - 1 / 1.1)
    assert 1 - after.sqrt**2 == pytest.approx(1 - 1 / 1.21)


def test_sold__small_trade_in_a_deep_pool__keeps_its_digits() -> None:
    depth = Depth(WETH, USDC, kept=1.0, bounds=(), liquidity=(1e30,))
    proceeds, _ = sold(depth, Mark(3.0, 0), 1.0, True)
    assert proceeds == pytest.approx(9.0, rel=1e-15)


@pytest.mark.parametrize("factor", [0.7, 1.3, 0.999, 1e-60, 1e60])
def test_moved__to_a_mid__stands_where_a_swap_with_that_limit_stops(factor: float) -> None:
    curve, exact = layered()
    depth, mark = depth_of(curve)
    after = moved(depth, mark, factor)
    limit = min(max(int(after.sqrt * Q96), MIN_SQRT + 1), MAX_SQRT - 1)
    exact.swap(10**70, zero_for_one=factor < 1, limit=limit)
    assert after.sqrt == pytest.approx(exact.sqrt / Q96, rel=1e-9)
    assert depth.liquidity[after.segment] == exact.liquidity


def test_depth_of__ticks_that_contradict_the_liquidity__is_an_error() -> None:
    curve = TickCurve(POOL, WETH, USDC, 3000, Q96, 0, 5, ((-60, 10), (60, -10)))
    with pytest.raises(ValueError, match="do not add up"):
        depth_of(curve)


def pools_of(*pairs: tuple[AssetId, AssetId]) -> list[Pool]:
    return [TickPool(*depth_of(pool(base, quote, 1e6))) for base, quote in pairs]


def test_route__direct_pool__wins_over_two() -> None:
    found = route(pools_of((WETH, WBTC), (WBTC, USDC), (WETH, USDC)), WETH, USDC.__eq__)
    assert found == (Hop(2, 0, 1),)


def test_route__equal_length__takes_the_first_configured() -> None:
    pools = pools_of((WETH, DAI), (WETH, WBTC), (WBTC, USDC), (DAI, USDC))
    found = route(pools, WETH, USDC.__eq__)
    assert [hop.pool for hop in found or ()] == [0, 3]


def test_route__two_pools_of_one_pair__takes_the_first_configured() -> None:
    found = route(pools_of((WETH, USDC), (WETH, USDC)), USDC, WETH.__eq__)
    assert found == (Hop(0, 1, 0),)


def test_route__to_itself__needs_no_pool() -> None:
    assert route([], WETH, WETH.__eq__) == ()


def test_route__without_pools__is_none() -> None:
    assert route(pools_of((WETH, WBTC)), WETH, USDC.__eq__) is None


def test_sold_along__two_pools__sells_the_proceeds_of_the_first() -> None:
    pools = pools_of((WBTC, WETH), (WETH, USDC))
    hops = route(pools, WBTC, USDC.__eq__)
    assert hops is not None
    proceeds, after = sold_along(pools, hops, 1e5)
    first, first_after = pools[0].sold(1e5, *hops[0][1:])
    second, second_after = pools[1].sold(first, *hops[1][1:])
    assert (proceeds, after) == (second, [(0, first_after), (1, second_after)])
    assert proceeds < 1e5 * mid_along(pools, hops)
