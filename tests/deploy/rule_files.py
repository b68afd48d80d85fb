"""The rule files, their tests and the runbooks, read as text: what alerts there are, and where."""

import re
from dataclasses import dataclass
from pathlib import Path

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
RECORDING = DEPLOY / "prometheus" / "recording.rules.yml"
ALERTING = DEPLOY / "prometheus" / "alerting.rules.yml"
RULE_TESTS = sorted((DEPLOY / "prometheus" / "tests").glob("*.test.yml"))
RUNBOOKS = DEPLOY / "RUNBOOKS.md"


@dataclass(frozen=True, slots=True)
class Tried:
    """What the tests of one alert see of it: whether it fires, and is over after that."""

    fires: bool
    is_over: bool


def alerts() -> dict[str, str]:
    """By name, what its rule says, as text."""
    _, *parts = re.split(r"^      - alert: ", ALERTING.read_text(), flags=re.MULTILINE)
    return {part.partition("\n")[0].strip(): part for part in parts}


def tried() -> dict[str, Tried]:
    """By alert; of its tests together."""
    found: dict[str, Tried] = {}
    for path in RULE_TESTS:
        for case in re.split(r"^  - name: ", path.read_text(), flags=re.MULTILINE)[1:]:
            moments = re.findall(
                r"- alertname: (\w+)\n +eval_time: \w+\n +exp_alerts:( \[\])?", case
            )
            for name in {name for name, _ in moments}:
                fires = [not empty for each, empty in moments if each == name]
                before = found.get(name, Tried(False, False))
                ends = True in fires and not fires[-1]
                found[name] = Tried(before.fires or True in fires, before.is_over or ends)
    return found


def runbooks() -> dict[str, str]:
    """By heading, the text below it."""
    _, *parts = re.split(r"^## ", RUNBOOKS.read_text(), flags=re.MULTILINE)
    return {part.partition("\n")[0].strip(): part.partition("\n")[2] for part in parts}


def metrics_named(text: str) -> set[str]:
    """Metrics and recorded series that a text of PromQL names."""
    return set(re.findall(r"\b(?:\w+:)?cascade_monitor[\w:]*\b|\bprocess_\w+", text)) - {
        "cascade_monitor"
    }
