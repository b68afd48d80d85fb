"""Worked cases that are not asked: of protocols that are not built yet, and of questions that no
projection answers. Each is said last, with its reason.
"""

import json
from pathlib import Path

import pytest

from monitor.protocols.registry import PROTOCOLS

HERE = Path(__file__).parent
CASES: dict[str, list[str]] = json.loads((HERE / "not_built.json").read_text())
LEFT_OUT: dict[str, str] = json.loads((HERE / "left_out.json").read_text())
NAMES = {"comet": "compound_v3", "maker": "maker"}
"""What configuration calls the groups whose protocol is planned."""


@pytest.mark.parametrize(
    ("group", "case"), [(group, case) for group, cases in CASES.items() for case in cases]
)
def test_worked_case__of_a_protocol_not_built__is_listed(group: str, case: str) -> None:
    assert NAMES.get(group) not in PROTOCOLS, f"{group} is built: {case} is to be asked of it"
    pytest.skip(f"worked cases of {group}: the protocol is not built yet")


@pytest.mark.parametrize("case", LEFT_OUT)
def test_worked_case__left_out__is_listed(case: str) -> None:
    asked = (each["id"] for cases in HERE.glob("*_cases.json") for each in _cases(cases))
    assert case not in asked, f"{case} is asked: it is not to be listed as left out"
    pytest.skip(f"{case}: {LEFT_OUT[case]}")


def _cases(file: Path) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(file.read_text())
    return found
