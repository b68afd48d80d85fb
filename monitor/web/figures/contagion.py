"""Contagion as a map: where debt was liquidated, and where what caused it was sold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from monitor.core import words
from monitor.web.figures.drawing import (
    Document,
    Drawn,
    Summary,
    axis,
    color,
    exact,
    figure,
    label,
    number,
    percent,
    place,
    result_of,
    whole_place,
)

MOST_MARKETS = 8
"""On either side: the others are one."""
MOST_TOLD = 100
"""Rows that a projection tells: where it has so many, there may be more."""
MOST_ROWS = 25
SHOCK, OTHERS = "the shock itself", "others"
HEAD = ("liquidated in", "because of", "USD", "part of all liquidated there")
LIGHTEST, DARKEST = 8, 55
"""Per cent of the colour of a cell, so that words on it stay readable, light or dark."""
_CENT = 0.01
Names = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Cell:
    """Debt liquidated in `target` because of `source`. `share`: of all that was, if known."""

    source: str
    target: str
    usd: float
    share: float | None


def cells_of(result: Document) -> list[Cell]:
    """What markets did to one another and themselves, and what the shock did."""
    told = result.get("contagion") or ()
    cells = []
    pushed: dict[str, float] = {}
    for row in told:
        usd = number(row["liquidated_usd"])
        if usd is not None:
            cells.append(Cell(row["from"], row["to"], usd, number(row["share"])))
            pushed[row["to"]] = pushed.get(row["to"], 0.0) + usd
    if len(told) >= MOST_TOLD:
        return cells  # what is not told would be counted as the shock's
    rounding = _CENT * (len(told) + 1)
    for market, figures in (result.get("by_market") or {}).items():
        usd = number(figures["liquidated_usd"])
        if usd:
            own = usd - pushed.get(market, 0.0)
            if own > rounding:
                cells.append(Cell(SHOCK, market, own, own / usd))
    return cells


def summary(row: Document, names: Names | None = None) -> Summary:
    """`row`: of `Answers.judged`. `names`: what sub-markets are called, by id."""
    result, fault = result_of(row)
    if result is None:
        return Summary(f"Not known: {fault}.")
    cells = cells_of(result)
    spread = [cell for cell in cells if cell.source != SHOCK]
    if not cells:
        return Summary("Nothing is liquidated.")
    if not spread:
        return Summary("All that is liquidated, the shock does itself: nothing spreads.")
    named = names or {}
    worst = max(spread, key=lambda cell: cell.usd)
    way = "by its own sales" if worst.source == worst.target else "by sales in "
    way += "" if worst.source == worst.target else place(worst.source, named)
    sentence = f"{words.money(worst.usd)} is liquidated in {place(worst.target, named)} {way}"
    rest = sum(cell.usd for cell in spread)
    sentence += f", of {words.money(rest)} that the sales of liquidators cause in all."
    ordered = sorted(cells, key=lambda cell: -cell.usd)
    return Summary(sentence, HEAD, tuple(_row(cell, named) for cell in ordered[:MOST_ROWS]))


def draw(row: Document, names: Names | None = None) -> Drawn:
    """Cells are shapes: plotly's own heat map is a picture by a data: address, which the page's
    policy does not allow.
    """
    result, fault = result_of(row)
    if result is None:
        return Drawn(f"Not known: {fault}.")
    cells = cells_of(result)
    if not any(cell.source != SHOCK and cell.usd > 0 for cell in cells):
        nothing = "Nothing is liquidated." if not any(cell.usd > 0 for cell in cells) else ""
        return Drawn(nothing or "All that is liquidated, the shock does itself: nothing spreads.")
    cells = _gathered([cell for cell in cells if cell.usd > 0])
    sources, targets = _ordered(cells, "source"), _ordered(cells, "target")
    from plotly import graph_objects as go

    most = max(cell.usd for cell in cells)
    named = names or {}
    trace = go.Scatter(
        x=[sources.index(cell.source) for cell in cells],
        y=[targets.index(cell.target) for cell in cells],
        mode="text",
        text=[words.money(cell.usd) for cell in cells],
        customdata=[_said(cell, named) for cell in cells],
        hovertemplate="%{customdata}<extra></extra>",
        textfont={"color": color("ink")},
        showlegend=False,
    )
    plot = figure(
        [trace],
        xaxis=_names_axis("because of sales in", sources, named),
        yaxis=_names_axis("liquidated in", targets, named) | {"range": [len(targets) - 0.5, -0.5]},
        shapes=[_shape(cell, sources, targets, most) for cell in cells],
        hovermode="closest",
        hoverdistance=60,
    )
    more = len(result.get("contagion") or ()) >= MOST_TOLD
    return Drawn(
        "The largest 100 only; what the shock does itself is left out." if more else "", plot
    )


def _gathered(cells: Sequence[Cell]) -> list[Cell]:
    """The markets of most of the debt on either side; of all others together no share is told."""
    sources, targets = _kept(cells, "source"), _kept(cells, "target")
    sums: dict[tuple[str, str], float] = {}
    shares: dict[tuple[str, str], float | None] = {}
    for cell in cells:
        key = (
            cell.source if cell.source in sources else OTHERS,
            cell.target if cell.target in targets else OTHERS,
        )
        sums[key] = sums.get(key, 0.0) + cell.usd
        shares[key] = None if OTHERS in key else cell.share
    return [
        Cell(source, target, usd, shares[source, target]) for (source, target), usd in sums.items()
    ]


def _kept(cells: Sequence[Cell], side: str) -> set[str]:
    ordered = _ordered(cells, side)
    return set(ordered if len(ordered) <= MOST_MARKETS else ordered[: MOST_MARKETS - 1])


def _ordered(cells: Sequence[Cell], side: str) -> list[str]:
    """By what they have of it; the shock first, the others last."""
    sums: dict[str, float] = {}
    for cell in cells:
        name = str(getattr(cell, side))
        sums[name] = sums.get(name, 0.0) + cell.usd
    return sorted(sums, key=lambda name: (name == OTHERS, name != SHOCK, -sums[name], name))


def _shape(
    cell: Cell, sources: Sequence[str], targets: Sequence[str], most: float
) -> dict[str, Any]:
    x, y = sources.index(cell.source), targets.index(cell.target)
    role = "muted" if cell.source == SHOCK else "series-1"
    strength = round(LIGHTEST + (DARKEST - LIGHTEST) * sqrt(cell.usd / most))
    return {
        **{"type": "rect", "x0": x - 0.48, "x1": x + 0.48, "y0": y - 0.46, "y1": y + 0.46},
        **{"fillcolor": color(role, strength), "line": {"width": 0}, "layer": "below"},
    }


def _names_axis(title: str, markets: Sequence[str], names: Names) -> dict[str, Any]:
    return axis(
        title,
        tickmode="array",
        tickvals=list(range(len(markets))),
        ticktext=[label(_shown(name, names)) for name in markets],
        range=[-0.5, len(markets) - 0.5],
        showgrid=False,
    )


def _shown(name: str, names: Names) -> str:
    return name if name in (SHOCK, OTHERS) else place(name, names)


def _told(name: str, names: Names) -> str:
    return name if name in (SHOCK, OTHERS) else whole_place(name, names)


def _said(cell: Cell, names: Names) -> str:
    source, target = (label(_told(each, names), 60) for each in (cell.source, cell.target))
    cause = source if cell.source == SHOCK else f"sales in {source}"
    part = "" if cell.share is None else f"<br>{percent(cell.share)} of all liquidated there"
    return f"{exact(f'{cell.usd:.2f}')} liquidated in {target}<br>because of {cause}{part}"


def _row(cell: Cell, names: Names) -> tuple[str, ...]:
    target, source = _told(cell.target, names), _told(cell.source, names)
    return target, source, exact(f"{cell.usd:.2f}"), percent(cell.share)
