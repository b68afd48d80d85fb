"""`cascade-monitor audit`."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from monitor import display, garbage
from monitor.console import (
    CHECK_FAILED,
    ConfigOption,
    JsonOption,
    interruptible,
    loaded,
    out,
    progress,
)


def audit(
    config: ConfigOption,
    accounts: Annotated[
        int, typer.Option(min=0, help="positions to compare, 0 for all of them")
    ] = 100,
    as_json: JsonOption = False,
) -> None:
    """Compare the stored ledger with the contracts, at one block hash."""
    with garbage.undisturbed():
        from monitor import stored_audit

    settings = loaded(config)
    with progress("audit") as told:
        document = interruptible(stored_audit.audit(settings, accounts, told))
    display.show(out, document, compared_table, as_json=as_json)
    if document["mismatches"]:
        raise typer.Exit(CHECK_FAILED)


def compared_table(console: Console, document: Mapping[str, Any]) -> None:
    block = document["block"]
    console.print(
        f"block {block['number']} {block['hash']}: {document['accounts']} of {document['of']} "
        "positions",
        **_PLAIN,
    )
    if document["differences"]:
        titles = ("market", "account", "what", "expected (contracts)", "found (ledger)")
        table = Table(*(Column(title, overflow="fold") for title in titles))
        for row in document["differences"]:
            market = "/".join(filter(None, (row["market"], row["sub_market"])))
            rest = (row["account"], row["what"], row["expected"], row["found"])
            table.add_row(*map(escape, (market, *rest)))
        console.print(table)
        console.print(
            "the ledger cannot be trusted: build it anew (cascade-monitor store rebuild --config "
            "F), and report this with the block's number",
            **_PLAIN,
        )
    figures = ("accounts", "comparisons", "unknown", "mismatches")
    console.print(" ".join(f"{name}={document[name]}" for name in figures), **_PLAIN)


_PLAIN: dict[str, Any] = {"highlight": False, "markup": False, "soft_wrap": True}
