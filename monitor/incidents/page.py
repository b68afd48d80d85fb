"""A report as values, and the HTML they become: one file, no script, no other machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

VERDICTS = frozenset({"led", "right", "late", "open", "small", "missed", "false"})
"""Cells that have a colour of their own."""


@dataclass(frozen=True, slots=True)
class Card:
    """One figure to be seen first."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Key:
    """What a colour means. `colour`: a name of the style sheet."""

    colour: str
    label: str


@dataclass(frozen=True, slots=True)
class Figure:
    """`svg` is put in as it is: it must be of `charts`."""

    heading: str
    svg: str
    caption: str
    keys: Sequence[Key] = ()


@dataclass(frozen=True, slots=True)
class Grid:
    """A table. `numbers`: the columns set to the right. `folded`: shown when asked for."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report."""

    title: str
    text: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    tables: Sequence[Grid] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """The whole report. `notes`: what has to be known before any figure is read."""

    title: str
    subtitle: str
    notes: Sequence[str]
    cards: Sequence[Card]
    sections: Sequence[Section]


def html_of(page: Page) -> str:
    """Every text is escaped: symbols and reasons are whatever a stranger's contract says."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    rooms = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return rooms.get_template("report.html.j2").render(
        title=page.title,
        subtitle=page.subtitle,
        notes=page.notes,
        cards=page.cards,
        sections=page.sections,
        verdicts=VERDICTS,
    )
