from decimal import Decimal

import pytest

from monitor.engine.measures import Level, Limits, Measure, Reading, When, look_at

FALLING = Limits(Measure.CRITICAL_SHOCK, Decimal("0.3"), Decimal("0.1"), clear=Decimal("0.4"))
RISING = Limits(Measure.SHARE_OF_MARKET, Decimal("0.3"), Decimal("0.4"), clear=Decimal("0.1"))


def test_reading__nan__is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        Reading(Decimal("NaN"))


@pytest.mark.parametrize(
    ("measure", "value", "shown"),
    [
        (Measure.LIQUIDATED_USD, "1234567.895", "1234567.90"),
        (Measure.BAD_DEBT_USD, "1E+300", "1" + "0" * 300 + ".00"),
        (Measure.AMPLIFICATION, "1E+2", "100"),
        (Measure.CRITICAL_SHOCK, "Infinity", None),
    ],
)
def test_measure__shown__is_the_contracts_text(
    measure: Measure, value: str, shown: str | None
) -> None:
    assert measure.shown(Decimal(value)) == shown


@pytest.mark.parametrize(
    ("limits", "levels"),
    [
        (FALLING, {"0.5": 0, "0.4": 0, "0.35": 1, "0.3": 2, "0.2": 2, "0.1": 3, "0": 3}),
        (RISING, {"0": 0, "0.1": 0, "0.2": 1, "0.3": 2, "0.35": 2, "0.4": 3, "1": 3}),
    ],
)
def test_level__of_a_value__is_on_the_bad_side_of_its_thresholds(
    limits: Limits, levels: dict[str, int]
) -> None:
    assert {value: limits.level(Decimal(value)) for value in levels} == levels


@pytest.mark.parametrize(
    ("when", "values", "lowest", "highest", "decides"),
    [
        (When.ANY, ["0.2", "0.3"], Level.WARN, Level.WARN, 1),
        (When.ALL, ["0.2", "0.3"], Level.EASED, Level.EASED, 0),
        (When.ANY, ["0.4", None], Level.TRIP, Level.TRIP, 0),
        (When.ANY, ["0.3", None], Level.WARN, Level.TRIP, 0),
        (When.ALL, ["0.3", None], Level.SAFE, Level.WARN, 0),
        (When.ALL, [None, "0.1"], Level.SAFE, Level.SAFE, 1),
        (When.ANY, [None, None], Level.SAFE, Level.TRIP, 0),
    ],
)
def test_look__what_is_unknown__may_be_anything(
    when: When, values: list[str | None], lowest: Level, highest: Level, decides: int
) -> None:
    readings = [Reading(None if value is None else Decimal(value)) for value in values]
    look = look_at([RISING, RISING], when, readings)
    assert (look.lowest, look.highest, look.decides) == (lowest, highest, decides)
    assert look.is_blind is (lowest is not highest)
