"""What a sale does to a pool of constant product, against its own integers."""

import pytest
from unit.simulation.worlds import DAI, USDC, WETH

from monitor.core.curves import ConstantProductCurve
from monitor.core.units import Address, AssetId
from monitor.simulation.pools import TWO_PERCENT, pools_of
from monitor.simulation.product import ProductPool

POOL = Address("0x" + "1" * 40)
NO_PRICES: dict[AssetId, float] = {}
RESERVES = 5_000 * 10**18, 10_000_000 * 10**6


def pool(fee_ppm: int = 3000, reserves: tuple[int, int] = RESERVES) -> ProductPool:
    made = pools_of([ConstantProductCurve(POOL, WETH, USDC, *reserves, fee_ppm)], NO_PRICES.get)
    (found,) = made.pools
    assert isinstance(found, ProductPool)
    return found


def exact(reserves: tuple[int, int], amount: int, inward: int, fee_ppm: int = 3000) -> int:
    """UniswapV2Library.getAmountOut."""
    traded = amount * (10**6 - fee_ppm)
    return traded * reserves[1 - inward] // (reserves[inward] * 10**6 + traded)


@pytest.mark.parametrize("inward", [0, 1])
@pytest.mark.parametrize("share", [1e-9, 1e-5, 0.01, 0.5, 20])
def test_sold__any_amount__gives_what_the_contract_gives(inward: int, share: float) -> None:
    amount = int(RESERVES[inward] * share)
    proceeds, after = pool().sold(float(amount), inward, 1 - inward)
    given = exact(RESERVES, amount, inward)
    assert proceeds == pytest.approx(given, rel=1e-12, abs=1)
    assert after.reserves[inward] == pytest.approx(RESERVES[inward] + amount)
    assert after.reserves[1 - inward] == pytest.approx(RESERVES[1 - inward] - given, rel=1e-9)


def test_sold__twice__leaves_the_fee_in_the_pool() -> None:
    _, once = pool().sold(1e21, 0, 1)
    back, twice = once.sold(once.reserves[1], 1, 0)
    assert twice.reserves[0] * twice.reserves[1] > RESERVES[0] * RESERVES[1]
    assert back < once.reserves[0]


def test_sold__nothing__changes_nothing() -> None:
    assert pool().sold(0.0, 0, 1) == (0.0, pool())


def test_sold__average_price__lies_between_the_marginal_prices() -> None:
    """A published model took the average slippage, 9.09 %, for the price drop, 17.36 %."""
    flat = pool(fee_ppm=0, reserves=(1000, 1000))
    proceeds, after = flat.sold(100.0, 0, 1)
    assert 1 - proceeds / 100 == pytest.approx(1 - 1 / 1.1)
    assert 1 - after.mid(0, 1) == pytest.approx(1 - 1 / 1.21)


@pytest.mark.parametrize("factors", [(0.7, 1.0), (1.3, 1.0), (1.0, 0.5), (1e-6, 1.0), (1.0, 1.0)])
def test_moved__by_factors__is_where_a_trade_at_the_fee_ends(factors: tuple[float, float]) -> None:
    before = pool()
    after = before.moved(factors)
    assert after.mid(0, 1) == pytest.approx(before.mid(0, 1) * factors[0] / factors[1], rel=1e-12)
    inward = 0 if after.reserves[0] > before.reserves[0] else 1
    put_in = after.reserves[inward] - before.reserves[inward]
    _, traded = before.sold(put_in, inward, 1 - inward)
    assert traded.reserves == pytest.approx(after.reserves, rel=1e-12)


def test_scaled__to_half__keeps_the_mid_and_doubles_the_impact() -> None:
    half = pool().scaled(0.5)
    assert half.mid(0, 1) == pool().mid(0, 1)
    proceeds, _ = half.sold(1e20, 0, 1)
    assert proceeds == pytest.approx(pool().sold(2e20, 0, 1)[0] / 2)


def test_two_percent__of_a_reserve__is_the_worked_depth() -> None:
    _, after = pool(fee_ppm=0).sold(RESERVES[0] * TWO_PERCENT, 0, 1)
    assert after.mid(0, 1) / pool().mid(0, 1) == pytest.approx(0.98, rel=1e-12)
    assert pytest.approx(0.0101525, abs=1e-6) == TWO_PERCENT


@pytest.mark.parametrize("reserves", [(0, 0), (0, 10**18), (10**18, 0)])
def test_pools_of__a_side_without_reserves__is_empty_and_said(reserves: tuple[int, int]) -> None:
    made = pools_of([ConstantProductCurve(POOL, WETH, DAI, *reserves, 3000)], NO_PRICES.get)
    assert (made.pools, made.unknown) == ((), ())
    assert made.empty == (f"pool {POOL} holds nothing on one side: nothing is sold there",)
