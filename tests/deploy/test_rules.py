"""The rules for Prometheus: valid, tested, each with a runbook, none with a dead name."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from deploy.rule_files import (
    ALERTING,
    RECORDING,
    RULE_TESTS,
    RUNBOOKS,
    alerts,
    metrics_named,
    runbooks,
    tried,
)
from monitor.metrics import Labels, Metrics

pytestmark = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="rules: no promtool here (Debian: prometheus)"
)
LABELS = Labels(("m",), ("WETH",), ("s",), ("b",), ("w",), 1, ("treasury",))
MUST = ("severity:", "summary:", "description:", "runbook_url:")


def promtool(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ("promtool", *words), input=given, capture_output=True, text=True, check=False
    )


def exposition() -> str:
    """What a daemon serves at /metrics when it starts."""
    return Metrics(CollectorRegistry(), LABELS, "1").render().decode()


def served() -> set[str]:
    """Names of all series that a daemon can have."""
    families = list(text_string_to_metric_families(exposition()))
    names = {sample.name for family in families for sample in family.samples}
    return names | {family.name for family in families}


def recorded() -> set[str]:
    return set(re.findall(r"- record: (\S+)", RECORDING.read_text()))


def test_rule_files__checked_by_promtool__are_valid() -> None:
    done = promtool("check", "rules", str(RECORDING), str(ALERTING))
    assert done.returncode == 0, done.stdout + done.stderr


def test_metrics__of_a_daemon__pass_promtools_lint() -> None:
    done = promtool("check", "metrics", given=exposition())
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("path", RULE_TESTS, ids=lambda path: path.name)
def test_rules__under_promtools_unit_tests__fire_and_end(path: Path) -> None:
    done = promtool("test", "rules", str(path))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert__in_the_unit_tests__fires_and_is_over_again() -> None:
    seen = tried()
    assert {name for name, each in seen.items() if each.fires and each.is_over} == alerts().keys()


@pytest.mark.parametrize("name", alerts())
def test_alert__as_written__has_all_that_a_woken_person_needs(name: str) -> None:
    rule = alerts()[name]
    assert [word for word in MUST if word not in rule] == []
    assert f"runbook_url: deploy/RUNBOOKS.md#{name.lower()}\n" in rule


def test_runbooks__beside_the_rules__tell_of_every_alert_and_of_no_other() -> None:
    assert list(runbooks()) == list(alerts())


@pytest.mark.parametrize("name", alerts())
def test_runbook__of_an_alert__says_what_it_means_and_what_to_do(name: str) -> None:
    text = runbooks()[name]
    assert [
        part for part in ("**Means**", "**Look**", "**Do**", "**Over**") if part not in text
    ] == []


def test_rules_and_runbooks__name_only_metrics__that_a_daemon_serves() -> None:
    named = metrics_named(RECORDING.read_text()) | metrics_named(ALERTING.read_text())
    named |= metrics_named(RUNBOOKS.read_text())
    assert {name.rstrip(":") for name in named} - served() - recorded() == set()


def test_thresholds__that_rules_compare_with__are_those_that_are_set() -> None:
    asked = set(re.findall(r'threshold\{of="(\w+)"\}', ALERTING.read_text()))
    told = set(re.findall(r"labels: \{of: (\w+)\}", RECORDING.read_text()))
    assert asked == told
