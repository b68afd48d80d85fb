"""Risk parameters set to something else: a cut is a shock like any other."""

from collections.abc import Mapping
from fractions import Fraction

import pytest
from unit.simulation.worlds import (
    USDC,
    WETH,
    account_number,
    borrower,
    debt,
    market,
    pair,
    pledge,
    pool,
    world,
)

from monitor.core.risk import WorldSheet
from monitor.errors import QuestionError
from monitor.simulation.options import Options
from monitor.simulation.projection import names_of, project
from monitor.simulation.results import Projection
from monitor.simulation.scenarios import scenario_of
from monitor.simulation.shocks import parse_shocks

DEEP = 1e9
THRESHOLD = "parameter:core/WETH.liquidation_threshold_bps"
PLAIN = borrower(1, pledge(WETH, 10), debt(USDC, 15_500))
IN_MODE = borrower(2, pledge(WETH, 10, threshold_bps=9000, scheme="e-mode-1"), debt(USDC, 15_500))


def weth_world() -> WorldSheet:
    """One account by the asset's own terms, one by those of a scheme; and one market of a pair."""
    single = pair(WETH, USDC, Fraction(2000))
    return world([market([PLAIN, IN_MODE]), single], [pool(WETH, USDC, DEEP)])


def asked(shocks: Mapping[str, object]) -> Projection:
    sheet = weth_world()
    names = names_of(sheet, {"WETH": WETH, "USDC": USDC})
    return project(sheet, scenario_of(parse_shocks(shocks), names), Options())


def liquidated(found: Projection) -> list[str]:
    return sorted(entry.account for entry in found.largest)


def test_threshold__of_an_asset_is_cut__liquidates_who_has_its_own_terms() -> None:
    found = asked({THRESHOLD: 7700})
    assert liquidated(found) == [account_number(1)]
    assert found.price_amplification == 1.0


def test_threshold__of_a_scheme_is_cut__liquidates_who_chose_it() -> None:
    found = asked({"parameter:core/e-mode-1.liquidation_threshold_bps": 7700})
    assert liquidated(found) == [account_number(2)]


def test_threshold__as_it_is__changes_nothing() -> None:
    assert asked({THRESHOLD: 8000}).rounds == 0


def test_threshold__is_raised__saves_who_would_fall() -> None:
    assert account_number(1) in liquidated(asked({"WETH": -0.05}))
    assert asked({"WETH": -0.05, THRESHOLD: 8500}).rounds == 0


def test_bonus__is_raised__costs_the_account_more() -> None:
    plain = asked({"WETH": -0.05})
    dear = asked({"WETH": -0.05, "parameter:core/WETH.liquidation_bonus_bps": 11_000})
    assert plain.seized_usd == pytest.approx(plain.liquidated_usd * 1.05)
    assert dear.seized_usd == pytest.approx(dear.liquidated_usd * 1.10)


def test_fee__is_raised__takes_from_the_liquidator_in_every_scheme() -> None:
    shocks = {"WETH": -0.15, "parameter:core/WETH.liquidation_fee_bps": 5000}
    found = asked(shocks)
    assert len(found.largest) == 2
    assert found.seized_usd == pytest.approx(found.liquidated_usd * 1.025)


def test_close_factor__of_a_market__bounds_one_call() -> None:
    half = asked({"WETH": -0.05})
    tenth = asked({"WETH": -0.05, "parameter:core/*.close_factor_bps": 1000})
    assert half.first_round_usd == pytest.approx(7750)
    assert tenth.first_round_usd == pytest.approx(1550)


def test_parameters__together_with_all_else__are_one_scenario() -> None:
    found = asked({THRESHOLD: 7900, "WETH": -0.02, "gas": 2, "liquidity:*": 0.5})
    assert liquidated(found) == [account_number(1)]
    assert found.scenario.shocks[THRESHOLD] == 7900


@pytest.mark.parametrize(
    ("shocks", "message"),
    [
        ({"parameter:morpho/WETH.lltv": 9000}, "no parameter of morpho can change"),
        ({"parameter:core/WETH.ltv_bps": 8000}, "no parameter 'ltv_bps': expected one of liq"),
        ({"parameter:core/e-mode-1.liquidation_fee_bps": 1}, "e-mode-1 of core has no parameter"),
        ({"parameter:core/e-mode-2.liquidation_bonus_bps": 1}, "no asset is called 'e-mode-2'"),
        ({"parameter:core/*.liquidation_bonus_bps": 11_000}, "expected one of close_factor_bps"),
        ({"parameter:core/DOGE.liquidation_bonus_bps": 11_000}, "no asset is called 'DOGE'"),
        ({"parameter:spark/WETH.liquidation_bonus_bps": 11_000}, "no market is called 'spark'"),
        ({THRESHOLD: 0}, "expected 1 to 10000"),
        ({THRESHOLD: 10_001}, "expected 1 to 10000"),
        ({"parameter:core/WETH.liquidation_bonus_bps": 10_000}, "expected 10001 to 65535"),
        ({THRESHOLD: 1e30}, "not a whole number"),
        ({THRESHOLD: "nan"}, "not a finite number"),
        ({THRESHOLD: 1, f"parameter:core/{WETH}.liquidation_threshold_bps": 2}, "twice"),
    ],
)
def test_parameter__that_is_not_there_or_cannot_be__is_refused(
    shocks: dict[str, object], message: str
) -> None:
    with pytest.raises(QuestionError, match=message):
        asked(shocks)
