"""The table for a person, and the same as JSON for a script."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.timing import Row

RESULTS = Path(__file__).parent / ".benchmarks"
VERDICT = {True: "[green]met[/]", False: "[red]missed[/]", None: "-"}


def show(rows: Sequence[Row]) -> None:
    table = Table(show_lines=True)
    for heading in ("what", "min", "median", "max", "goal", "", "how"):
        table.add_column(
            heading, justify="right" if heading in ("min", "median", "max") else "left"
        )
    for row in rows:
        figures = (row.figure.least, row.figure.median, row.figure.greatest)
        shown = [f"{figure:.3g}" for figure in figures]
        table.add_row(row.name, *shown, _goal(row), VERDICT[row.met], row.arms)
    Console(width=160).print(table)


def write(rows: Sequence[Row]) -> Path:
    """The file, named after the time it was written."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    path.write_text(json.dumps([asdict(row) | {"met": row.met} for row in rows], indent=2) + "\n")
    return path


def summary(rows: Sequence[Row]) -> str:
    judged = [row.met for row in rows if row.met is not None]
    return f"rows={len(judged)} met={sum(judged)} missed={len(judged) - sum(judged)}"


def _goal(row: Row) -> str:
    if row.goal is None:
        return ""
    return f"{'<=' if row.at_most else '>='} {row.goal:g} {row.unit}"
