"""The incidents that are shipped, and what is said of a file that is none."""

import re
from pathlib import Path

import pytest

from monitor.errors import ConfigError, QuestionError
from monitor.incidents.books import BOOKS, read_course
from monitor.incidents.incident_file import alone, load_incident
from monitor.parts import parts_of, watchers_of

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "incidents"
SHIPPED = sorted(FOLDER.glob("*.toml"))
WHOLE = """
[incident]
title = "2020-03: a test"
chain_id = 1
begins = 2020-03-12T00:00:00Z
ends = 2020-03-13T00:00:00Z
summary = "Nothing of this ever happened, but it reads well."
node = "It needs nothing."
is_replayable = true
[[incident.facts]]
what = "Nothing happened to anybody."
source = "nobody says so"
[scenarios.fall]
shocks = { WETH = -0.1 }
[[breakers]]
name = "fall"
scenario = "fall"
measure = "liquidated_usd"
warn = 2
trip = 3
clear = 1
"""


def test_incidents__that_are_shipped__are_those_four() -> None:
    assert [path.stem for path in SHIPPED] == [
        "2022-06-steth",
        "2025-11-xusd",
        "2026-03-10-capo",
        "2026-04-18-rseth",
    ]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_incident__that_is_shipped__loads_and_asks_what_can_be_asked(
    path: Path, tmp_path: Path
) -> None:
    found = load_incident(path)
    settings = alone(found, tmp_path)
    assert len(watchers_of(settings, "0x")) == len(found.breakers) >= 1
    assert {plan.name for plan in parts_of(settings).runner.plans} == set(found.scenarios)
    begins, ends = found.span
    assert 0 < ends - begins <= 70 * 86_400
    assert found.incident.title.startswith(path.stem[:7])


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_incident__that_is_shipped__names_a_source_for_every_fact(path: Path) -> None:
    found = load_incident(path)
    assert len(found.incident.facts) >= 4
    for fact in found.incident.facts:
        assert re.search(r"https://|data set \w+|Gauntlet, ", fact.source), fact.what


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_incident__without_positions_of_the_day__says_that_it_was_not_replayed(path: Path) -> None:
    found = load_incident(path)
    assert found.incident.node.startswith("Not replayed")
    if found.book is not None:
        assert found.book.set in BOOKS
        assert not found.book.of_the_day  # no set that is at hand is


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("title", "titel"), "incident.titel: Extra inputs are not permitted"),
        (('source = "nobody says so"', ""), "incident.facts.0.source: Field required"),
        (("[[incident.facts]]", "[[incident.rumours]]"), "incident.facts: Field required"),
        (("2020-03-13", "2020-03-11"), "incident.ends: expected a moment after incident.begins"),
        (('scenario = "fall"', 'scenario = "rise"'), "no scenario 'rise': it has fall"),
        (("trip = 3", "trip = 1"), "breakers.fall."),
        (("shocks = { WETH = -0.1 }", ""), "scenarios.fall: expected shocks or a curve"),
        (("chain_id = 1", "chain_id = 0"), "incident.chain_id: Input should be greater than 0"),
    ],
)
def test_incident__with_a_fault__names_it(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    path = tmp_path / "incident.toml"
    path.write_text(WHOLE)
    load_incident(path)
    path.write_text(WHOLE.replace(*change))
    with pytest.raises(ConfigError, match=re.escape(said)):
        load_incident(path)


def test_incident__of_an_unknown_set__names_those_that_are_known(tmp_path: Path) -> None:
    path = tmp_path / "incident.toml"
    path.write_text(WHOLE + '[book]\nset = "mine"\nof_the_day = true\n')
    with pytest.raises(ConfigError, match=r"book.set = 'mine': expected one of lido_steth"):
        load_incident(path)


def test_set__that_is_not_at_hand_or_damaged__is_named(tmp_path: Path) -> None:
    for name in BOOKS:
        with pytest.raises(QuestionError, match=rf"expected the set {name}, which is others'"):
            read_course(name, tmp_path, 0, 2**31)
        (tmp_path / name).mkdir()
        with pytest.raises(QuestionError, match=rf"the set {name} in .* does not read"):
            read_course(name, tmp_path, 0, 2**31)
