"""The grammar of contract section 4, and how names become assets."""

from decimal import Decimal

import pytest
from unit.simulation.worlds import USDC, WETH, WSTETH

from monitor.core.units import Address, AssetId
from monitor.errors import QuestionError
from monitor.simulation.names import NameBook
from monitor.simulation.shocks import (
    GasShock,
    LiquidityShock,
    OracleShock,
    ParameterShock,
    PegShock,
    PriceShock,
    RateShock,
    Shock,
    curve_of,
    pairs_of,
    parse_shocks,
    scenario_of,
)

BRIDGED = AssetId(Address("0x" + "9" * 40))
NAMES = NameBook({"ETH": WETH}, {WETH: "WETH", WSTETH: "wstETH", USDC: "USDC", BRIDGED: "USDC"})


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ({"WETH": -0.3}, PriceShock("WETH", Decimal("-0.3"))),
        ({"price:WETH": "-0.30"}, PriceShock("WETH", Decimal("-0.30"))),
        ({"WETH": 1}, PriceShock("WETH", Decimal(1))),
        ({"peg:wstETH/WETH": -0.05}, PegShock("wstETH", "WETH", Decimal("-0.05"))),
        (
            {"oracle:aave-core/wstETH": -0.0285},
            OracleShock("aave-core", "wstETH", Decimal("-0.0285")),
        ),
        ({"rate:aave-core/WETH": "1.0@30d"}, RateShock("aave-core", "WETH", Decimal("1.0"), 30)),
        (
            {"parameter:aave-core/WETH.liquidation_threshold_bps": 8000},
            ParameterShock("aave-core", "WETH", "liquidation_threshold_bps", 8000),
        ),
        ({"liquidity:WETH": 0.5}, LiquidityShock("WETH", Decimal("0.5"))),
        ({"liquidity:*": 0.5}, LiquidityShock(None, Decimal("0.5"))),
        ({"gas": 10}, GasShock(Decimal(10))),
    ],
)
def test_parse_shocks__each_kind__is_understood(
    written: dict[str, object], expected: Shock
) -> None:
    assert parse_shocks(written) == (expected,)


def test_pairs_of__of_a_command_line__reads_the_same() -> None:
    given = parse_shocks(pairs_of(["WETH=-0.30", "gas=10"]))
    assert given == (PriceShock("WETH", Decimal("-0.30")), GasShock(Decimal(10)))


@pytest.mark.parametrize(
    "written",
    [
        {"WETH": -1},
        {"WETH": "-1.5"},
        {"WETH": "nan"},
        {"WETH": "1e999"},
        {"WETH": "-0." + "9" * 400},
        {"WETH": float("inf")},
        {"WETH": True},
        {"WETH": None},
        {"WETH": "a lot"},
        {"WETH": [1]},
        {"price:": -0.1},
        {"": -0.1},
        {"depth:WETH": 0.5},
        {"peg:wstETH": -0.1},
        {"oracle:wstETH": -0.1},
        {"rate:aave-core/WETH": "1.0"},
        {"rate:aave-core/WETH": "1.0@30"},
        {"rate:aave-core/WETH": "1.5@30d"},
        {"parameter:aave-core/WETH": 8000},
        {"parameter:aave-core/WETH.ltv_bps": 0.5},
        {"liquidity:*": -1},
    ],
)
def test_parse_shocks__of_nonsense__is_a_question_error(written: dict[str, object]) -> None:
    with pytest.raises(QuestionError):
        parse_shocks(written)


@pytest.mark.parametrize("arguments", [["WETH"], ["WETH=-0.1", "WETH=-0.2"]])
def test_pairs_of__malformed_or_twice__is_a_question_error(arguments: list[str]) -> None:
    with pytest.raises(QuestionError):
        parse_shocks(pairs_of(arguments))


@pytest.mark.parametrize("name", ["ETH", "WETH", WETH, WETH.upper().replace("X", "x")])
def test_resolve__own_name_symbol_or_address__is_the_asset(name: str) -> None:
    assert NAMES.resolve(name) == WETH


def test_resolve__symbol_of_two_assets__lists_the_candidates() -> None:
    with pytest.raises(QuestionError) as caught:
        NAMES.resolve("USDC")
    assert USDC in str(caught.value)
    assert BRIDGED in str(caught.value)


def test_resolve__own_name_that_is_also_an_ambiguous_symbol__is_the_named_asset() -> None:
    names = NameBook({"USDC": USDC}, NAMES.symbols)
    assert names.resolve("USDC") == USDC


def test_resolve__unknown__is_a_question_error() -> None:
    with pytest.raises(QuestionError, match="wstETH"):
        NAMES.resolve("DOGE")


def test_scenario_of__another_kind__is_not_supported_yet() -> None:
    with pytest.raises(QuestionError, match="peg shocks are not supported yet"):
        scenario_of(parse_shocks({"peg:wstETH/WETH": -0.05}), NAMES)


def test_scenario_of__one_asset_under_two_names__is_a_question_error() -> None:
    with pytest.raises(QuestionError, match="twice"):
        scenario_of(parse_shocks({"ETH": -0.1, "WETH": -0.2}), NAMES)


def test_scenario_of__names__are_kept_for_the_answer() -> None:
    scenario = scenario_of(parse_shocks({"WETH": -0.3}), NAMES)
    assert scenario.moves == {WETH: Decimal("-0.3")}
    assert scenario.shocks == {"WETH": -0.3}
    assert scenario.labels == {WETH: "WETH", WSTETH: "wstETH"}


def test_curve_of__steps__begin_next_to_zero_and_end_at_the_goal() -> None:
    curve = curve_of("WETH", -0.5, 5, NAMES)
    ratios = [scenario.moves[WETH] for scenario in curve.scenarios()]
    assert ratios == [Decimal(f"-0.{step}") for step in range(1, 6)]


@pytest.mark.parametrize(("to", "steps"), [(0, 10), (-1, 10), (-0.5, 0), (-0.5, 1.5), (-0.5, True)])
def test_curve_of__nowhere_or_without_steps__is_a_question_error(to: object, steps: object) -> None:
    with pytest.raises(QuestionError):
        curve_of("WETH", to, steps, NAMES)
