"""How claims are drawn: what rests on what, and nothing that a token calls itself is markup."""

from typing import Any

from rich.console import Console

from monitor.claim_commands import table

HELD = {"market": None, "sub_market": None}
LENT = {"market": "morpho", "sub_market": "0x" + "1" * 64}


def drawn(**changes: Any) -> str:
    claim: dict[str, Any] = {
        "symbol": "[bold]vUSDC",
        "kind": "erc4626",
        "rests_on": [
            {"symbol": "USDC", **LENT, "share": 0.6},
            {"symbol": "DAI", **HELD, "share": 0.1},
        ],
        "circular": 0.25,
        "unseen": 0.05,
        "shared_by": [
            {
                "market": "takes",
                "sub_market": None,
                "pledged": {"symbol": "outer"},
                "share": 0.5,
                "value_usd": None,
            }
        ],
        "unknown": ["0x1: the followed markets show 5 of the 10 it holds"],
    }
    target = {**LENT, "share": 0.24, "value_usd": "24.00"}
    document = {
        "block": {"number": 1, "hash": "0x" + "a" * 64, "timestamp": 1},
        "next": None,
        "claims": [claim | changes],
        "markets": [{"market": "takes", "sub_market": None, "claims_on": [target]}],
    }
    out = Console(record=True, width=200)
    table(out, document)
    return out.export_text()


def test_table__of_a_claim__says_all_shares_and_who_shares_it() -> None:
    text = drawn()
    for told in (
        "[bold]vUSDC",
        "60.00% USDC lent in morpho/0x11111111…",
        "10.00% DAI",
        "25.00% circular: it claims nothing but itself",
        "5.00% unknown",
        "takes: outer (50.00% of it) unknown",
        "24.00% of the collateral in takes is a claim on morpho/0x11111111…",
        "unknown: 0x1: the followed markets show 5 of the 10 it holds",
    ):
        assert told in text


def test_table__of_a_vault_that_rounds__hides_what_rounding_hides() -> None:
    assert "0.00% unknown" not in drawn(unseen=1e-18)


def test_table__of_a_claim_pledged_in_very_many_markets__shows_the_largest() -> None:
    places = [
        {
            "market": f"takes-{usd}",
            "sub_market": None,
            "pledged": {"symbol": "outer"},
            "share": 1,
            "value_usd": f"{usd}.00",
        }
        for usd in range(1, 13)
    ]
    text = drawn(shared_by=places)
    assert "takes-12: outer $12.00" in text
    assert "… 2 more" in text
    assert "takes-2:" not in text
