"""What a projection is broken down by sums to what it is, whatever the world."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from property.test_cascade import SHOCKS, exposures
from unit.simulation.worlds import DAI, USDC, WBTC, WETH, market, pool, scenario, world

from monitor.core.loops import LoopKind
from monitor.core.risk import DebtSpot, Exposure, MarketSheet, WorldSheet
from monitor.simulation.cascade import play
from monitor.simulation.columns import columns_of
from monitor.simulation.contagion import SHOCK, contagion_of
from monitor.simulation.options import Options
from monitor.simulation.projection import factors_of, project
from monitor.simulation.results import Figures, Projection

COLUMNS = ("liquidated_usd", "seized_usd", "bad_debt_usd", "unliquidated_usd")
PLACES = ("a", "b")


@st.composite
def worlds(draw: st.DrawFn) -> WorldSheet:
    """Two markets with pools in common, some of their debts in loops."""
    markets: list[MarketSheet] = []
    for name in PLACES:
        held = draw(exposures())
        closed = draw(st.booleans()) and draw(st.booleans())
        if closed and held:
            first, *others = held
            shut = tuple(replace(leg, repayable=False) for leg in first.debt)
            held = [replace(first, debt=shut), *others]
        markets.append(market(held, name=name))
    depth = draw(st.sampled_from([1e4, 1e6, 1e7, 1e8]))
    pools = [
        pool(WETH, USDC, depth),
        pool(DAI, USDC, depth, fee_ppm=100, number=3),
        *([pool(WBTC, WETH, depth, number=2)] if draw(st.booleans()) else []),
    ]
    debts = [
        DebtSpot(sheet.market, exposure.account, leg.asset)
        for sheet in markets
        for exposure in sheet.exposures
        for leg in exposure.debt
    ]
    in_loops = draw(st.lists(st.sampled_from(debts), unique=True)) if debts else []
    kinds = st.sampled_from([kind.value for kind in LoopKind])
    looped = {spot: draw(kinds) for spot in in_loops}
    return replace(world(markets, pools), looped=looped)


@st.composite
def projections(draw: st.DrawFn) -> Projection:
    options = Options(gas_usd=1, max_rounds=draw(st.sampled_from([1, 2, 100])))
    return project(draw(worlds()), scenario(WETH=draw(SHOCKS)), options)


def assert_sums(found: Projection, parts: Sequence[Figures]) -> None:
    for column in COLUMNS:
        assert sum(getattr(each, column) for each in parts) == pytest.approx(
            getattr(found, column), rel=1e-9, abs=1e-9
        )


@given(projections())
def test_figures__by_market_asset_and_loop_kind__sum_to_the_totals(found: Projection) -> None:
    assert_sums(found, [entry.figures for entry in found.by_market.values()])
    assert_sums(found, list(found.by_asset.values()))
    assert_sums(found, list(found.by_loop_kind.values()))
    assert set(found.by_loop_kind) <= {*LoopKind, "none"}


@given(projections())
def test_reasons__of_what_is_left__sum_to_it(found: Projection) -> None:
    because = found.unliquidated_because
    assert sum(because.values()) == pytest.approx(found.unliquidated_usd)
    assert min(because.values()) >= 0
    if found.converged:
        assert because["rounds_ran_out"] == 0


@given(projections())
def test_accounts__listed__are_parts_of_the_totals(found: Projection) -> None:
    for listed, column in (
        (found.largest, "liquidated_usd"),
        (found.largest_unliquidated, "unliquidated_usd"),
    ):
        values = [getattr(entry.figures, column) for entry in listed]
        assert values == sorted(values, reverse=True)
        whole = getattr(found, column)
        assert sum(values) <= whole * (1 + 1e-9)
        if len(listed) < 10:
            assert sum(values) == pytest.approx(whole)
    share = found.largest_share
    assert (share is None) == (not found.liquidated_usd)
    assert share is None or 0 < share <= 1 + 1e-9


@given(projections())
def test_branching_ratio__makes_the_whole_of_the_first_round(found: Projection) -> None:
    assert 0 <= found.branching_ratio < 1
    assert found.first_round_usd / (1 - found.branching_ratio) == pytest.approx(
        found.liquidated_usd
    )


@given(worlds(), SHOCKS)
def test_contagion__with_the_shocks_part__sums_to_each_markets_liquidated_debt(
    sheet: WorldSheet, ratio: float
) -> None:
    columns = columns_of(sheet)
    options = Options(gas_usd=1)
    outcome = play(columns, factors_of(sheet, columns, scenario(WETH=ratio)), options)
    cells = contagion_of(columns, outcome)
    assert all(value > 0 for value in cells.values())
    found = project(sheet, scenario(WETH=ratio), options)
    for at, name in enumerate(PLACES):
        into = sum(value for (_, target), value in cells.items() if target == at)
        assert into == pytest.approx(found.by_market[name].figures.liquidated_usd)
        first = sum(
            each.repaid_usd
            for played in outcome.rounds[:1]
            for each in played.liquidations
            if each.market == at
        )
        assert cells.get((SHOCK, at), 0.0) >= first * (1 - 1e-9)


@given(exposures(), exposures(), SHOCKS)
def test_contagion__between_markets_without_a_common_pool__is_none(
    first: list[Exposure], second: list[Exposure], ratio: float
) -> None:
    """The one pledges WETH alone, the other WBTC, each with a pool of its own; both owe USDC."""
    markets = [
        market(
            [
                replace(
                    each,
                    collateral=tuple(leg for leg in each.collateral if leg.asset == asset),
                    debt=tuple(leg for leg in each.debt if leg.asset == USDC),
                )
                for each in held
            ],
            name=name,
        )
        for name, asset, held in (("a", WETH, first), ("b", WBTC, second))
    ]
    pools = [pool(WETH, USDC, 1e6), pool(WBTC, USDC, 1e6, number=2)]
    found = project(world(markets, pools), scenario(WETH=ratio, WBTC=ratio), Options(gas_usd=1))
    assert all(push.source == push.target for push in found.contagion)
