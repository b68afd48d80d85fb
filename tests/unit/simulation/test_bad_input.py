"""Questions nobody can mean and worlds nobody wants: an answer or a refusal, never a traceback."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.simulation.worlds import (
    USDC,
    WBTC,
    WETH,
    borrower,
    debt,
    market,
    pledge,
    pool,
    sheet_of,
    world,
)

from monitor.core.curves import TickCurve
from monitor.core.risk import WorldSheet
from monitor.errors import QuestionError
from monitor.simulation.options import Options
from monitor.simulation.projection import names_of, project
from monitor.simulation.report import document_of
from monitor.simulation.results import Projection
from monitor.simulation.scenarios import scenario_of
from monitor.simulation.shocks import parse_shocks
from monitor.web.api import _projection

NAMED = {"WETH": WETH, "USDC": USDC}
SICK = borrower(1, pledge(WETH, 10), debt(USDC, 15_500))
DEEP = 1e9

KEYS = (
    *("WETH", "price:WETH", "price:", "price:price:WETH", "weth", " WETH", "*", "peg:WETH/USDC"),
    *("peg://", "peg:WETH/USDC/x", "oracle:core/WETH", "oracle:/", "oracle:core/core/WETH"),
    *("rate:core/WETH", "rate:core/x/WETH", "parameter:core/WETH.liquidation_threshold_bps"),
    *("parameter:core/WETH.", "parameter:core/*.close_factor_bps", "liquidity:*", "liquidity:WETH"),
    *("gas", "gas:WETH", "depth:WETH", "", ":", "0x", "gas_usd", "deviation", "max_rounds", "fill"),
)
VALUES = (
    *("1e30", "-1e30", "NaN", "-Infinity", "1e999", "-1e999", "1e-400", "-1", "-1.0000001"),
    *("-0.99999999999999", "9" * 5000, "-" + "9" * 5000, "0." + "9" * 5000, "1e999999999"),
    *('"nan"', '"sNaN"', '"inf"', '"1e30"', '"1_000"', '"٣"', '"0x10"', '"-0.1\\n"', '" -0.1 "'),
    *(f'"{"9" * 5000}"', "true", "null", "[]", "{}", '""', '"1.0@30d"', '"1.0@٣d"', '"nan@3d"'),
    *('"1e30@30d"', '"optimal"', '"best"', "-0.0", "-0.3", "7500", "0"),
)


def asked(
    sheet: WorldSheet, shocks: Mapping[str, Any], options: Mapping[str, Any] | None = None
) -> Projection:
    found = scenario_of(parse_shocks(shocks), names_of(sheet, NAMED))
    return project(sheet, found, Options().updated(options or {}))


def result_of(found: Projection) -> dict[str, Any]:
    """As it is answered: text that any JSON reader takes."""
    document: dict[str, Any] = json.loads(json.dumps(document_of(found, {}), allow_nan=False))
    told: dict[str, Any] = document["result"]
    return told


@given(
    st.sampled_from(KEYS), st.sampled_from(VALUES), st.sampled_from(KEYS), st.sampled_from(VALUES)
)
def test_question__of_any_words_in_json__is_answered_or_refused(
    key: str, value: str, option: str, choice: str
) -> None:
    sheet = world(market([SICK]), [pool(WETH, USDC, DEEP)])
    body = f'{{"shocks": {{{json.dumps(key)}: {value}}}, "options": {{"{option}": {choice}}}}}'
    for text in (body, f'{{"shocks": {{{json.dumps(key)}: {value}}}}}'):
        try:
            question = _projection(text.encode())
            found = asked(sheet, question.shocks, question.options)
        except QuestionError:
            continue
        assert result_of(found)["converged"]


@pytest.mark.parametrize("value", [1e30, -1, -1.5, float("nan"), "1e30", "nan", "-2"])
def test_shock__beyond_all_prices__says_what_is_expected(value: object) -> None:
    with pytest.raises(QuestionError, match=r"above -1|finite|expected 1e-9 to 1e") as caught:
        parse_shocks({"WETH": value})
    assert "WETH" in str(caught.value)


def test_asset__without_a_pool__is_unliquidated_and_said() -> None:
    other = borrower(2, pledge(WBTC, 1), debt(USDC, 30_000))
    sheet = world(market([SICK, other]), [pool(WETH, USDC, DEEP)])
    found = asked(sheet, {"WETH": -0.15, "WBTC": -0.3})
    result = result_of(found)
    assert found.unliquidated_usd == pytest.approx(30_000)
    assert result["by_market"]["core"]["unliquidated_usd"] == "30000.00"
    assert result["unliquidated_because"]["no_route"] == "30000.00"
    assert found.liquidated_usd > 0


def test_price__of_collateral_is_zero__leaves_all_of_its_debt_bad() -> None:
    assets = [sheet_of(WETH, price_base=0), sheet_of(USDC)]
    found = asked(world(market([SICK], assets=assets), [pool(WETH, USDC, DEEP)]), {"WETH": -0.1})
    assert found.liquidated_usd == 0
    assert found.bad_debt_usd == found.unliquidated_usd == pytest.approx(15_500)
    assert result_of(found)["unliquidated_because"]["no_profit"] == "15500.00"


def test_price__of_debt_is_zero__owes_nothing() -> None:
    assets = [sheet_of(WETH), sheet_of(USDC, price_base=0)]
    found = asked(world(market([SICK], assets=assets), [pool(WETH, USDC, DEEP)]), {"WETH": -0.9})
    assert (found.liquidated_usd, found.bad_debt_usd, found.unliquidated_usd) == (0, 0, 0)
    assert result_of(found)["converged"]


def ranged(below: int, above: int) -> TickCurve:
    """No liquidity at the price; so much from 10 % below it on, and from 10 % above it on."""
    whole = pool(WETH, USDC, DEEP)
    nets = (
        (whole.tick - 4000, below),
        (whole.tick - 1000, -below),
        (whole.tick + 1000, above),
        (whole.tick + 4000, -above),
    )
    return replace(whole, liquidity=0, ticks=tuple(each for each in nets if each[1]))


@pytest.mark.parametrize(("below", "above"), [(0, 10**18), (10**18, 0), (10**18, 10**18)])
@pytest.mark.parametrize("fall", [-0.05, 0.05, -0.15, -0.5])
def test_pool__without_liquidity_in_range__sells_where_there_is_some(
    below: int, above: int, fall: float
) -> None:
    """Nothing of it is seen as depth at the price; a sale goes on to the next range, if any."""
    account = borrower(1, pledge(WETH, 10), debt(USDC, 15_990))
    found = asked(world(market([account]), [ranged(below, above)]), {"WETH": fall})
    assert found.converged
    assert not found.unknown
    result_of(found)
    if fall < 0 and not below:
        assert found.liquidated_usd == 0
        assert found.unliquidated_usd == pytest.approx(15_990)


def test_pool__without_liquidity_at_all__is_named_and_not_sold_into() -> None:
    empty = replace(pool(WETH, USDC, DEEP), liquidity=0, ticks=())
    found = asked(world(market([SICK]), [empty]), {"WETH": -0.15})
    assert found.unliquidated_usd == pytest.approx(15_500)
    assert result_of(found)["left_out"] == [
        f"pool {empty.pool} holds no liquidity at any price: nothing is sold there"
    ]


def test_symbol__of_two_assets__lists_both() -> None:
    twin = replace(sheet_of(WETH), asset=WBTC)
    sheet = world(market([], assets=[sheet_of(WETH), twin, sheet_of(USDC)]))
    for key in ("WETH", "peg:WETH/USDC", "peg:USDC/WETH", "liquidity:WETH", "oracle:core/WETH"):
        with pytest.raises(QuestionError) as caught:
            scenario_of(parse_shocks({key: 0.5}), names_of(sheet, {}))
        assert WETH in str(caught.value)
        assert WBTC in str(caught.value)


def test_rounds__that_do_not_end__are_told() -> None:
    found = asked(
        world(market([SICK]), [pool(WETH, USDC, DEEP)]), {"WETH": -0.05}, {"max_rounds": 1}
    )
    assert result_of(found)["converged"] is False
