"""What no cascade may do, whatever the world."""

import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.simulation.worlds import (
    DAI,
    PRICES,
    TERMS,
    USD,
    USDC,
    WBTC,
    WETH,
    borrower,
    debt,
    market,
    pledge,
    pool,
    scenario,
    sheet_of,
    world,
)

from monitor.core.risk import Exposure, PartialTerms, WorldSheet
from monitor.simulation.cascade import Outcome, play
from monitor.simulation.channels import charged, struck
from monitor.simulation.columns import State, columns_of
from monitor.simulation.options import Options
from monitor.simulation.projection import factors_of, names_of, project
from monitor.simulation.scenarios import Scenario, scenario_of
from monitor.simulation.shocks import parse_shocks

ALL_AT_ONCE = replace(TERMS, full_close_value_base=10**30 * USD, dust_value_base=0)
SHOCKS = st.floats(-0.9, 0.5).map(lambda ratio: round(ratio, 4))


@st.composite
def exposures(draw: st.DrawFn) -> list[Exposure]:
    """Up to a dozen accounts, healthy at first, with one or two assets on each side."""
    made = []
    for number in range(1, draw(st.integers(0, 12)) + 1):
        value = draw(st.floats(10, 1e6))
        split = draw(st.sampled_from([0.0, 0.3, 1.0]))
        health = draw(st.floats(1.001, 2.5))
        pledges = [
            pledge(asset, round(value * share / PRICES[asset], 6), fee_bps=1000)
            for asset, share in ((WETH, 1 - split), (WBTC, split))
            if share
        ]
        owed = (
            sum(
                leg.amount_raw * PRICES[leg.asset] / 10 ** (18 if leg.asset == WETH else 8)
                for leg in pledges
            )
            * 0.8
            / health
        )
        debts = [debt(USDC, round(owed * 0.6, 2)), debt(DAI, round(owed * 0.4, 2))]
        if draw(st.booleans()):
            debts = [debt(USDC, round(owed, 2))]
        made.append(borrower(number, pledges, debts))
    return made


@st.composite
def worlds(draw: st.DrawFn, terms: PartialTerms = TERMS) -> WorldSheet:
    accounts = draw(exposures())
    depth = draw(st.sampled_from([1e4, 1e6, 1e8]))
    width = draw(st.sampled_from([None, 600, 6000]))
    cash = draw(st.sampled_from([0, 10**19, 10**40]))
    assets = [sheet_of(WETH, cash_raw=cash), *(sheet_of(asset) for asset in (WBTC, USDC, DAI))]
    pools = [
        pool(WETH, USDC, depth, half_width_ticks=width),
        pool(WBTC, WETH, depth, number=2),
        pool(DAI, USDC, depth, fee_ppm=100, number=3),
    ]
    return world(market(accounts, terms=terms, assets=assets), pools)


def run(sheet: WorldSheet, ratio: float, options: Options | None = None) -> Outcome:
    columns = columns_of(sheet)
    factors = factors_of(sheet, columns, scenario(WETH=ratio))
    return play(columns, factors, options or Options(gas_usd=1))


def totals(state: State) -> tuple[dict[int, float], dict[int, float]]:
    """Raw amounts by quote: (collateral, debt)."""
    held: dict[int, float] = defaultdict(float)
    owed: dict[int, float] = defaultdict(float)
    for account in state.accounts:
        for leg in account.pledges:
            held[leg.quote] += leg.amount
        for entry in account.debts:
            owed[entry.quote] += entry.amount
    return held, owed


def assert_conserved(outcome: Outcome) -> None:
    """The end, with what was repaid, lost and seized, is all there was."""
    held, owed = totals(outcome.end)
    for played in outcome.rounds:
        for done in played.liquidations:
            owed[done.debt] += done.repaid
            held[done.pledge] += done.received + done.fee
            for loss in done.realised:
                owed[loss.quote] += loss.amount
    held_before, owed_before = totals(outcome.shocked)
    assert dict(owed) == pytest.approx(dict(owed_before), rel=1e-9)
    assert dict(held) == pytest.approx(dict(held_before), rel=1e-9)


@given(worlds(), SHOCKS)
def test_cascade__of_any_world__loses_no_debt_and_no_collateral(
    sheet: WorldSheet, ratio: float
) -> None:
    assert_conserved(run(sheet, ratio))


@given(worlds(), SHOCKS)
def test_cascade__of_any_world__leaves_nothing_negative(sheet: WorldSheet, ratio: float) -> None:
    outcome = run(sheet, ratio)
    for account in outcome.end.accounts:
        assert all(leg.amount > 0 for leg in account.pledges)
        assert all(leg.amount > 0 for leg in account.debts)
    assert min(outcome.end.cash) >= 0
    assert min(outcome.end.prices) > 0


@given(worlds(), SHOCKS)
def test_cascade__every_liquidation__pays_its_liquidator(sheet: WorldSheet, ratio: float) -> None:
    for played in run(sheet, ratio, Options(gas_usd=5)).rounds:
        for done in played.liquidations:
            price = done.repaid_usd / done.repaid
            assert done.proceeds * price - done.repaid_usd > 5


@given(worlds(), SHOCKS)
def test_cascade__accounts_in_another_order__give_the_same_to_the_bit(
    sheet: WorldSheet, ratio: float
) -> None:
    (only,) = sheet.markets
    shuffled = list(only.exposures)
    random.Random(1).shuffle(shuffled)
    turned = [
        replace(each, collateral=each.collateral[::-1], debt=each.debt[::-1]) for each in shuffled
    ]
    other = replace(sheet, markets=(replace(only, exposures=tuple(turned)),))
    asked, options = scenario(WETH=ratio), Options()
    assert project(sheet, asked, options) == project(other, asked, options)


@given(worlds())
def test_cascade__without_a_shock__does_nothing_to_healthy_accounts(sheet: WorldSheet) -> None:
    found = project(sheet, scenario(WETH=0), Options())
    assert (found.liquidated_usd, found.bad_debt_usd, found.unliquidated_usd) == (0, 0, 0)
    assert (found.amplification, found.price_amplification, found.rounds) == (1.0, 1.0, 0)
    assert found.converged


@st.composite
def shocks(draw: st.DrawFn) -> dict[str, object]:
    """One of each channel that these worlds have, or none of it."""
    threshold = st.integers(7000, 9000)
    channels: dict[str, st.SearchStrategy[object]] = {
        "WETH": SHOCKS,
        "peg:WBTC/WETH": SHOCKS,
        "oracle:core/WETH": SHOCKS,
        "parameter:core/WETH.liquidation_threshold_bps": threshold,
        "liquidity:*": st.sampled_from([0.1, 0.5, 2]),
        "gas": st.sampled_from([0, 1, 10]),
    }
    keys = draw(st.lists(st.sampled_from(sorted(channels)), unique=True, min_size=1))
    return {key: draw(channels[key]) for key in keys}


def asked_of(sheet: WorldSheet, written: Mapping[str, object]) -> Scenario:
    return scenario_of(parse_shocks(written), names_of(sheet, {"WETH": WETH, "WBTC": WBTC}))


@given(worlds(), shocks())
@settings(max_examples=50)
def test_cascade__of_any_shocks_together__loses_no_debt_and_no_collateral(
    sheet: WorldSheet, written: dict[str, object]
) -> None:
    asked, columns = asked_of(sheet, written), columns_of(sheet)
    factors = factors_of(sheet, columns, asked)
    outcome = play(struck(columns, asked), factors, charged(Options(gas_usd=1), asked))
    assert_conserved(outcome)


@given(worlds(), shocks())
@settings(max_examples=30)
def test_cascade__shocks_written_in_another_order__give_the_same_to_the_bit(
    sheet: WorldSheet, written: dict[str, object]
) -> None:
    turned = dict(reversed(written.items()))
    first, second = (project(sheet, asked_of(sheet, each), Options()) for each in (written, turned))
    assert (first.by_market, first.round_log) == (second.by_market, second.round_log)
    assert dict(first.prices) == dict(second.prices)


@given(worlds(), st.floats(0, 0.45), st.floats(0, 0.45))
def test_cascade__deeper_shock__has_every_account_unsafe_that_the_smaller_had(
    sheet: WorldSheet, small: float, more: float
) -> None:
    nobody = Options(gas_usd=1e200, max_rounds=1)
    unsafe = [set(run(sheet, -ratio, nobody).unsafe) for ratio in (small, small + more)]
    assert unsafe[0] <= unsafe[1]


@given(exposures(), st.floats(0, 0.45), st.floats(0, 0.45))
def test_cascade__deeper_shock_nobody_can_sell_into__is_no_cheaper(
    accounts: list[Exposure], small: float, more: float
) -> None:
    """With sales it may be: a deeper fall can stop liquidators, and so the next fall."""
    sheet = world(market(accounts))
    first, second = (
        project(sheet, scenario(WETH=-ratio), Options()) for ratio in (small, small + more)
    )
    assert first.unliquidated_usd <= second.unliquidated_usd * (1 + 1e-12)
    assert first.bad_debt_usd <= second.bad_debt_usd * (1 + 1e-12)


@given(exposures(), st.floats(0, 0.45), st.floats(0, 0.45))
def test_cascade__deeper_shock_in_a_bottomless_market__touches_no_less_debt(
    accounts: list[Exposure], small: float, more: float
) -> None:
    """Where sales move nothing and each unsafe account is closed whole."""
    alone = [replace(each, collateral=each.collateral[:1], debt=each.debt[:1]) for each in accounts]
    sheet = world(
        market(alone, terms=ALL_AT_ONCE), [pool(WETH, USDC, 1e15), pool(WBTC, WETH, 1e15)]
    )
    touched = []
    for ratio in (small, small + more):
        found = project(sheet, scenario(WETH=-ratio), Options(gas_usd=0))
        touched.append(found.liquidated_usd + found.bad_debt_realised_usd + found.unliquidated_usd)
    assert touched[0] <= touched[1] * (1 + 1e-9)


@given(worlds(), SHOCKS)
@settings(max_examples=30)
def test_cascade__asked_twice__answers_the_same(sheet: WorldSheet, ratio: float) -> None:
    asked = scenario(WETH=ratio)
    assert project(sheet, asked, Options()) == project(sheet, asked, Options())
