"""Seized claims are given back for cash before what they bring is sold: by hand."""

from dataclasses import replace
from fractions import Fraction

import pytest
from unit.simulation.claim_worlds import (
    FIRST,
    FREE,
    SECOND,
    SHARE,
    SHARES,
    VAULT_EDGE,
    ether_in_dollars,
    lending_market,
    pledged,
    quote_at,
    run,
    share_pool,
    share_sheet,
    shares,
    vault,
)
from unit.simulation.worlds import (
    DOLLAR,
    ETH,
    USD,
    USDC,
    WETH,
    borrower,
    debt,
    market,
    pool,
    priced,
    scenario,
    sheet_of,
    world,
)

from monitor.core.prices import Price, PriceKind
from monitor.core.risk import WorldSheet
from monitor.core.units import BaseValue
from monitor.simulation.columns import columns_of
from monitor.simulation.liquidations import Refusal
from monitor.simulation.projection import project
from monitor.simulation.report import document_of


def under_water(first_cash: float, second_cash: float = 0) -> WorldSheet:
    """1,000 shares of 1,250 USDC against 1,150 USDC at 90 %: health 0.978. The vault lends 5,000
    in each of two markets.
    """
    return pledged(
        vault((SECOND, 5000), (FIRST, 5000)),
        lending_market(1, ether_in_dollars(), cash=first_cash, owed=9000),
        lending_market(2, ether_in_dollars(), cash=second_cash, owed=9000),
        lending_market(
            9, share_sheet(), [borrower(1, shares(1000), debt(USDC, 1150))], cash=50, owed=1150
        ),
    )


def test_redeemed__in_the_order_of_the_queue__out_of_the_cash_there() -> None:
    sheet = under_water(first_cash=3000, second_cash=400)
    outcome = run(sheet)
    (done,) = outcome.rounds[0].liquidations
    # All of the debt for 1,150 * 1.05 = 1,207.50 USDC in shares of 1.25: 966 shares.
    assert done.received == pytest.approx(966e18)
    assert done.hops == ()
    assert done.proceeds == pytest.approx(1207.5e6)
    second, first = quote_at(sheet, SECOND, USDC), quote_at(sheet, FIRST, USDC)
    taken = dict(done.paid)
    assert taken == {second: pytest.approx(400e6), first: pytest.approx(807.5e6)}
    assert outcome.end.cash[second] == pytest.approx(0, abs=1)
    assert outcome.end.cash[first] == pytest.approx(2192.5e6)
    held = outcome.end.claims[SHARE]
    assert held.lent == pytest.approx((4600e6, 4192.5e6))
    assert held.total == pytest.approx(8792.5e6)
    assert held.worth == 1.0


def test_redeemed__raises_utilisation_where_the_money_was_lent() -> None:
    sheet = under_water(first_cash=3000, second_cash=400)
    document = document_of(project(sheet, scenario(), FREE), {}, str)
    rows = {row["market"]: row for row in document["result"]["round_log"][0]["lending"]}
    assert rows[FIRST]["utilisation"] == pytest.approx(9000 / (9000 + 2192.5))
    assert rows[SECOND]["utilisation"] == pytest.approx(1.0)
    assert rows[SHARES]["utilisation"] == pytest.approx(0.0)


def test_redeemed__cash_for_a_part__is_the_rung_that_fits() -> None:
    # A quarter of the debt takes 301.875 USDC, a half 603.75.
    (done,) = run(under_water(first_cash=500)).rounds[0].liquidations[:1]
    assert done.repaid == pytest.approx(1150e6 / 4)
    assert done.proceeds == pytest.approx(301.875e6)


def test_redeemed__no_cash__is_refused_for_want_of_cash() -> None:
    outcome = run(under_water(first_cash=100))
    assert outcome.rounds[0].liquidations == ()
    assert outcome.refused == {0: Refusal.NO_CASH}
    assert outcome.unsafe == (0,)


def test_redeemed__more_cash_than_the_vault_has_lent__pays_no_more_than_that() -> None:
    sheet = under_water(first_cash=9000)
    little = vault((FIRST, 300), total=10_000)
    outcome = run(replace(sheet, claims={SHARE: little}))
    # The vault's own claim on that market is 300: an eighth of the debt takes 150.94, a quarter
    # 301.88.
    assert outcome.rounds[0].liquidations[0].repaid == pytest.approx(1150e6 / 8)


def test_redeemed__idle_first__leaves_the_markets_alone() -> None:
    sheet = under_water(first_cash=3000)
    idle = vault((FIRST, 5000), idle=2000)
    outcome = run(replace(sheet, claims={SHARE: idle}))
    (done,) = outcome.rounds[0].liquidations
    assert done.paid == ()
    assert outcome.end.claims[SHARE].idle == pytest.approx(792.5e6)


def test_redeemed__for_another_debt__is_sold_from_the_underlying_on() -> None:
    """An account of a USD market owes WETH against shares; the pool is USDC/WETH."""
    listed = replace(sheet_of(USDC), asset=SHARE, symbol="vUSDC", decimals=18,
                     price_base=125 * USD // 100,
                     price=Price(BaseValue(125 * USD // 100), path=(VAULT_EDGE,)))  # fmt: skip
    core = market(
        [borrower(1, shares(10_000), debt(WETH, 5.8))],
        assets=[
            priced(WETH, PriceKind.MARKET, ETH),
            priced(USDC, PriceKind.MARKET, DOLLAR),
            listed,
        ],
    )
    lender = lending_market(1, ether_in_dollars(), cash=20_000, owed=9000)
    sheet = world((core, lender), [pool(USDC, WETH, 1e9)])
    outcome = run(replace(sheet, claims={SHARE: vault((FIRST, 15_000))}))
    done = outcome.rounds[0].liquidations[0]
    # Health 12,500 * 0.9 / 11,600 = 0.9698: half, 2.9 WETH for 6,090 USDC less the pool's fee.
    assert done.repaid == pytest.approx(2.9e18)
    assert done.received * 1.25 / 1e18 == pytest.approx(6090)
    assert done.proceeds == pytest.approx(6090 / 2000 * 0.997 * 1e18, rel=1e-4)
    assert outcome.end.cash[quote_at(sheet, FIRST, USDC)] == pytest.approx(
        20_000e6 - sum(dict(one.paid).get(quote_at(sheet, FIRST, USDC), 0)
                       for played in outcome.rounds for one in played.liquidations)
    )  # fmt: skip


def test_not_redeemable__without_a_pool__has_no_route_and_says_why() -> None:
    sheet = under_water(first_cash=3000)
    unknown = replace(sheet, claims={SHARE: vault((FIRST, 5000), reason="nobody knows")})
    outcome = run(unknown)
    assert outcome.refused == {0: Refusal.NO_ROUTE}
    (line,) = columns_of(unknown).left_out
    assert "nobody knows" in line
    assert SHARE in line


def test_not_redeemable__with_a_pool_of_its_own__is_sold_there() -> None:
    sheet = under_water(first_cash=3000)
    claims = {SHARE: vault(reason="a rate")}
    unknown = replace(sheet, claims=claims, curves=(*sheet.curves, share_pool()))
    done = run(unknown).rounds[0].liquidations[0]
    assert [hop.pool for hop in done.hops] == [1]
    assert done.proceeds == pytest.approx(1207.5e6, rel=1e-3)
    assert done.paid == ()
    assert columns_of(unknown).left_out == ()


def test_redeemable__with_a_pool_of_its_own_and_no_cash__is_not_sold_there() -> None:
    sheet = under_water(first_cash=100)
    outcome = run(replace(sheet, curves=(*sheet.curves, share_pool())))
    assert outcome.refused == {0: Refusal.NO_CASH}


def test_redeemable__no_way_from_what_it_brings__is_sold_as_it_is() -> None:
    """Shares trade for ether, which is owed; USDC trades for nothing."""
    value = BaseValue(125 * USD // 100)
    listed = replace(share_sheet(), price_base=value, price=Price(value, path=(VAULT_EDGE,)))
    assets = [priced(WETH, PriceKind.MARKET, ETH), priced(USDC, PriceKind.MARKET, DOLLAR), listed]
    core = market([borrower(1, shares(10_000), debt(WETH, 5.8))], assets=assets)
    lender = lending_market(1, ether_in_dollars(), cash=20_000, owed=9000)
    sheet = world((core, lender), [share_pool(WETH, 1.25 / 2000)])
    done = run(replace(sheet, claims={SHARE: vault((FIRST, 15_000))})).rounds[0].liquidations[0]
    assert [hop.pool for hop in done.hops] == [0]
    assert done.paid == ()
    assert done.proceeds == pytest.approx(2.9e18 * 1.05, rel=1e-3)


def test_claim__has_lent_where_no_market_is__is_not_redeemable_and_says_so() -> None:
    sheet = under_water(first_cash=3000)
    lost = replace(sheet, claims={SHARE: vault((FIRST, 5000), ("morpho/0x77", 1))})
    assert run(lost).refused == {0: Refusal.NO_ROUTE}
    (line,) = columns_of(lost).left_out
    assert line.startswith(f"vUSDC ({SHARE}) cannot be redeemed: it has lent where no market")


def test_claim__has_lent_where_nobody_looks__is_not_redeemable() -> None:
    """Anybody may have opened those markets, and nothing tells what their loan is worth."""
    sheet = under_water(first_cash=3000)
    open_to_all = [replace(each, is_permissionless=True) for each in sheet.markets[1:3]]
    markets = (sheet.markets[0], *open_to_all, sheet.markets[3])
    told = replace(sheet, markets=markets, usd={USDC: Fraction(1, 10**6)})
    assert columns_of(told).claims.backings[SHARE].is_redeemable
    untold = replace(sheet, markets=markets)
    assert not columns_of(untold).claims.backings[SHARE].is_redeemable
