"""`cascade-monitor loops`: recursive leverage, as the store has it."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from monitor import display
from monitor.console import ConfigOption, JsonOption, asked, out
from monitor.core.loops import LoopKind
from monitor.core.ports import LoopFilter
from monitor.display import Document
from monitor.export_commands import USUAL_ROWS, ForceOption, Order, OutputOption, export
from monitor.web.tables import LOOPS

KINDS = ", ".join(LoopKind)
RATE = "rate:"
DEBT_WIDTH = 16
UNSHOWN = ("hops:", "carry:", "breaks_at by interest:")
"""Reasons for what only the document has."""
MOST_WORDS = 14
"""Of a way that is drawn."""


def loops(
    config: ConfigOption,
    owner: Annotated[str | None, typer.Option(help="only this owner's loops")] = None,
    market: Annotated[str | None, typer.Option(help="only through this market")] = None,
    kind: Annotated[str | None, typer.Option(help=f"only of this kind: {KINDS}")] = None,
    min_leverage: Annotated[str | None, typer.Option(help="only from this leverage up")] = None,
    cursor: Annotated[str | None, typer.Option(help="`next` of the page before")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="rows")] = 100,
    output: OutputOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Borrowed money that was pledged again: loops, largest debt first."""
    wanted = LoopFilter(owner, market, kind, min_leverage, cursor, limit)
    if output is not None:
        order = Order(output, force, is_part=as_json or limit != USUAL_ROWS or cursor is not None)
        return export(config, order, LOOPS, lambda answers: answers.loop_pages(wanted))
    document = asked(config, lambda answers: answers.loops(wanted))
    return display.show(out, document, table, as_json=as_json)


def table(console: Console, document: Document) -> None:
    """Each loop in a few lines, which fit a narrow terminal: what it is and whose, the way of the
    money, what breaks it first.
    """
    display.headline(console, document)
    for row in document["loops"]:
        head = f"{display.usd(row['debt_usd']):>{DEBT_WIDTH}}  {row['kind'].replace('_', ' '):<14}"
        console.print(f"{head}  {row['owner']}", highlight=False, markup=False, soft_wrap=True)
        figures = ", ".join((_leverage(row), *breaks_words(row["breaks_at"])))
        for words in (_drawn(way_words(row["path"])), figures):
            console.print(Padding(Text(words), (0, 0, 0, DEBT_WIDTH + 2), expand=False))
    if not document["loops"]:
        console.print("no loops")
    for reason in dict.fromkeys(r for row in document["loops"] for r in _reasons(row)):
        console.print(f"unknown: {reason}", soft_wrap=True, markup=False)
    if document["next"]:
        console.print(f"more: --cursor {document['next']}", highlight=False, soft_wrap=True)


def way_words(path: Sequence[Document]) -> list[str]:
    """What is pledged, where, what is borrowed on it, and so on: `WETH, aave-core, USDC, …`."""
    words: list[str] = []
    for (market, *_), legs in groupby(path, _position):
        positions = list(legs)
        pledged = _both(leg["collateral_symbol"] for leg in positions)
        owed = _both(leg["debt_symbol"] for leg in positions if leg["debt"] is not None)
        words += [pledged] if words[-1:] != [pledged] else []
        words += [market, owed] if owed else [market]
    return words


def breaks_words(breaks: Document | None) -> list[str]:
    """The smallest move that breaks a loop, and how long interest takes."""
    if breaks is None:
        return ["what breaks it is unknown"]
    moves = {key: move for key, move in breaks.items() if not key.startswith(RATE)}
    told = []
    if moves:
        key = min(moves, key=lambda name: abs(moves[name]))
        told.append(f"breaks at {key} {moves[key]:+.1%}")
    for key in breaks.keys() - moves.keys():
        days = breaks[key].partition("@")[2].removesuffix("d")
        told.append(f"after {days} days of interest on {key.rpartition('/')[2]}")
    return told or ["no price breaks it"]


def _position(leg: Document) -> tuple[str, str | None, str]:
    return leg["market"], leg["sub_market"], leg["account"]


def _both(symbols: Any) -> str:
    return " + ".join(dict.fromkeys(symbols))


def _leverage(row: Document) -> str:
    if row["leverage"] is None:
        return "leverage unknown"
    hops = "" if row["hops"] is None else f" in {row['hops']} hops" if row["hops"] > 1 else ""
    return f"{Decimal(str(row['leverage'])):.2f} x{hops}"


def _reasons(row: Document) -> Sequence[str]:
    """Why something that is shown of it is unknown."""
    if None not in (row["debt_usd"], row["leverage"], row["breaks_at"]):
        return ()
    return [reason for reason in row["unknown"] if not reason.startswith(UNSHOWN)]


def _drawn(words: Sequence[str]) -> str:
    """The way as an arrow; of a long one both ends."""
    if len(words) > MOST_WORDS:
        left = len(words) - MOST_WORDS
        words = [*words[: MOST_WORDS - 2], f"… {left} more …", *words[-2:]]
    return " → ".join(words)
