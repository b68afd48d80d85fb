"""The state in one word: which comes first, and what is said of it."""

from dataclasses import replace
from typing import Any

import pytest

from monitor.core.ports import Probe
from monitor.web.page.sheet import Sheet
from monitor.web.page.verdict import Mood, verdict_of

SINCE = "2026-01-02T00:51:24Z"
SCENARIO = {"name": "crash", "shocks": {"WETH": -0.2}, "curve": None}


def breaker(**changes: Any) -> dict[str, Any]:
    return {
        "name": "cascade",
        "phase": "armed",
        "blind": False,
        "blind_since": None,
        "scenario": "crash",
        "measure": "liquidated_usd",
        "value": "2500000.00",
        "warn": "3000000",
        "trip": "4200000",
        "since": None,
        "unknown": [],
        **changes,
    }


TRIPPED = breaker(name="big", phase="tripped", value="5000000.00", since=SINCE)
WARNED = breaker(name="near", phase="warned", value="3500000.00", since=SINCE)
PENDING = breaker(name="soon", phase="pending", value="4300000.00", since=SINCE)
SIGHTLESS = breaker(name="eyes", blind=True, blind_since=SINCE, value=None, unknown=["no price"])
NEW = breaker(name="new", value=None, unknown=["its value: no block was judged"])
BELOW = {"name": "ours", "positions": [{"below": True}, {"below": False}]}
HEAD = {"monitor.head": {"since": SINCE, "reasons": ["no newer block"]}}
CURRENT = Probe(True)
LATE = Probe(False, ("catching up: 29 blocks behind the head",))


def sheet(*breakers: dict[str, Any], **changes: Any) -> Sheet:
    status = {
        "breakers": list(breakers),
        "blind": changes.pop("blind", {}),
        "markets": [{"positions": changes.pop("held", 250)}],
    }
    made = Sheet(0.0, CURRENT, status=status, scenarios=(SCENARIO,))
    return replace(made, **changes)


@pytest.mark.parametrize(
    ("found", "mood", "line"),
    [
        (sheet(breaker()), Mood.QUIET, "All quiet"),
        (sheet(held=0), Mood.EMPTY, "No positions yet"),
        (sheet(WARNED), Mood.WARNED, "Warned: near"),
        (sheet(WARNED, PENDING), Mood.WARNED, "About to trip: soon"),
        (sheet(breaker(), watches=[BELOW]), Mood.WARNED, "At risk: ours"),
        (sheet(WARNED, TRIPPED), Mood.TRIPPED, "TRIPPED: big"),
        (sheet(TRIPPED, blind=HEAD), Mood.TRIPPED, "TRIPPED: big"),
        (sheet(WARNED, blind=HEAD), Mood.BLIND, "Blind: no new blocks"),
        (sheet(SIGHTLESS), Mood.BLIND, "Blind: eyes"),
        (sheet(breaker(), NEW), Mood.BUSY, "Waiting for a block: new"),
        (sheet(breaker(value=None)), Mood.QUIET, "All quiet"),
        (sheet(ready=LATE), Mood.BUSY, "Catching up"),
        (sheet(ready=LATE, held=0), Mood.BUSY, "Catching up"),
        (sheet(WARNED, ready=LATE), Mood.WARNED, "Warned: near"),
        (sheet(ready=Probe(False, ("a price is unknown",))), Mood.BLIND, "Not sure"),
        (Sheet(0.0, Probe(False, ("starting: x",)), "no block"), Mood.BUSY, "Starting"),
        (Sheet(0.0, Probe(False, ("standby: led by a",)), "x"), Mood.BUSY, "Standing by: led by a"),
    ],
)
def test_verdict__of_each_state__is_one_word_and_a_mood(
    found: Sheet, mood: Mood, line: str
) -> None:
    verdict = verdict_of(found)
    assert (verdict.mood, verdict.line) == (mood, line)


def test_verdict__of_several_things__names_the_others_too() -> None:
    verdict = verdict_of(sheet(WARNED, TRIPPED, blind=HEAD, ready=LATE))
    assert verdict.also == (
        "Blind: no new blocks. no newer block",
        "Warned: near. If WETH falls 20 %: $3.5M liquidated. It warns at $3.0M.",
        "Catching up. 29 blocks behind the head.",
    )


def test_verdict__of_a_trip__says_what_how_much_and_since_when() -> None:
    verdict = verdict_of(sheet(TRIPPED))
    assert verdict.says == "If WETH falls 20 %: $5.0M liquidated. It trips at $4.2M."
    assert verdict.since_unix == 1767315084
    assert verdict.also == ()


def test_verdict__of_blindness_that_readiness_names_too__says_it_once() -> None:
    verdict = verdict_of(sheet(blind=HEAD, ready=Probe(False, ("no newer block",))))
    assert (verdict.says, verdict.also) == ("no newer block", ())


def test_verdict__of_a_condition_nobody_named__is_no_bug() -> None:
    odd = {"monitor.new": {"since": SINCE, "reasons": ["odd"]}}
    assert verdict_of(sheet(blind=odd)).line == "Blind: monitor.new"
