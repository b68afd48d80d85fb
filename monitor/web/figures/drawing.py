"""What all figures share: how numbers, names and colours are put before plotly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from math import isfinite
from typing import Any

from monitor.core import words

Document = Mapping[str, Any]

UNKNOWN = "unknown"
MINUS = "\N{MINUS SIGN}"
LONGEST_LABEL = 24
LONGEST_REASON = 160
MOST_REASONS = 3
_CENT = Decimal("0.01")
_LARGEST = Decimal("1e24")
"""In USD. Beyond what any chain holds: an axis that reached it would show nothing else."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A figure in words: a sentence, and a table's head and rows. Plain text, not escaped."""

    sentence: str
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Drawn:
    """A figure for plotly.js. `note`: what it cannot show, or why there is nothing to draw.

    `plot` is None where nothing is drawn: unknown is not zero, and no data is no empty axis.
    """

    note: str = ""
    plot: dict[str, Any] | None = field(default=None)


def color(role: str, percent: int = 100) -> str:
    """A colour of the page's style, by its name there; the browser looks it up when it draws.

    `var(--series-1)` is CSS; ` / 30%` is read by figures.js alone.
    """
    return f"var(--{role})" if percent == 100 else f"var(--{role} / {percent}%)"


def label(text: object, most: int = LONGEST_LABEL) -> str:
    """A name in a figure. Plotly reads HTML-like tags and entities in any text, links among them,
    and symbols of tokens are made by strangers.
    """
    return escaped(words.plain(text, most)) or "(no name)"


def escaped(text: str) -> str:
    """Text in which plotly finds no tag and no entity."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def place(name: str, names: Mapping[str, str]) -> str:
    """A market's name; a sub-market goes by its assets where they are known: its id says nothing.

    `names`: by id.
    """
    market, _, sub_market = name.partition("/")
    told = names.get(sub_market) or _short(sub_market)
    return f"{market} {told}" if sub_market else market


def whole_place(name: str, names: Mapping[str, str]) -> str:
    """The same, with the beginning and the end of its id: two may be of the same assets."""
    _, _, sub_market = name.partition("/")
    more = f" ({_short(sub_market)})" if sub_market in names else ""
    return place(name, names) + more


def _short(sub_market: str) -> str:
    return f"{sub_market[:6]}…{sub_market[-4:]}"


def number(text: object) -> float | None:
    """For an axis. None for what is unknown, and for what no axis could show."""
    if text is None or isinstance(text, bool):
        return None
    try:
        value = Decimal(str(text))
    except InvalidOperation:
        return None
    if not value.is_finite() or abs(value) > _LARGEST:
        return None
    found = float(value)
    return found if isfinite(found) else None


def exact(text: object) -> str:
    """$1,234,567.89: every digit of a USD value."""
    if text is None:
        return UNKNOWN
    try:
        value = Decimal(str(text))
    except InvalidOperation:
        return UNKNOWN
    if not value.is_finite():
        return UNKNOWN
    if abs(value) > _LARGEST:
        return f"${value:.3e}"
    return f"${value.quantize(_CENT, rounding=ROUND_HALF_UP):,}"


def percent(ratio: object) -> str:
    """12.5 % from 0.125, 15 % from 0.15."""
    value = number(ratio)
    if value is None:
        return UNKNOWN
    return f"{100 * value:.1f}".removesuffix(".0").replace("-", MINUS) + " %"


def times(ratio: object) -> str:
    """1.80x: an amplification."""
    value = number(ratio)
    return UNKNOWN if value is None else f"{value:.2f}x"


def because(reasons: Sequence[object]) -> str:
    """The first of the reasons, on one line."""
    shown = [words.plain(reason, LONGEST_REASON) for reason in reasons[:MOST_REASONS]]
    more = len(reasons) - len(shown)
    return "; ".join([*shown, *([f"and {more} more"] if more > 0 else [])])


def document_of(row: Document) -> tuple[Document | None, str]:
    """What a scenario projected, or why there is nothing. `row`: of `Answers.judged`."""
    document: Document | None = row.get("document")
    if document is None:
        return None, words.plain(row.get("fault") or "not projected yet", LONGEST_REASON)
    return document, ""


def deepest(document: Document) -> Document:
    """The projection itself; of a curve that of its last step."""
    steps = document.get("curve")
    return steps[-1] if steps else document


def result_of(row: Document) -> tuple[Document | None, str]:
    """What one projection found, or why nobody knows."""
    document, fault = document_of(row)
    if document is None:
        return None, fault
    result: Document | None = deepest(document).get("result")
    if result is None:
        return None, "the projection says nothing"
    if result.get("unknown"):
        return None, because(result["unknown"])
    return result, ""


def figure(traces: Sequence[Any], **layout: Any) -> dict[str, Any]:
    """A figure as plotly.js takes it. `layout` is added to what all have.

    Nothing can be dragged or zoomed: on a phone a finger on a figure scrolls the page.
    """
    from plotly import graph_objects as go

    common: dict[str, Any] = {
        "template": go.layout.Template(),
        "autosize": True,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 13, "color": color("ink")},
        "hoverlabel": {
            "bgcolor": color("surface"),
            "bordercolor": color("line"),
            "font": {"color": color("ink"), "size": 13},
            "align": "left",
        },
        "dragmode": False,
        "separators": ".,",
    }
    made = go.Figure(data=list(traces), layout=go.Layout(common | layout))
    plot: dict[str, Any] = made.to_plotly_json()
    plot["layout"].pop("template", None)
    return plot


def axis(title: str, **more: Any) -> dict[str, Any]:
    """One axis in the page's colours."""
    return {
        "title": {"text": title, "standoff": 8},
        "automargin": True,
        "fixedrange": True,
        "gridcolor": color("line"),
        "linecolor": color("line"),
        "zeroline": False,
        "tickcolor": color("line"),
    } | more


USD_TICKS = {"tickprefix": "$", "exponentformat": "B", "rangemode": "tozero"}
"""$20M, from zero."""
LEGEND = {"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom"}
