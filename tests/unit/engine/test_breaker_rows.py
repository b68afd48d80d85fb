"""What is shown of a breaker: what it is, since when, who hears of it, what comes next."""

import io
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from builders import a_block
from rich.console import Console
from unit.engine.breakers import a_rule, lived

from monitor.core.alerts import BreakerState, Silence
from monitor.core.ledger import Ledger
from monitor.display import breakers
from monitor.engine.breaker import BreakerRule
from monitor.engine.breaker_rows import NOT_JUDGED, NOT_READ, Surroundings, breaker_row
from monitor.engine.measures import NOTHING_CRITICAL, When

QUIET = Silence("eth-cascade", since_unix=0, until_unix=10**6, why="a planned [migration]")


def a_row(
    rule: BreakerRule, state: BreakerState, silences: Mapping[str, Silence] | None = None
) -> dict[str, Any]:
    return breaker_row(rule, state, Surroundings(Ledger(), a_block(), {}, silences))


def shown(row: Mapping[str, Any]) -> str:
    out = io.StringIO()
    breakers(Console(file=out, width=120, color_system=None), {"breakers": [row]})
    return out.getvalue()


def test_row__tripped_and_silenced__says_until_when_since_when_and_what_comes_next() -> None:
    rule = a_rule(escalate=[50, 100])
    state, _, block = lived(rule, [20, 60])
    row = a_row(rule, state, {"eth-cascade": QUIET})
    assert row["last_tripped"] == row["since"] == "1970-01-01T00:20:12Z"
    assert (row["last_said"], block.timestamp) == ("1970-01-01T00:20:24Z", 1224)
    assert row["next_escalation"] == "100000000"
    assert row["silenced"] == {"until": "1970-01-12T13:46:40Z", "why": "a planned [migration]"}
    assert (row["muted"], row["unknown"]) == (False, [])
    assert "measures" not in row
    text = shown(row)
    assert "silenced until 1970-01-12T13:46:40Z: a planned [migration]" in text
    assert "last tripped 1970-01-01T00:20:12Z" in text
    assert "escalates next at 100000000" in text


def test_row__silence_that_is_over__is_none() -> None:
    over = replace(QUIET, until_unix=a_block().timestamp)
    assert a_row(a_rule(), BreakerState(), {"eth-cascade": over})["silenced"] is None


def test_row__store_that_cannot_be_read__says_that_silences_are_unknown() -> None:
    row = a_row(a_rule(), BreakerState(value="1"), None)
    assert (row["silenced"], row["unknown"]) == (None, [NOT_READ])


def test_row__not_judged_yet__says_why_its_value_is_unknown() -> None:
    row = a_row(a_rule(), BreakerState(), {})
    assert (row["value"], row["unknown"]) == (None, [NOT_JUDGED])
    assert "dry run" in NOT_JUDGED  # or who looks beside one takes it for a fault


def test_row__blind__says_since_when_and_what_it_was() -> None:
    state, _, _ = lived(a_rule(), [20, None])
    row = a_row(a_rule(), state, {})
    assert (row["state"], row["phase"], row["blind"]) == (-1, "tripped", True)
    assert row["blind_since"] == "1970-01-01T00:20:24Z"
    text = shown(row)
    assert "blind" in text
    assert "was tripped when it could see" in text


def test_row__cleared_too_lately_to_trip_again__says_until_when_it_waits() -> None:
    rule = a_rule(apart_seconds=60)
    state, _, block = lived(rule, [20, 4, 20])
    around = Surroundings(Ledger(), block, {}, {})
    row = breaker_row(rule, state, around)
    assert (row["phase"], row["trips_not_before"]) == ("pending", "1970-01-01T00:21:12Z")
    assert "does not trip again before 1970-01-01T00:21:12Z" in shown(row)
    later = replace(around, block=replace(block, timestamp=1272))
    assert breaker_row(rule, state, later)["trips_not_before"] is None
    tripped, _, _ = lived(rule, [20])
    assert a_row(rule, tripped, {})["trips_not_before"] is None


def test_row__fired_in_a_silence_and_not_said_yet__is_muted() -> None:
    state, _, _ = lived(a_rule(), [20], silenced=[0])
    row = a_row(a_rule(), state, {})
    assert row["muted"]
    assert "nobody was told" in shown(row)


def test_row__several_measures__lists_each_with_its_value() -> None:
    rule = a_rule(measures=2, when=When.ALL)
    state, _, _ = lived(rule, [(20, None)])
    row = a_row(rule, state, {})
    assert (row["when"], [one["value"] for one in row["measures"]]) == (
        "all",
        ["20000000.00", None],
    )
    text = shown(row)
    assert text.count("liquidated usd") == 2
    assert "unknown" in text


def test_row__measure_added_since_the_state_was_stored__has_no_value() -> None:
    state, _, _ = lived(a_rule(), [20])
    row = a_row(a_rule(measures=3), state, {})
    assert [one["value"] for one in row["measures"]] == ["20000000.00", None, None]


def test_row__measure_taken_away_since__is_not_shown() -> None:
    state, _, _ = lived(a_rule(measures=3), [(5, 6, 7)])
    assert a_row(a_rule(), state, {})["value"] == "5000000.00"


def test_row__no_shock_critical__has_no_value_but_is_not_unknown() -> None:
    row = a_row(a_rule(), BreakerState(value=str(NOTHING_CRITICAL)), {})
    assert row["value"] is None
    assert "unknown" not in shown(row)
    assert Decimal(row["warn"]) == a_rule().limits[0].warn
