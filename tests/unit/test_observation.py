"""The critical shock of an asset, and how near a breaker is to its trip, as their metrics show."""

import math
from decimal import Decimal

import pytest
from builders import a_block
from unit.simulation.worlds import USDC, WETH, borrower, debt, market, pledge, pool, sheet_of, world

from monitor.core.alerts import BreakerState
from monitor.core.risk import WorldSheet
from monitor.engine.breaker import BreakerRule, Origin
from monitor.engine.cascade_runner import Answer, CurvePlan, Plan
from monitor.engine.measures import Limits, Measure, When
from monitor.observation import critical_shocks, trip_ratio
from monitor.simulation.options import Options
from monitor.simulation.projection import curve, names_of
from monitor.simulation.scenarios import curve_of

ACCOUNT = borrower(1, pledge(WETH, 10), debt(USDC, 13_600))
"""Below health 1 from a fall of more than 15 %."""


def answer(to: str, *, is_known: bool = True, rounds: int = 100) -> Answer:
    assets = [sheet_of(WETH), sheet_of(USDC) if is_known else sheet_of(USDC, price_base=None)]
    sheet: WorldSheet = world(market([ACCOUNT], assets=assets), [pool(WETH, USDC, 1e9)])
    options = Options(max_rounds=rounds)
    asked = curve_of("WETH", to, 10, names_of(sheet, {}))
    plan = Plan("curve", {}, CurvePlan("WETH", Decimal(to), 10), options)
    return Answer(plan, a_block(), curve(sheet, asked, options))


def test_critical_shock__of_one_curve__is_its_own() -> None:
    assert critical_shocks([answer("-0.5")]) == {"WETH": 0.2}


def test_critical_shock__of_two_curves_of_an_asset__is_the_smaller_in_any_order() -> None:
    near, far, up = answer("-0.2"), answer("-0.5"), answer("0.5")
    for answers in ([near, far, up], [up, far, near]):
        assert critical_shocks(answers) == {"WETH": pytest.approx(0.16)}


@pytest.mark.parametrize(
    "unknown",
    [
        answer("-0.5", is_known=False),
        answer("-0.5", rounds=1),
        Answer(answer("-0.5").plan, a_block(), None, "no asset is called 'WETH'"),
    ],
    ids=["price", "no end", "not asked"],
)
def test_critical_shock__where_a_curve_is_unknown__is_nan(unknown: Answer) -> None:
    for answers in ([unknown], [unknown, answer("-0.5")], [answer("-0.5"), unknown]):
        assert math.isnan(critical_shocks(answers)["WETH"])


def test_critical_shock__where_nothing_is_critical__is_nan() -> None:
    assert math.isnan(critical_shocks([answer("0.5")])["WETH"])


def test_critical_shock__of_a_scenario_of_shocks__is_none() -> None:
    plan = Plan("crash", {"WETH": -0.3}, None, Options())
    assert critical_shocks([Answer(plan, a_block(), None, "unknown")]) == {}


USD = Limits(Measure.LIQUIDATED_USD, warn=Decimal(50), trip=Decimal(200), clear=Decimal(40))
SHOCK = Limits(
    Measure.CRITICAL_SHOCK, warn=Decimal("0.3"), trip=Decimal("0.1"), clear=Decimal("0.4")
)


@pytest.mark.parametrize(
    ("limits", "value", "ratio"),
    [
        (USD, "50", 0.25),
        (USD, "300", 1.5),
        (SHOCK, "0.2", 0.5),
        (SHOCK, "0.05", 2.0),
        (SHOCK, "Infinity", 0.0),
        (SHOCK, "0", math.inf),
    ],
)
def test_trip_ratio__of_one_measure__is_1_at_the_trip_and_more_beyond(
    limits: Limits, value: str, ratio: float
) -> None:
    rule = BreakerRule(Origin("n", "0x"), "b", (limits,))
    assert trip_ratio(rule, BreakerState(value=value)) == pytest.approx(ratio)


@pytest.mark.parametrize(("when", "ratio"), [(When.ANY, 1.5), (When.ALL, 0.5)])
def test_trip_ratio__of_two_measures__is_as_bad_as_the_breaker_takes_them(
    when: When, ratio: float
) -> None:
    rule = BreakerRule(Origin("n", "0x"), "b", (USD, SHOCK), when)
    assert trip_ratio(rule, BreakerState(value="300", also=("0.2",))) == pytest.approx(ratio)
    assert math.isnan(trip_ratio(rule, BreakerState(value="300", also=(None,))))
