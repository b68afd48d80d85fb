"""The parts of a report that are tables: prices, loops, markets, alerts, provenance."""

from collections.abc import Mapping
from typing import Any

from monitor.incidents.charts import Chart, Line, svg
from monitor.incidents.page import Figure, Grid, Key, Section
from monitor.incidents.wording import block_text, money, number, value_text, when

Json = Mapping[str, Any]
NO_VALUE = "-"
MOST_PRICES = 5
"""As many lines as there are colours."""


def prices(document: Json) -> Section:
    """What moved most, as a change from the beginning."""
    timeline = document["timeline"]
    rows, lines = [], []
    for name in timeline[0]["prices"]:
        told = [(row["block"]["number"], number(row["prices"][name])) for row in timeline]
        known = [value for _, value in told if value]
        if not known:
            rows.append((name, *["unknown"] * 4))
            continue
        start = known[0]
        lines.append((name, [(at, value / start - 1 if value else None) for at, value in told]))
        fall = min(known) / start - 1
        rows.append(
            (name, f"${start:,.2f}", f"${min(known):,.2f}", f"${known[-1]:,.2f}", f"{fall:+.2%}")
        )
    lines.sort(key=lambda line: min(value for _, value in line[1] if value is not None))
    chosen = lines[:MOST_PRICES]
    chart = Chart(
        "Prices as a change from the beginning",
        "; ".join(f"{row[0]} at the lowest {row[4]}" for row in rows),
        [Line(name, f"p{place}", told) for place, (name, told) in enumerate(chosen, start=1)],
        unit="percent",
    )
    colours = ("projected", "happened", "warn", "clear", "trip")
    keys = [Key(colour, name) for colour, (name, _) in zip(colours, chosen, strict=False)]
    head = ("asset", "at the beginning", "lowest", "at the end", "largest fall")
    figures = [Figure("", svg(chart), "As the oracles of the followed markets say.", keys)]
    return Section(
        "Prices",
        figures=figures if chosen else (),
        tables=[Grid("In USD", head, rows, frozenset({1, 2, 3, 4}))],
    )


def loops(document: Json) -> Section:
    rows = [
        (
            row["owner"],
            row["kind"].replace("_", " "),
            ", ".join(row["markets"]),
            money(row["debt_usd"]),
            NO_VALUE if row["leverage"] is None else f"{row['leverage']:.2f}",
            money(row["liquidated_usd"]),
            "gone" if row["after"] is None else money(row["after"]["debt_usd"]),
        )
        for row in document["loops"]
    ]
    head = ("owner", "kind", "markets", "debt before", "leverage", "liquidated", "debt after")
    return Section(
        "The largest loops, and what became of them",
        [] if rows else ["There was none before the first block."],
        tables=[
            Grid(
                "By debt before the first block; USD of its own time",
                head,
                rows,
                frozenset({3, 4, 5, 6}),
            )
        ],
    )


def markets(document: Json) -> Section:
    pairs = zip(document["markets"]["before"], document["markets"]["after"], strict=True)
    rows = []
    for before, after in pairs:
        for name, row in (("before", before), ("after", after)):
            rows.append(
                (
                    row["market"],
                    name,
                    str(row["positions"]),
                    money(row["collateral_usd"]),
                    money(row["debt_usd"]),
                    money(row["at_risk_usd"]),
                    money(row["underwater_usd"]),
                )
            )
    head = (
        "market",
        "",
        "positions",
        "collateral",
        "debt",
        "health < 1.05",
        "uncovered debt",
    )
    written_off = money(document["happened"]["written_off_usd"])
    return Section(
        "Markets",
        [f"Debt written off meanwhile, as far as logs tell: {written_off}."],
        tables=[
            Grid("Before the first block and after the last", head, rows, frozenset(range(2, 7)))
        ],
    )


def alerts(document: Json) -> Section:
    rows = [
        (
            block_text(alert["block"]),
            when(alert["block"]),
            alert["type"],
            alert["breaker"],
            value_text(document, alert["breaker"], alert["value"]),
            alert["id"],
        )
        for alert in document["alerts"]
    ]
    head = ("block", "UTC", "type", "breaker", "value", "id")
    return Section(
        "Alerts",
        ["A daemon of this namespace that was armed before the first block says the same ids."],
        tables=[Grid(f"{len(rows)} alerts, none of them sent", head, rows, frozenset({4}))],
    )


def provenance(document: Json) -> Section:
    rows = [
        ("cascade-monitor", document["version"]),
        ("chain and genesis", f"{document['chain_id']} {document['genesis']}"),
        ("ledger read at", f"{document['from']['number']} {document['from']['hash']}"),
        ("last block", f"{document['block']['number']} {document['block']['hash']}"),
        ("namespace", document["namespace"]),
        ("configuration (SHA-256)", document["configuration"]),
        ("recording", document["recording"] or "none: it was read from a node"),
        ("again", document["reproduce"]),
    ]
    return Section("Provenance", tables=[Grid("", ("what", "value"), rows)])
