"""The table of loops: what a person reads of one at a glance."""

import io
from typing import Any

from rich.console import Console

from monitor.loop_commands import breaks_words, table, way_words

OWNER = "0x" + "Ab" * 20


def leg(market: str, collateral: str, debt: str | None, account: str = OWNER) -> dict[str, Any]:
    return {
        "market": market,
        "sub_market": None,
        "account": account,
        "collateral_symbol": collateral,
        "debt": None if debt is None else "0x",
        "debt_symbol": debt,
    }


def a_row(**changes: Any) -> dict[str, Any]:
    return {
        "owner": OWNER,
        "kind": "cross_protocol",
        "debt_usd": "2500.00",
        "leverage": 3.5,
        "hops": 2,
        "breaks_at": {"WETH": -0.0909},
        "path": [leg("aave-core", "WETH", "USDC"), leg("morpho", "USDC", None)],
        **changes,
    }


def shown(*rows: dict[str, Any], cursor: str | None = None, width: int = 300) -> str:
    out = Console(file=io.StringIO(), width=width)
    block = {"number": 1, "hash": "0x" + "1" * 64, "timestamp": 0}
    table(out, {"block": block, "next": cursor, "loops": rows})
    return out.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_way__across_markets__is_drawn_leg_by_leg() -> None:
    path = [leg("aave-core", "WETH", "USDC"), leg("morpho", "USDC", "WETH")]
    assert way_words(path) == ["WETH", "aave-core", "USDC", "morpho", "WETH"]


def test_way__of_a_chain__ends_where_nothing_was_borrowed_on_it() -> None:
    assert way_words([leg("a", "WETH", "USDC"), leg("b", "USDC", None)]) == [
        *("WETH", "a", "USDC", "b"),
    ]


def test_way__of_several_assets_in_one_position__names_each_once() -> None:
    path = [leg("a", "WETH", "USDC"), leg("a", "WBTC", "USDC"), leg("a", "WETH", "DAI")]
    assert way_words(path) == ["WETH + WBTC", "a", "USDC + DAI"]


def test_way__over_two_accounts_in_one_market__is_two_positions() -> None:
    path = [leg("a", "WETH", "USDC"), leg("a", "USDC", "WETH", "0x" + "Cd" * 20)]
    assert way_words(path) == ["WETH", "a", "USDC", "a", "WETH"]


def test_table__of_a_way_through_very_many_positions__draws_both_ends() -> None:
    path = [leg("a", "WETH", "USDC", f"0x{n:040x}") for n in range(1_000)]
    told = shown(a_row(path=[*path, leg("b", "USDC", None)]))
    assert "WETH → a → USDC" in told
    assert "→ … 2987 more … → USDC → b" in told


def test_breaks__of_several_moves__names_the_nearest_and_the_interest() -> None:
    breaks = {"WETH": -0.12, "USDC": 0.136, "rate:aave-core/USDC": "0.91@320d"}
    assert breaks_words(breaks) == ["breaks at WETH -12.0%", "after 320 days of interest on USDC"]
    assert breaks_words({}) == ["no price breaks it"]
    assert breaks_words(None) == ["what breaks it is unknown"]


def test_table__of_a_loop__says_all_of_it_on_a_narrow_terminal() -> None:
    way = [leg("aave-core", "WETH", "USDC"), leg("morpho", "USDC", None)]
    told = shown(a_row(debt_usd="3127247.98", path=way), cursor="0x" + "ab" * 32 + ":1", width=80)
    for words in (
        "$3,127,247.98  cross protocol  " + OWNER,
        "WETH → aave-core → USDC → morpho",
        "3.50 x in 2 hops, breaks at WETH -9.1%",
        f"more: --cursor 0x{'ab' * 32}:1",
    ):
        assert words in told


def test_table__of_unknown_values__says_unknown_and_why() -> None:
    reasons = ["USD value of X", "hops: not seen", "carry: yield of X"]
    told = shown(a_row(debt_usd=None, leverage=None, breaks_at=None, unknown=reasons))
    for words in ("unknown  cross", "leverage unknown", "breaks it is unknown"):
        assert words in told
    assert told.count("unknown: ") == told.count("unknown: USD value of X") == 1


def test_table__of_a_loop_whose_yield_is_unknown__says_nothing_of_what_it_does_not_show() -> None:
    assert "unknown" not in shown(a_row(unknown=["carry: yield of X"]))


def test_table__of_strangers_names__is_text_and_no_markup() -> None:
    told = shown(a_row(path=[leg("morpho", "[/x]", "[link=https://e.org]WETH[/link]")]))
    assert "[/x] → morpho → [link=https://e.org]WETH[/link]" in told


def test_table__of_none__says_so_and_where_there_are_more() -> None:
    assert "no loops" in shown()
    assert "more: --cursor 0xab:1" in shown(a_row(), cursor="0xab:1")
