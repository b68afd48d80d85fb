"""`cascade-monitor claims`: what collateral rests on, who shares it, as the store has it."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from monitor import display
from monitor.console import ConfigOption, JsonOption, asked, out
from monitor.core.ports import ClaimFilter
from monitor.display import Document

MOST_SHOWN = 10
"""Of what may be hundreds: anybody may open markets on Morpho."""
LEAST_SHOWN = 0.0001
"""A vault's own rounding hides less than that."""


def claims(
    config: ConfigOption,
    asset: Annotated[str | None, typer.Option(help="only this one: address or symbol")] = None,
    cursor: Annotated[str | None, typer.Option(help="`next` of the page before")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="rows")] = 100,
    as_json: JsonOption = False,
) -> None:
    """What each collateral finally rests on, and which markets share it."""
    wanted = ClaimFilter(asset, cursor, limit)
    document = asked(config, lambda answers: answers.claims(wanted))
    display.show(out, document, table, as_json=as_json)


def table(console: Console, document: Document) -> None:
    """A line a collateral or claim; below them, whose collateral is a claim on whose money."""
    display.headline(console, document)
    names = ("asset", "kind", "rests on", "pledged, itself or within")
    rows = display.whole(*names)
    for row in document["claims"]:
        rows.add_row(
            escape(row["symbol"]),
            row["kind"] or "",
            escape("\n".join(rest_words(row))),
            escape("\n".join(sharing_words(row))),
        )
    console.print(rows)
    every = ((market, on) for market in document["markets"] for on in market["claims_on"])
    claimed = sorted(every, key=lambda one: _largest_first(one[1]))
    for market, target in claimed[:MOST_SHOWN]:
        told = f"{_share(target['share'])} of the collateral in {display.spot(market)}"
        console.print(f"{told} is a claim on {display.spot(target)}", soft_wrap=True, markup=False)
    if len(claimed) > MOST_SHOWN:
        console.print(f"… {len(claimed) - MOST_SHOWN} more; --json has all")
    for reason in dict.fromkeys(r for row in document["claims"] for r in row.get("unknown", ())):
        console.print(f"unknown: {reason}", soft_wrap=True, markup=False)
    if document["next"]:
        console.print(f"more: --cursor {document['next']}", highlight=False, soft_wrap=True)


def rest_words(row: Document) -> Iterator[str]:
    """Everything that is a share of it: bases, what is circular, what nobody tells."""
    for base in row["rests_on"]:
        lent = f" lent in {display.spot(base)}" if base["market"] else ""
        yield f"{_share(base['share'])} {base['symbol']}{lent}"
    if row["circular"]:
        yield f"{_share(row['circular'])} circular: it claims nothing but itself"
    if row["unseen"] >= LEAST_SHOWN:
        yield f"{_share(row['unseen'])} unknown"


def sharing_words(row: Document) -> Iterator[str]:
    """Where it is pledged, the largest first; of very many places (Morpho) a few."""
    every = sorted(row["shared_by"], key=_largest_first)
    yield from map(_sharing, every[:MOST_SHOWN])
    if len(every) > MOST_SHOWN:
        yield f"… {len(every) - MOST_SHOWN} more"


def _largest_first(one: Document) -> tuple[bool, Decimal]:
    """By its value; what is unknown stands before."""
    worth = one["value_usd"]
    return worth is not None, -Decimal(worth or 0)


def _sharing(one: Document) -> str:
    within = "" if one["share"] == 1 else f" ({_share(one['share'])} of it)"
    return (
        f"{display.spot(one)}: {one['pledged']['symbol']}{within} {display.usd(one['value_usd'])}"
    )


def _share(share: float | None) -> str:
    return "an unknown part" if share is None else f"{share:.2%}"
