"""The reference cascade, one rule of contract section 5 a test."""

from dataclasses import replace

import pytest
from unit.simulation.worlds import (
    DAI,
    PRICES,
    TERMS,
    USD,
    USDC,
    WBTC,
    WETH,
    WSTETH,
    account_number,
    borrower,
    debt,
    market,
    pledge,
    pool,
    scenario,
    sheet_of,
    world,
)

from monitor.core.risk import WorldSheet
from monitor.core.units import Address, AssetId, RawAmount
from monitor.errors import QuestionError
from monitor.simulation.cascade import Outcome, play
from monitor.simulation.columns import columns_of
from monitor.simulation.options import Options
from monitor.simulation.projection import factors_of, project
from monitor.simulation.scenarios import Scenario

DEEP = 1e9
"""Depth at which a test's sales move nothing that matters."""


def run(sheet: WorldSheet, options: Options | None = None, **moves: float) -> Outcome:
    columns = columns_of(sheet)
    factors = factors_of(sheet, columns, scenario(**moves))
    return play(columns, factors, options or Options())


def weth_world(*loans: tuple[float, float], depth_usd: float = DEEP) -> WorldSheet:
    """(WETH pledged, USDC owed) of accounts 1, 2, ..."""
    accounts = [
        borrower(number, pledge(WETH, amount), debt(USDC, owed))
        for number, (amount, owed) in enumerate(loans, start=1)
    ]
    return world(market(accounts), [pool(WETH, USDC, depth_usd)])


def accounts_in(outcome: Outcome, played: int = 0) -> list[Address]:
    return [done.account for done in outcome.rounds[played].liquidations]


def test_shock__of_an_asset__moves_its_pool_and_its_oracle_by_exactly_that() -> None:
    outcome = run(weth_world(), WETH=-0.3)
    columns = columns_of(weth_world())
    quote = next(at for at, q in enumerate(columns.quotes) if q.asset == WETH)
    assert outcome.shocked.prices[quote] * 1e18 == pytest.approx(1400, rel=1e-15)
    mid_before, mid_after = columns.pools[0].mid(0, 1), outcome.shocked.pools[0].mid(0, 1)
    assert mid_after / mid_before == pytest.approx(0.7, rel=1e-14)


def test_shock__of_both_sides_alike__leaves_the_pool_between_them() -> None:
    sheet = world(market([]), [pool(WSTETH, WETH, DEEP)])
    outcome = run(sheet, WETH=-0.3, wstETH=-0.3)
    assert outcome.shocked.pools == list(columns_of(sheet).pools)


def test_shock__unnamed_asset_of_the_same_source__keeps_its_ratio() -> None:
    source = Address("0x" + "5" * 40)
    assets = [sheet_of(WETH, source=source), sheet_of(WSTETH, source=source), sheet_of(USDC)]
    outcome = run(world(market([], assets=assets)), WETH=-0.3)
    prices = [outcome.shocked.prices[at] * 1e18 for at in (0, 2)]
    assert prices == pytest.approx([1400, 1680])


def test_shock__assets_without_a_source__share_none() -> None:
    nowhere = Address("0x" + "0" * 40)
    assets = [sheet_of(WETH, source=nowhere), sheet_of(WBTC, source=nowhere)]
    sheet = world(market([], assets=assets))
    assert set(factors_of(sheet, columns_of(sheet), scenario(WETH=-0.3))) == {WETH}


def test_shock__correlated_asset__follows_unless_it_is_named() -> None:
    sheet = world(market([]), correlated={WETH: frozenset({WSTETH, WBTC})})
    factors = factors_of(sheet, columns_of(sheet), scenario(WETH=-0.25, WBTC=-0.5))
    assert factors == {WETH: 0.75, WBTC: 0.5, WSTETH: 0.75}


def test_shock__of_an_asset_nobody_has__is_a_question_error() -> None:
    stranger = AssetId(Address("0x" + "9" * 40))
    with pytest.raises(QuestionError, match="would move nothing"):
        project(weth_world(), Scenario({stranger: scenario(WETH=-0.1).moves[WETH]}), Options())


def test_round__health_just_below_one__repays_half_of_the_debt() -> None:
    outcome = run(weth_world((10, 15_500)), WETH=-0.05)
    (done,) = outcome.rounds[0].liquidations
    assert done.repaid_usd == pytest.approx(7750)
    assert done.received_usd == pytest.approx(7750 * 1.05)


def test_round__health_low__repays_all() -> None:
    outcome = run(weth_world((10, 15_500)), WETH=-0.15)
    assert outcome.rounds[0].liquidations[0].repaid == 15_500e6
    assert outcome.end.accounts[0].debts == ()


def test_round__healthy_account__is_left_alone() -> None:
    outcome = run(weth_world((10, 15_000)), WETH=-0.05)
    assert outcome.rounds[0].liquidations == ()
    assert outcome.converged


def test_round__order__is_health_then_address() -> None:
    outcome = run(weth_world((10, 15_500), (10, 15_700), (10, 15_500)), WETH=-0.15)
    assert accounts_in(outcome) == [account_number(number) for number in (2, 1, 3)]


def test_round__order__is_by_market_first() -> None:
    healthier, sicker = (
        borrower(1, pledge(WETH, 10), debt(USDC, 15_500)),
        borrower(2, pledge(WETH, 10), debt(USDC, 15_900)),
    )
    sheets = [market([healthier], name="first"), market([sicker], name="second")]
    outcome = run(world(sheets, [pool(WETH, USDC, DEEP)]), WETH=-0.15)
    assert accounts_in(outcome) == [account_number(1), account_number(2)]


def test_round__several_debts_and_pledges__takes_the_largest_of_each() -> None:
    account = borrower(
        1,
        [pledge(WETH, 5), pledge(WBTC, 0.5), pledge(WSTETH, 1)],
        [debt(DAI, 9000), debt(USDC, 15_000)],
    )
    pools = [pool(WETH, USDC, DEEP), pool(WBTC, USDC, DEEP)]
    outcome = run(world(market([account]), pools), WETH=-0.5)
    done = outcome.rounds[0].liquidations[0]
    quotes = columns_of(world(market([account]), pools)).quotes
    assert (quotes[done.pledge].asset, quotes[done.debt].asset) == (WBTC, USDC)


def test_round__legs_that_cannot_be_touched__are_passed_over() -> None:
    account = borrower(
        1,
        [pledge(WETH, 5), pledge(WBTC, 0.5, seizable=False)],
        [debt(DAI, 9000), debt(USDC, 15_000, repayable=False)],
    )
    pools = [pool(WETH, DAI, DEEP)]
    outcome = run(world(market([account]), pools), WETH=-0.5)
    done = outcome.rounds[0].liquidations[0]
    quotes = columns_of(world(market([account]), pools)).quotes
    assert (quotes[done.pledge].asset, quotes[done.debt].asset) == (WETH, DAI)


def test_round__sale_of_the_largest_does_not_pay__takes_the_next_size() -> None:
    """All of it would sell 5.9 % below the mid, half of it 3.1 %: the bonus is 5 %."""
    sheet = weth_world((200, 310_000), depth_usd=6e6)
    done = run(sheet, WETH=-0.15).rounds[0].liquidations[0]
    assert done.repaid_usd == pytest.approx(310_000 / 2)


def test_round__no_size_pays__leaves_the_account() -> None:
    outcome = run(weth_world((200, 310_000), depth_usd=1e5), WETH=-0.15)
    assert outcome.rounds[0].liquidations == ()
    assert outcome.unsafe == (0,)


def test_round__profit_below_gas__leaves_the_account() -> None:
    sheet = weth_world((0.1, 155))
    assert run(sheet, Options(gas_usd=50), WETH=-0.15).rounds[0].liquidations == ()
    assert run(sheet, Options(gas_usd=5), WETH=-0.15).rounds[0].liquidations != ()


def test_round__protocol_fee__is_not_sold_and_leaves_the_account() -> None:
    account = borrower(1, pledge(WETH, 10, fee_bps=1000), debt(USDC, 15_500))
    outcome = run(world(market([account]), [pool(WETH, USDC, DEEP)]), WETH=-0.15)
    (done,) = outcome.rounds[0].liquidations
    assert done.fee * 1700 / 1e18 == pytest.approx(15_500 * 0.05 * 0.1)
    assert done.received * 1700 / 1e18 == pytest.approx(15_500 * (1.05 - 0.005))
    left = outcome.end.accounts[0].pledges[0].amount
    assert left == pytest.approx(10e18 - done.received - done.fee)


def test_round__collateral_without_a_route__cannot_be_sold() -> None:
    account = borrower(1, pledge(WETH, 10), debt(USDC, 15_500))
    outcome = run(world(market([account])), WETH=-0.15)
    assert outcome.rounds[0].liquidations == ()
    assert outcome.unsafe == (0,)


def test_round__collateral_that_is_the_debt_asset__needs_no_sale() -> None:
    account = borrower(1, pledge(WETH, 10), debt(WETH, 8.5))
    (done,) = run(world(market([account])), WETH=-0.15).rounds[0].liquidations
    assert done.proceeds == done.received


def test_round__over_two_pools__sells_through_both() -> None:
    account = borrower(1, pledge(WSTETH, 10), debt(USDC, 18_500))
    pools = [pool(WSTETH, WETH, 1e7), pool(WETH, USDC, 1e7)]
    sheet = world(market([account]), pools, {WETH: frozenset({WSTETH})})
    outcome = run(sheet, WETH=-0.15)
    assert len(outcome.rounds[0].liquidations) == 1
    moved = [a != b for a, b in zip(outcome.shocked.pools, outcome.end.pools, strict=True)]
    assert moved == [True, True]


def test_round__cash_short_of_the_seizure__takes_the_next_size() -> None:
    account = borrower(1, pledge(WETH, 10), debt(USDC, 15_500))
    assets = [sheet_of(WETH, cash_raw=5 * 10**18), sheet_of(USDC, cash_raw=0)]
    sheet = world(market([account], assets=assets), [pool(WETH, USDC, DEEP)])
    outcome = run(sheet, WETH=-0.15)
    done = outcome.rounds[0].liquidations[0]
    assert done.repaid_usd == pytest.approx(7750)
    assert outcome.end.cash == [5e18 - done.received, done.repaid]


def test_round__no_cash__leaves_the_account() -> None:
    account = borrower(1, pledge(WETH, 10), debt(USDC, 15_500))
    assets = [sheet_of(WETH, cash_raw=0), sheet_of(USDC)]
    sheet = world(market([account], assets=assets), [pool(WETH, USDC, DEEP)])
    assert run(sheet, WETH=-0.15).rounds[0].liquidations == ()


def test_round__cash_is_just_what_was_pledged__pays_out_the_last_of_it() -> None:
    amounts = [number / 7 for number in range(1, 13)]
    loans = [borrower(at, pledge(WETH, by), debt(USDC, 1900 * by)) for at, by in enumerate(amounts)]
    pledged_raw = sum(loan.collateral[0].amount_raw for loan in loans)
    assets = [sheet_of(WETH, cash_raw=pledged_raw), sheet_of(USDC)]
    sheet = world(market(loans, assets=assets), [pool(WETH, USDC, DEEP)])
    outcome = run(sheet, Options(gas_usd=0), WETH=-0.4837)
    assert len(outcome.rounds[0].liquidations) == len(loans)
    assert not outcome.refused


def test_round__shared_pool__gives_the_second_account_the_price_the_first_left() -> None:
    outcome = run(weth_world((10, 15_500), (10, 15_500), depth_usd=1e7), WETH=-0.15)
    first, second = outcome.rounds[0].liquidations
    assert second.received == first.received
    assert second.proceeds < first.proceeds


@pytest.mark.parametrize(
    ("averages", "wbtc_bps", "owed", "count"),
    [(False, 7000, 22_999, 0), (True, 7000, 22_999, 1), (True, 8000, 24_000, 0)],
)
def test_round__thresholds_are_averaged_in_whole_bps__counts_what_is_left(
    averages: bool, wbtc_bps: int, owed: int, count: int
) -> None:
    # 20,000 USD at 80 % and 10,000 at 70 % secure 23,000; at 76.66 % they secure 22,998.
    pledges = [pledge(WETH, 10), pledge(WBTC, 0.25, threshold_bps=wbtc_bps)]
    sheet = market(
        [borrower(1, pledges, debt(USDC, owed))], terms=replace(TERMS, averages_threshold=averages)
    )
    outcome = run(world(sheet, [pool(WETH, USDC, DEEP)]), DAI=-0.01)
    assert len(outcome.rounds[0].liquidations) == count


def test_round__last_collateral_seized_where_debt_stays__writes_nothing_off() -> None:
    account = borrower(1, pledge(WETH, 10), [debt(USDC, 15_500), debt(DAI, 1000)])
    sheet = market([account], terms=replace(TERMS, writes_off=False))
    outcome = run(world(sheet, [pool(WETH, USDC, DEEP)]), WETH=-0.5)
    assert outcome.rounds[0].liquidations[0].realised == ()
    assert outcome.end.accounts[0].debts != ()


def test_round__last_collateral_seized__writes_off_all_that_is_owed() -> None:
    account = borrower(1, pledge(WETH, 10), [debt(USDC, 15_500), debt(DAI, 1000)])
    outcome = run(world(market([account]), [pool(WETH, USDC, DEEP)]), WETH=-0.5)
    (done,) = outcome.rounds[0].liquidations
    assert done.repaid_usd == pytest.approx(10_000 / 1.05)
    assert done.realised_usd == pytest.approx(16_500 - 10_000 / 1.05)
    assert outcome.end.accounts[0].debts == ()


def test_round__other_collateral_left__writes_nothing_off() -> None:
    account = borrower(1, [pledge(WETH, 10), pledge(WBTC, 0.1)], debt(USDC, 25_500))
    outcome = run(world(market([account]), [pool(WETH, USDC, DEEP)]), WETH=-0.5)
    assert outcome.rounds[0].liquidations[0].realised == ()


def test_after_a_round__sales_beyond_the_deviation__move_the_oracle_to_the_mid() -> None:
    outcome = run(weth_world((100, 155_000), depth_usd=6e6), WETH=-0.15)
    ((quote, price),) = outcome.rounds[0].updates
    mid = outcome.end.pools[0].mid(0, 1)
    assert len(outcome.rounds) == 2
    assert price == pytest.approx(mid * 1e-6)
    assert outcome.end.prices[quote] == price


def test_after_a_round__sales_within_the_deviation__leave_the_oracle() -> None:
    sheet = weth_world((100, 155_000), depth_usd=6e6)
    outcome = run(sheet, Options(deviation=0.2), WETH=-0.15)
    assert outcome.rounds[0].liquidations != ()
    assert all(played.updates == () for played in outcome.rounds)


def test_after_a_round__oracle_that_was_off_from_the_start__is_updated_too() -> None:
    sheet = world(market([]), [pool(WETH, USDC, DEEP, mid_factor=0.99)])
    outcome = run(sheet, WETH=0)
    assert [len(played.updates) for played in outcome.rounds] == [1, 0]
    assert outcome.converged


def test_after_a_round__quotes_of_one_source__move_together() -> None:
    source = Address("0x" + "5" * 40)
    assets = [sheet_of(WSTETH, source=source), sheet_of(WETH, source=source), sheet_of(USDC)]
    sheet = world(market([], assets=assets), [pool(WETH, USDC, DEEP, mid_factor=0.9)])
    outcome = run(sheet, WETH=0)
    prices = [outcome.end.prices[at] * 1e18 for at in (0, 2)]
    assert prices == pytest.approx([PRICES[WETH] * 0.9, PRICES[WSTETH] * 0.9], rel=1e-6)


def test_after_a_round__anchors__keep_their_price() -> None:
    sheet = world(market([]), [pool(DAI, USDC, DEEP, mid_factor=0.9)])
    assert run(sheet, WETH=0).rounds[0].updates == ()


def test_cascade__sales_make_the_next_unsafe__goes_on_in_the_next_round() -> None:
    outcome = run(weth_world((200, 310_000), (10, 13_500), depth_usd=1.2e7), WETH=-0.15)
    assert accounts_in(outcome, 0) == [account_number(1)]
    assert account_number(2) in accounts_in(outcome, 1)


def test_cascade__half_liquidated_account_still_unsafe__is_visited_again() -> None:
    account = borrower(1, pledge(WETH, 10, threshold_bps=9500), debt(USDC, 18_700))
    outcome = run(world(market([account]), [pool(WETH, USDC, DEEP)]), WETH=-0.05)
    assert [len(played.liquidations) for played in outcome.rounds] == [1, 1, 0]


def test_cascade__at_max_rounds__has_not_converged() -> None:
    outcome = run(weth_world((10, 15_500)), Options(max_rounds=1), WETH=-0.05)
    assert len(outcome.rounds) == 1
    assert not outcome.converged


def test_cascade__account_with_an_unknown_price__is_left_out_and_named() -> None:
    account = borrower(1, [pledge(WETH, 10), pledge(WBTC, 1)], debt(USDC, 15_500))
    other = borrower(2, pledge(WETH, 10), debt(USDC, 15_500))
    assets = [sheet_of(WETH), sheet_of(USDC), sheet_of(WBTC, price_base=None)]
    sheet = world(market([account, other], assets=assets), [pool(WETH, USDC, DEEP)])
    assert accounts_in(run(sheet, WETH=-0.15)) == [account_number(2)]
    (reason,) = columns_of(sheet).unknown
    assert reason == f"core: no price of WBTC ({WBTC}): 1 accounts are left out"


def test_cascade__left_out_account_that_owes_next_to_nothing__blinds_nobody() -> None:
    assets = [sheet_of(WETH), sheet_of(USDC), sheet_of(WBTC, price_base=None)]
    other = borrower(2, pledge(WETH, 10), debt(USDC, 15_500))
    little, much = (borrower(1, pledge(WBTC, 1), debt(USDC, owed)) for owed in (15, 16))
    for account, is_unknown in ((little, False), (much, True)):
        columns = columns_of(world(market([account, other], assets=assets)))
        assert bool(columns.unknown) is is_unknown
        assert bool(columns.left_out) is not is_unknown


def test_cascade__left_out_account_whose_debt_nobody_prices__is_never_little() -> None:
    assets = [sheet_of(WETH), sheet_of(USDC), sheet_of(WBTC, price_base=None)]
    other = borrower(2, pledge(WETH, 10), debt(USDC, 15_500))
    owes_it = borrower(1, pledge(WETH, 1), debt(WBTC, 0.000001))
    assert columns_of(world(market([owes_it, other], assets=assets))).unknown


def test_cascade__what_the_market_does_not_know__is_passed_on() -> None:
    sheet = world(market([], unknown=("price of X is stale",)))
    assert columns_of(sheet).unknown == ("price of X is stale",)


def test_cascade__pool_without_a_price__is_no_way_out_and_is_named() -> None:
    bare = replace(pool(WETH, USDC, DEEP), sqrt_price_x96=0, liquidity=0, ticks=())
    sheet = world(market([borrower(1, pledge(WETH, 10), debt(USDC, 15_500))]), [bare])
    assert run(sheet, WETH=-0.15).unsafe == (0,)
    assert "has no price yet" in columns_of(sheet).unknown[0]


def test_cascade__dust_rule__makes_the_ladder_skip_a_size() -> None:
    """Cash allows only less than the maximum; its half leaves 900 of debt, its quarter does not."""
    account = borrower(1, pledge(WETH, 2), debt(USDC, 1800))
    assets = [sheet_of(WETH, cash_raw=8 * 10**17), sheet_of(USDC)]
    sheet = world(market([account], assets=assets), [pool(WETH, USDC, DEEP)])
    (done, *_) = run(sheet, Options(gas_usd=1), WETH=-0.45).rounds[0].liquidations
    assert done.repaid_usd == pytest.approx(450)


def test_cascade__price_of_zero__sells_nothing() -> None:
    assets = [sheet_of(WETH, price_base=0), sheet_of(USDC)]
    account = borrower(1, pledge(WETH, 10), debt(USDC, 15_500))
    sheet = world(market([account], assets=assets), [pool(WETH, USDC, DEEP)])
    outcome = run(sheet, WETH=-0.15)
    assert outcome.rounds[0].liquidations == ()
    assert outcome.unsafe == (0,)


def test_cascade__terms_without_limits__take_all_at_once() -> None:
    terms = replace(TERMS, dust_value_base=0, full_close_value_base=10**30 * USD)
    account = borrower(1, pledge(WETH, 10), debt(USDC, 15_500))
    sheet = world(market([account], terms=terms), [pool(WETH, USDC, DEEP)])
    assert run(sheet, WETH=-0.05).rounds[0].liquidations[0].repaid == RawAmount(15_500 * 10**6)
