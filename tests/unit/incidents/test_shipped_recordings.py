"""The recordings that are shipped, played: a newcomer's first replay needs no node.

They answer what this version asks. Where a change makes it ask more, `make recordings` renews them.
"""

import asyncio
import gzip
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from monitor.incidents.sessions import from_recording

FOLDER = Path(__file__).resolve().parents[3] / "deploy" / "incidents" / "recordings"
SHIPPED = ("crash", "depeg", "flash-crash")


@cache
def played(name: str) -> dict[str, Any]:
    path = FOLDER / f"{name}.json.gz"
    return asyncio.run(from_recording(path, None, None, lambda done, of: None))


def breaker(document: dict[str, Any], name: str) -> dict[str, Any]:
    (row,) = (row for row in document["breakers"] if row["name"] == name)
    found: dict[str, Any] = row
    return found


def test_recordings__that_are_shipped__are_those_three_and_small() -> None:
    assert sorted(path.name.partition(".")[0] for path in FOLDER.iterdir()) == sorted(SHIPPED)
    assert all(path.stat().st_size < 300_000 for path in FOLDER.iterdir())


@pytest.mark.parametrize("name", SHIPPED)
def test_recording__that_is_shipped__holds_no_url_and_no_contracts_code(name: str) -> None:
    text = gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()).decode()
    assert "://" not in text
    assert "60806040" not in text  # how Solidity's code begins


def test_crash__played__is_led_by_more_than_a_minute() -> None:
    document = played("crash")
    found = breaker(document, "eth-cascade")
    assert [trip["verdict"] for trip in found["trips"]] == ["right"]
    assert (found["lead_seconds"], found["false_alarms"], found["misses"]) == (76, 0, 0)
    assert document["happened"]["liquidations"] == 25
    before = [row for row in document["timeline"] if row["prices"]["WETH"] == "1844.74"][-1]
    projected = float(before["scenarios"]["eth-crash"]["value"])
    assert projected == pytest.approx(float(document["happened"]["liquidated_usd"]), rel=1e-6)


def test_flash_crash__played__is_a_false_alarm() -> None:
    document = played("flash-crash")
    found = breaker(document, "eth-cascade")
    assert [trip["verdict"] for trip in found["trips"]] == ["false"]
    assert document["happened"]["liquidations"] == 0
    assert [alert["type"] for alert in document["alerts"]] == ["breaker.tripped", "breaker.cleared"]


def test_depeg__played__is_told_by_its_own_breaker_alone() -> None:
    document = played("depeg")
    assert breaker(document, "eth-cascade")["trips"] == []
    assert breaker(document, "wsteth-depeg")["lead_seconds"] == 26
    assert {row["prices"]["WETH"] for row in document["timeline"]} == {"2000.00"}
