"""A utilisation that is held where a vault has lent its money: by hand."""

from dataclasses import replace

import pytest
from unit.simulation.claim_worlds import (
    FIRST,
    FREE,
    SECOND,
    SHARE,
    ether_in_dollars,
    lending_market,
    pledged,
    quote_at,
    share_sheet,
    shares,
    vault,
)
from unit.simulation.worlds import USDC, borrower, debt

from monitor.core.rates import KinkedCurve
from monitor.core.risk import ClaimSheet, MarketSheet, WorldSheet
from monitor.core.units import RAY, WAD, Ray, Wad
from monitor.simulation.cascade import Outcome, play
from monitor.simulation.channels import struck
from monitor.simulation.columns import columns_of
from monitor.simulation.liquidations import Refusal
from monitor.simulation.projection import names_of
from monitor.simulation.scenarios import scenario_of
from monitor.simulation.shocks import parse_shocks

STEEP = KinkedCurve(Ray(0), Ray(3 * RAY // 100), Ray(8 * RAY // 10), Ray(9 * RAY // 10))
"""3 % at 90 %, 83 % at full use."""
GROWTH = 1 + 0.83 * 30 / 365 * 0.9
"""What is lent becomes in 30 days at full use, a tenth of the interest being a fee."""


def with_curve(sheet: MarketSheet) -> MarketSheet:
    loan = sheet.assets[USDC]
    assert loan.lending is not None
    lending = replace(loan.lending, curve=STEEP, fee_wad=Wad(WAD // 10))
    return replace(sheet, assets={**sheet.assets, USDC: replace(loan, lending=lending)})


def book(claim: ClaimSheet, owed: float) -> WorldSheet:
    """1,000 shares of 1,250 USDC pledged, at a threshold of 90 %."""
    account = borrower(9, shares(1000), debt(USDC, owed))
    return pledged(
        claim,
        with_curve(lending_market(1, ether_in_dollars(), cash=5000, owed=5000)),
        lending_market(2, ether_in_dollars(), cash=5000, owed=5000),
        lending_market(9, share_sheet(), [account], cash=500, owed=owed),
    )


def hold(sheet: WorldSheet) -> Outcome:
    named = {"USDC": USDC}
    asked = {f"rate:{FIRST}/USDC": "1.0@30d"}
    scenario = scenario_of(parse_shocks(asked), names_of(sheet, named))
    return play(struck(columns_of(sheet), scenario), {}, FREE)


def test_held__share__is_worth_what_its_vault_has_earned() -> None:
    sheet = book(vault((FIRST, 6000), (SECOND, 2000)), owed=10)
    outcome = hold(sheet)
    earned = (6000 * GROWTH + 2000) / 8000
    price = outcome.shocked.prices[quote_at(sheet, "morpho/0x09", SHARE)] * 1e18
    assert price == pytest.approx(1.25 * earned)
    assert outcome.shocked.claims[SHARE].lent == pytest.approx((6000e6 * GROWTH, 2000e6))


def test_held__at_full_use__shares_cannot_be_given_back() -> None:
    """Its money is locked: nobody is paid, though a deep pool of what it lends is at hand."""
    outcome = hold(book(vault((FIRST, 8000)), owed=1300))
    assert outcome.refused == {0: Refusal.NO_CASH}


def test_held__at_full_use_in_one_of_two__the_other_pays() -> None:
    outcome = hold(book(vault((FIRST, 4000), (SECOND, 4000)), owed=1180))
    (done, *_) = outcome.rounds[0].liquidations
    assert [amount for _, amount in done.paid] == pytest.approx([done.proceeds])


def test_held__rebasing_claim__stays_worth_one() -> None:
    rebasing = replace(vault((FIRST, 8000), bears_losses=False), rebases=True)
    outcome = hold(book(rebasing, owed=10))
    held = outcome.shocked.claims[SHARE]
    assert held.worth == 1.0
    assert held.total == pytest.approx(8000e6 * GROWTH)
