"""Loops whose collateral is a claim: what it is given back for pays the debt, if there is cash."""

from dataclasses import replace
from fractions import Fraction

import pytest
from unit.simulation.claim_worlds import (
    FIRST,
    SHARE,
    SHARES,
    ether_in_dollars,
    lending_market,
    pledged,
    share_sheet,
    shares,
    vault,
)
from unit.simulation.test_rates import CURVE
from unit.simulation.worlds import USDC, account_number, borrower, debt

from monitor.core.risk import ClaimSheet, DebtSpot, WorldSheet
from monitor.simulation.options import Options
from monitor.simulation.projection import names_of, project
from monitor.simulation.scenarios import scenario_of
from monitor.simulation.shocks import parse_shocks
from monitor.simulation.unwinding import Unwinding


def looped(claim: ClaimSheet, cash: float) -> WorldSheet:
    """1,150 USDC owed on 1,000 shares of 1.25; `cash` lies where the vault lends, against ether."""
    book = lending_market(
        9, share_sheet(), [borrower(1, shares(1000), debt(USDC, 1150))], owed=1150
    )
    loan = book.assets[USDC]
    assert loan.lending is not None
    costly = replace(loan, lending=replace(loan.lending, curve=CURVE))
    book = replace(book, assets={**book.assets, USDC: costly})
    sheet = pledged(claim, lending_market(1, ether_in_dollars(), cash=cash, owed=9000), book)
    spots = {DebtSpot(SHARES, account_number(1), USDC): "rehypothecated"}
    return replace(sheet, looped=spots, growth={SHARE: Fraction(5, 100)})


def unwound(claim: ClaimSheet, cash: float = 0) -> Unwinding:
    """At full use of what is owed: 83 % a year."""
    sheet = looped(claim, cash)
    held = scenario_of(parse_shocks({f"rate:{SHARES}/USDC": "1.0@0d"}), names_of(sheet, {}))
    found = project(sheet, held, Options(unwind=True)).unwinding
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("claim", "cash"),
    [
        pytest.param(vault((FIRST, 5000)), 1150, id="out of what it has lent elsewhere"),
        pytest.param(vault((FIRST, 5000), idle=1150), 0, id="out of what lies idle"),
        pytest.param(vault((FIRST, 5000), (SHARES, 1000), idle=150), 0, id="out of what it repaid"),
    ],
)
def test_unwind__of_shares__gives_back_what_the_debt_takes(claim: ClaimSheet, cash: float) -> None:
    found = unwound(claim, cash)
    assert found.accounts == 1
    assert found.repaid_usd == pytest.approx(1150)
    assert found.sold_usd == pytest.approx(920 * 1.25)


@pytest.mark.parametrize("cash", [0, 1149])
def test_unwind__of_shares_nobody_can_pay_out__is_locked(cash: float) -> None:
    found = unwound(vault((FIRST, 5000)), cash)
    assert (found.accounts, found.left_usd) == (0, 0)
    assert found.locked_usd == pytest.approx(1150)


def test_unwind__of_shares_nobody_can_give_back__stays() -> None:
    found = unwound(vault((FIRST, 5000), reason="it does not tell"), 5000)
    assert (found.accounts, found.locked_usd) == (0, 0)
    assert found.left_usd == pytest.approx(1150)
