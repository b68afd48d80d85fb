"""[[breakers]] with several measures, and what they come to."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from unit.test_settings import GOOD, faults, loaded

from monitor.engine.measures import Measure, When
from monitor.parts import parts_of, watchers_of

WHOLE = GOOD.replace(
    "[[webhooks]]",
    """
[[breakers]]
name = "both"
scenario = "eth-crash"
measure = "liquidated_usd"
markets = ["aave-core"]
warn = 5
trip = 20
clear = 4
when = "all"
hold_blocks = 3
min_seconds_between_trips = 3600
escalate = [50, 100.5]
remind_seconds = 600

[[breakers.also]]
scenario = "eth-curve"
measure = "critical_shock_sigmas"
warn = 3
trip = 1.5
clear = 4

[[webhooks]]""",
)


def test_watchers_of__breaker_with_everything__has_everything(tmp_path: Path) -> None:
    rule = watchers_of(loaded(tmp_path, WHOLE), "0xgenesis")[-1]
    assert (rule.name, rule.when, rule.hold_blocks) == ("both", When.ALL, 3)
    assert (rule.min_seconds_between_trips, rule.remind_seconds) == (3600, 600)
    assert rule.escalate == (Decimal(50), Decimal("100.5"))
    first, second = rule.limits
    assert (first.scenario, first.markets) == ("eth-crash", ("aave-core",))
    assert [first.warn, first.trip, first.clear] == [Decimal(5), Decimal(20), Decimal(4)]
    assert (second.measure, second.scenario) == (Measure.CRITICAL_SHOCK_SIGMAS, "eth-curve")
    assert (second.markets, second.trip) == (("*",), Decimal("1.5"))


def test_watchers_of__breaker_with_the_least__neither_reminds_nor_escalates(tmp_path: Path) -> None:
    rule = watchers_of(loaded(tmp_path), "0xgenesis")[0]
    assert (rule.when, rule.min_seconds_between_trips, rule.escalate) == (When.ANY, 0, ())
    assert (rule.remind_seconds, len(rule.limits)) == (None, 1)


def test_parts__prices_noted_hourly__are_those_some_breaker_is_measured_in(tmp_path: Path) -> None:
    assert parts_of(loaded(tmp_path)).prices.wanted == ()
    assert parts_of(loaded(tmp_path, WHOLE)).prices.wanted == ("WETH",)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"all"', '"most"', r"breakers\[2\]\.when = 'most': expected 'any' or 'all'"),
        ("[50, 100.5]", "[50, 50]", r"breakers\[2\]\.escalate: 50 is not beyond 50"),
        ("[50, 100.5]", "[20]", r"breakers\[2\]\.escalate: 20 is not beyond 20"),
        ("= 600", "= 0", r"breakers\[2\]\.remind_seconds = 0: expected greater than 0"),
        ("= 3600", "= -1", r"breakers\[2\]\.min_seconds_between_trips = -1: expected"),
        (
            'scenario = "eth-curve"\nmeasure = "critical_shock_sigmas"',
            'scenario = "eth-crash"\nmeasure = "critical_shock_sigmas"',
            r"breakers\[2\]\.also\[0\]\.scenario = 'eth-crash': expected one with curve",
        ),
        (
            'scenario = "eth-curve"\nmeasure = "critical_shock_sigmas"',
            'scenario = "x"\nmeasure = ["critical_shock_sigmas"]',
            r"breakers\[2\]\.also\[0\]\.scenario = 'x': there is none of that name",
        ),
        (
            "trip = 1.5",
            "trip = 3.5",
            r"breakers\[2\]\.also\[0\]\.trip: not on the bad side of warn",
        ),
        ("clear = 4\n\n[[w", "clear = 2\n\n[[w", r"also\[0\]\.clear: not on the safe side of warn"),
    ],
)
def test_load__faulty_breaker__names_key_and_expectation(
    tmp_path: Path, old: str, new: str, fault: str
) -> None:
    assert WHOLE.count(old) == 1
    found = faults(tmp_path, WHOLE.replace(old, new))
    assert any(re.search(fault, one) for one in found), found
