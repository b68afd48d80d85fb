"""Every channel of a shock but the market price of an asset: alone, and together with others."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest
from unit.simulation.worlds import (
    BY_RATE,
    DOLLAR,
    ETH,
    PRICES,
    USDC,
    WBTC,
    WETH,
    WSTETH,
    WSTETH_FEED,
    borrower,
    debt,
    market,
    pair,
    pledge,
    pool,
    priced,
    scenario,
    sheet_of,
    world,
)

from monitor.core.prices import Edge, PriceKind
from monitor.core.risk import AssetSheet, Exposure, WorldSheet
from monitor.core.units import Address
from monitor.errors import QuestionError
from monitor.simulation.channels import struck
from monitor.simulation.columns import columns_of
from monitor.simulation.options import Options
from monitor.simulation.projection import names_of, project
from monitor.simulation.results import Projection
from monitor.simulation.scenarios import scenario_of
from monitor.simulation.shocks import parse_shocks

DEEP = 1e9
NAMED = {"WETH": WETH, "wstETH": WSTETH, "USDC": USDC, "WBTC": WBTC}
RATED = priced(WSTETH, PriceKind.EXCHANGE_RATE, *BY_RATE)
TRADED = priced(
    WSTETH, PriceKind.MARKET, Edge(WSTETH_FEED, PriceKind.MARKET, "wstETH / USD", asset=WSTETH)
)
FIXED = priced(
    WSTETH, PriceKind.FIXED, Edge(Address("0x" + "f" * 40), PriceKind.FIXED, "fixed price")
)
LOOP = borrower(1, pledge(WSTETH, 100, threshold_bps=9500, bonus_bps=10_100), debt(WETH, 111.7))
"""Ten times levered: health 1.0206."""


def ether_world(wsteth: AssetSheet, *accounts: Exposure, depth_usd: float = DEEP) -> WorldSheet:
    """wstETH as given, WETH and USDC by their own feeds; pools wstETH/WETH and WETH/USDC."""
    assets = [priced(WETH, PriceKind.MARKET, ETH), wsteth, priced(USDC, PriceKind.MARKET, DOLLAR)]
    pools = [pool(WSTETH, WETH, depth_usd, number=1), pool(WETH, USDC, depth_usd, number=2)]
    return world(market([LOOP, *accounts], assets=assets), pools)


def asked(sheet: WorldSheet, shocks: Mapping[str, object], **options: object) -> Projection:
    found = scenario_of(parse_shocks(shocks), names_of(sheet, NAMED))
    return project(sheet, found, Options().updated(options))


def figures(found: Projection) -> tuple[Any, ...]:
    return found.liquidated_usd, found.bad_debt_usd, found.unliquidated_usd


def test_peg__exchange_rate_oracle__liquidates_no_loop() -> None:
    """The pitfall: wstETH slips in the market, and a loop against WETH does not notice."""
    found = asked(ether_world(RATED), {"peg:wstETH/WETH": -0.05})
    assert figures(found) == (0, 0, 0)
    path = found.prices["wstETH"]
    assert path.before == pytest.approx(2400)
    assert path.shocked == pytest.approx(2280)
    assert list(found.prices) == ["wstETH"]


def test_peg__market_oracle__liquidates_the_loop() -> None:
    found = asked(ether_world(TRADED), {"peg:wstETH/WETH": -0.05})
    assert found.first_round_usd == pytest.approx(111.7 * 2000 / 2)
    assert found.seized_usd == pytest.approx(found.liquidated_usd * 1.01)


def test_peg__feed_in_its_base__follows_it() -> None:
    by_base = Edge(WSTETH_FEED, PriceKind.MARKET, "wstETH / ETH", asset=WSTETH, quote=WETH)
    sheet = ether_world(priced(WSTETH, PriceKind.MARKET, by_base, ETH))
    assert asked(sheet, {"peg:wstETH/WETH": -0.05}).rounds > 0
    # Both fall alike: the ratio of a loop stands.
    assert asked(sheet, {"WETH": -0.3}).rounds == 0


def test_peg__with_a_fall_of_its_base__is_the_product() -> None:
    found = asked(ether_world(RATED), {"peg:wstETH/WETH": -0.05, "WETH": -0.3})
    assert found.prices["wstETH"].shocked == pytest.approx(2400 * 0.7 * 0.95)
    assert found.prices["WETH"].shocked == pytest.approx(1400)


def test_peg__of_what_its_base_is_correlated_with__leaves_the_base() -> None:
    sheet = ether_world(TRADED)
    sheet = WorldSheet(sheet.block, sheet.markets, sheet.curves, {WSTETH: frozenset({WETH})})
    found = asked(sheet, {"peg:wstETH/WETH": -0.05})
    assert next(iter(found.prices)) == "wstETH"
    assert found.prices["wstETH"].shocked == pytest.approx(2280)


def test_oracle__reported_too_low__liquidates_healthy_accounts() -> None:
    """The pitfall: a cap set 2.85 % too low; nothing moved in any market."""
    found = asked(ether_world(RATED), {"oracle:core/wstETH": -0.0285})
    assert found.rounds > 0
    assert found.first_round_usd == pytest.approx(111.7 * 2000 / 2)
    assert found.price_amplification == 1.0


def test_oracle__is_wrong__stays_wrong_through_the_rounds() -> None:
    """The market is right, and the feed with it: there is nothing to update."""
    found = asked(ether_world(TRADED), {"oracle:core/wstETH": -0.05})
    assert found.rounds > 1
    assert [entry.oracles for entry in found.round_log] == [()] * found.rounds
    assert "wstETH" not in found.prices or found.prices["wstETH"].shocked == pytest.approx(2400)


def test_oracle__reported_too_low__pays_the_liquidator_more() -> None:
    """He gets 2400 of the market for what the oracle calls 2160."""
    found = asked(ether_world(TRADED), {"oracle:core/wstETH": -0.1})
    assert found.seized_usd == pytest.approx(found.liquidated_usd * 1.01)
    costly = found.seized_usd * 0.1
    assert asked(ether_world(TRADED), {"oracle:core/wstETH": -0.1}, gas_usd=costly).rounds > 0


def test_oracle__of_one_market__leaves_the_others() -> None:
    sheet = ether_world(TRADED)
    other = market([LOOP], assets=list(sheet.markets[0].assets.values()), name="other")
    both = world([sheet.markets[0], other], sheet.curves)
    found = asked(both, {"oracle:other/wstETH": -0.0285})
    assert found.by_market["core"].figures.liquidated_usd == 0
    assert found.by_market["other"].figures.liquidated_usd > 0


def morpho_world() -> WorldSheet:
    """Two market ids that lend WETH against wstETH, valued by the market `core`."""
    owes = borrower(1, pledge(WSTETH, 100, threshold_bps=9450, bonus_bps=10_170), debt(WETH, 111))
    ratio = Fraction(PRICES[WSTETH], PRICES[WETH])
    pairs = [
        pair(WSTETH, WETH, ratio, *BY_RATE[:1], number=number, exposures=(owes,))
        for number in (1, 2)
    ]
    return world([*ether_world(RATED).markets, *pairs], ether_world(RATED).curves)


def test_oracle__of_a_market_with_sub_markets__means_all_of_them_or_the_named_one() -> None:
    first, second = (f"morpho/0x{number:064x}" for number in (1, 2))
    found = asked(morpho_world(), {"oracle:morpho/wstETH": -0.05})
    assert all(found.by_market[label].figures.liquidated_usd > 0 for label in (first, second))
    found = asked(morpho_world(), {f"oracle:{second}/wstETH": -0.05})
    assert found.by_market[first].figures.liquidated_usd == 0
    assert found.by_market[second].figures.liquidated_usd > 0


@pytest.mark.parametrize(
    ("shocks", "message"),
    [
        ({"oracle:morpho/WETH": -0.05}, "asks no oracle for WETH"),
        ({"oracle:core/WBTC": -0.05}, "asks no oracle for WBTC"),
        (
            {"oracle:morpho/wstETH": -0.05, f"oracle:morpho/0x{1:064x}/wstETH": -0.05},
            "shocked twice",
        ),
        ({"oracle:aave/WETH": -0.05}, "no market is called 'aave': expected one of core, morpho"),
        ({"oracle:core/DOGE": -0.05}, "no asset is called 'DOGE'"),
        ({"peg:WBTC/WETH": -0.05}, "WBTC .* is in no configured market or pool"),
        ({"peg:WETH/WBTC": -0.05}, "WBTC .* is in no configured market or pool"),
        ({"peg:WETH/WETH": -0.05}, "circle"),
        ({"liquidity:WBTC": 0.5}, "no pool holds WBTC"),
    ],
)
def test_shock__that_changes_nothing__is_refused(shocks: dict[str, object], message: str) -> None:
    with pytest.raises(QuestionError, match=message):
        asked(morpho_world(), shocks)


def test_liquidity__without_pools__is_refused() -> None:
    with pytest.raises(QuestionError, match="no pool is configured"):
        asked(world(market([LOOP])), {"liquidity:*": 0.5})


def test_fixed_oracle__whose_market_fell__leaves_what_nobody_buys() -> None:
    """The pitfall: liquidatable by a price that is not there, and nobody loses money for it."""
    sick = borrower(2, pledge(WSTETH, 100, threshold_bps=9000), debt(USDC, 218_000))
    sheet = ether_world(FIXED, sick)
    healthy_market = asked(sheet, {"WETH": 0})
    assert healthy_market.liquidated_usd > 0
    found = asked(sheet, {"wstETH": -0.7})
    assert found.liquidated_usd == 0
    assert found.unliquidated_usd == pytest.approx(218_000)


def weth_world(depth_usd: float = 6e6) -> WorldSheet:
    owes = borrower(1, pledge(WETH, 200), debt(USDC, 310_000))
    pools = [pool(WETH, USDC, depth_usd, number=1), pool(WBTC, WETH, depth_usd, number=2)]
    return world(market([owes], assets=[sheet_of(a) for a in (WETH, USDC, WBTC)]), pools)


@pytest.mark.parametrize("key", ["liquidity:WETH", "liquidity:USDC", "liquidity:*"])
def test_liquidity__times_a_factor__is_a_pool_of_that_depth(key: str) -> None:
    thin, deep = weth_world(6e5), weth_world(6e6)
    found = asked(deep, {"WETH": -0.15, key: 0.1})
    assert found.liquidated_usd == pytest.approx(asked(thin, {"WETH": -0.15}).liquidated_usd)
    assert found.prices["WETH"].after == pytest.approx(
        asked(thin, {"WETH": -0.15}).prices["WETH"].after
    )


def test_liquidity__of_another_pool__changes_nothing() -> None:
    plain, other = ({"WETH": -0.15}, {"WETH": -0.15, "liquidity:WBTC": 0.1})
    assert figures(asked(weth_world(), plain)) == figures(asked(weth_world(), other))


def test_liquidity__two_factors_on_a_pool__are_both_taken() -> None:
    both = {"WETH": -0.15, "liquidity:WETH": 0.5, "liquidity:*": 0.2}
    assert figures(asked(weth_world(), both)) == figures(
        asked(weth_world(), {"WETH": -0.15, "liquidity:*": 0.1})
    )


def test_liquidity__none__leaves_all_unliquidated() -> None:
    found = asked(weth_world(), {"WETH": -0.15, "liquidity:*": 0})
    assert figures(found) == (0, 0, pytest.approx(310_000))
    assert found.prices["WETH"].after == pytest.approx(1700)


def test_gas__times_a_factor__is_what_a_liquidation_must_earn() -> None:
    small = borrower(1, pledge(WETH, 1), debt(USDC, 1550))
    sheet = world(market([small]), [pool(WETH, USDC, DEEP)])
    assert asked(sheet, {"WETH": -0.15}).liquidated_usd == pytest.approx(1550)
    found = asked(sheet, {"WETH": -0.15, "gas": 10})
    assert figures(found) == (0, pytest.approx(0), pytest.approx(1550))
    assert found.options.gas_usd == 50


def test_gas__free__takes_all_that_pays_at_all() -> None:
    dust = borrower(1, pledge(WETH, 0.01), debt(USDC, 15.5))
    sheet = world(market([dust]), [pool(WETH, USDC, DEEP)])
    assert asked(sheet, {"WETH": -0.15}).liquidated_usd == 0
    assert asked(sheet, {"WETH": -0.15, "gas": 0}).liquidated_usd == pytest.approx(15.5)


@pytest.mark.parametrize(
    "shocks",
    [
        {"WETH": 0},
        {"peg:wstETH/WETH": 0},
        {"oracle:core/wstETH": 0},
        {"liquidity:*": 1},
        {"gas": 1},
        {"WETH": 0, "peg:wstETH/WETH": 0, "oracle:core/wstETH": 0, "liquidity:*": 1, "gas": 1},
    ],
)
def test_shock__of_nothing_on_a_healthy_book__is_nothing(shocks: dict[str, object]) -> None:
    found = asked(ether_world(TRADED), shocks)
    assert figures(found) == (0, 0, 0)
    assert (found.rounds, found.amplification, found.price_amplification) == (0, 1.0, 1.0)
    assert found.converged


def test_scenario__plain__gives_the_columns_untouched() -> None:
    """A curve asks a hundred times: it must not copy the world each time."""
    sheet = ether_world(TRADED)
    columns = columns_of(sheet)
    assert struck(columns, scenario(WETH=-0.3)) is columns
