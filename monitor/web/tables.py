"""Positions and loops as tables: the same columns in CSV (here) and in Parquet (`monitor.parquet`).

A position has a row for each of its assets; a loop has one. On-chain integers stay decimal strings,
as a uint256 fits no number of these formats; unknown is empty, and never zero.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

Row = dict[str, Any]
"""By column: a value of the JSON answer, or None."""


class Kind(Enum):
    """What a column holds. NAME: words that a stranger may have chosen, as a token's symbol."""

    TEXT = "text"
    NAME = "name"
    LIST = "list"
    USD = "usd"
    RATIO = "ratio"
    FLAG = "flag"
    INTEGER = "integer"


@dataclass(frozen=True, slots=True)
class Table:
    """`name`: the key of its rows in the JSON answer. `rows`: those of one page of it."""

    name: str
    columns: Mapping[str, Kind]
    rows: Callable[[Mapping[str, Any]], Iterator[Row]]


_BLOCK = {"block_number": Kind.INTEGER, "block_hash": Kind.TEXT, "block_timestamp": Kind.INTEGER}
_SIDES = ("collateral", "debt", "supply")
_CARRY = ("supply_yield", "borrow_rate", "net", "break_even_borrow_rate")
_RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet takes what begins so for a formula, which may send what else is in the sheet."""


def _position_rows(page: Mapping[str, Any]) -> Iterator[Row]:
    for held in page["positions"]:
        own = {name: held[name] for name in _POSITION if name in held}
        for side in _SIDES:
            for line in held.get(side, ()):
                yield {
                    **own,
                    "side": side,
                    "asset": line["asset"],
                    "symbol": line["symbol"],
                    "underlying": line.get("underlying"),
                    "amount_raw": line["amount"],
                    "value_usd": line["value_usd"],
                    "used_as_collateral": line.get("used_as_collateral"),
                    "unknown": held.get("unknown", []),
                    **_block(page),
                }


def _loop_rows(page: Mapping[str, Any]) -> Iterator[Row]:
    for loop in page["loops"]:
        own = {name: loop[name] for name in _LOOP if name in loop}
        carry = {f"carry_{name}": loop["carry"][name] for name in _CARRY}
        breaks = loop["breaks_at"]
        yield {
            **own,
            "assets": list(dict.fromkeys(_assets(loop["path"]))),
            "breaks_at": None if breaks is None else json.dumps(breaks, separators=(",", ":")),
            **carry,
            "unknown": loop.get("unknown", []),
            **_block(page),
        }


def _assets(path: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """In the order in which the money went."""
    for leg in path:
        yield from filter(None, (leg["collateral"], leg["debt"]))


def _block(page: Mapping[str, Any]) -> Row:
    return {f"block_{name}": page["block"][name] for name in ("number", "hash", "timestamp")}


_POSITION = {
    "market": Kind.TEXT,
    "sub_market": Kind.TEXT,
    "protocol": Kind.TEXT,
    "account": Kind.TEXT,
    "owner": Kind.TEXT,
    "health_factor": Kind.TEXT,
    "liquidatable": Kind.FLAG,
    "e_mode": Kind.INTEGER,
}
_LOOP = {
    "id": Kind.TEXT,
    "owner": Kind.TEXT,
    "kind": Kind.TEXT,
    "built": Kind.TEXT,
    "hops": Kind.INTEGER,
    "markets": Kind.LIST,
    "accounts": Kind.LIST,
    "collateral_usd": Kind.USD,
    "debt_usd": Kind.USD,
    "equity_usd": Kind.USD,
    "leverage": Kind.RATIO,
    "health_factor": Kind.TEXT,
    "evidence": Kind.LIST,
}
POSITIONS = Table(
    "positions",
    _POSITION
    | {
        "side": Kind.TEXT,
        "asset": Kind.TEXT,
        "symbol": Kind.NAME,
        "underlying": Kind.TEXT,
        "amount_raw": Kind.TEXT,
        "value_usd": Kind.USD,
        "used_as_collateral": Kind.FLAG,
        "unknown": Kind.LIST,
    }
    | _BLOCK,
    _position_rows,
)
LOOPS = Table(
    "loops",
    _LOOP
    | {"assets": Kind.LIST, "breaks_at": Kind.TEXT}
    | {f"carry_{name}": Kind.RATIO for name in _CARRY}
    | {"unknown": Kind.LIST}
    | _BLOCK,
    _loop_rows,
)


class CsvText:
    """RFC 4180, UTF-8: a header, CRLF, quotes where they are needed. `written`: rows so far."""

    def __init__(self, table: Table) -> None:
        self.written = 0
        self._table = table
        self._text = io.StringIO()
        self._writer = csv.writer(self._text)

    def header(self) -> bytes:
        self._writer.writerow(self._table.columns)
        return self._taken()

    def rows(self, page: Mapping[str, Any]) -> bytes:
        """The lines of one page of the JSON answer."""
        kinds = self._table.columns
        for row in self._table.rows(page):
            self.written += 1
            self._writer.writerow([_cell(row.get(name), kind) for name, kind in kinds.items()])
        return self._taken()

    def _taken(self) -> bytes:
        written = self._text.getvalue()
        self._text.seek(0)
        self._text.truncate()
        return written.encode()


def _cell(value: Any, kind: Kind) -> str:
    if value is None:
        return ""
    match kind:
        case Kind.FLAG:
            return "true" if value else "false"
        case Kind.LIST:
            return _harmless(_joined(value))
        case Kind.NAME:
            return _harmless(value)
        case _:
            return str(value)


def _joined(words: Sequence[str]) -> str:
    """Names and addresses have no semicolons; reasons may, and are for people."""
    return "; ".join(words)


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_RISKY) else text
