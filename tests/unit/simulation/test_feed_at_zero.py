"""A feed that would have to say less than its last digit says 0: whose oracle answers then.

A pool with nothing beyond its ranges is sold empty; tests/fidelity plays such worlds on contracts.
"""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from unit.simulation.worlds import (
    BY_RATE,
    DECIMALS,
    ETH,
    ETH_FEED,
    ORACLE,
    PRICES,
    USD,
    USDC,
    WBTC,
    WETH,
    account_number,
    borrower,
    debt,
    market,
    pair,
    pledge,
    pool,
    scenario,
    sheet_of,
    world,
)

from monitor.core.prices import Edge, Price, PriceKind
from monitor.core.risk import WorldSheet
from monitor.core.units import AssetId, BaseValue
from monitor.simulation.cascade import Outcome, play
from monitor.simulation.columns import columns_of
from monitor.simulation.liquidations import Refusal
from monitor.simulation.options import Options
from monitor.simulation.projection import factors_of, project
from monitor.simulation.results import Projection

FREE = Options(gas_usd=0.0)
WORTHLESS = -0.999999999999
"""Of 2,000 USD it leaves a fifth of the last digit of eight."""
LAST_DIGIT = Decimal(1) / (PRICES[WETH] * USD)


def run(sheet: WorldSheet, *, everybody: bool = False, **moves: float) -> Outcome:
    columns = columns_of(sheet)
    return play(columns, factors_of(sheet, columns, scenario(**moves)), FREE, everybody=everybody)


def asked(sheet: WorldSheet, **moves: float) -> Projection:
    return project(sheet, scenario(**moves), FREE)


def narrow(depth_usd: float = 3e5) -> WorldSheet:
    """The sixth round empties the pool of WETH: whoever is left finds a feed at 0."""
    accounts = [
        borrower(1, pledge(WETH, 100), debt(USDC, 150_000)),
        borrower(2, pledge(WETH, 300), debt(USDC, 400_000)),
        borrower(3, [pledge(WETH, 100), pledge(WBTC, 1)], debt(USDC, 120_000)),
        borrower(4, pledge(WBTC, 1), debt(USDC, 33_000)),
        borrower(5, pledge(WBTC, 9), [debt(WETH, 1), debt(USDC, 1_000)]),
    ]
    pools = [pool(WETH, USDC, depth_usd, half_width_ticks=4_000), pool(WBTC, USDC, 1e9, number=2)]
    return world(market(accounts), pools)


def test_feed_at_zero__after_a_sale_that_emptied_a_pool__stops_who_has_that_asset() -> None:
    found = asked(narrow(), WETH=-0.1, WBTC=-0.1)
    assert found.prices["WETH"].after == pytest.approx(0, abs=1e-8)
    assert [account.account for account in found.largest_unliquidated] == [
        account_number(number) for number in (2, 3, 1)
    ]
    assert found.unliquidated_because["no_price"] == pytest.approx(found.unliquidated_usd)
    assert account_number(4) in {account.account for account in found.largest}


def test_feed_at_zero__of_collateral__leaves_its_debt_without_security() -> None:
    accounts = [borrower(1, [pledge(WETH, 10), pledge(WBTC, 0.1)], debt(USDC, 10_000))]
    found = asked(world(market(accounts), [pool(WBTC, USDC, 1e9)]), WETH=WORTHLESS)
    assert found.liquidated_usd == 0
    assert found.unliquidated_because["no_price"] == pytest.approx(10_000)
    assert found.bad_debt_usd == pytest.approx(10_000 - 0.1 * PRICES[WBTC])
    assert found.unknown == ()


def test_feed_at_zero__of_a_debt_asset__leaves_its_debtor_healthy() -> None:
    accounts = [borrower(1, pledge(WBTC, 1), debt(WETH, 15))]
    found = asked(world(market(accounts), []), WETH=WORTHLESS)
    assert (found.unliquidated_usd, found.bad_debt_usd) == (0, 0)


@pytest.mark.parametrize(("digits", "liquidated"), [("0.99", 0), ("1.01", 1)])
def test_feed__about_its_last_digit__answers_from_there_on(digits: str, liquidated: int) -> None:
    accounts = [borrower(1, [pledge(WETH, 10), pledge(WBTC, 1)], debt(USDC, 39_000))]
    sheet = world(market(accounts), [pool(WBTC, USDC, 1e9)])
    outcome = run(sheet, WETH=float(Decimal(digits) * LAST_DIGIT - 1))
    assert len(outcome.rounds[0].liquidations) == liquidated


def test_feed_at_zero__of_a_rate_times_it__is_0_though_the_rate_makes_more_of_it() -> None:
    """Three times 0 is 0, though three times half a digit would be one."""
    feed = replace(ETH, answer=PRICES[WETH] * USD, decimals=8)
    price = Price(BaseValue(3 * PRICES[WETH] * USD), path=(BY_RATE[0], feed, BY_RATE[2]))
    staked = replace(sheet_of(WETH, price_base=3 * PRICES[WETH] * USD), price=price)
    accounts = [borrower(1, [pledge(WETH, 10), pledge(WBTC, 1)], debt(USDC, 39_000))]
    assets = [staked, sheet_of(WBTC), sheet_of(USDC)]
    sheet = world(market(accounts, assets=assets), [pool(WBTC, USDC, 1e9)])
    outcome = run(sheet, WETH=float(Decimal("0.5") * LAST_DIGIT - 1))
    assert outcome.refused == {0: Refusal.NO_PRICE}


def test_feed_at_zero__while_the_pool_stays_empty__is_no_update_and_ends_the_cascade() -> None:
    outcome = run(narrow(), WETH=-0.1, WBTC=-0.1)
    assert outcome.converged
    assert outcome.rounds[-1].updates == ()


@pytest.mark.parametrize("depth_usd", [1e4, 1e5, 3e5, 1e6])
def test_feed_at_zero__whoever_is_visited__comes_to_the_same(depth_usd: float) -> None:
    sheet = narrow(depth_usd)
    line = run(sheet, WETH=-0.1, WBTC=-0.1)
    assert line == run(sheet, everybody=True, WETH=-0.1, WBTC=-0.1)


# A market that counts in its own loan, as Morpho Blue: its oracle multiplies and divides feeds


def morpho(collateral: AssetId, path: tuple[Edge, ...], owed: float) -> WorldSheet:
    """A hundredth of one pledged for USDC, beside a market that knows WETH in USD."""
    core = market([], assets=[sheet_of(asset) for asset in (WETH, WBTC, USDC)])
    exposures = (borrower(1, pledge(collateral, 0.01, threshold_bps=8600), debt(USDC, owed)),)
    ratio = Fraction(PRICES[collateral], PRICES[USDC])
    pair_of = pair(collateral, USDC, ratio, *path, exposures=exposures)
    return world([core, pair_of], [pool(collateral, USDC, 1e9)])


FEED = replace(ETH, answer=PRICES[WETH] * USD, decimals=8)
COMPOSED = Edge(ORACLE, PriceKind.MARKET, "composed", (ETH_FEED,))


def test_feed_at_zero__that_a_market_of_morpho_multiplies__gives_collateral_for_nothing() -> None:
    sheet = morpho(WBTC, (COMPOSED, FEED), 300)
    outcome = run(sheet, WETH=WORTHLESS)
    (done,) = outcome.rounds[0].liquidations
    assert done.received == 0.01 * 10 ** DECIMALS[WBTC]
    assert done.repaid_usd == pytest.approx(0, abs=1e-8)
    assert done.realised_usd == pytest.approx(300)


def test_feed_at_zero__that_a_market_of_morpho_divides_by__stops_it() -> None:
    """The price is one per ether: it rises beyond all bounds before it is none at all."""
    sheet = morpho(WBTC, (COMPOSED, replace(FEED, exponent=-1)), 300)
    (quote,) = (q for q in columns_of(sheet).quotes if q.asset == WBTC and q.per is not None)
    (leaf,) = (leaf for leaf, exponent in quote.rests_on if exponent < 0)
    moved = [1.0] * len(columns_of(sheet).leaves)
    assert quote.answers(moved, quote.at(moved))
    moved[leaf] = 1 + WORTHLESS
    assert not quote.answers(moved, quote.at(moved))
