"""What no unwinding may do, whatever the world."""

from collections import defaultdict
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.simulation.test_rates import HELD, NAMED, ether_world
from unit.simulation.worlds import USDC, WETH, WSTETH, borrower, debt, pledge, pool

from monitor.core.risk import DebtSpot, Exposure, WorldSheet
from monitor.core.units import RawAmount
from monitor.simulation.cascade import shock
from monitor.simulation.channels import struck
from monitor.simulation.columns import State, columns_of, state_of
from monitor.simulation.impact import Pool
from monitor.simulation.options import Options
from monitor.simulation.projection import names_of
from monitor.simulation.scenarios import scenario_of
from monitor.simulation.shocks import parse_shocks
from monitor.simulation.unwinding import Unwinding, loopers_of, unwind
from monitor.simulation.visits import Visits

HELDS = st.sampled_from(["0.5@0d", "0.92@10d", "1.0@0d", "1.0@20d"])


@st.composite
def exposures(draw: st.DrawFn) -> list[Exposure]:
    """Loopers of staked ether, of ether itself, and with a second collateral."""
    made = []
    for number in range(1, draw(st.integers(1, 8)) + 1):
        weth = draw(st.floats(1, 1000))
        used = draw(st.sampled_from([0.3, 0.8, 0.92, 0.99]))
        own = draw(st.booleans())
        price = 1.0 if own else 1.2
        legs = [pledge(WETH if own else WSTETH, round(weth / used / price, 6), threshold_bps=9500)]
        if draw(st.booleans()):
            legs.append(pledge(USDC, round(weth * draw(st.sampled_from([1, 500, 3000])), 2)))
        made.append(borrower(number, legs, debt(WETH, round(weth, 6))))
    return made


@st.composite
def worlds(draw: st.DrawFn) -> WorldSheet:
    people = draw(exposures())
    sheet = ether_world(*people)
    (only,) = sheet.markets
    cash = RawAmount(int(draw(st.sampled_from([0, 100, 10**6])) * 10**18))
    staked = replace(only.assets[WSTETH], cash_raw=cash)
    depth = draw(st.sampled_from([1e5, 3e6, 1e9]))
    width = draw(st.sampled_from([None, 300]))
    pools = (
        pool(WSTETH, WETH, depth, half_width_ticks=width, number=1),
        pool(WETH, USDC, draw(st.sampled_from([1e5, 1e8])), number=2),
    )
    looped = {
        DebtSpot("core", one.account, WETH): "correlated" for one in people if draw(st.booleans())
    }
    growth = {WETH: Fraction(0), USDC: Fraction(0), WSTETH: Fraction(draw(st.integers(0, 9)), 100)}
    only = replace(only, assets={**only.assets, WSTETH: staked})
    return replace(sheet, markets=(only,), curves=pools, looped=looped, growth=growth)


def unwound(sheet: WorldSheet, held: str) -> tuple[State, State, Unwinding]:
    """The state before, after, and what is told of it."""
    asked = scenario_of(parse_shocks({HELD: held}), names_of(sheet, NAMED))
    before = columns_of(sheet)
    loopers = loopers_of(sheet, before, asked)
    columns = struck(before, asked)
    state = state_of(columns)
    shock(columns, state, {})
    kept = state.copy()
    return kept, state, unwind(Visits(columns, state, Options()), loopers)


def owed(state: State) -> dict[int, float]:
    sums: dict[int, float] = defaultdict(float)
    for account in state.accounts:
        for one in account.debts:
            sums[one.quote] += one.amount
    return sums


def pledged(state: State) -> dict[int, float]:
    sums: dict[int, float] = defaultdict(float)
    for account in state.accounts:
        for one in account.pledges:
            sums[one.quote] += one.amount
    return sums


def mid(made: Pool) -> float:
    return made.mid(0, 1)


@given(worlds(), HELDS)
def test_unwinding__of_any_world__conserves_debts_collateral_and_cash(
    sheet: WorldSheet, held: str
) -> None:
    before, after, told = unwound(sheet, held)
    owed_before, owed_after = owed(before), owed(after)
    pledged_before, pledged_after = pledged(before), pledged(after)
    repaid_usd = sold_usd = 0.0
    for at, price in enumerate(before.prices):
        repaid = owed_before[at] - owed_after[at]
        sold = pledged_before[at] - pledged_after[at]
        noise = 1e-9 * (owed_before[at] + pledged_before[at])
        assert repaid >= -noise
        assert sold >= -noise
        assert before.debts[at] - after.debts[at] == pytest.approx(repaid, rel=1e-9, abs=noise)
        change = after.cash[at] - before.cash[at]
        assert change == pytest.approx(repaid - sold, rel=1e-9, abs=noise + 1e-12 * before.cash[at])
        repaid_usd += repaid * price
        sold_usd += sold * price
    assert told.repaid_usd == pytest.approx(repaid_usd, rel=1e-6, abs=1e-3)
    assert told.sold_usd == pytest.approx(sold_usd, rel=1e-6, abs=1e-3)
    assert min(after.cash) >= -1e-6 * 10**18


@given(worlds(), HELDS)
def test_unwinding__of_any_world__takes_nobody_who_is_in_no_loop(
    sheet: WorldSheet, held: str
) -> None:
    before, after, told = unwound(sheet, held)
    changed = [
        old.address for old, new in zip(before.accounts, after.accounts, strict=True) if old != new
    ]
    assert {DebtSpot("core", address, WETH) for address in changed} <= set(sheet.looped)
    assert len(changed) == told.accounts
    if not told.accounts:
        assert list(map(mid, before.pools)) == list(map(mid, after.pools))


@given(worlds(), HELDS)
@settings(max_examples=30)
def test_unwinding__accounts_in_another_order__is_the_same_to_the_bit(
    sheet: WorldSheet, held: str
) -> None:
    (only,) = sheet.markets
    turned = replace(sheet, markets=(replace(only, exposures=only.exposures[::-1]),))
    assert unwound(sheet, held)[1:] == unwound(turned, held)[1:]
