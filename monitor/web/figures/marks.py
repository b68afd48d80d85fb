"""Lines over a curve, each with its words: where breakers warn and trip, what is critical."""

from itertools import count
from math import log10
from typing import Any

from monitor.core import words
from monitor.web.figures.drawing import UNKNOWN, color, label, percent
from monitor.web.figures.thresholds import Threshold

ROW = 0.085
"""What a line of words takes of the height."""


class Marks:
    """Keeps words from lying on one another. Curves begin low, so words stand at the left."""

    def __init__(self, top: float | None, *, falls: bool) -> None:
        """`top`: the end of the axis, None where it is logarithmic. `falls`: the asset's way."""
        self._top = top
        self._sign = -1 if falls else 1
        self._taken: list[tuple[float, float]] = []
        self.shapes: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []

    def threshold(self, found: Threshold) -> None:
        """Of one move it lies across the figure, of the critical move it stands upright."""
        name, verb, role = label(found.breaker), verb_of(found), role_of(found)
        if found.shock is None:
            self._upright(self._sign * found.value, role, f"{name} {verb}: critical here")
        elif found.value > 0:
            what = "bad debt " if found.measure == "bad_debt_usd" else ""
            said = f"{name} {verb} at {what}{words.money(found.value)}, {percent(found.shock)}"
            self._across(found.value, role, said, is_below=not found.is_trip)

    def critical(self, shock: float | None) -> None:
        if shock is not None:
            move = self._sign * shock
            self._upright(move, "ink", f"critical at {percent(move)}")

    def band(self, x: float, width: float) -> None:
        """What a step does is unknown, which the first of them says."""
        if not any(shape["type"] == "rect" for shape in self.shapes):
            at = {"yref": "paper", "x": x, "y": 0.5, "textangle": -90}
            self.annotations.append(at | _words(UNKNOWN, "blind"))
        self.shapes.append(
            {
                **{"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "layer": "below"},
                **{"x0": x - width / 2, "x1": x + width / 2, "line": {"width": 0}},
                "fillcolor": color("blind", 22),
            }
        )

    def _across(self, y: float, role: str, said: str, *, is_below: bool) -> None:
        """Words below their line where there is room: what warns and what trips may lie close."""
        if self._top is not None:
            height = y / self._top
            is_below = is_below and height > ROW
            low = height - ROW if is_below else height
            self._taken.append((low, low + ROW))
        self.shapes.append(
            {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y} | _line(role)
        )
        # On a logarithmic axis an annotation stands at an exponent, a shape does not.
        at = {"xref": "paper", "x": 0, "xanchor": "left", "y": y if self._top else log10(y)}
        side = {"yanchor": "top" if is_below else "bottom"}
        self.annotations.append(at | side | _words(said, role))

    def _upright(self, move: float, role: str, said: str) -> None:
        """Words on the highest row that is free."""
        x = 100 * move
        rows = (1 - ROW * number for number in count())
        high = next(row for row in rows if not self._is_taken(row))
        self._taken.append((high - ROW, high))
        self.shapes.append(
            {"type": "line", "yref": "paper", "x0": x, "x1": x, "y0": 0, "y1": 1} | _line(role)
        )
        at = {"yref": "paper", "x": x, "y": high, "yanchor": "top", "xanchor": "left"}
        self.annotations.append(at | _words(said, role))

    def _is_taken(self, high: float) -> bool:
        return any(low < high - 1e-9 and high - ROW < top - 1e-9 for low, top in self._taken)


def role_of(found: Threshold) -> str:
    return "tripped" if found.is_trip else "warned"


def verb_of(found: Threshold) -> str:
    return "trips" if found.is_trip else "warns"


def _line(role: str) -> dict[str, Any]:
    return {"line": {"color": color(role), "width": 1.5, "dash": "dot"}, "layer": "above"}


def _words(said: str, role: str) -> dict[str, Any]:
    return {
        "text": said,
        "showarrow": False,
        "bgcolor": color("surface", 80),
        "font": {"size": 12, "color": color(role)},
    }
