"""How bad it would get: which scenario leads, and where a gauge's marks lie."""

from typing import Any

import pytest

from monitor.core.ports import Probe
from monitor.web.page.danger import Gauge, gauge_of, lead_of, threats_of
from monitor.web.page.sheet import Sheet


def result(liquidated: str | None, **changes: Any) -> dict[str, Any]:
    return {"liquidated_usd": liquidated, "converged": True, "unknown": [], **changes}


def row(name: str, found: dict[str, Any] | None, fault: str = "") -> dict[str, Any]:
    document = None if found is None else {"result": found}
    shocks = {"WETH": -0.2}
    return {"name": name, "shocks": shocks, "curve": None, "document": document, "fault": fault}


def curve(
    critical: float | None, unknown: tuple[str, ...] = (), to: str = "-0.5"
) -> dict[str, Any]:
    document = {
        "curve": [{"result": result("1.00")}, {"result": result("9000000.00")}],
        "critical_shock": critical,
        "unknown": list(unknown),
    }
    asked = {"asset": "WETH", "to": to, "steps": 2}
    return {"name": "far", "shocks": {}, "curve": asked, "document": document, "fault": ""}


def sheet(*rows: dict[str, Any]) -> Sheet:
    return Sheet(0.0, Probe(True), status={"breakers": []}, scenarios=rows)


def lead(*rows: dict[str, Any]) -> str | None:
    found = lead_of(threats_of(sheet(*rows)))
    return None if found is None else found.name


def test_lead__is__the_largest_that_is_known() -> None:
    small, large = row("small", result("5.00")), row("large", result("70.00"))
    unknown = row("unknown", result(None, unknown=["no price"]))
    assert lead(small, large, unknown, curve(0.1)) == "large"
    assert lead(unknown, small) == "small"
    assert lead(unknown) == "unknown"
    assert lead(curve(0.1)) == "far"
    assert lead() is None


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (curve(0.12), "WETH falls 12 %"),
        (curve(0.3, to="0.5"), "WETH rises 30 %"),
        (curve(None), "none: WETH falls, at most by 50 %"),
        (curve(None, ("no price",)), "unknown"),
    ],
)
def test_curve__its_critical_shock__is_said(found: dict[str, Any], words: str) -> None:
    (threat,) = threats_of(sheet(found))
    assert threat.critical == words


def test_threat__that_did_not_end_or_was_not_asked__says_why() -> None:
    endless = row("a", result("5.00", converged=False))
    refused = row("b", None, "WETH is named twice")
    first, second = threats_of(sheet(endless, refused))
    assert first.unknown == ("the cascade did not come to an end within its rounds",)
    assert second.unknown == ("WETH is named twice",)
    assert second.worst.get("liquidated_usd") is None


def limits(measure: str, value: str | None, warn: str, trip: str) -> dict[str, Any]:
    return {"measure": measure, "value": value, "warn": warn, "trip": trip}


def test_gauge__fills__towards_the_worst() -> None:
    below = gauge_of(limits("liquidated_usd", "2", "3", "4"))
    assert below == Gauge(400, 600, 800)
    beyond = gauge_of(limits("liquidated_usd", "40", "3", "4"))
    assert beyond is not None
    assert beyond.value > beyond.trip > beyond.warn
    assert gauge_of(limits("liquidated_usd", None, "3", "4")) is None


def test_gauge__of_a_shock__is_fuller_the_less_it_takes() -> None:
    safe = gauge_of(limits("critical_shock", "0.3", "0.12", "0.08"))
    near = gauge_of(limits("critical_shock", "0.1", "0.12", "0.08"))
    assert safe is not None
    assert near is not None
    assert safe.value < safe.warn < safe.trip
    assert near.warn < near.value < near.trip
