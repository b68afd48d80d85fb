"""The grammar of contract section 4, and how names become assets."""

from decimal import Decimal

import pytest
from unit.simulation.worlds import USDC, WETH, WSTETH

from monitor.core.units import Address, AssetId
from monitor.errors import QuestionError
from monitor.simulation.names import NameBook
from monitor.simulation.scenarios import Listed, curve_of, scenario_of
from monitor.simulation.shocks import (
    GasShock,
    LiquidityShock,
    OracleShock,
    ParameterShock,
    PegShock,
    PriceShock,
    RateShock,
    Shock,
    pairs_of,
    parse_shocks,
)

BRIDGED = AssetId(Address("0x" + "9" * 40))
NAMES = NameBook({"ETH": WETH}, {WETH: "WETH", WSTETH: "wstETH", USDC: "USDC", BRIDGED: "USDC"})
PLACED = NameBook(NAMES.named, NAMES.symbols, frozenset({"core", "core/0x1"}))


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
        {"rate:aave-core/WETH": "1.0@3651d"},
        {"rate:aave-core/WETH": "1.0@" + "9" * 5000 + "d"},
        {"parameter:aave-core/WETH.ltv_bps": "1e999999999"},
        {"liquidity:*": -1},
        {"liquidity:*": 1e30},
        {"liquidity:": 1},
        {"peg:wstETH/WETH": 1e30},
        {"peg:wstETH/WETH": -1.5},
        {"oracle:aave-core/WETH": "nan"},
        {"gas": "nan"},
        {"gas": 1e30},
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


@pytest.mark.parametrize(
    "written",
    [
        {"wstETH": -0.1, "peg:wstETH/WETH": -0.05},
        {"peg:wstETH/WETH": -0.05, "peg:wstETH/USDC": -0.05},
        {"oracle:core/wstETH": -0.05, f"oracle:core/{WSTETH}": -0.05},
        {"liquidity:WETH": 0.5, "liquidity:ETH": 0.5},
    ],
)
def test_scenario_of__one_thing_shocked_twice__is_a_question_error(
    written: dict[str, object],
) -> None:
    with pytest.raises(QuestionError, match="twice"):
        scenario_of(parse_shocks(written), PLACED)


def test_scenario_of__pegs_in_a_circle__names_the_circle() -> None:
    circle = {"peg:wstETH/WETH": -0.05, "peg:WETH/wstETH": -0.05}
    with pytest.raises(QuestionError, match="wstETH to WETH to wstETH"):
        scenario_of(parse_shocks(circle), PLACED)


def test_scenario_of__pegs_on_one_another__has_the_base_first() -> None:
    dai = AssetId(Address("0x" + "d" * 40))
    names = NameBook({"DAI": dai, "WETH": WETH, "wstETH": WSTETH}, {})
    written = {"peg:DAI/wstETH": -0.05, "peg:wstETH/WETH": -0.05}
    assert list(scenario_of(parse_shocks(written), names).pegs) == [WSTETH, dai]


def test_scenario_of__a_market__is_known_by_its_name() -> None:
    with pytest.raises(QuestionError, match="no market is called 'spark': expected one of core"):
        scenario_of(parse_shocks({"oracle:spark/WETH": -0.05}), PLACED)


def test_scenario_of__a_sub_market__may_stand_before_the_asset() -> None:
    asked = scenario_of(parse_shocks({"oracle:core/0x1/WETH": -0.05}), PLACED)
    assert list(asked.reports) == [Listed("core/0x1", WETH)]
    with pytest.raises(QuestionError, match="no asset is called '0x2/WETH'"):
        scenario_of(parse_shocks({"oracle:core/0x2/WETH": -0.05}), PLACED)


def test_scenario_of__every_kind__is_kept_for_the_answer_as_it_was_asked() -> None:
    written = {
        "WETH": -0.3,
        "peg:wstETH/WETH": -0.05,
        "oracle:core/wstETH": -0.0285,
        "liquidity:*": 0.5,
        "liquidity:WETH": 0.1,
        "gas": 10,
    }
    assert scenario_of(parse_shocks(written), PLACED).shocks == written


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
