"""What `audit` prints for people."""

import io
from typing import Any

from rich.console import Console

from monitor.audit_commands import compared_table

ROW = {
    "market": "morpho",
    "sub_market": "0x" + "ab" * 32,
    "account": "0x" + "Cd" * 20,
    "what": "flags of collateral",
    "expected": "WETH, [b]wstETH",
    "found": "none",
}


def printed(**changes: Any) -> list[str]:
    document = {
        "block": {"number": 7, "hash": "0x07", "timestamp": 84},
        **{"accounts": 9, "of": 60, "comparisons": 70, "unknown": 1, "mismatches": 0},
        "differences": [],
    }
    said = io.StringIO()
    compared_table(Console(file=said, width=300), document | changes)
    return said.getvalue().splitlines()


def test_audit__nothing_differs__says_how_much_was_compared() -> None:
    assert printed() == [
        "block 7 0x07: 9 of 60 positions",
        "accounts=9 comparisons=70 unknown=1 mismatches=0",
    ]


def test_audit__difference__is_a_row_with_both_sides_and_what_to_do() -> None:
    lines = printed(mismatches=1, differences=[ROW])
    [row] = [line for line in lines if ROW["account"] in line]
    assert f"morpho/{ROW['sub_market']}" in row
    assert "flags of collateral" in row
    assert "WETH, [b]wstETH" in row
    assert "cascade-monitor store rebuild" in lines[-2]
    assert lines[-1].endswith(" mismatches=1")
