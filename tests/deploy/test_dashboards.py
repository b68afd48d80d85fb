"""The dashboards: as built, whole, every query answered by a real Prometheus beside real daemons.

A query with a misspelt metric succeeds and returns nothing: so each must return something known.
"""

import asyncio
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.drawn_dashboards import draw
from deploy.observed_world import CALM_SECONDS, Observed, observe
from deploy.prometheus_server import PrometheusServer
from deploy.rule_files import DEPLOY, alerts

FOLDER = DEPLOY / "grafana" / "dashboards"
NAMES = ("risk.json", "monitor.json")
PICTURES = Path(__file__).resolve().parents[1] / "browser" / ".pictures"
GRID_WIDTH = 24
MISSED_SECONDS = 5
pytestmark = pytest.mark.timeout(400)
Panel = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """One query of one panel."""

    board: str
    panel: str
    expr: str

    def __str__(self) -> str:
        return f"{self.board}: {self.panel}: {self.expr}"


def document(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / name).read_text())
    return found


def panels(name: str) -> list[Panel]:
    """Those that show something: rows only divide."""
    return [panel for panel in document(name)["panels"] if panel["type"] != "row"]


def targets() -> list[Target]:
    return [
        Target(name, panel["title"], target["expr"])
        for name in NAMES
        for panel in panels(name)
        for target in panel["targets"]
    ]


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    if shutil.which("prometheus") is None:
        pytest.skip("dashboards: no prometheus here (Debian: prometheus)")
    folder = tmp_path_factory.mktemp("observed")
    home = folder / "prometheus"
    home.mkdir()
    prometheus = PrometheusServer(home)
    try:
        yield asyncio.run(observe(folder, prometheus, CALM_SECONDS))
    finally:
        prometheus.stop()


def filled_in(expr: str, observed: Observed) -> str:
    """As Grafana asks it, with everything chosen."""
    for name in ("job", "chain", "instance", "market", "scenario"):
        expr = expr.replace(f'"${name}"', '".+"')
    whole = int(observed.ended - observed.calm[0])
    expr = expr.replace("$__rate_interval", f"{whole}s")
    assert "$" not in expr, f"a variable that nothing stands for: {expr}"
    return expr


def is_known(series: dict[str, Any]) -> bool:
    return any(value != "NaN" for _, value in series["values"])


@pytest.mark.parametrize("name", NAMES)
def test_dashboard__in_the_repository__is_what_the_builders_make(name: str) -> None:
    pytest.importorskip("grafana_foundation_sdk", reason="dashboards: grafana-foundation-sdk")
    from grafana.build import texts

    assert (FOLDER / name).read_text() == texts()[name], "run: make dashboards"


@pytest.mark.parametrize("name", NAMES)
def test_panels__of_a_dashboard__lie_beside_one_another(name: str) -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in document(name)["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= GRID_WIDTH, panel["title"]
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                other = taken.setdefault((x, y), panel["title"])
                assert other == panel["title"], f"{panel['title']} lies over {other}"
    numbers = [panel["id"] for panel in document(name)["panels"]]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("name", NAMES)
def test_panel__of_a_dashboard__says_what_it_shows_in_which_unit(name: str) -> None:
    for panel in panels(name):
        assert panel["description"], panel["title"]
        assert panel["options"] is not None, panel["title"]
        if panel["type"] not in ("table", "heatmap"):
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        named = set(re.findall(r"CascadeMonitor\w+", panel["description"]))
        assert named <= alerts().keys(), panel["title"]


def test_every_alert__but_those_of_absence__is_named_by_a_panel() -> None:
    told = "".join(panel["description"] for name in NAMES for panel in panels(name))
    unseen = {name for name in alerts() if f"{name}." not in told and f"{name}," not in told}
    assert unseen == {
        "CascadeMonitorAbsent",
        "CascadeMonitorSeriesMissing",
        "CascadeMonitorStartsLong",
    }


def test_rules__beside_real_daemons__are_all_evaluated(observed: Observed) -> None:
    sick = [rule["name"] for rule in observed.prometheus.rules() if rule["health"] != "ok"]
    assert sick == []


def test_alerts__while_all_is_well__neither_fire_nor_are_about_to(observed: Observed) -> None:
    """A scrape that a busy machine made late is forgiven: what is amiss stays pending."""
    seen = observed.prometheus.over("ALERTS", *observed.calm)
    told = [
        series["metric"]
        for series in seen
        if series["metric"]["alertstate"] == "firing" or len(series["values"]) > MISSED_SECONDS
    ]
    assert told == []


def test_alert__of_the_breaker_that_trips__fires_for_the_leader(observed: Observed) -> None:
    expr = 'ALERTS{alertname="CascadeMonitorBreakerTripped",alertstate="firing"}'
    (series,) = observed.prometheus.over(expr, observed.calm[1], observed.fallen)
    assert series["metric"]["instance"] == observed.leader
    assert series["metric"]["breaker"] == "eth-cascade"


def test_alerts__of_a_price_that_is_gone__begin_and_the_trip_stands(observed: Observed) -> None:
    now = observed.prometheus.now("ALERTS", observed.ended)
    told = {(one["metric"]["alertname"], one["metric"]["alertstate"]) for one in now}
    assert told >= {
        ("CascadeMonitorBreakerBlind", "pending"),
        ("CascadeMonitorBreakerTripped", "firing"),
        ("CascadeMonitorPriceUnknown", "pending"),
        ("CascadeMonitorProjectionUnknown", "pending"),
    }
    assert {one["metric"]["instance"] for one in now} == {observed.leader}


def test_pair__of_leader_and_standby__is_one(observed: Observed) -> None:
    (pair,) = observed.prometheus.over(
        "pair:cascade_monitor_leader:sum", observed.calm[0], observed.ended
    )
    assert {value for _, value in pair["values"]} == {"1"}
    assert pair["metric"]["chain_id"] == "31337"


@pytest.mark.parametrize("target", targets(), ids=str)
def test_panel__asked_of_a_real_prometheus__shows_something_known(
    observed: Observed, target: Target
) -> None:
    expr = filled_in(target.expr, observed)
    answer = observed.prometheus.over(expr, observed.calm[0], observed.ended)
    assert [series["metric"] for series in answer if is_known(series)], expr


@pytest.mark.parametrize("name", NAMES)
def test_annotations__of_what_happened__mark_it(observed: Observed, name: str) -> None:
    for annotation in document(name)["annotations"]["list"]:
        expr = filled_in(annotation["expr"], observed)
        assert observed.prometheus.over(expr, observed.calm[0], observed.ended), expr


@pytest.mark.parametrize("name", NAMES)
def test_variables__asked_of_a_real_prometheus__have_values(observed: Observed, name: str) -> None:
    for variable in document(name)["templating"]["list"]:
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"])
            assert asked, variable["query"]
            selector, label = filled_in(asked[1], observed), asked[2]
            assert observed.prometheus.label_values(label, selector), variable["name"]


@pytest.mark.parametrize("name", NAMES)
def test_picture__of_a_dashboard__has_no_empty_panel(observed: Observed, name: str) -> None:
    """For people who have no Grafana at hand: a drawing of ours, not Grafana's."""
    if shutil.which("chromium") is None:
        pytest.skip("pictures of the dashboards: no Chromium here")
    span = (observed.calm[0], observed.ended)
    PICTURES.mkdir(exist_ok=True)
    picture = PICTURES / f"dashboard-{name.removesuffix('.json')}.png"
    empty = draw(
        document(name),
        lambda expr: observed.prometheus.over(filled_in(expr, observed), *span),
        span,
        picture,
    )
    assert empty == 0
    assert picture.read_bytes().startswith(b"\x89PNG")
