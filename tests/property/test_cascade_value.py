"""Nothing is lost and nothing made in a cascade, round by round, in tokens and at every hand:
borrowers, liquidators, pools, and the protocol with its cash, its fee and what it writes off.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from cascade_books import wide_worlds
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.simulation.worlds import WETH

from monitor.core.risk import WorldSheet
from monitor.simulation.cascade import Outcome, Round, play
from monitor.simulation.channels import charged, struck
from monitor.simulation.columns import Columns, State, columns_of
from monitor.simulation.impact import Pool
from monitor.simulation.liquidations import Liquidation
from monitor.simulation.options import Options
from monitor.simulation.product import ProductPool
from monitor.simulation.projection import factors_of, names_of
from monitor.simulation.scenarios import scenario_of
from monitor.simulation.shocks import parse_shocks
from monitor.simulation.stable import StablePool
from monitor.simulation.ticks import MAX_SQRT, MIN_SQRT, TickPool

GAS_USD = 5
FIRST = 8
"""So many rounds are looked at."""
NOISE = 1e-9


@st.composite
def shocks(draw: st.DrawFn) -> dict[str, object]:
    """A fall, and what may come with it: thin pools, a cut threshold, a slipping receipt."""
    written: dict[str, object] = {"WETH": -draw(st.integers(15, 70)) / 100}
    others: dict[str, object] = {
        "liquidity:*": draw(st.sampled_from([0.1, 3])),
        "parameter:core/WETH.liquidation_threshold_bps": draw(st.integers(7000, 8000)),
        "oracle:morpho/wstETH": -draw(st.integers(1, 30)) / 100,
        "wstETH": -draw(st.integers(0, 80)) / 100,
    }
    return written | {key: others[key] for key in draw(st.sets(st.sampled_from(sorted(others))))}


def states(sheet: WorldSheet, written: dict[str, object]) -> tuple[Columns, list[State], Outcome]:
    """The state after the shock, and after each of the first rounds."""
    columns = columns_of(sheet)
    found = scenario_of(parse_shocks(written), names_of(sheet, {"WETH": WETH}))
    factors, options = factors_of(sheet, columns, found), Options(gas_usd=GAS_USD, max_rounds=FIRST)
    columns, options = struck(columns, found), charged(options, found)
    whole = play(columns, factors, options)
    after = [whole.shocked]
    for rounds in range(1, len(whole.rounds) + 1):
        part = play(columns, factors, replace(options, max_rounds=rounds))
        assert part.rounds == whole.rounds[:rounds]
        after.append(part.end)
    assert after[-1] == whole.end
    return columns, after, whole


def played(
    sheet: WorldSheet, written: dict[str, object]
) -> Iterator[tuple[Columns, State, Round, State]]:
    columns, after, whole = states(sheet, written)
    for (before, behind), one in zip(pairwise(after), whole.rounds, strict=True):
        yield columns, before, one, behind


def owned(state: State, quotes: int) -> tuple[list[float], list[float]]:
    """Raw amounts by quote: what accounts pledge, and what they owe."""
    held, owed = [0.0] * quotes, [0.0] * quotes
    for account in state.accounts:
        for leg in account.pledges:
            held[leg.quote] += leg.amount
        for debt in account.debts:
            owed[debt.quote] += debt.amount
    return held, owed


@given(wide_worlds(), shocks())
@settings(max_examples=40)
def test_round__of_any_world__takes_from_borrowers_what_others_get(
    sheet: WorldSheet, written: dict[str, object]
) -> None:
    for columns, before, one, after in played(sheet, written):
        held, owed = owned(after, len(columns.quotes))
        cash = list(after.cash)
        for done in one.liquidations:
            held[done.pledge] += done.received + done.fee
            owed[done.debt] += done.repaid
            for loss in done.realised:
                owed[loss.quote] += loss.amount
            cash[done.debt] -= done.repaid
            cash[done.pledge] += done.received
        held_before, owed_before = owned(before, len(columns.quotes))
        assert held == pytest.approx(held_before, rel=NOISE)
        assert owed == pytest.approx(owed_before, rel=NOISE)
        assert cash == pytest.approx(before.cash, rel=NOISE)


@given(wide_worlds(), shocks())
@settings(max_examples=40)
def test_round__of_any_world__gives_liquidators_what_pools_gave_less_what_they_repaid(
    sheet: WorldSheet, written: dict[str, object]
) -> None:
    for columns, before, one, after in played(sheet, written):
        pools = list(before.pools)
        for done in one.liquidations:
            amount = done.received
            for number, inward, outward in done.hops:
                amount, pools[number] = pools[number].sold(amount, inward, outward)
            assert amount == pytest.approx(done.proceeds, rel=NOISE)
            assert_paid(columns, before, done)
        for mine, theirs in zip(pools, after.pools, strict=True):
            assert mine.mid(0, 1) == pytest.approx(theirs.mid(0, 1), rel=NOISE)


def assert_paid(columns: Columns, before: State, done: Liquidation) -> None:
    """At the round's prices: what the collateral is worth is the debt and the bonus; the bonus is
    shared with the protocol; what the sale brings beyond the debt pays for the call.
    """
    price, other = before.prices[done.debt], before.prices[done.pledge]
    assert done.repaid * price == pytest.approx(done.repaid_usd, rel=NOISE)
    assert done.received * other == pytest.approx(done.received_usd, rel=NOISE)
    account = next(
        each
        for each in columns.accounts
        if (each.market, each.address) == (done.market, done.account)
    )
    pledge = next(leg for leg in account.pledges if leg.quote == done.pledge)
    bonus_usd = done.received_usd + done.fee * other - done.repaid_usd
    assert bonus_usd == pytest.approx(done.repaid_usd * (pledge.bonus - 1), rel=1e-6)
    assert done.fee * other == pytest.approx(bonus_usd * pledge.fee, rel=1e-6, abs=NOISE)
    assert done.proceeds * price - done.repaid_usd > GAS_USD


@given(wide_worlds(), shocks())
@settings(max_examples=40)
def test_sale__into_any_pool_of_a_cascade__moves_what_it_takes_and_gives(
    sheet: WorldSheet, written: dict[str, object]
) -> None:
    """Of a tick pool the fee is put aside, of a StableSwap pool a part of it leaves."""
    for _, before, one, _ in played(sheet, written):
        pools = list(before.pools)
        for done in one.liquidations:
            amount = done.received
            for number, inward, outward in done.hops:
                here = pools[number]
                proceeds, pools[number] = here.sold(amount, inward, outward)
                assert_moved(here, pools[number], (amount, proceeds), (inward, outward))
                amount = proceeds


def assert_moved(
    before: Pool, after: Pool, traded: tuple[float, float], way: tuple[int, int]
) -> None:
    amount, proceeds = traded
    taken, given = (
        sign * (inside(after, place) - inside(before, place))
        for sign, place in zip((1, -1), way, strict=True)
    )
    noise_in, noise_out = (NOISE * max(inside(before, at), inside(after, at)) for at in way)
    if isinstance(before, TickPool) and isinstance(after, TickPool):
        amount *= before.depth.kept
        if after.mark.sqrt in (MIN_SQRT, MAX_SQRT):
            assert taken <= amount + noise_in
            amount = taken
    most = proceeds * 1.01 if isinstance(before, StablePool) else proceeds
    assert taken == pytest.approx(amount, rel=NOISE, abs=noise_in)
    assert proceeds - noise_out <= given <= most + noise_out


def inside(pool: Pool, place: int) -> float:
    """Raw units of a token that a pool trades with."""
    if isinstance(pool, ProductPool):
        return pool.reserves[place]
    if isinstance(pool, StablePool):
        return pool.balances[place] / pool.rates[place]
    assert isinstance(pool, TickPool)
    sqrt, depth = pool.mark.sqrt, pool.depth
    edges = (MIN_SQRT, *depth.bounds, MAX_SQRT)
    total = 0.0
    for active, (low, high) in zip(depth.liquidity, pairwise(edges), strict=True):
        reached = min(max(sqrt, low), high)
        total += active * (1 / reached - 1 / high if place == 0 else reached - low)
    return total
