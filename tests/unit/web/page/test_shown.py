"""Values as the page shows them."""

import pytest

from monitor.web.page import shown
from monitor.web.page.marks import mood, notes

WAD = 10**18


@pytest.mark.parametrize(
    ("wad", "text", "nearness"),
    [
        (None, "unknown", "none"),
        (str(WAD), "1.000", "near"),
        # Rounded, it would look safe.
        (str(WAD - 1), "0.999", "due"),
        (str(1_049_999 * 10**12), "1.049", "near"),
        (str(105 * 10**16), "1.050", "far"),
        (str(2**256 - 1), "over 100", "far"),
    ],
)
def test_health__is__cut_off(wad: str | None, text: str, nearness: str) -> None:
    assert shown.health(wad) == text
    assert shown.nearness(wad) == nearness


def test_values__that_are_unknown__are_never_zero() -> None:
    for show in (shown.usd, shown.exact_usd, shown.times, shown.share, shown.exact_health):
        assert show(None) == "unknown"
    assert shown.usd("0.00") == "$0"
    assert shown.exact_usd("2681082.5") == "$2,681,082.50"
    assert (shown.times(1.4796), shown.times(19.02)) == ("1.48x", "19.0x")


@pytest.mark.parametrize(
    ("breaks_at", "words"),
    [
        ({}, ""),
        ({"WETH": -0.3, "peg:wstETH/WETH": -0.05}, "wstETH falls 5\u00a0% against WETH"),
        ({"WETH": None}, "not known"),
        ({"rate:core/WETH": "0.9@30d"}, "90\u00a0% of WETH in core is lent out for 30d"),
    ],
)
def test_breaks_at__says__the_nearest_move(breaks_at: dict[str, object], words: str) -> None:
    assert shown.breaking(breaks_at) == words


def test_path__of_a_loop__names_each_asset_once_in_a_row() -> None:
    legs = [("wstETH", "WETH"), ("WETH", "USDC"), ("USDC", None)]
    loop = {"path": [{"collateral_symbol": c, "debt_symbol": d} for c, d in legs]}
    assert shown.path(loop) == "wstETH → WETH → USDC"


def test_marks__of_alerts_and_breakers__are_words() -> None:
    assert mood({"type": "breaker.tripped"}) == "tripped"
    assert mood({"type": "something.new"}) == "warned"
    row = {
        "blind": True,
        "phase": "pending",
        "held_blocks": 1,
        "hold_blocks": 2,
        "silenced": {"until": "2026-01-01T00:00:00Z", "why": "we know"},
        "muted": False,
        "trips_not_before": None,
        "next_escalation": "9",
        "unknown": ["no price"],
    }
    assert list(notes(row)) == [
        "was pending when it could see",
        "over its limit for 1 of 2 blocks",
        "silenced until 2026-01-01T00:00:00Z: we know",
        "escalates next at 9",
        "no price",
    ]
