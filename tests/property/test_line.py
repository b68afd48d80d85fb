"""Whom no visit can pay need not be visited: the same cascade comes of it, to the last bit."""

from dataclasses import replace
from decimal import Decimal

import pytest
from benchmarks.indebted_world import ETHER, indebted_world
from cascade_books import wide_worlds
from hypothesis import given, settings
from hypothesis import strategies as st
from property.test_claim_value import vault_worlds
from unit.simulation.worlds import scenario

from monitor.core.risk import WorldSheet
from monitor.simulation.cascade import play
from monitor.simulation.columns import columns_of
from monitor.simulation.line import Line
from monitor.simulation.options import Options
from monitor.simulation.projection import factors_of
from monitor.simulation.scenarios import Scenario
from monitor.simulation.visits import Visits

FALLS = st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8])
GAS = st.sampled_from([float("-inf"), -5.0, 0.0, 20.0, 500.0])


@st.composite
def options(draw: st.DrawFn) -> Options:
    told = {
        "max_rounds": draw(st.sampled_from([1, 2, 5, 100])),
        "fill": draw(st.sampled_from(["ladder", "optimal"])),
        "deviation": draw(st.sampled_from([None, 0.0, 0.01])),
    }
    return replace(Options().updated(told), gas_usd=draw(GAS))


def assert_alike(world: WorldSheet, shock: Scenario, asked: Options) -> int:
    """Both ways, bit for bit: a float's repr is all of it. The number of liquidations."""
    columns = columns_of(world)
    factors = factors_of(world, columns, shock)
    some = play(columns, factors, asked)
    assert repr(some) == repr(play(columns, factors, asked, everybody=True))
    return sum(len(each.liquidations) for each in some.rounds)


def averaging(world: WorldSheet) -> WorldSheet:
    """The same with thresholds averaged in whole bps, as Aave before 3.5 does."""
    markets = (
        replace(sheet, terms=replace(sheet.terms, averages_threshold=True))
        for sheet in world.markets
    )
    return replace(world, markets=tuple(markets))


@given(wide_worlds(), FALLS, options(), st.booleans())
@settings(max_examples=150, deadline=None)
def test_line__of_any_world__visits_whom_it_matters_to_visit(
    world: WorldSheet, fall: float, asked: Options, averages: bool
) -> None:
    assert_alike(averaging(world) if averages else world, scenario(WETH=-fall), asked)


@given(vault_worlds(), FALLS, options())
@settings(max_examples=150, deadline=None)
def test_line__claims_fall_within_a_round__keeps_the_order_it_began_with(
    world: WorldSheet, fall: float, asked: Options
) -> None:
    assert_alike(world, scenario(WETH=-fall), asked)


@pytest.mark.parametrize("ratio", ["-0.1", "-0.4"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_line__of_many_accounts__visits_few_and_misses_none(seed: int, ratio: str) -> None:
    world = indebted_world(seed, accounts=300)
    shock = Scenario({ETHER.asset: Decimal(ratio)}, {"WETH": float(ratio)})
    assert assert_alike(world, shock, Options()) > 20


def test_line__nothing_pays__visits_nobody() -> None:
    world = indebted_world(1, accounts=300)
    columns = columns_of(world)
    state = play(columns, {ETHER.asset: 0.5}, Options()).end
    assert list(Line(Visits(columns, state, Options(gas_usd=1e12))).round()) == []
