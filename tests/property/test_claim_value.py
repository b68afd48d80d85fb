"""A vault's shares seized and given back: what left markets and vault is what liquidators got."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.simulation.claim_worlds import (
    FIRST,
    FREE,
    SECOND,
    SHARE,
    ether_in_dollars,
    lending_market,
    pledged,
    share_sheet,
    shares,
    vault,
)
from unit.simulation.worlds import USDC, WETH, borrower, debt, pledge, scenario

from monitor.core.risk import WorldSheet
from monitor.simulation.cascade import Round, play
from monitor.simulation.columns import Columns, State, columns_of
from monitor.simulation.projection import factors_of

NOISE = 1e-9
FIRST_ROUNDS = 6
AMOUNTS = st.sampled_from([0, 1_000, 20_000, 1_000_000])


@st.composite
def vault_worlds(draw: st.DrawFn) -> WorldSheet:
    """A vault that lends against ether in two markets, and those who pledge its shares in a third.

    What it has lent is less than what is owed and at hand there.
    """
    markets, lent = [], []
    for number, label in ((1, FIRST), (2, SECOND)):
        owed = draw(st.lists(st.integers(2_000, 50_000), min_size=1, max_size=4))
        borrowers = [
            borrower(
                10 * number + place,
                pledge(WETH, each / (2000 * 0.8) * draw(st.sampled_from([1.01, 1.2, 1.5]))),
                debt(USDC, each),
            )
            for place, each in enumerate(owed)
        ]
        cash = draw(AMOUNTS)
        markets.append(
            lending_market(number, ether_in_dollars(), borrowers, cash=cash, owed=sum(owed))
        )
        lent.append((label, (sum(owed) + cash) * draw(st.sampled_from([0.3, 1.0]))))
    pledgers = [
        borrower(100 + place, shares(held), debt(USDC, held * 1.25 * 0.9 * part))
        for place, (held, part) in enumerate(
            draw(
                st.lists(
                    st.tuples(st.integers(1_000, 40_000), st.sampled_from([0.9, 1.01])),
                    min_size=1,
                    max_size=4,
                )
            )
        )
    ]
    owed_usd = sum(leg.amount_raw / 10**6 for each in pledgers for leg in each.debt)
    markets.append(lending_market(9, share_sheet(), pledgers, cash=draw(AMOUNTS), owed=owed_usd))
    return pledged(vault(*lent, idle=draw(AMOUNTS)), *markets)


def played(sheet: WorldSheet, fall: float) -> list[tuple[Columns, State, Round, State]]:
    """Each of the first rounds, between the states before and after it."""
    columns = columns_of(sheet)
    factors = factors_of(sheet, columns, scenario(WETH=-fall))
    options = [FREE.updated({"max_rounds": rounds}) for rounds in range(1, FIRST_ROUNDS + 1)]
    outcomes = [play(columns, factors, each) for each in options]
    states = [outcomes[0].shocked, *(outcome.end for outcome in outcomes)]
    rounds = outcomes[-1].rounds
    return [
        (columns, before, one, after)
        for (before, after), one in zip(pairwise(states), rounds, strict=False)
    ]


@given(vault_worlds(), st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7]))
@settings(max_examples=40)
def test_round__of_vaults_and_their_pledgers__conserves_cash_debts_and_claims(
    sheet: WorldSheet, fall: float
) -> None:
    for _, before, one, after in played(sheet, fall):
        cash, debts = list(after.cash), list(after.debts)
        brought = paid_out = 0.0
        for done in one.liquidations:
            cash[done.debt] -= done.repaid
            cash[done.pledge] += done.received
            debts[done.debt] += done.repaid
            for loss in done.realised:
                debts[loss.quote] += loss.amount
            for quote, amount in done.paid:
                cash[quote] += amount
                paid_out += amount
            # USDC for USDC: what a share is paid out for is what it brings.
            brought += done.proceeds if not done.hops else 0.0
        assert cash == pytest.approx(before.cash, rel=NOISE, abs=1)
        assert debts == pytest.approx(before.debts, rel=NOISE, abs=1)
        idle = before.claims[SHARE].idle - after.claims[SHARE].idle
        assert idle + paid_out == pytest.approx(brought, rel=NOISE, abs=1)


@given(vault_worlds(), st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7]))
@settings(max_examples=40)
def test_claim__through_any_cascade__is_worth_no_more_and_pays_for_its_losses(
    sheet: WorldSheet, fall: float
) -> None:
    for columns, before, one, after in played(sheet, fall):
        earlier, later = before.claims[SHARE], after.claims[SHARE]
        assert later.worth <= earlier.worth * (1 + NOISE)
        assert min(later.idle, later.total, *later.lent) >= -1
        places = columns.claims.backings[SHARE].lent_at
        lost = sum(
            loss.amount
            for done in one.liquidations
            for loss in done.realised
            if loss.quote in places
        )
        redeemed = sum(done.proceeds for done in one.liquidations if not done.hops)
        gone = earlier.total - later.total - redeemed
        assert gone + NOISE * earlier.total >= -1
        assert gone <= lost * (1 + NOISE) + 1 + NOISE * earlier.total
        assert (later.worth < earlier.worth * (1 - 1e-6)) <= (lost > 0)
        if not redeemed and earlier.total:
            share = later.total / earlier.total
            assert later.worth == pytest.approx(earlier.worth * share, rel=NOISE)
