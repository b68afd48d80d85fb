"""Figures as SVG, drawn by hand: a report must open anywhere, with no script and no other file.

plotly would do it with five megabytes of script in each report; what is drawn here takes some tens
of kilobytes, prints, and is read out by its title.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from monitor.incidents.wording import unix_text

WIDTH, HEIGHT = 960, 300
LEFT, RIGHT, TOP, BOTTOM = 76, 14, 14, 30
STRIP = 14
"""Height of the strip of phases below a chart."""
MOST_POINTS = 600
"""Of a line: more are put together, their smallest and largest are kept."""
TICKS = 5
MARK_WIDTH = 48

Point = tuple[int, float | None]
"""Block number and value; None where it is not known: the line has a gap there."""


@dataclass(frozen=True, slots=True)
class Line:
    """`kind`: its class in the style sheet. `steps`: it stays until the next point."""

    label: str
    kind: str
    points: Sequence[Point]
    steps: bool = False


@dataclass(frozen=True, slots=True)
class Mark:
    """A horizontal line."""

    label: str
    kind: str
    value: float


@dataclass(frozen=True, slots=True)
class Phase:
    """A breaker's phase from one block up to the next one's."""

    name: str
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Chart:
    """`title` and `summary` are for who cannot see it. `unit`: usd, percent or number.

    `is_time`: what stands for blocks are Unix seconds.
    """

    title: str
    summary: str
    lines: Sequence[Line]
    marks: Sequence[Mark] = ()
    bars: Sequence[Point] = ()
    phases: Sequence[Phase] = ()
    unit: str = "usd"
    is_time: bool = False
    starts_at_zero: bool = True


def svg(chart: Chart) -> str:
    """The figure; its colours are the page's."""
    frame = _frame(chart)
    height = HEIGHT + (STRIP + 6 if chart.phases else 0)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(chart.title)}: '
        f'{escape(chart.summary)}">',
        f"<title>{escape(chart.title)}</title>",
        *_grid(frame, chart),
        *_bars(frame, chart),
        *_marks(frame, chart),
        *_lines(frame, chart),
        *_phases(frame, chart),
        "</svg>",
    ]
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class _Frame:
    first: int
    last: int
    low: float
    high: float

    def x(self, block: float) -> float:
        span = max(1, self.last - self.first)
        return round(LEFT + (block - self.first) / span * (WIDTH - LEFT - RIGHT), 1)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)


def _frame(chart: Chart) -> _Frame:
    points = [point for line in chart.lines for point in line.points] + list(chart.bars)
    blocks = [block for block, _ in points] or [0]
    values = [value for _, value in points if value is not None]
    values += [mark.value for mark in chart.marks]
    base = [0.0] if chart.starts_at_zero or not values else []
    low, high = min([*base, *values]), max([*base, *values])
    if high == low:
        high = low + 1
    return _Frame(min(blocks), max(blocks), low, low + (high - low) * 1.05)


def _grid(frame: _Frame, chart: Chart) -> list[str]:
    found = []
    for number in range(TICKS):
        value = frame.low + (frame.high - frame.low) * number / (TICKS - 1)
        y = frame.y(value)
        found.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        found.append(
            f'<text class="tick" x="{LEFT - 8}" y="{y + 4}" text-anchor="end">'
            f"{worded(value, chart.unit)}</text>"
        )
    for number in range(TICKS):
        block = frame.first + (frame.last - frame.first) * number // (TICKS - 1)
        anchor = ("start", "middle", "middle", "middle", "end")[number]
        found.append(
            f'<text class="tick" x="{frame.x(block)}" y="{HEIGHT - BOTTOM + 18}" '
            f'text-anchor="{anchor}">{unix_text(block)[:10] if chart.is_time else block}</text>'
        )
    return found


def _bars(frame: _Frame, chart: Chart) -> list[str]:
    zero = frame.y(0)
    found = []
    for block, value in chart.bars:
        if value:
            y = frame.y(value)
            told = f"block {block}: {worded(value, chart.unit)}"
            found.append(
                f'<rect class="bar" x="{frame.x(block) - 2}" y="{min(y, zero)}" width="4" '
                f'height="{max(1.0, round(abs(zero - y), 1))}"><title>{told}</title></rect>'
            )
    return found


def _marks(frame: _Frame, chart: Chart) -> list[str]:
    found = []
    for place, mark in enumerate(chart.marks):
        y = frame.y(mark.value)
        x = WIDTH - RIGHT - place * MARK_WIDTH  # beside one another: thresholds may lie close
        found.append(
            f'<line class="mark {mark.kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>'
            f'<text class="mark {mark.kind}" x="{x}" y="{y - 4}" text-anchor="end">'
            f"{escape(mark.label)}</text>"
        )
    return found


def _lines(frame: _Frame, chart: Chart) -> list[str]:
    found = []
    for line in chart.lines:
        for part in _parts(line.points):
            path = _path(frame, _thinned(part), steps=line.steps)
            found.append(
                f'<path class="line {line.kind}" d="{path}"><title>{escape(line.label)}</title>'
                "</path>"
            )
    return found


def _parts(points: Sequence[Point]) -> list[list[tuple[int, float]]]:
    """Between gaps."""
    found: list[list[tuple[int, float]]] = [[]]
    for block, value in points:
        if value is None:
            found.append([])
        else:
            found[-1].append((block, value))
    return [part for part in found if part]


def _thinned(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    if len(points) <= MOST_POINTS:
        return list(points)
    size = -(-2 * len(points) // MOST_POINTS)
    found = []
    for start in range(0, len(points), size):
        group = points[start : start + size]
        kept = {min(group, key=_value), max(group, key=_value), group[-1]}
        found += sorted(kept)
    return found


def _value(point: tuple[int, float]) -> float:
    return point[1]


def _path(frame: _Frame, points: Sequence[tuple[int, float]], *, steps: bool) -> str:
    first = points[0]
    words = [f"M{frame.x(first[0])} {frame.y(first[1])}"]
    if len(points) == 1:
        words.append(f"h{1}")  # a point alone would not be seen
    for before, now in pairwise(points):
        if steps and before[1] != now[1]:
            words.append(f"H{frame.x(now[0])}")
        words.append(f"L{frame.x(now[0])} {frame.y(now[1])}")
    return "".join(words)


def _phases(frame: _Frame, chart: Chart) -> list[str]:
    found = []
    for phase in chart.phases:
        x, end = frame.x(phase.first), frame.x(min(phase.end, frame.last))
        found.append(
            f'<rect class="phase {phase.name}" x="{x}" y="{HEIGHT}" '
            f'width="{max(2.0, round(end - x, 1))}" height="{STRIP}">'
            f"<title>{phase.name} from {_place(phase.first, chart)}</title></rect>"
        )
    return found


def _place(block: int, chart: Chart) -> str:
    return f"{unix_text(block)} UTC" if chart.is_time else f"block {block}"


def worded(value: float, unit: str) -> str:
    """A figure as an axis has it: $1.2M, -12%, 0.35; a share: 35 %."""
    if unit == "percent":
        return f"{value:+.1%}"
    if unit == "share":
        return f"{100 * value:.3g} %"
    size = abs(value)
    for least, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if size >= least:
            text = f"{size / least:.3g}{letter}"
            break
    else:
        text = f"{size:.3g}"
    return f"{'-' if value < 0 else ''}{'$' if unit == 'usd' else ''}{text}"
