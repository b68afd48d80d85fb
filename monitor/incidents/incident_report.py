"""The report of an incident: what happened by which source, and what breakers say of positions."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from monitor.incidents.charts import Chart, Line, Mark, Phase, svg
from monitor.incidents.page import Card, Figure, Grid, Key, Page, Section
from monitor.incidents.report import PHASE_KEYS, page_of
from monitor.incidents.wording import number, scenario_text, unit_of, unix_text, value_text

Json = Mapping[str, Any]


def incident_page(document: Json) -> Page:
    """Of positions at hand, or of none."""
    happened = document["incident"]
    is_asked = document["replayed"] is not None
    return Page(
        happened["title"],
        f"{happened['begins']} to {happened['ends']}, chain {happened['chain_id']}",
        list(_notes(document)),
        list(_cards(document)) if is_asked else [],
        [
            facts_section(happened),
            *(_breakers(document) if is_asked else [_asked(document)]),
            _provenance(document),
        ],
    )


def facts_section(happened: Json) -> Section:
    """What happened, each with who says so."""
    rows = [(fact["what"], fact["source"]) for fact in happened["facts"]]
    return Section(
        "What happened", [happened["summary"]], tables=[Grid("", ("what", "source"), rows)]
    )


def _notes(document: Json) -> Iterator[str]:
    if document["replayed"] is None:
        yield f"Not replayed: {document['not_replayed']}"
        return
    book = document["book"]
    if not book["of_the_day"]:
        yield "The positions below are not those of the incident's own days."
    yield from book["limits"]
    yield document["incident"]["node"]


def _cards(document: Json) -> Iterator[Card]:
    for breaker in document["breakers"]:
        tripped = breaker["tripped"]
        told = f"{unix_text(tripped[0])} UTC" if tripped else "never"
        yield Card(f"{breaker['name']}: first trip", told)


def _asked(document: Json) -> Section:
    """What would be asked, where nothing is at hand to be asked about."""
    rows = [
        (
            breaker["name"],
            breaker["scenario"],
            scenario_text(document["scenarios"].get(breaker["scenario"], {})),
            breaker["measure"],
            breaker["warn"],
            breaker["trip"],
            breaker["clear"],
        )
        for breaker in document["breakers"]
    ]
    head = ("breaker", "scenario", "shocks", "measure", "warn", "trip", "clear")
    again = [f"To replay it: {document['command']}"] if document["command"] else []
    return Section(
        "What would be asked",
        [document["incident"]["node"], *again],
        tables=[Grid("Breakers of the incident's file", head, rows, frozenset({4, 5, 6}))],
    )


def _breakers(document: Json) -> Iterator[Section]:
    for breaker in document["breakers"]:
        rows = document["timeline"]
        points = [(row["unix"], number(row["breakers"][breaker["name"]]["value"])) for row in rows]
        marks = [Mark(name, name, float(breaker[name])) for name in ("clear", "warn", "trip")]
        tripped = ", ".join(unix_text(at) for at in breaker["tripped"]) or "never"
        chart = Chart(
            f"{breaker['measure']} of {breaker['scenario']}",
            f"tripped: {tripped}",
            [Line("projected", "projected", points, steps=True)],
            marks,
            phases=_phases(rows, breaker["name"]),
            unit=unit_of(breaker["measure"]),
            is_time=True,
        )
        keys = (Key("projected", "projected on these positions"), *PHASE_KEYS)
        shocks = scenario_text(document["scenarios"].get(breaker["scenario"], {}))
        yield Section(
            f"{breaker['name']}: what it would have said",
            [f"If {shocks}. Tripped: {tripped}."],
            [Figure("", svg(chart), f"{breaker['measure']}, by UTC.", keys)],
        )
    yield _quotes(document)
    yield _alerts(document)


def _quotes(document: Json) -> Section:
    rows = document["timeline"]
    names = list(rows[0]["quotes"])
    lines = [
        Line(name, f"p{place}", [(row["unix"], number(row["quotes"][name])) for row in rows])
        for place, name in enumerate(names, start=1)
    ]
    colours = ("projected", "happened", "warn", "clear", "trip")
    keys = [Key(colour, name) for colour, name in zip(colours, names, strict=False)]
    lowest = {name: min(float(row["quotes"][name]) for row in rows) for name in names}
    summary = ", ".join(f"{name} at the lowest {value:.5g}" for name, value in lowest.items())
    chart = Chart("Prices", summary, lines, unit="number", is_time=True, starts_at_zero=False)
    return Section("Prices", figures=[Figure("", svg(chart), f"{summary}.", keys)])


def _alerts(document: Json) -> Section:
    rows = [
        (
            unix_text(alert["unix"]),
            alert["type"],
            alert["breaker"],
            value_text(document, alert["breaker"], alert["value"]),
        )
        for alert in document["alerts"]
    ]
    points = [
        (
            unix_text(row["unix"]),
            *row["quotes"].values(),
            *(
                value_text(document, name, each["value"]) or "unknown"
                for name, each in row["breakers"].items()
            ),
            *(each["phase"] for each in row["breakers"].values()),
        )
        for row in document["timeline"]
    ]
    first = document["timeline"][0]
    names = list(first["breakers"])
    head = ("UTC", *first["quotes"], *names, *(f"{name} is" for name in names))
    return Section(
        "Alerts",
        tables=[
            Grid(f"{len(rows)} alerts", ("UTC", "type", "breaker", "value"), rows, frozenset({3})),
            Grid(f"The {len(points)} points as a table", head, points, folded=True),
        ],
    )


def _phases(rows: list[Json], breaker: str) -> list[Phase]:
    found: list[Phase] = []
    for row in rows:
        name = row["breakers"][breaker]["phase"]
        if found:
            found[-1] = Phase(found[-1].name, found[-1].first, row["unix"])
        if not found or found[-1].name != name:
            found.append(Phase(name, row["unix"], row["unix"] + 1))
    return found


def _provenance(document: Json) -> Section:
    rows = [("cascade-monitor", document["version"])]
    if document["replayed"] is not None:
        rows.append(("positions", document["book"]["set"]))
        rows += [
            (f"{name} (SHA-256)", digest) for name, digest in document["book"]["files"].items()
        ]
    return Section("Provenance", tables=[Grid("", ("what", "value"), rows)])


def reported(document: Json) -> Page:
    """The report of any replay."""
    if "happened" not in document:
        return incident_page(document)
    happened = document.get("incident")
    if happened is None:
        return page_of(document, "What the monitor would have said")
    page = page_of(document, happened["title"])
    return replace(page, sections=[facts_section(happened), *page.sections])
