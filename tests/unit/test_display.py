"""Tables for people: what strangers call their tokens is text in them, never markup."""

import io
from typing import Any

import pytest
from rich.console import Console

from monitor.display import alerts, positions, prices, status

BLOCK = {"number": 1, "hash": "0x" + "1" * 64, "timestamp": 0}
CLOSING, LINK = "[/x]", "[link=https://example.org]WETH[/link]"
PRICE = {
    "market": "morpho",
    "sub_market": None,
    "price": "10",
    "unit": "10",
    "numeraire": "0x",
    "decimals": 18,
    "numeraire_decimals": 18,
    "kind": None,
    "age_seconds": None,
    "oracle_deviation": None,
}
RECEIPT = {"kind": "erc4626", "withdrawable": "1", "total_assets": "4"}
STATUS: dict[str, Any] = {
    "block": BLOCK,
    "leader": None,
    "blind": {},
    "markets": [],
    "reasons": [],
    "breakers": [],
}


def shown(render: Any, document: dict[str, Any], width: int = 200) -> str:
    out = io.StringIO()
    render(Console(file=out, width=width, color_system=None), document)
    return out.getvalue()


@pytest.mark.parametrize("symbol", [CLOSING, LINK])
def test_symbol__that_looks_like_markup__is_shown_as_it_is(symbol: str) -> None:
    row = PRICE | {"symbol": symbol, "numeraire_symbol": symbol, "unknown": [symbol]}
    assert shown(prices, {"block": BLOCK, "prices": [row]}).count(symbol) == 3

    line = {"symbol": symbol, "value_usd": None}
    held = {
        "market": "morpho",
        "sub_market": None,
        "account": "0x",
        "health_factor": None,
        "liquidatable": None,
        "e_mode": 0,
        **{side: [line] for side in ("collateral", "debt", "supply")},
    }
    assert shown(positions, {"block": BLOCK, "positions": [held], "next": None}).count(symbol) == 3

    said = STATUS | {"receipts": [RECEIPT | {"symbol": symbol}], "unknown": [symbol]}
    assert shown(status, said).count(symbol) == 2


def test_status__while_blind__says_in_what_way_since_when_and_why() -> None:
    head = {"since": "2026-11-22T03:00:00Z", "reasons": ["no newer block than [7]", "no node"]}
    said = shown(status, STATUS | {"blind": {"monitor.head": head}, "receipts": [], "unknown": []})
    assert "monitor.head since 2026-11-22T03:00:00Z: no newer block than [7]" in said
    assert "monitor.head since 2026-11-22T03:00:00Z: no node" in said


def a_market(**changes: Any) -> dict[str, Any]:
    sums = ("collateral_usd", "collateral_net_usd", "debt_usd", "at_risk_usd")
    concentration = {
        "collateral": {"top1": 0.1077, "top5": 0.396, "hhi": 0.0433},
        "debt": None,
    }
    named = {"market": "aave-core", "positions": 145, "concentration": concentration}
    return named | dict.fromkeys(sums, "0.00") | changes


def test_status__on_a_narrow_terminal__shows_sums_and_concentration_whole() -> None:
    market = a_market(
        collateral_usd="23340431999.99",
        collateral_net_usd="37615102.37",
        debt_usd=None,
        at_risk_usd="226254.81",
    )
    text = shown(status, STATUS | {"markets": [market], "receipts": [], "unknown": []}, width=80)
    for whole in ("aave-core", "$23,340.43M", "$37.62M", "unknown", "$226,255"):
        assert whole in text
    for share in ("10.8%", "39.6%", "0.043"):
        assert share in text
    assert "…" not in text


def test_positions__on_a_narrow_terminal__cut_no_number() -> None:
    line = {"symbol": "WETH", "value_usd": "13552371.91"}
    held = {
        "market": "morpho",
        "sub_market": None,
        "account": "0x" + "Ab" * 20,
        "health_factor": None,
        "liquidatable": None,
        "e_mode": 0,
        **{side: [line] for side in ("collateral", "debt", "supply")},
    }
    text = shown(positions, {"block": BLOCK, "positions": [held], "next": None}, width=60)
    assert "…" not in text


@pytest.mark.parametrize(
    ("holders", "words"),
    [
        ({"holders": {"count": 3, "top": [{"share": 0.625}]}}, "3, the largest has 62.50%"),
        ({"holders": {"count": 0, "top": []}}, " 0 "),
        ({"holders": None}, "unknown"),
        ({}, "v "),
    ],
)
def test_status__of_a_claim__says_who_holds_it(holders: dict[str, Any], words: str) -> None:
    receipt = {"symbol": "v", "kind": "k", "withdrawable": "1", "total_assets": "1"} | holders
    text = shown(status, STATUS | {"receipts": [receipt], "unknown": []})
    assert words in text
    assert ("unknown" in text) == (words == "unknown")


@pytest.mark.parametrize(
    ("withdrawable", "total", "words"),
    [
        ("1", "4", "25.00%"),
        ("0", "4", "0.00%"),
        ("0", "0", "there is nothing"),
        (None, "4", "unknown"),
        (None, None, "unknown"),
    ],
)
def test_status__of_a_claim__says_what_share_can_be_withdrawn(
    withdrawable: str | None, total: str | None, words: str
) -> None:
    receipt = {"symbol": "v", "kind": "erc4626"}
    receipt |= {"withdrawable": withdrawable, "total_assets": total}  # type: ignore[dict-item]
    assert words in shown(status, STATUS | {"receipts": [receipt], "unknown": []})


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            {"value": "0.08012345678901234", "measure": "share_of_market", "threshold": "0.1"},
            "CLEARED eth: 8.012 % of all debt liquidated (clear at 10 %)",
        ),
        (
            {"value": None, "measure": "critical_shock", "threshold": "0.1"},
            "CLEARED eth: no move on the curve is critical (clear at 10 %)",
        ),
        ({"value": None, "measure": None, "reasons": ["its rule is gone"]}, "its rule is gone"),
    ],
)
def test_alerts__shown__say_what_receivers_were_told_and_which_to_send_again(
    told: dict[str, Any], words: str
) -> None:
    identity = "36ea9e7e0264686e83921b74ee76ff49"
    alert: dict[str, Any] = {"breaker": "eth", "id": identity, "fingerprint": "f"}
    alert |= {"severity": "critical", "status": "resolved", "starts_at": "2026-11-22T05:57:21Z"}
    data = {"alert": alert, "block": BLOCK, "projection": {}} | told
    row: dict[str, Any] = {
        "timestamp": "2026-11-22T05:58:21Z",
        "type": "breaker.cleared",
        "data": data,
    }
    row |= {"silenced": None, "deliveries": {"on-call": "delivered"}}
    head, fate = shown(alerts, {"alerts": [row]}, width=40).splitlines()
    assert head.startswith("2026-11-22T05:58:21Z  CLEARED eth: ")
    assert head.endswith(words)
    assert fate.strip() == f"block 1, on-call: delivered  {identity}"


def test_alerts__where_there_are_none__says_so() -> None:
    assert shown(alerts, {"alerts": []}) == "no alerts\n"
