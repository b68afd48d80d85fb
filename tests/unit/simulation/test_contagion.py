"""Who liquidates whom: small worlds in which the causes can be told by hand, then drawn ones in
which markets are switched off."""

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from statistics import correlation, fmean

import pytest
from unit.simulation.claim_worlds import FIRST, SHARES
from unit.simulation.test_write_offs import LENDS_HALF
from unit.simulation.test_write_offs import crash as vault_crash
from unit.simulation.worlds import (
    ADAPTER,
    DAI,
    ETH,
    PRICES,
    USD,
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
from monitor.core.risk import DebtLeg, Exposure, MarketSheet, WorldSheet
from monitor.core.units import AssetId
from monitor.simulation.cascade import Outcome, play
from monitor.simulation.columns import columns_of
from monitor.simulation.contagion import SHOCK, contagion_of
from monitor.simulation.options import Options
from monitor.simulation.projection import factors_of, project
from monitor.simulation.report import document_of
from monitor.simulation.results import Projection

FREE = Options(gas_usd=0.0)
Matrix = dict[tuple[str, str], float]


def matrix(found: Projection) -> Matrix:
    return {(push.source, push.target): push.liquidated_usd for push in found.contagion}


def liquidated(found: Projection, label: str) -> float:
    return found.by_market[label].figures.liquidated_usd


def at_health(number: int, asset: AssetId, owed: float, health: float, price: float) -> Exposure:
    """Owes USDC, and has that health when the asset costs so much."""
    return borrower(number, pledge(asset, round(owed * health / 0.8 / price, 9)), debt(USDC, owed))


def test_contagion__of_sales_in_a_shared_pool__is_who_sold() -> None:
    """WETH falls to 1,800. In a an account is below 1 there; b's only falls by what a sells."""
    sheet = world(
        [
            market([at_health(1, WETH, 200_000, 0.94, 1800)], name="a"),
            market([at_health(2, WETH, 50_000, 1.01, 1800)], name="b"),
        ],
        [pool(WETH, USDC, 1e7)],
    )
    found = project(sheet, scenario(WETH=-0.1), FREE)
    assert found.rounds > 1
    assert found.round_log[0].liquidations == 1
    cells = matrix(found)
    assert cells["a", "b"] == pytest.approx(liquidated(found, "b"))
    assert set(cells) == {("a", "b")}
    (push,) = found.contagion
    assert push.share == pytest.approx(1)


def test_contagion__of_an_account_unsafe_at_the_shock__is_nobodys_in_a_later_round_too() -> None:
    """Both are below 1 at 1,800. After a's sale nobody earns 500 USD by b's account, until the
    oracle has followed.
    """
    sheet = world(
        [
            market([at_health(1, WETH, 400_000, 0.97, 1800)], name="a"),
            market([at_health(2, WETH, 50_000, 0.999, 1800)], name="b"),
        ],
        [pool(WETH, USDC, 1e7)],
    )
    found = project(sheet, scenario(WETH=-0.1), Options(gas_usd=500))
    assert found.round_log[0].liquidations == 1
    assert found.round_log[0].liquidated_usd == pytest.approx(200_000)
    assert liquidated(found, "b") > 0
    assert found.contagion == ()


def test_contagion__of_markets_without_a_common_pool__is_none() -> None:
    """WBTC follows its own pool, and falls by the shock alone."""
    sheet = world(
        [
            market([at_health(n, WETH, 90_000, 1.02 - n / 50, 1800) for n in (1, 2)], name="a"),
            market([at_health(n, WBTC, 90_000, 1.06 - n / 50, 36_000) for n in (3, 4)], name="b"),
        ],
        [pool(WETH, USDC, 4e6), pool(WBTC, USDC, 4e6, number=2)],
    )
    found = project(sheet, scenario(WETH=-0.1, WBTC=-0.1), FREE)
    cells = matrix(found)
    assert cells["a", "a"] > 0
    assert cells["b", "b"] > 0
    assert not {("a", "b"), ("b", "a")} & set(cells)


def test_contagion__of_two_sellers__is_by_the_value_they_sold() -> None:
    sheet = world(
        [
            market([at_health(1, WETH, 300_000, 0.94, 1800)], name="a"),
            market([at_health(2, WETH, 100_000, 0.94, 1800)], name="b"),
            market([at_health(3, WETH, 50_000, 1.01, 1800)], name="c"),
        ],
        [pool(WETH, USDC, 2e7)],
    )
    found = project(sheet, scenario(WETH=-0.1), FREE)
    assert [entry.liquidations for entry in found.round_log][:2] == [2, 1]
    # Healths are equal, so each sells as much more as it owes more: 3 of 4 parts.
    cells = matrix(found)
    assert cells["a", "c"] == pytest.approx(3 * cells["b", "c"])
    assert cells["a", "c"] + cells["b", "c"] == pytest.approx(liquidated(found, "c"))


def test_contagion__of_moves_in_several_rounds__is_by_who_sold_before_each() -> None:
    """a sells before the first move, b alone before the second, after which c is below 1."""
    sheet = world(
        [
            market([at_health(1, WETH, 300_000, 0.94, 1800)], name="a"),
            market([at_health(2, WETH, 300_000, 1.01, 1800)], name="b"),
            market([at_health(3, WETH, 50_000, 1.07, 1800)], name="c"),
        ],
        [pool(WETH, USDC, 1e7)],
    )
    columns = columns_of(sheet)
    asked = scenario(WETH=-0.1)
    outcome = play(columns, factors_of(sheet, columns, asked), FREE)
    assert [[each.market for each in one.liquidations] for one in outcome.rounds[:3]] == [
        [0],
        [1],
        [2],
    ]
    first, second = (one.moved[0][1] for one in outcome.rounds[:2])
    falls = math.log(0.9 / first), math.log(first / second)
    cells = contagion_of(columns, outcome)
    assert cells[0, 2] / cells[1, 2] == pytest.approx(falls[0] / falls[1])


def test_contagion__of_two_collaterals__is_by_what_the_fall_of_each_took_of_the_health() -> None:
    """c pledges WETH and WBTC, as much worth of each; a sells the one, b the other."""
    both = [pledge(WETH, 20 * 1.02), pledge(WBTC, 1.02)]
    sheet = world(
        [
            market([at_health(1, WETH, 300_000, 0.94, 1800)], name="a"),
            market([at_health(2, WBTC, 200_000, 0.94, 36_000)], name="b"),
            market([borrower(3, both, debt(USDC, 72_000 * 0.8))], name="c"),
        ],
        [pool(WETH, USDC, 1e7), pool(WBTC, USDC, 1e7, number=2)],
    )
    columns = columns_of(sheet)
    asked = scenario(WETH=-0.1, WBTC=-0.1)
    outcome = play(columns, factors_of(sheet, columns, asked), FREE)
    first, second, *_ = outcome.rounds
    assert [each.market for each in first.liquidations] == [0, 1]
    assert [each.market for each in second.liquidations] == [2]
    falls = {leaf: -math.log(now / 0.9) for leaf, now in first.moved}
    by_asset = {columns.leaves[leaf].assets[0]: fall for leaf, fall in falls.items()}
    # What each is of the collateral in round 2.
    worth = {asset: math.exp(-fall) for asset, fall in by_asset.items()}
    taken = {asset: by_asset[asset] * worth[asset] for asset in (WETH, WBTC)}
    cells = contagion_of(columns, outcome)
    (done,) = second.liquidations
    assert not any(played.liquidations for played in outcome.rounds[2:])
    by_first = taken[WETH] / (taken[WETH] + taken[WBTC])
    assert cells[0, 2] == pytest.approx(done.repaid_usd * by_first)
    assert cells[1, 2] == pytest.approx(done.repaid_usd * (1 - by_first))
    assert cells[0, 2] > 1.3 * cells[1, 2]


def test_contagion__of_an_account_closed_on_twice__goes_by_what_it_has_each_time() -> None:
    """At a threshold times bonus of 0.99 half a repayment heals little, and takes WETH alone."""
    both = [
        pledge(WETH, 22 * 1.005, threshold_bps=9000, bonus_bps=11_000),
        pledge(WBTC, 1.005, threshold_bps=9000, bonus_bps=11_000),
    ]
    owed = 0.9 * (22 * 1800 + 36_000)
    sheet = world(
        [
            market([at_health(1, WETH, 200_000, 0.94, 1800)], name="a"),
            market([at_health(2, WBTC, 200_000, 0.94, 36_000)], name="b"),
            market([borrower(3, both, debt(USDC, owed))], name="c"),
        ],
        [pool(WETH, USDC, 4e7), pool(WBTC, USDC, 4e7, number=2)],
    )
    columns = columns_of(sheet)
    asked = scenario(WETH=-0.1, WBTC=-0.1)
    outcome = play(columns, factors_of(sheet, columns, asked), FREE)
    first, *later = outcome.rounds
    assert len(first.liquidations) == 2
    calls = [call for one in later for call in one.liquidations]
    assert [call.market for call in calls] == [2, 2]
    answers: dict[AssetId, float] = {}
    held = {WETH: 22 * 1.005, WBTC: 1.005}
    by_b = 0.0
    for before, call in zip(outcome.rounds, calls, strict=False):
        answers |= {columns.leaves[leaf].assets[0]: now for leaf, now in before.moved}
        lowered = {
            asset: held[asset] * PRICES[asset] * now * -math.log(now / 0.9)
            for asset, now in answers.items()
        }
        by_b += call.repaid_usd * lowered[WBTC] / sum(lowered.values())
        taken = columns.quotes[call.pledge].asset
        held[taken] -= (call.received + call.fee) / 10 ** (18 if taken == WETH else 8)
    assert contagion_of(columns, outcome)[1, 2] == pytest.approx(by_b)


def test_contagion__of_collateral_that_secures_less__is_by_what_it_secured() -> None:
    """c pledges as much worth of WETH and of WBTC; a dollar of WBTC secures half as much."""
    both = [pledge(WETH, 20 * 1.02), pledge(WBTC, 1.02, threshold_bps=4000)]
    sheet = world(
        [
            market([at_health(1, WETH, 300_000, 0.94, 1800)], name="a"),
            market([at_health(2, WBTC, 300_000, 0.94, 36_000)], name="b"),
            market([borrower(3, both, debt(USDC, 36_000 * 1.2))], name="c"),
        ],
        [pool(WETH, USDC, 1e7), pool(WBTC, USDC, 1e7, number=2)],
    )
    cells = matrix(project(sheet, scenario(WETH=-0.1, WBTC=-0.1), FREE))
    assert cells["a", "c"] == pytest.approx(2 * cells["b", "c"], rel=0.01)


def test_contagion__of_a_price_under_a_cap__counts_as_far_as_it_moved() -> None:
    """In a somebody owes wstETH, which is bought; b sells WETH. c owes wstETH, by an oracle with a
    cap of 2,450, for WETH.
    """
    cap = Edge(ADAPTER, PriceKind.CAPPED, "cap", (WSTETH_FEED,))
    feed = Edge(WSTETH_FEED, PriceKind.MARKET, "wstETH / USD", asset=WSTETH)
    plain = [sheet_of(DAI), sheet_of(USDC), priced(WETH, PriceKind.MARKET, ETH)]
    free = [*plain, priced(WSTETH, PriceKind.MARKET, feed)]
    capped = [*plain, priced(WSTETH, PriceKind.CAPPED, cap, feed, cap=2450 * USD)]
    shorts = borrower(1, pledge(DAI, 2424 * 60 * 0.94 / 0.8), debt(WSTETH, 60))
    owes = borrower(3, pledge(WETH, 10 * 2424 * 1.01 / 0.8 / 1800), debt(WSTETH, 10))
    sheet = world(
        [
            market([shorts], name="a", assets=free),
            market([at_health(2, WETH, 200_000, 0.94, 1800)], name="b", assets=free),
            market([owes], name="c", assets=capped),
        ],
        [
            pool(WSTETH, USDC, 1e7),
            pool(WETH, USDC, 2e7, number=2),
            pool(DAI, USDC, 1e9, fee_ppm=100, number=3),
        ],
    )
    columns = columns_of(sheet)
    asked = scenario(wstETH=0.01, WETH=-0.1)
    outcome = play(columns, factors_of(sheet, columns, asked), FREE)
    first, second, *_ = outcome.rounds
    assert [each.market for each in first.liquidations] == [0, 1]
    assert [each.market for each in second.liquidations] == [2]
    moved = {columns.leaves[leaf].assets[0]: now for leaf, now in first.moved}
    fall = -math.log(moved[WETH] / 0.9)
    rise = math.log(2450 / 2424)
    assert moved[WSTETH] * 2400 > 2450
    cells = contagion_of(columns, outcome)
    repaid = second.liquidations[0].repaid_usd
    assert cells[0, 2] == pytest.approx(repaid * rise / (rise + fall))
    assert cells[1, 2] == pytest.approx(repaid * fall / (rise + fall))


STAKED = Edge(WSTETH_FEED, PriceKind.MARKET, "wstETH / ETH", asset=WSTETH, quote=WETH)


def test_contagion__of_a_feed_in_ether__is_by_who_sold_ether_too() -> None:
    """Staked ether has a pool of its own: sales of ether alone make it dearer in ether."""
    owes = borrower(3, pledge(WETH, 10 * 1.2 * 1.01 / 0.8), debt(WSTETH, 10))
    into = pair(WETH, WSTETH, Fraction(5, 6), replace(STAKED, exponent=-1), exposures=(owes,))
    sheet = world(
        [market([at_health(1, WETH, 300_000, 0.94, 1800)], name="a"), into],
        [pool(WETH, USDC, 1e7), pool(WSTETH, USDC, 1e7, number=2)],
    )
    found = project(sheet, scenario(WETH=-0.1, wstETH=-0.1), FREE)
    (label,) = (label for label in found.by_market if label != "a")
    assert liquidated(found, label) > 0
    assert matrix(found)["a", label] == pytest.approx(liquidated(found, label))


def test_contagion__of_a_pool_that_both_sides_of_a_feed_go_over__is_nobodys() -> None:
    """Ether is sold by a, staked ether for ether by b: what it is worth in ether, b alone moves."""
    staked = borrower(2, pledge(WSTETH, 100 * 0.94 / 0.8 / 1.2), debt(WETH, 100))
    owes = borrower(3, pledge(WSTETH, 10 * 1.01 / 0.8 / 1.2), debt(WETH, 10))
    sheet = world(
        [
            market([at_health(1, WETH, 300_000, 0.94, 1800)], name="a"),
            market([staked], name="b"),
            pair(WSTETH, WETH, Fraction(6, 5), STAKED, exposures=(owes,)),
        ],
        [pool(WSTETH, WETH, 5e6), pool(WETH, USDC, 1e7, number=2)],
    )
    found = project(sheet, scenario(WETH=-0.1, wstETH=-0.1), FREE)
    assert found.round_log[0].liquidations == 2
    (label,) = (label for label in found.by_market if label not in ("a", "b"))
    assert liquidated(found, label) > 0
    cells = matrix(found)
    assert cells["b", label] == pytest.approx(liquidated(found, label))
    assert ("a", label) not in cells


def test_contagion__of_a_debt_that_grew_dear__is_who_bought_it() -> None:
    """WETH rises to 2,200. In a somebody owes WETH: liquidators buy it with his DAI."""

    def short(number: int, owed: float, health: float) -> Exposure:
        value = owed * 2200 * health / 0.8
        return borrower(number, pledge(DAI, round(value, 6)), debt(WETH, owed))

    sheet = world(
        [market([short(1, 100, 0.94)], name="a"), market([short(2, 20, 1.01)], name="b")],
        [pool(WETH, USDC, 1e7), pool(DAI, USDC, 1e9, fee_ppm=100, number=2)],
    )
    found = project(sheet, scenario(WETH=0.1), FREE)
    assert liquidated(found, "b") > 0
    assert matrix(found)["a", "b"] == pytest.approx(liquidated(found, "b"))


def test_contagion__of_a_market_that_pushes_itself_over__is_a_row() -> None:
    accounts = [at_health(1, WETH, 200_000, 0.94, 1800), at_health(2, WETH, 50_000, 1.01, 1800)]
    sheet = world([market(accounts, name="a")], [pool(WETH, USDC, 1e7)])
    found = project(sheet, scenario(WETH=-0.1), FREE)
    first = found.round_log[0].liquidated_usd
    assert matrix(found) == {("a", "a"): pytest.approx(found.liquidated_usd - first)}


def test_contagion__of_a_feed_that_was_off_before__is_nobodys() -> None:
    """The pool is 2 % below the oracle from the start: nobody sold for what that does."""
    sheet = world(
        [market([borrower(1, pledge(WETH, 10), debt(USDC, 15_900))], name="a")],
        [pool(WETH, USDC, 1e9, mid_factor=0.98)],
    )
    found = project(sheet, scenario(WETH=0), FREE)
    assert found.liquidated_usd > 0
    assert found.contagion == ()


def test_contagion__of_a_debt_written_off__is_the_market_that_wrote_it_off() -> None:
    """The vault has lost 16 %: whoever pledged its shares owes too much now."""
    found = project(vault_crash(LENDS_HALF, owed=1000), scenario(WETH=-0.4), FREE)
    assert liquidated(found, SHARES) > 0
    assert matrix(found) == {(FIRST, SHARES): pytest.approx(liquidated(found, SHARES))}


def test_contagion__in_the_document__is_the_largest_first_with_shares() -> None:
    sheet = world(
        [
            market([at_health(1, WETH, 300_000, 0.94, 1800)], name="a"),
            market([at_health(2, WETH, 100_000, 0.94, 1800)], name="b"),
            market([at_health(3, WETH, 50_000, 1.01, 1800)], name="c"),
        ],
        [pool(WETH, USDC, 2e7)],
    )
    rows = document_of(project(sheet, scenario(WETH=-0.1), FREE), {})["result"]["contagion"]
    assert [(row["from"], row["to"]) for row in rows] == [("a", "c"), ("b", "c")]
    assert [row["share"] for row in rows] == [pytest.approx(0.75), pytest.approx(0.25)]
    assert float(rows[0]["liquidated_usd"]) == pytest.approx(
        3 * float(rows[1]["liquidated_usd"]), abs=0.03
    )


def drawn(seed: int) -> tuple[list[MarketSheet], float]:
    """Three markets of WETH or WBTC, each of 5 to 40 accounts with healths from 1.002 to 1.6."""
    dice = random.Random(seed)
    markets = []
    for place, name in enumerate("abc"):
        asset = dice.choice([WETH, WETH, WBTC])
        accounts = []
        for number in range(dice.randint(5, 40)):
            health, value = dice.uniform(1.002, 1.6), dice.uniform(2e4, 3e5)
            held = pledge(asset, round(value / PRICES[asset], 6))
            owed = debt(USDC, round(value * 0.8 / health, 2))
            accounts.append(borrower(1 + 100 * place + number, held, owed))
        markets.append(market(accounts, name=name))
    return markets, -dice.uniform(0.03, 0.2)


def switched_off(sheet: MarketSheet) -> MarketSheet:
    """Nothing of it may be repaid."""

    def shut(legs: Sequence[DebtLeg]) -> tuple[DebtLeg, ...]:
        return tuple(replace(leg, repayable=False) for leg in legs)

    closed = (replace(each, debt=shut(each.debt)) for each in sheet.exposures)
    return replace(sheet, exposures=tuple(closed))


def played(markets: Sequence[MarketSheet], ratio: float) -> tuple[Outcome, Matrix]:
    pools = [pool(WETH, USDC, 1e8), pool(WBTC, WETH, 1e8, number=2)]
    sheet: WorldSheet = world(list(markets), pools)
    columns = columns_of(sheet)
    outcome = play(columns, factors_of(sheet, columns, scenario(WETH=ratio)), FREE)
    labels = {SHOCK: "shock"} | {at: each.label for at, each in enumerate(columns.markets)}
    found = contagion_of(columns, outcome)
    return outcome, {(labels[a], labels[b]): value for (a, b), value in found.items()}


def repaid_in(outcome: Outcome, at: int) -> float:
    done = (each for entry in outcome.rounds for each in entry.liquidations)
    return sum(each.repaid_usd for each in done if each.market == at)


def test_contagion__beside_worlds_with_a_market_switched_off__is_about_what_is_missing() -> None:
    """In deep pools, where every sale pays. Two markets of which each would have done alone are
    both to blame here, and neither is missed there; so single worlds differ. In thin pools a
    seller also takes the depth that the next would have needed: there it is no measure. Measured
    here: correlation 0.88, of ranks 0.69, on average 23 % of what was liquidated against 29 %.
    """
    blamed, missing = [], []
    for seed in range(40):
        markets, ratio = drawn(seed)
        outcome, cells = played(markets, ratio)
        for source in range(3):
            less = [switched_off(m) if at == source else m for at, m in enumerate(markets)]
            other, _ = played(less, ratio)
            for target in {0, 1, 2} - {source}:
                whole = repaid_in(outcome, target)
                name = "abc"[source], "abc"[target]
                gone = (whole - repaid_in(other, target)) / whole if whole else 0.0
                if cells.get(name, 0) > 0.001 * whole or abs(gone) > 0.001:
                    blamed.append(cells.get(name, 0) / whole)
                    missing.append(gone)
    assert len(blamed) > 50
    assert correlation(blamed, missing) > 0.8
    assert correlation(ranks(blamed), ranks(missing)) > 0.5
    assert fmean(blamed) == pytest.approx(fmean(missing), rel=0.25)


def ranks(values: Sequence[float]) -> list[float]:
    places = sorted(range(len(values)), key=values.__getitem__)
    return [float(places.index(at)) for at in range(len(values))]
