"""Tables hold what the JSON answers hold: exact, empty where unknown, harmless in a spreadsheet."""

import csv
import io
import json
import sys
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest

from monitor import parquet
from monitor.errors import QuestionError
from monitor.web.tables import LOOPS, POSITIONS, CsvText, Kind, Table

BLOCK = {"number": 17, "hash": "0x" + "1" * 64, "timestamp": 1_700_000_000}
UINT256 = str(2**256 - 1)
HOSTILE = ["=HYPERLINK(1)", "+1", "-2+3", "@SUM(1)", "\t=1", "\r=1", 'a"b,c\r\nd', "価格 €"]
PROVENANCE: dict[str, str] = {"table": "positions", "chain_id": "1", "block_hash": "0x" + "1" * 64}


def a_line(symbol: str = "WETH", usd: str | None = "2000.00", **more: Any) -> dict[str, Any]:
    return {"asset": "0xA5", "symbol": symbol, "amount": UINT256, "value_usd": usd} | more


def a_position(*pledged: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "market": "aave-core",
        "sub_market": None,
        "protocol": "aave_v3",
        "account": "0xAc",
        "owner": "0x0b",
        "collateral": [line | {"used_as_collateral": True} for line in pledged],
        "debt": [a_line("USDC", None)],
        "supply": [a_line("DAI", "0.00")],
        "health_factor": UINT256,
        "liquidatable": None,
        "e_mode": 0,
    } | more


def a_loop(**more: Any) -> dict[str, Any]:
    leg = {"collateral": "0xA5", "debt": "0xDe"}
    return {
        "id": "7" * 32,
        "owner": "0x0b",
        "accounts": ["0xAc", "0xAd"],
        "markets": ["aave-core", "morpho"],
        "kind": "cross_protocol",
        "path": [leg, {"collateral": "0xDe", "debt": None}],
        "collateral_usd": "2000.00",
        "debt_usd": "2001.50",
        "equity_usd": "-1.50",
        "leverage": None,
        "hops": None,
        "built": "unknown",
        "evidence": [],
        "breaks_at": {"WETH": -0.12},
        "health_factor": None,
        "carry": {
            "supply_yield": 0.01,
            "borrow_rate": None,
            "net": None,
            "break_even_borrow_rate": None,
        },
        "unknown": ["carry: it is new", "=cmd"],
    } | more


def a_page(name: str, *rows: dict[str, Any]) -> dict[str, Any]:
    return {"block": BLOCK, "next": None, name: list(rows)}


def in_csv(table: Table, *pages: dict[str, Any]) -> list[dict[str, str]]:
    text = CsvText(table)
    whole = text.header() + b"".join(text.rows(page) for page in pages)
    assert whole.decode().count("\r\n") >= 1 + text.written
    return list(csv.DictReader(io.StringIO(whole.decode(), newline=""), strict=True))


def in_parquet(table: Table, *pages: dict[str, Any]) -> Any:
    file = io.BytesIO()
    with parquet.parquet_pages(file, table, PROVENANCE) as written:
        for page in pages:
            written.write(page)
    return pq.read_table(io.BytesIO(file.getvalue()))


def test_positions__in_csv__have_a_row_for_each_asset_exact_and_empty_where_unknown() -> None:
    pledged, owed, lent = in_csv(POSITIONS, a_page("positions", a_position(a_line())))
    assert [row["side"] for row in (pledged, owed, lent)] == ["collateral", "debt", "supply"]
    assert (pledged["amount_raw"], pledged["health_factor"]) == (UINT256, UINT256)
    assert (pledged["used_as_collateral"], owed["used_as_collateral"]) == ("true", "")
    assert (pledged["value_usd"], owed["value_usd"], lent["value_usd"]) == ("2000.00", "", "0.00")
    assert (pledged["sub_market"], pledged["liquidatable"]) == ("", "")
    assert pledged["block_hash"] == BLOCK["hash"]


@pytest.mark.parametrize("symbol", HOSTILE)
def test_symbols__of_strangers__begin_no_formula_and_lose_nothing(symbol: str) -> None:
    row, *_ = in_csv(POSITIONS, a_page("positions", a_position(a_line(symbol))))
    assert row["symbol"].removeprefix("'") == symbol
    assert row["symbol"][0] not in "=+-@\t\r\n"
    (told, *_) = in_parquet(POSITIONS, a_page("positions", a_position(a_line(symbol)))).to_pylist()
    assert told["symbol"] == symbol  # nobody takes it for a formula there


def test_loops__in_csv__have_lists_in_one_cell_and_negative_equity_as_a_number() -> None:
    (row,) = in_csv(LOOPS, a_page("loops", a_loop()))
    assert (row["markets"], row["accounts"]) == ("aave-core; morpho", "0xAc; 0xAd")
    assert row["assets"] == "0xA5; 0xDe"
    assert json.loads(row["breaks_at"]) == {"WETH": -0.12}
    assert (row["equity_usd"], row["leverage"], row["hops"]) == ("-1.50", "", "")
    assert (row["carry_supply_yield"], row["carry_net"]) == ("0.01", "")
    (reasons,) = in_csv(LOOPS, a_page("loops", a_loop(unknown=["=cmd"])))
    assert reasons["unknown"] == "'=cmd"
    (unclear,) = in_csv(LOOPS, a_page("loops", a_loop(breaks_at=None)))
    assert unclear["breaks_at"] == ""


@pytest.mark.parametrize("table", [POSITIONS, LOOPS])
def test_parquet__read_back__holds_the_same_as_the_csv(table: Table) -> None:
    row = a_position(a_line(), a_line("wstETH", "1.10")) if table is POSITIONS else a_loop()
    pages = [a_page(table.name, row), a_page(table.name, row)]
    found = in_parquet(table, *pages)
    written = in_csv(table, *pages)
    assert found.column_names == list(table.columns)
    assert found.num_rows == len(written)
    for typed, text in zip(found.to_pylist(), written, strict=True):
        for name, kind in table.columns.items():
            assert as_text(typed[name], kind) == text[name].removeprefix("'"), name


def as_text(value: Any, kind: Kind) -> str:
    if value is None:
        return ""
    if kind is Kind.LIST:
        return "; ".join(value)
    return str(value).lower() if kind is Kind.FLAG else str(value)


def test_parquet__of_a_block__says_which_and_has_numbers_as_numbers() -> None:
    found = in_parquet(POSITIONS, a_page("positions", a_position(a_line())))
    about = {key.decode(): value.decode() for key, value in found.schema.metadata.items()}
    assert about["cascade_monitor.chain_id"] == "1"
    assert about["cascade_monitor.block_hash"] == BLOCK["hash"]
    assert found.column("value_usd").to_pylist() == [Decimal("2000.00"), None, Decimal("0.00")]
    assert found.column("amount_raw")[0].as_py() == UINT256


def test_parquet__a_value_beyond_its_digits__is_null_with_the_value_as_reason() -> None:
    vast = "1" + "0" * 40 + ".00"
    found = in_parquet(POSITIONS, a_page("positions", a_position(a_line(usd=vast))))
    first, *_ = found.to_pylist()
    assert first["value_usd"] is None
    assert first["unknown"] == [f"value_usd: {vast} is beyond 38 digits"]


def test_parquet__of_nothing__is_a_table_without_rows() -> None:
    assert in_parquet(LOOPS, a_page("loops")).num_rows == 0
    assert in_csv(LOOPS, a_page("loops")) == []


def test_parquet__without_pyarrow__says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(QuestionError, match=r"pip install 'cascade-monitor\[parquet\]'"):
        parquet.check_installed()
