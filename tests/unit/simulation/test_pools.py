"""Depth that is stated, routes over several families, and pools that cannot be sold into."""

from dataclasses import replace
from fractions import Fraction

import pytest
from unit.simulation.worlds import (
    DAI,
    PRICES,
    USDC,
    WBTC,
    WETH,
    borrower,
    debt,
    market,
    pledge,
    pool,
    raw,
    scenario,
    sheet_of,
    world,
)

from monitor.core.curves import (
    ConstantProductCurve,
    DepthCurve,
    ParametricCurve,
    StableSwapCurve,
    UnknownCurve,
)
from monitor.core.risk import Exposure, WorldSheet
from monitor.core.stable_swap import FEE_UNIT, Swap
from monitor.core.units import Address, AssetId
from monitor.simulation.columns import columns_of
from monitor.simulation.options import Options
from monitor.simulation.projection import project
from monitor.simulation.results import Projection

POOL = Address("0x" + "1" * 40)
STATED = ParametricCurve(WETH, USDC, Fraction(1_000_000))
STABLES = StableSwapCurve(
    POOL,
    (DAI, USDC),
    (raw(DAI, 10**7), raw(USDC, 10**7)),
    Swap((10**18, 10**30), 500, 1, 10**6),
    FEE_UNIT // 2,
)


def product(base: AssetId, quote: AssetId, side_usd: int) -> ConstantProductCurve:
    token0, token1 = sorted((base, quote))
    reserve0, reserve1 = (raw(token, side_usd / PRICES[token]) for token in (token0, token1))
    return ConstantProductCurve(POOL, token0, token1, reserve0, reserve1, 3000)


def underwater(owed: AssetId = USDC, collateral: AssetId = WETH, times: int = 1) -> WorldSheet:
    """Accounts that a fall of 10 % makes liquidatable."""
    amount = 200_000 / PRICES[collateral]
    people = [
        borrower(n, pledge(collateral, amount), debt(owed, 150_000)) for n in range(1, times + 1)
    ]
    return world(market(people))


def fallen(sheet: WorldSheet, *curves: DepthCurve) -> Projection:
    return project(replace(sheet, curves=curves), scenario(WETH=-0.1, WBTC=-0.1), Options())


def test_stated_depth__sold_once__lets_the_price_fall_by_two_percent() -> None:
    (made,) = columns_of(world(market([]), [STATED])).pools
    sale = 1_000_000 / PRICES[WETH] * 1e18
    proceeds, after = made.sold(sale, 0, 1)
    assert made.mid(0, 1) == pytest.approx(PRICES[WETH] * 1e-12, rel=1e-12)
    assert after.mid(0, 1) == pytest.approx(0.98 * made.mid(0, 1), rel=1e-12)
    # On the way the average is better than the end.
    assert proceeds / 1e6 == pytest.approx(1_000_000 * 0.98**0.5, rel=1e-6)


def test_stated_depth__alone__takes_the_collateral_and_feeds_back() -> None:
    found = fallen(underwater(times=8), STATED)
    assert found.unknown == ()
    assert found.liquidated_usd > 0
    assert found.price_amplification > 1


def test_stated_depth__without_a_price__is_not_known() -> None:
    assets = [sheet_of(WETH, price_base=None), sheet_of(USDC)]
    columns = columns_of(world(market([], assets=assets), [STATED]))
    assert columns.pools == ()
    assert columns.unknown == (
        f"pool {STATED.pool} has no depth: no market knows a price of {WETH}: "
        "nothing is sold there",
    )


def test_route__over_three_families__sells_along_it() -> None:
    """WBTC for WETH at ticks, WETH for DAI by reserves, DAI for USDC in a stable pool."""
    way = (pool(WBTC, WETH, 1e8), product(WETH, DAI, 10**8), STABLES)
    found = fallen(underwater(collateral=WBTC), *way)
    assert found.liquidated_usd > 0
    assert fallen(underwater(collateral=WBTC), *way[:2]).liquidated_usd == 0


@pytest.mark.parametrize("reverse", [False, True])
def test_route__of_equal_length__is_the_first_configured_of_whatever_family(reverse: bool) -> None:
    """By the shallow one nothing pays."""
    both = [product(WETH, USDC, 10**8), pool(WETH, USDC, 100.0)]
    found = fallen(underwater(), *(reversed(both) if reverse else both))
    assert (found.liquidated_usd > 0) is not reverse


def test_pool__used_by_two_collaterals__is_one_pool() -> None:
    """WBTC is sold by way of WETH: its holder's sale lowers what WETH is worth."""
    way = (pool(WBTC, WETH, 1e8), product(WETH, DAI, 10**8), STABLES)
    ether = borrower(1, pledge(WETH, 2000), debt(USDC, 3_000_000))
    bitcoin = borrower(2, pledge(WBTC, 100), debt(USDC, 3_000_000))

    def after(*people: Exposure) -> float:
        sheet = world(market(people), way)
        found = project(sheet, scenario(WETH=-0.1, WBTC=-0.1), Options(max_rounds=1))
        assert sum(entry.liquidations for entry in found.round_log) == len(people)
        return found.prices["WETH"].after or 0.0

    assert after(ether, bitcoin) < min(after(ether), after(bitcoin)) < 0.9 * PRICES[WETH]


def test_pool__of_unknown_depth__makes_the_answer_unknown_and_says_why() -> None:
    found = fallen(underwater(), UnknownCurve(POOL, "its A is 0 / 1: expected at least 1"))
    assert found.unknown == (
        f"pool {POOL} is not known: its A is 0 / 1: expected at least 1: nothing is sold there",
    )


@pytest.mark.parametrize(
    "empty",
    [
        ConstantProductCurve(POOL, WETH, USDC, 0, 0, 3000),
        replace(pool(WETH, USDC, 1e6), pool=POOL, liquidity=0, ticks=()),
        replace(STABLES, tokens=(WETH, USDC), balances=(0, 10**12)),
    ],
)
def test_pool__with_nothing_in_it__leaves_the_collateral_unliquidated_and_is_said(
    empty: DepthCurve,
) -> None:
    found = fallen(underwater(), empty)
    assert (found.liquidated_usd, found.unknown) == (0, ())
    assert found.unliquidated_usd == pytest.approx(150_000)
    (said,) = found.left_out
    assert said.startswith(f"pool {POOL} holds no")
    assert found.price_amplification == 1
