"""What a market writes off, those who lent there have lost: by hand.

Ether falls by 40 %, to 1,200. An account of 10 owes 18,000 USDC: 12,000 / 1.05 = 11,428.57 are
repaid, 6,571.43 written off. 20,000 are lent there, so everybody who lent keeps 0.671429 of it.
"""

from dataclasses import replace
from fractions import Fraction

import pytest
from unit.simulation.claim_worlds import (
    FIRST,
    FREE,
    SECOND,
    SHARE,
    SHARES,
    UNIT,
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
    ETH,
    ORACLE,
    USD,
    USDC,
    WETH,
    account_number,
    borrower,
    debt,
    pledge,
    scenario,
)

from monitor.core.prices import Price
from monitor.core.risk import ClaimSheet, WorldSheet
from monitor.core.units import BaseValue
from monitor.simulation.columns import columns_of
from monitor.simulation.projection import project
from monitor.simulation.report import document_of

KEPT = 1 - (18_000 - 12_000 / 1.05) / 20_000
LENDS_HALF = vault((FIRST, 10_000), (SECOND, 10_000))
"""A half of what is lent in the market of the loss; as much elsewhere."""
WORTH = (10_000 * KEPT + 10_000) / 20_000


def crash(claim: ClaimSheet, owed: float, *, bystanders: int = 0) -> WorldSheet:
    """Account 9 pledges 1,000 shares of 1,250 USDC, and owes so much."""
    ether = pledge(WETH, 10, threshold_bps=9000)
    sound = [
        borrower(number, pledge(WETH, 10, threshold_bps=9000), debt(USDC, 100))
        for number in range(100, 100 + bystanders)
    ]
    return pledged(
        claim,
        lending_market(
            1,
            ether_in_dollars(),
            [borrower(1, ether, debt(USDC, 18_000)), *sound],
            cash=2000,
            owed=18_000,
        ),
        lending_market(2, ether_in_dollars(), cash=15_000, owed=5000),
        lending_market(
            9, share_sheet(), [borrower(9, shares(1000), debt(USDC, owed))], cash=500, owed=owed
        ),
    )


def share_price(sheet: WorldSheet, prices: list[float]) -> float:
    """USD of a whole share."""
    return prices[quote_at(sheet, SHARES, SHARE)] * 1e18


def test_write_off__share_price__falls_by_what_the_vault_has_lost_of_all_it_has() -> None:
    sheet = crash(LENDS_HALF, owed=10)
    outcome = run(sheet, WETH=-0.4)
    held = outcome.end.claims[SHARE]
    assert held.lent == pytest.approx((10_000e6 * KEPT, 10_000e6))
    assert held.worth == pytest.approx(WORTH)
    assert share_price(sheet, outcome.end.prices) == pytest.approx(1.25 * WORTH)
    at = quote_at(sheet, SHARES, SHARE)
    moved = dict(outcome.rounds[0].updates)
    assert moved[at] == outcome.end.prices[at]


def test_write_off__of_a_healthy_account_on_shares__is_liquidated_in_the_next_round() -> None:
    # 1,250 * 0.9 / 950 = 1.184 before; 1,250 * 0.8357 * 0.9 / 950 = 0.990 after.
    outcome = run(crash(LENDS_HALF, owed=950), WETH=-0.4)
    accounts = [[done.account for done in played.liquidations] for played in outcome.rounds]
    assert accounts == [[account_number(1)], [account_number(9)], []]
    done = outcome.rounds[1].liquidations[0]
    # 950 * 1.05 = 997.50 USDC in shares of 1.25 * 0.8357, redeemed at that rate.
    assert done.received == pytest.approx(997.5 / (1.25 * WORTH) * 1e18)
    assert done.proceeds == pytest.approx(997.5e6)


def test_write_off__within_the_round__later_visits_get_less_for_a_share() -> None:
    """Account 9 is below 1 from the start (1,250 * 0.9 / 1,180), and visited after account 1."""
    sheet = crash(LENDS_HALF, owed=1180)
    outcome = run(sheet, WETH=-0.4)
    first, second = outcome.rounds[0].liquidations
    assert (first.account, second.account) == (account_number(1), account_number(9))
    # All 1,000 shares, at the new rate 1,044.64 USDC, pay back 994.90; the rest is written off.
    assert second.received == pytest.approx(1000e18)
    assert second.proceeds == pytest.approx(1250e6 * WORTH)
    assert second.repaid == pytest.approx(1250e6 * WORTH / 1.05)
    assert second.realised[0].amount == pytest.approx(1180e6 - 1250e6 * WORTH / 1.05)
    # In USD a round counts at the prices it began with.
    assert second.received_usd == pytest.approx(1250)


def test_write_off__shares_that_hide_losses__keep_their_price_and_less_can_be_withdrawn() -> None:
    hiding = replace(LENDS_HALF, bears_losses=False)
    sheet = crash(hiding, owed=1000)
    outcome = run(sheet, WETH=-0.4)
    assert len(outcome.rounds[0].liquidations) == 1
    assert share_price(sheet, outcome.end.prices) == pytest.approx(1.25)
    assert outcome.end.claims[SHARE].lent[0] == pytest.approx(10_000e6 * KEPT)


def test_write_off__where_it_is_booked_and_not_shared_out__takes_nothing_from_lenders() -> None:
    sheet = crash(LENDS_HALF, owed=1000)
    first = sheet.markets[1]
    loan = first.assets[USDC]
    assert loan.lending is not None
    booked = replace(loan, lending=replace(loan.lending, socialises=False))
    core = replace(first, assets={**first.assets, USDC: booked})
    sheet = replace(sheet, markets=(sheet.markets[0], core, *sheet.markets[2:]))
    outcome = run(sheet, WETH=-0.4)
    assert outcome.rounds[0].liquidations[0].realised
    assert outcome.end.claims[SHARE].worth == 1.0
    assert len(outcome.rounds) == 2


def test_write_off__claim_that_has_lent_elsewhere__is_untouched() -> None:
    outcome = run(crash(vault((SECOND, 10_000)), owed=1000), WETH=-0.4)
    assert outcome.end.claims[SHARE].worth == 1.0


def test_write_off__of_all_that_was_lent__leaves_nothing() -> None:
    """The vault's share of the market is all it has, and its cash was withdrawn."""
    sheet = crash(vault((FIRST, 20_000)), owed=1000)
    outcome = run(sheet, WETH=-0.999999)
    held = outcome.end.claims[SHARE]
    lost = 18_000 - 0.02 / 1.05
    assert held.worth == pytest.approx(1 - lost / 20_000)


def test_write_off__price_of_shares_over_a_feed__moves_by_both() -> None:
    """The oracle of the pledged shares multiplies the vault's rate by a feed."""
    sheet = crash(LENDS_HALF, owed=10)
    at = next(place for place, m in enumerate(sheet.markets) if m.sub_market == "0x09")
    book = sheet.markets[at]
    both = share_sheet(VAULT_EDGE, ETH)
    changed = replace(book, assets={**book.assets, SHARE: both})
    markets = (*sheet.markets[:at], changed, *sheet.markets[at + 1 :])
    outcome = run(replace(sheet, markets=markets), WETH=-0.4)
    assert share_price(sheet, outcome.end.prices) == pytest.approx(1.25 * 0.6 * WORTH)


def test_write_off__bad_debt__is_the_debt_written_off_and_not_the_fall_of_shares() -> None:
    sheet = crash(LENDS_HALF, owed=950)
    answer = project(sheet, scenario(WETH=-0.4), FREE)
    assert answer.bad_debt_usd == pytest.approx(18_000 - 12_000 / 1.05)
    assert answer.bad_debt_realised_usd == pytest.approx(18_000 - 12_000 / 1.05)
    rounds = document_of(answer, {}, str)["result"]["round_log"]
    shown = [row for row in rounds[0]["oracles"] if row["market"] == SHARES]
    assert shown == [{"market": SHARES, "asset": "vUSDC", "price_usd": "1.04"}]


def test_write_off__vault_in_the_market_of_its_own_shares__is_redeemed_after_its_loss() -> None:
    """All it has is lent where its shares are pledged: the seized ones are worth less at once."""
    claim = vault((SHARES, 1000))
    account = borrower(9, shares(800, threshold_bps=9000), debt(USDC, 1200))
    sheet = pledged(claim, lending_market(9, share_sheet(), [account], cash=100, owed=1200))
    (done, *_) = run(sheet).rounds[0].liquidations
    # 800 shares of 1.25 pay 1,000 / 1.05 back; 247.62 of 1,300 lent are lost, so what is given
    # back brings 1,000 * (1 - 0.19048) = 809.52: less than was repaid. A half loses nothing, and
    # is paid out of the 476.19 that it pays back and the 100 that were there.
    assert done.repaid == pytest.approx(500e6 / 1.05)
    assert done.proceeds == pytest.approx(500e6)


def test_write_off__of_an_account_with_two_pledges__the_pair_stands_and_the_terms_are_of_now() -> (
    None
):
    """A market in USD behind Morpho: 10,000 shares, 12,500 USD before the loss and 10,446 after;
    11,000 USD of ether; 18,400 owed.
    """
    sheet = crash(LENDS_HALF, owed=10)
    value = BaseValue(125 * USD // 100)
    listed = replace(
        share_sheet(), price_base=value, price=Price(value, source=ORACLE, path=(VAULT_EDGE,))
    )
    ether = pledge(WETH, 11_000 / 1200, threshold_bps=6000)
    account = borrower(5, [shares(10_000), ether], debt(USDC, 18_400))
    first, *others = sheet.markets
    core = replace(first, assets={**first.assets, SHARE: listed}, exposures=(account,))
    outcome = run(replace(sheet, markets=(*others, core)), WETH=-0.4)
    done = outcome.rounds[0].liquidations[1]
    assert done.account == account_number(5)
    # Health was (12,500 * 0.9 + 11,000 * 0.6) / 18,400 = 0.970: half of it, 9,200. Now it is 0.870:
    # all, as far as the shares go, 9,949; though the ether is worth more by now.
    assert done.received == pytest.approx(10_000e18)
    assert done.repaid == pytest.approx(12_500e6 * WORTH / 1.05)
    assert done.received_usd == pytest.approx(12_500)


def test_claims__nobody_lists__cost_nothing_and_change_nothing() -> None:
    sheet = crash(LENDS_HALF, owed=1000)
    bare = replace(sheet, markets=sheet.markets[:3])
    columns = columns_of(bare)
    assert columns.claims.backings == {}
    assert columns == replace(columns_of(replace(bare, claims={})), claims=columns.claims)


@pytest.mark.parametrize("bystanders", [0, 3])
def test_write_off__who_owes_beside__changes_no_factor(bystanders: int) -> None:
    outcome = run(crash(LENDS_HALF, owed=10, bystanders=bystanders), WETH=-0.4)
    assert outcome.end.claims[SHARE].worth == pytest.approx(WORTH)


def test_write_off__debts_in_shares__are_worth_less_in_dollars() -> None:
    """A market lends the shares themselves; nothing but their rate tells what one is worth."""
    sheet = crash(LENDS_HALF, owed=10)
    loan = replace(share_sheet(), price_base=UNIT, price=None)
    value = BaseValue(1600 * UNIT)
    path = (ETH, replace(VAULT_EDGE, exponent=-1))
    price = Price(value, source=ORACLE, path=path)
    ether = replace(ether_in_dollars(), price_base=value, price=price)
    market = replace(
        lending_market(7, ether),
        assets={SHARE: loan, WETH: ether},
        numeraire=SHARE,
    )
    usd = {SHARE: Fraction(125, 10**20)}
    sheet = replace(sheet, markets=(*sheet.markets, market), usd=usd)
    outcome = run(sheet, WETH=-0.4)
    prices = outcome.end.prices
    assert prices[quote_at(sheet, "morpho/0x07", SHARE)] * 1e18 == pytest.approx(1.25 * WORTH)
    # More shares for an ether, each of them worth less: in USD it fell by the shock alone.
    assert prices[quote_at(sheet, "morpho/0x07", WETH)] * 1e18 == pytest.approx(1200 / 2000 * 2000)


def test_share__worth_a_dollar_by_its_vault_alone__is_no_anchor() -> None:
    sheet = pledged(LENDS_HALF, lending_market(9, share_sheet()))
    value = BaseValue(USD)
    listed = replace(share_sheet(), price_base=value, price=Price(value, path=(VAULT_EDGE,)))
    first = sheet.markets[0]
    core = replace(first, assets={**first.assets, SHARE: listed})
    paths = columns_of(
        replace(sheet, markets=(core, sheet.markets[1]), curves=(share_pool(),))
    ).paths
    assert [hop.pool for hop in paths[SHARE].hops] == [0]
