"""Answers for people: tables on a terminal, or the JSON document as it is."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from monitor.alerts.message import message_of
from monitor.alerts.notice import notice_of
from monitor.core.words import figure

Document = Mapping[str, Any]
Renderer = Callable[[Console, Document], None]
SHOWN_OF_ID = 10
WAD_DIGITS = 18
MILLION = 10**6
LIMITS = ("value", "warn", "trip", "clear")


def show(out: Console, document: Document, render: Renderer, *, as_json: bool) -> None:
    """Print a document, for a program or for a person."""
    if as_json:
        out.print(json.dumps(document, indent=2), soft_wrap=True, highlight=False, markup=False)
    else:
        render(out, document)


def finding(
    out: Console,
    subject: str,
    detail: str,
    fault: str,
    warning: str,
    path: Sequence[Document] = (),
) -> None:
    """One line of `check`; below a price, its way."""
    if fault:
        out.print(f"[bold red]FAULT[/] {escape(subject)}: {escape(fault)}", soft_wrap=True)
    elif warning:
        told = f"{escape(subject)}: {escape(warning)}  [dim]{escape(detail)}[/]"
        out.print(f"[yellow]warn[/]  {told}", soft_wrap=True)
    else:
        out.print(f"[green]ok[/]    {escape(subject)}  [dim]{escape(detail)}[/]", soft_wrap=True)
    for edge in path:
        _say(out, "        " + "  " * edge["depth"] + _edge(edge))


def _edge(edge: Document) -> str:
    """One contract on the way of a price."""
    told = [f"{edge['contract']}  {edge['what']}: {edge['kind'] or 'of unknown kind'}"]
    if edge["asset"] is not None:
        quote = edge["quote_symbol"] or edge["quote"] or "USD"
        told.append(f"reports {edge['asset_symbol'] or edge['asset']} in {quote}")
    if edge["exponent"] != 1:
        told.append("divides" if edge["exponent"] < 0 else "moves the cap alone")
    told.append(f"answers {_scaled(edge['answer'], edge['decimals'])}")
    if edge["cap"] is not None:
        binds = "binds" if edge["capped"] else "does not bind"
        told.append(f"cap {_scaled(edge['cap'], edge['decimals'])} {binds}")
    if edge["age_seconds"] is not None:
        told.append(f"{edge['age_seconds']} s old")
    if edge["heartbeat_seconds"] is not None:
        told.append(f"due every {edge['heartbeat_seconds']} s")
    if edge["deviation"] is not None:
        told.append(f"or at {edge['deviation']:.2%}")
    if edge["fault"]:
        told.append(edge["fault"])
    return ", ".join(told)


def _scaled(answer: str | None, decimals: int | None) -> str:
    if answer is None or decimals is None:
        return "nothing" if answer is None else f"{answer} raw"
    return f"{Decimal(answer).scaleb(-decimals).normalize():f}"


def status(out: Console, document: Document) -> None:
    headline(out, document)
    out.print(f"led by {escape(document['leader'] or 'nobody')}", highlight=False)
    table = whole("market", "positions", "collateral", "net", "debt", "at risk")
    for row in document["markets"]:
        table.add_row(
            row["market"],
            str(row["positions"]),
            short_usd(row["collateral_usd"]),
            short_usd(row["collateral_net_usd"]),
            short_usd(row["debt_usd"]),
            short_usd(row["at_risk_usd"]),
        )
    out.print(table)
    _concentration(out, document)
    if document["receipts"]:
        _receipts(out, document)
    for name, blind in document["blind"].items():
        for reason in blind["reasons"]:
            out.print(f"[bold red]{name}[/] since {blind['since']}: {escape(reason)}")
    for reason in dict.fromkeys((*document["reasons"], *document["unknown"])):
        out.print(f"[yellow]{escape(reason)}[/]")
    if document["breakers"]:
        breakers(out, document)


def _concentration(out: Console, document: Document) -> None:
    """What the largest owners have of each side of a market."""
    table = whole("market", "side", "largest owner", "five largest", "HHI")
    for row in document["markets"]:
        for side in ("collateral", "debt"):
            found = row["concentration"][side]
            if found is not None:
                shares = (f"{found['top1']:.1%}", f"{found['top5']:.1%}", f"{found['hhi']:.3f}")
                table.add_row(row["market"], side, *shares)
    if table.row_count:
        out.print(table)


def _receipts(out: Console, document: Document) -> None:
    """What of each claim's assets can be withdrawn now, and who has a claim."""
    table = Table("receipt", "kind", "can be withdrawn now", "holders")
    for row in document["receipts"]:
        free, whole = row["withdrawable"], row["total_assets"]
        share = "unknown"
        if free is not None and whole is not None:
            share = f"{Decimal(free) / Decimal(whole):.2%}" if int(whole) else "there is nothing"
        table.add_row(escape(row["symbol"]), row["kind"], share, _holders(row))
    out.print(table)


def _holders(row: Document) -> str:
    """How many, and what the largest has; nothing where they are not kept."""
    if "holders" not in row:
        return ""
    held = row["holders"]
    if held is None:
        return "unknown"
    largest = f", the largest has {held['top'][0]['share']:.2%}" if held["top"] else ""
    return f"{held['count']}{largest}"


def saved(out: Console, document: Document) -> None:
    """`store backup`."""
    _say(out, f"saved to {document['file']}: {_held(document)}")
    _say(out, f"{document['bytes']} bytes, sha256 {document['sha256']}")


def restored(out: Console, document: Document) -> None:
    """`store restore`."""
    _say(out, f"restored from {document['file']}: {_held(document)}")


def rebuilt(out: Console, document: Document) -> None:
    """`store rebuild`."""
    for path in document["set_aside"]:
        _say(out, f"the damaged files are now {path}; alerts and deliveries in them are lost")
    if not document["set_aside"]:
        kept = f"kept {document['alerts']} alerts, {document['pending']} deliveries to be made"
        _say(out, f"{_at(document)}, {document['positions']} positions thrown away; {kept}")
    _say(out, "the next run reads the ledger anew from the chain")


def migrated(out: Console, document: Document) -> None:
    """`store migrate`."""
    if document["migrated"]:
        _say(out, f"migrated from layout {document['from']} to {document['to']}")
    else:
        _say(out, f"nothing to do: the layout is {document['from'] or 'nowhere yet'}")


def _say(out: Console, text: str) -> None:
    out.print(text, highlight=False, markup=False, soft_wrap=True)


def _at(document: Document) -> str:
    return f"block {document['block']['number']}" if document["block"] else "no block"


def _held(document: Document) -> str:
    alerts = f"{document['alerts']} alerts, {document['pending']} deliveries to be made"
    return f"{_at(document)}, {document['positions']} positions, {alerts}"


def prices(out: Console, document: Document) -> None:
    headline(out, document)
    table = Table("market", "asset", "price", "kind", "age", "off the pools", "")
    for row in document["prices"]:
        place = f"{row['market']}/{row['sub_market']}" if row["sub_market"] else row["market"]
        off = row["oracle_deviation"]
        table.add_row(
            place,
            escape(row["symbol"]),
            escape(price_words(row)),
            row["kind"] or "unknown",
            "" if row["age_seconds"] is None else f"{row['age_seconds']} s",
            "" if off is None else f"{off:+.2%}",
            escape("; ".join(row["unknown"])),
        )
    out.print(table)


def price_words(row: Document) -> str:
    """What a price is, in USD or in whole tokens of what it is counted in."""
    if row["price"] is None:
        return "unknown"
    price, unit = Decimal(row["price"]) / Decimal(row["unit"]), row["numeraire_symbol"]
    own, other = row["decimals"], row["numeraire_decimals"]
    if row["numeraire"] is None:
        return f"{price.normalize():f} {unit}"
    if own is None or other is None:
        return f"{price.normalize():f} raw {unit} a raw unit"
    return f"{price.scaleb(own - other).normalize():f} {unit}"


def positions(out: Console, document: Document) -> None:
    headline(out, document)
    table = whole("market", "account", "collateral", "debt", "supply", "health", "")
    for row in document["positions"]:
        table.add_row(
            spot(row),
            row["account"],
            "\n".join(_line(line) for line in row["collateral"]),
            "\n".join(_line(line) for line in row["debt"]),
            "\n".join(_line(line) for line in row.get("supply", ())),
            _health(row),
            _flags(row),
        )
    out.print(table)
    if "ownership" in document:
        _say(out, ownership_words(document["ownership"]))
    if document["next"]:
        out.print(f"more: --cursor {document['next']}", highlight=False, soft_wrap=True)


def ownership_words(told: Document) -> str:
    """Whose an account is, and why."""
    whose = "its own" if told["owner"] == told["account"] else f"{told['owner']}'s"
    if told.get("unknown"):
        return f"{told['account']} counts as {whose}: {'; '.join(told['unknown'])}"
    kind = told["kind"].replace("_", " ")
    heads = f", which obeys {told['threshold']} of {', '.join(told['controllers'])}"
    return f"{told['account']} is {whose}: {kind}{heads if told['controllers'] else ''}"


def breakers(out: Console, document: Document) -> None:
    table = whole("breaker", "phase", "measure", "value", "warn", "trip", "clear")
    for row in document["breakers"]:
        phase = "blind" if row["blind"] else row["phase"]
        colour = {"armed": "green", "blind": "magenta", "tripped": "bold red"}.get(phase, "yellow")
        unknown = "unknown" if row["unknown"] or row["blind"] else "-"
        measures = row.get("measures", [row])
        names = "\n".join(m["measure"].replace("_", " ") for m in measures)
        cells = [[_figure(m, key) or unknown for m in measures] for key in LIMITS]
        table.add_row(row["name"], f"[{colour}]{phase}[/]", names, *map("\n".join, cells))
    out.print(table)
    for row in document["breakers"]:
        for note in _notes(row):
            _say(out, f"{row['name']}: {note}")
    if watches := document.get("watches"):
        _watches(out, watches)


def _watches(out: Console, watches: Sequence[Document]) -> None:
    table = whole("watch", "account", "market", "health", "alerts below")
    for row in watches:
        for each in row["positions"]:
            place = "/".join(filter(None, (each["market"], each["sub_market"])))
            health = f"{_health(each)}{' [bold red]below[/]' if each['below'] else ''}"
            table.add_row(row["name"], each["account"], place, health, row["health_below"])
    out.print(table)
    for row in watches:
        if not row["positions"]:
            _say(out, f"{row['name']}: none of its accounts holds anything in a followed market")


def _notes(row: Document) -> Iterator[str]:
    """What of a breaker is not in its table."""
    if row["blind"]:
        yield f"was {row['phase']} when it could see, until {row['blind_since']}"
    if row["silenced"]:
        yield f"silenced until {row['silenced']['until']}: {row['silenced']['why']}"
    elif row["muted"]:
        yield "it fires, and nobody was told since it was silenced: the next block says so"
    if row["last_tripped"]:
        yield f"last tripped {row['last_tripped']}"
    if row["trips_not_before"]:
        yield f"does not trip again before {row['trips_not_before']}"
    if row["next_escalation"]:
        yield f"escalates next at {row['next_escalation']}"
    yield from row["unknown"]


def alerts(out: Console, document: Document) -> None:
    """As receivers were told; the id is whole, to be copied."""
    if not document["alerts"]:
        _say(out, "no alerts")
    for row in document["alerts"]:
        alert, number = row["data"]["alert"], row["data"]["block"]["number"]
        title = message_of(notice_of(json.dumps(row))).title
        fates = ", ".join(f"{hook}: {fate}" for hook, fate in row["deliveries"].items())
        place = f"block {number}, " if number else ""
        _say(out, f"{row['timestamp']}  {title}")
        _say(out, f"    {place}{fates or _unsent(row['silenced'])}  {alert['id']}")


def _figure(row: Document, key: str) -> str | None:
    return None if row[key] is None else figure(row["measure"], row[key])


def _unsent(silenced: str | None) -> str:
    return "no receiver" if silenced is None else f"silenced: {silenced}"


def headline(out: Console, document: Document) -> None:
    block = document["block"]
    out.print(f"block [bold]{block['number']}[/] [dim]{block['hash']}[/]", highlight=False)


def spot(row: Document) -> str:
    """`aave-core`, `morpho/0x12345678…`."""
    sub_market = row["sub_market"]
    return f"{row['market']}/{sub_market[:SHOWN_OF_ID]}…" if sub_market else str(row["market"])


def usd(text: str | None) -> str:
    return "unknown" if text is None else f"${Decimal(text):,.2f}"


def short_usd(text: str | None) -> str:
    """Without cents, in millions from one on: sums in many columns are wider than a terminal."""
    if text is None:
        return usd(text)
    value = Decimal(text)
    return f"${value:,.0f}" if value < MILLION else f"${value / MILLION:,.2f}M"


def whole(*names: str) -> Table:
    """A table that breaks what is too wide for it, and never cuts it: it may be a number."""
    return Table(*(Column(name, overflow="fold") for name in names))


def _line(line: Document) -> str:
    unused = " (not collateral)" if line.get("used_as_collateral") is False else ""
    return f"{escape(line['symbol'])} {usd(line['value_usd'])}{unused}"


def _health(row: Document) -> str:
    if row.get("unknown") and row["health_factor"] is None:
        return "[magenta]unknown[/]"
    if row["health_factor"] is None:
        return "-"
    health = Decimal(row["health_factor"]).scaleb(-WAD_DIGITS)
    colour = "red" if health < 1 else "yellow" if health < Decimal("1.05") else "green"
    return f"[{colour}]{health:.4f}[/]"


def _flags(row: Document) -> str:
    flags = []
    if row["liquidatable"]:
        flags.append("[bold red]liquidatable[/]")
    if row["e_mode"]:
        flags.append(f"e-mode {row['e_mode']}")
    return " ".join(flags)
