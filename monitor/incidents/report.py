"""What a replay's document amounts to, for people: the timeline, the verdicts, the provenance."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from monitor.incidents.charts import Chart, Line, Mark, Phase, svg
from monitor.incidents.page import Card, Figure, Grid, Key, Page, Section
from monitor.incidents.tables import NO_VALUE, alerts, loops, markets, prices, provenance
from monitor.incidents.wording import (
    block_text,
    count,
    money,
    number,
    scenario_text,
    span,
    unit_of,
    when,
)

Json = Mapping[str, Any]
KEYS = (
    Key("projected", "projected at each block"),
    Key("happened", "really liquidated so far"),
    Key("bar", "in one block"),
)
PHASE_KEYS = (
    Key("clear", "armed"),
    Key("warn", "warned or pending"),
    Key("trip", "tripped"),
    Key("bar", "recovering"),
    Key("blind", "blind"),
)
MOST_ROWS = 1_000
"""Of a table of blocks: a day has 7,200."""
CHANGED = "what was liquidated counts at the prices at the end of its block"


def page_of(document: Json, title: str, notes: Sequence[str] = ()) -> Page:
    """The report of one replay."""
    first, last = document["from"], document["block"]
    seconds = last["timestamp"] - first["timestamp"]
    return Page(
        title,
        f"chain {document['chain_id']}, blocks {first['number'] + 1} to {last['number']}, "
        f"{when(first)} to {when(last)} UTC ({span(seconds)})",
        [*notes, *document["unknown"]],
        list(_cards(document)),
        [
            _said(document),
            *_course(document),
            prices(document),
            loops(document),
            markets(document),
            alerts(document),
            provenance(document),
        ],
    )


def _cards(document: Json) -> Iterator[Card]:
    happened = document["happened"]
    yield Card("of debt really liquidated", money(happened["liquidated_usd"]))
    yield Card("liquidations", f"{happened['liquidations']} of {happened['accounts']} accounts")
    for breaker in document["breakers"]:
        yield Card(f"{breaker['name']}: lead time", _lead(breaker))
        wrong = f"{count(breaker['false_alarms'], 'false alarm')}, {breaker['misses']} missed"
        yield Card(f"{breaker['name']}: {wrong}", count(len(breaker["trips"]), "trip"))


def _lead(breaker: Json) -> str:
    if breaker["lead_seconds"] is not None:
        return span(breaker["lead_seconds"])
    verdicts = [wave["verdict"] for wave in breaker["waves"]]
    if "led" in verdicts:
        return "firing from the start"
    return "missed" if "missed" in verdicts else "nothing to lead"


def _said(document: Json) -> Section:
    """What each breaker said, against what came."""
    trips = [
        (
            breaker["name"],
            block_text(trip["block"]),
            when(trip["block"]),
            trip["verdict"],
            NO_VALUE if trip["until_seconds"] is None else span(trip["until_seconds"]),
        )
        for breaker in document["breakers"]
        for trip in breaker["trips"]
    ]
    return Section(
        "What was said, and what came",
        [
            f"A trip is right if a liquidation comes within {span(document['horizon_seconds'])}, "
            "false if none does, open if the blocks end before that is known. Liquidations less "
            "than that apart are one wave. A wave was led if the breaker was firing before its "
            "first liquidation, late if it tripped within it, missed if never; small if it came to "
            "less than a breaker of liquidated USD trips at."
        ],
        tables=[
            Grid(
                "Trips",
                ("breaker", "block", "UTC", "verdict", "next liquidation after"),
                trips,
                frozenset({4}),
            ),
            Grid("Waves of liquidations", *_waves(document)),
        ],
    )


def _waves(document: Json) -> tuple[Sequence[str], list[Sequence[str]], frozenset[int]]:
    head = ("wave", "liquidated", "liquidations", "breaker", "verdict", "lead", "lead to peak")
    rows: list[Sequence[str]] = []
    for breaker in document["breakers"]:
        for wave, met in zip(document["happened"]["waves"], breaker["waves"], strict=True):
            rows.append(
                (
                    f"{wave['first']['number']} to {wave['last']['number']}",
                    money(wave["liquidated_usd"]),
                    str(wave["liquidations"]),
                    breaker["name"],
                    met["verdict"],
                    _seconds(met["lead_seconds"], met["lead_blocks"]),
                    _seconds(met["lead_to_peak_seconds"]),
                )
            )
    return head, rows, frozenset({1, 2, 5, 6})


def _seconds(seconds: int | None, blocks: int | None = None) -> str:
    if seconds is None:
        return NO_VALUE
    return span(seconds) if blocks is None else f"{span(seconds)}, {count(blocks, 'block')}"


def _course(document: Json) -> Iterator[Section]:
    """Each breaker's measure block by block, beside what happened."""
    for breaker in document["breakers"]:
        is_usd = breaker["measure"].endswith("_usd")
        projected = [
            (row["block"]["number"], number(row["breakers"][breaker["name"]]["value"]))
            for row in document["timeline"]
        ]
        happened = _happened(document) if is_usd else ()
        marks = [Mark(name, name, float(breaker[name])) for name in ("clear", "warn", "trip")]
        chart = Chart(
            f"{breaker['measure']} of {breaker['scenario']}",
            _summary(document, breaker),
            [
                *([Line("really liquidated so far", "happened", happened, steps=True)] * is_usd),
                Line("projected", "projected", projected),
            ],
            marks,
            _bars(document) if is_usd else (),
            _phases(document, breaker["name"]),
            unit_of(breaker["measure"]),
        )
        keys = KEYS if is_usd else KEYS[:1]
        figures = [Figure("", svg(chart), f"By block; {CHANGED}.", (*keys, *PHASE_KEYS))]
        text = [f"If {scenario_text(document['scenarios'].get(breaker['scenario'], {}))}."]
        yield Section(f"{breaker['name']}: projection beside what happened", text, figures)
    yield Section("Every block", tables=[_table(document)])


def _summary(document: Json, breaker: Json) -> str:
    """The figure in a sentence."""
    happened = document["happened"]
    values = [number(row["breakers"][breaker["name"]]["value"]) for row in document["timeline"]]
    known = [value for value in values if value is not None]
    most = f"at most {max(known):,.2f}" if known else "never known"
    return (
        f"projected {most}, tripped {len(breaker['trips'])} times; really liquidated "
        f"{money(happened['liquidated_usd'])}"
    )


def _happened(document: Json) -> list[tuple[int, float | None]]:
    return [
        (row["block"]["number"], number(row["liquidated_so_far_usd"]))
        for row in document["timeline"]
    ]


def _bars(document: Json) -> list[tuple[int, float | None]]:
    return [(row["block"]["number"], number(row["liquidated_usd"])) for row in document["timeline"]]


def _phases(document: Json, breaker: str) -> list[Phase]:
    found: list[Phase] = []
    for row in document["timeline"]:
        at, name = row["block"]["number"], row["breakers"][breaker]["phase"]
        if found and found[-1].name == name:
            found[-1] = Phase(name, found[-1].first, at + 1)
        else:
            found.append(Phase(name, at, at + 1))
    return found


def _table(document: Json) -> Grid:
    breakers = [breaker["name"] for breaker in document["breakers"]]
    timeline, caption = _chosen(document)
    scenarios = list(document["scenarios"])
    rows = [
        (
            str(row["block"]["number"]),
            when(row["block"]),
            *(_shown(row["scenarios"].get(name)) for name in scenarios),
            *(row["breakers"][name]["phase"] for name in breakers),
            money(row["liquidated_usd"]) if row["liquidations"] else "",
            str(row["liquidations"] or ""),
        )
        for row in timeline
    ]
    head = ("block", "UTC", *scenarios, *breakers, "liquidated", "liquidations")
    columns = {0, *range(2, 2 + len(scenarios)), len(head) - 2, len(head) - 1}
    return Grid(caption, head, rows, frozenset(columns), folded=True)


def _chosen(document: Json) -> tuple[Sequence[Json], str]:
    """All blocks; of very many those in which something happened, or was said."""
    rows = document["timeline"]
    if len(rows) <= MOST_ROWS:
        return rows, f"The {len(rows)} blocks as a table"
    found = [
        row
        for before, row in pairwise([rows[0], *rows])
        if row["liquidations"] or _phases_of(row) != _phases_of(before) or row is rows[-1]
    ]
    shown = found[:MOST_ROWS]
    return shown, (
        f"{len(shown)} of {len(rows)} blocks as a table: those with a liquidation or a breaker in "
        "another phase; --json has them all"
    )


def _phases_of(row: Json) -> list[str]:
    return [breaker["phase"] for breaker in row["breakers"].values()]


def _shown(shown: Json | None) -> str:
    if shown is None or not shown["is_known"]:
        return "unknown"
    if shown["bad_debt_usd"] is None:  # a curve
        return "none" if shown["value"] is None else f"{float(shown['value']):.1%}"
    return money(shown["value"])
