"""The cascade curve: what is liquidated, and what stays unpaid, by how far one asset moves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from monitor.core import words
from monitor.web.figures.drawing import (
    LEGEND,
    USD_TICKS,
    Document,
    Drawn,
    Summary,
    axis,
    because,
    color,
    document_of,
    exact,
    figure,
    label,
    number,
    percent,
    times,
)
from monitor.web.figures.marks import Marks, role_of, verb_of
from monitor.web.figures.thresholds import Threshold

MOST_ROWS = 25
"""Of the table: of a finer curve some steps are left out."""
LOGARITHMIC_FROM = 300.0
"""Times the lowest threshold: a curve that goes so far above hides it on a linear axis."""
HEAD = ("shock", "liquidated in round 1", "liquidated in all", "amplification", "bad debt")


@dataclass(frozen=True, slots=True)
class Step:
    """One move of the asset. `result` is None where nobody knows what it does."""

    move: float
    result: Document | None
    is_ended: bool

    @property
    def percent(self) -> float:
        return round(100 * self.move, 6)

    def usd(self, name: str) -> float | None:
        return None if self.result is None else number(self.result.get(name))

    def told(self, name: str) -> str:
        return exact(None if self.result is None else self.result.get(name))

    @property
    def amplification(self) -> str:
        return times(None if self.result is None else self.result.get("amplification"))


def steps_of(document: Document) -> list[Step]:
    """In the order of the curve."""
    found = []
    for each in document.get("curve") or ():
        move = number(next(iter(each["scenario"]["shocks"].values()), None))
        if move is not None:
            result = each["result"]
            known = None if result.get("unknown") else result
            found.append(Step(move, known, bool(result.get("converged"))))
    return found


def summary(row: Document) -> Summary:
    """`row`: of `Answers.judged`, of a scenario that is a curve."""
    document, fault = document_of(row)
    if document is None:
        return Summary(f"Not known: {fault}.")
    steps = steps_of(document)
    known = [step for step in steps if step.usd("liquidated_usd") is not None]
    if not known:
        return Summary(f"Not known: {because(document.get('unknown') or ['no step'])}.")
    last = known[-1]
    sentence = (
        f"{_asset(document)} {_move(last)}: {last.told('liquidated_usd')} is liquidated, "
        f"{last.told('first_round_usd')} of it in the first round; bad debt "
        f"{last.told('bad_debt_usd')}. {_critical(document)}{_gaps(document, steps)}"
    )
    rows = tuple(_row(step) for step in _some(steps, document))
    return Summary(sentence, HEAD, rows)


def draw(row: Document, thresholds: Sequence[Threshold] = ()) -> Drawn:
    """The figure; `thresholds`: of the breakers that look at it."""
    document, fault = document_of(row)
    if document is None:
        return Drawn(f"Not known: {fault}.")
    steps = steps_of(document)
    amounts = [
        usd
        for step in steps
        for name in ("liquidated_usd", "bad_debt_usd")
        if (usd := step.usd(name)) is not None
    ]
    if not amounts:
        return Drawn(f"Not known: {because(document.get('unknown') or ['no step'])}.")
    levels = [each for each in thresholds if each.shock is not None]
    lowest = min((each.value for each in levels if each.value > 0), default=None)
    is_log = lowest is not None and max(amounts) > LOGARITHMIC_FROM * lowest
    top = max([*amounts, *(each.value for each in levels if each.value <= 4 * max(amounts))])
    top = 1.12 * top or 1.0
    marks = Marks(None if is_log else top, falls=steps[-1].move < 0)
    for each in sorted(thresholds, key=lambda one: one.shock is None):
        marks.threshold(each)
    marks.critical(number(document.get("critical_shock")))
    for step in steps:
        if step.usd("liquidated_usd") is None:
            marks.band(step.percent, _width(steps))
    y_axis = axis("USD", type="log") if is_log else axis("USD", range=[0, top])
    x_range = _x_range(steps)
    plot = figure(
        [*_traces(steps, is_log=is_log), *_judged_at(levels)],
        xaxis=axis(f"{_asset(document)} moves by", ticksuffix=" %", range=x_range),
        yaxis=USD_TICKS | y_axis,
        hovermode="x unified",
        legend=LEGEND,
        shapes=marks.shapes,
        annotations=marks.annotations,
    )
    return Drawn(_gaps(document, steps).strip(), plot)


def _traces(steps: Sequence[Step], *, is_log: bool) -> list[Any]:
    """First round, all rounds and bad debt. Areas only where every step is known: over a gap an
    area would draw what nobody knows.
    """
    from plotly import graph_objects as go

    filled = all(step.usd("liquidated_usd") is not None for step in steps) and not is_log
    lines = (
        ("liquidated_usd", "liquidated in all rounds", "series-1", "solid", "tozeroy"),
        ("first_round_usd", "of it in the first round", "series-2", "solid", "tozeroy"),
        ("bad_debt_usd", "bad debt", "series-3", "dash", None),
    )
    traces = []
    for name, said, role, dash, area in lines:
        values = [step.usd(name) for step in steps]
        traces.append(
            go.Scatter(
                x=[step.percent for step in steps],
                y=[None if is_log and value == 0 else value for value in values],
                text=[_said(step, name, said) for step in steps],
                hovertemplate="%{text}<extra></extra>",
                name=said,
                mode="lines+markers" if len(steps) <= MOST_ROWS else "lines",
                line={"color": color(role), "width": 2, "dash": dash},
                marker={"size": 5, "symbol": _symbols(steps)},
                connectgaps=False,
                fill=area if filled else None,
                fillcolor=color(role, 22),
            )
        )
    return traces


def _judged_at(levels: Sequence[Threshold]) -> list[Any]:
    """Where on its line a threshold is held against what is projected."""
    from plotly import graph_objects as go

    return [
        go.Scatter(
            x=[100 * (each.shock or 0)],
            y=[each.value],
            text=[f"{words.money(each.value)}: here {label(each.breaker)} {verb_of(each)}"],
            hovertemplate="%{text}<extra></extra>",
            mode="markers",
            marker={"symbol": "diamond", "size": 10, "color": color(role_of(each))},
            showlegend=False,
        )
        for each in levels
        if each.value > 0
    ]


def _said(step: Step, name: str, said: str) -> str:
    more = f", {step.amplification} the first round" if name == "liquidated_usd" else ""
    return f"{step.told(name)} {said}{more}{'' if step.is_ended else ' (no end found)'}"


def _symbols(steps: Sequence[Step]) -> list[str]:
    return ["circle" if step.is_ended else "circle-open" for step in steps]


def _x_range(steps: Sequence[Step]) -> list[float]:
    """From no move at the left to the deepest at the right, whichever way it goes."""
    margin = _width(steps) / 2
    end = steps[-1].percent
    return [0, end - margin if end < 0 else end + margin]


def _width(steps: Sequence[Step]) -> float:
    return abs(steps[-1].percent) / len(steps)


def _asset(document: Document) -> str:
    return label(document["scenario"]["curve"]["asset"])


def _move(step: Step) -> str:
    way = "falls" if step.move < 0 else "rises"
    return f"{way} {percent(abs(step.move))}"


def _critical(document: Document) -> str:
    if document.get("unknown"):
        return "From which move it is critical is not known."
    critical = document.get("critical_shock")
    if critical is None:
        return "No move on the curve is critical."
    return f"From a move of {percent(critical)} it is critical."


def _gaps(document: Document, steps: Sequence[Step]) -> str:
    blank = sum(step.result is None for step in steps)
    endless = sum(not step.is_ended for step in steps if step.result is not None)
    said = ""
    if blank:
        reasons = because(document.get("unknown") or ())
        said += f" Of {blank} of {len(steps)} moves nobody knows: {reasons}."
    if endless:
        said += f" For {endless} of {len(steps)} moves no end was found: it may be more."
    return said


def _some(steps: Sequence[Step], document: Document) -> list[Step]:
    """Few enough to read, with the last and the critical one."""
    if len(steps) <= MOST_ROWS:
        return list(steps)
    every = -(-len(steps) // (MOST_ROWS - 2))
    critical = number(document.get("critical_shock"))
    return [
        step
        for index, step in enumerate(steps)
        if (index + 1) % every == 0 or index + 1 == len(steps) or abs(step.move) == critical
    ]


def _row(step: Step) -> tuple[str, ...]:
    return (
        percent(step.move),
        step.told("first_round_usd"),
        step.told("liquidated_usd"),
        step.amplification,
        step.told("bad_debt_usd"),
    )
