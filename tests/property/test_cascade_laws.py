"""Laws of the reference cascade over every family of pools and several markets at once.

Loss is bad debt, which holds what liquidations left and what is short of those nobody liquidated.
With the profit filter off a liquidator is paid whatever it takes: `gas_usd` below any loss.

That a deeper shock costs no less, and a deeper pool no more, is a law only while nobody is closed
later in the milder case: contract section 5 fixes prices for a round, so who is closed a round
later is closed at a worse price. The two tests at the end are how that comes about, by hand.
"""

import math
from dataclasses import replace

import pytest
from cascade_books import (
    ALL_TERMS,
    FAMILIES,
    WHOLE,
    books,
    plain_world,
    plain_worlds,
    turned,
    wide_worlds,
)
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from unit.simulation.worlds import USDC, WETH, borrower, debt, pledge, scenario

from monitor.core.risk import Exposure, PartialTerms, WorldSheet
from monitor.simulation.options import Options
from monitor.simulation.projection import names_of, project
from monitor.simulation.results import Projection
from monitor.simulation.scenarios import scenario_of
from monitor.simulation.shocks import parse_shocks

UNFILTERED = Options(gas_usd=-math.inf)
UNHEARD = replace(UNFILTERED, deviation=1e300)
"""Oracles that no sale moves."""
FALLS = st.floats(0, 0.5).map(lambda ratio: round(ratio, 4))
MORE = st.floats(0, 0.3).map(lambda ratio: round(ratio, 4))
NOTHING_USD = 1e-3


def asked(sheet: WorldSheet, fall: float, options: Options, depth: float = 1.0) -> Projection:
    shocks = parse_shocks({"WETH": -fall, "liquidity:*": depth})
    return project(sheet, scenario_of(shocks, names_of(sheet, {"WETH": WETH})), options)


def is_no_less(more: Projection, less: Projection) -> bool:
    return more.bad_debt_usd >= less.bad_debt_usd * (1 - 1e-9) - NOTHING_USD


def ends_at_once(found: Projection) -> bool:
    """In its first round, and not because a feed at 0 keeps liquidators from a second."""
    return found.rounds <= 1 and not found.unliquidated_because["no_price"]


@given(wide_worlds(), FALLS)
@settings(max_examples=50)
def test_order__of_accounts_legs_and_assets__changes_no_bit(sheet: WorldSheet, fall: float) -> None:
    shock = scenario(WETH=-fall)
    assert project(turned(sheet), shock, Options()) == project(sheet, shock, Options())


@given(wide_worlds())
@settings(max_examples=50)
def test_zero_shock__on_a_healthy_book__is_zero(sheet: WorldSheet) -> None:
    found = asked(sheet, 0, Options())
    assert (found.liquidated_usd, found.bad_debt_usd, found.unliquidated_usd) == (0, 0, 0)
    assert (found.rounds, found.converged) == (0, True)


@given(plain_worlds(), FALLS, MORE)
@settings(max_examples=50)
def test_deeper_shock__where_no_sale_moves_an_oracle__costs_no_less(
    sheet: WorldSheet, fall: float, more: float
) -> None:
    assert is_no_less(asked(sheet, fall + more, UNHEARD), asked(sheet, fall, UNHEARD))


@given(plain_worlds(), FALLS, st.floats(1, 100))
@settings(max_examples=50)
def test_deeper_pool__where_no_sale_moves_an_oracle__costs_no_more(
    sheet: WorldSheet, fall: float, factor: float
) -> None:
    assert is_no_less(asked(sheet, fall, UNHEARD), asked(sheet, fall, UNHEARD, factor))


@given(plain_worlds(), FALLS, MORE)
@settings(max_examples=50)
def test_deeper_shock__than_one_that_ends_in_its_first_round__costs_no_less(
    sheet: WorldSheet, fall: float, more: float
) -> None:
    milder = asked(sheet, fall, UNFILTERED)
    assume(ends_at_once(milder))
    assert is_no_less(asked(sheet, fall + more, UNFILTERED), milder)


@given(plain_worlds(), FALLS, st.floats(1, 100))
@settings(max_examples=50)
def test_deeper_pool__in_which_all_ends_in_the_first_round__costs_no_more(
    sheet: WorldSheet, fall: float, factor: float
) -> None:
    deeper = asked(sheet, fall, UNFILTERED, factor)
    assume(ends_at_once(deeper))
    assert is_no_less(asked(sheet, fall, UNFILTERED), deeper)


@given(books(), ALL_TERMS, st.sampled_from(FAMILIES), FALLS, MORE)
@settings(max_examples=40)
def test_deeper_shock__in_any_pool__costs_no_less_than_a_milder_one_in_a_bottomless_one(
    book: list[Exposure], terms: PartialTerms, family: str, fall: float, more: float
) -> None:
    bottomless = asked(plain_world(book, terms, "product", 1e18), fall, UNFILTERED)
    for side_usd in (1e5, 1e6, 1e7):
        found = asked(plain_world(book, terms, family, side_usd), fall + more, UNFILTERED)
        assert is_no_less(found, bottomless)


def failing(*accounts: tuple[float, float]) -> list[Exposure]:
    """(share of the price at which one fails, USDC owed) of accounts 1, 2, ..."""
    return [
        borrower(number, pledge(WETH, round(owed / (0.8 * 2000 * at), 6)), debt(USDC, owed))
        for number, (at, owed) in enumerate(accounts, start=1)
    ]


def test_deeper_shock__that_closes_at_once_who_is_else_closed_later__costs_less() -> None:
    """At 8 % the first is closed alone, and its sale ruins the second; at 11 % both are in time."""
    sheet = plain_world(failing((0.93, 400_000), (0.9, 100_000)), WHOLE, "product", 2e6)
    milder, deeper = (asked(sheet, fall, UNFILTERED) for fall in (0.08, 0.11))
    assert (milder.rounds, deeper.rounds) == (2, 1)
    assert deeper.bad_debt_usd == 0
    price = milder.round_log[0].oracles[0][2]
    assert price < 2000 * 0.9 * 0.8 * 1.05
    lost = 100_000 - 100_000 / (0.8 * 2000 * 0.9) * price / 1.05
    assert milder.bad_debt_usd == pytest.approx(lost, rel=1e-6)


def test_deeper_pool__that_keeps_one_safe_for_a_round__costs_more() -> None:
    """A tenth more depth: the third is not closed with the second, but after its sale."""
    book = failing((0.93, 100_000), (0.8, 400_000), (0.79, 100_000))
    sheet = plain_world(book, WHOLE, "product", 1.3e6)
    thin, deeper = (asked(sheet, 0.08, UNFILTERED, depth) for depth in (1, 1.1))
    assert (thin.rounds, deeper.rounds) == (2, 3)
    assert thin.bad_debt_usd == 0
    assert deeper.bad_debt_usd > 30_000
