"""Pictures of the dashboards, drawn by this script from the panels' own queries.

They are not Grafana's: they show which panels lie where and what a real Prometheus answers them.
"""

import html
import math
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

COLOURS = ("#5794f2", "#ff9830", "#73bf69", "#f2495c", "#b877d9", "#37872d", "#e0b400", "#8ab8ff")
NAMED = {"green": "#73bf69", "yellow": "#fade2a", "orange": "#ff9830", "red": "#f2495c"}
NAMED |= {"purple": "#b877d9", "blue": "#5794f2", "light-orange": "#ffcb7d", "text": "#ccccdc"}
CELL_PX = (66, 34)
MOST_NAMES = 6
STYLE = """
body { margin: 0; background: #111217; color: #ccccdc; font: 12px "DejaVu Sans", sans-serif; }
header { padding: 8px 12px; } h1 { font-size: 18px; margin: 0; }
main { position: relative; }
section { position: absolute; box-sizing: border-box; background: #181b1f; overflow: hidden;
  border: 1px solid #2c2f36; border-radius: 3px; padding: 4px 8px; }
section.row { background: none; border: 0; font-size: 14px; font-weight: bold; }
h2 { font-size: 12px; margin: 0 0 2px; } p { margin: 0; white-space: nowrap; }
.big { font-size: 22px; line-height: 1.35; } small { color: #9fa7b3; }
"""
Series = dict[str, Any]
Ask = Callable[[str], list[Series]]
"""The range vector of a panel's expression."""
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """One series: its name, and its known values by time."""

    name: str
    points: tuple[Point, ...]

    @property
    def newest(self) -> float:
        return self.points[-1][1] if self.points else math.nan


def draw(board: dict[str, Any], ask: Ask, span: tuple[float, float], path: Path) -> int:
    """Write a PNG; how many panels showed nothing known."""
    wide, high = CELL_PX
    parts, empty, bottom = [], 0, 0
    for panel in board["panels"]:
        place = panel["gridPos"]
        size = (place["w"] * wide - 6, place["h"] * high - 6)
        style = f"left:{place['x'] * wide}px;top:{place['y'] * high}px;"
        style += f"width:{size[0]}px;height:{size[1]}px"
        bottom = max(bottom, (place["y"] + place["h"]) * high)
        title = html.escape(panel["title"])
        if panel["type"] == "row":
            parts.append(f'<section class="row" style="{style}">{title}</section>')
            continue
        lines = _lines(panel, ask)
        empty += not any(line.points for line in lines)
        parts.append(
            f'<section style="{style}"><h2>{title}</h2>{_body(panel, lines, span, size)}</section>'
        )
    said = "drawn by the tests from a real Prometheus' answers; Grafana draws it in its own way"
    head = f"<header><h1>{html.escape(board['title'])}</h1><small>{said}</small></header>"
    page = path.with_suffix(".html")
    page.write_text(f"<style>{STYLE}</style>{head}<main>{''.join(parts)}</main>")
    _photograph(page, path, 24 * wide, bottom + 60)
    page.unlink()
    return empty


def _photograph(page: Path, path: Path, width: int, height: int) -> None:
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    command += [f"--window-size={width},{height}", f"--screenshot={path}", page.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def _lines(panel: dict[str, Any], ask: Ask) -> list[Line]:
    found = []
    for target in panel["targets"]:
        for series in ask(target["expr"]):
            values = ((at, float(value)) for at, value in series["values"])
            known = tuple((at, value) for at, value in values if math.isfinite(value))
            found.append(Line(_name(target["legendFormat"], series["metric"]), known))
    return found


def _name(legend: str, labels: dict[str, str]) -> str:
    if legend == "__auto":
        return ", ".join(f"{k}={v}" for k, v in labels.items() if k not in ("__name__", "job"))
    for key, value in labels.items():
        legend = legend.replace("{{" + key + "}}", value)
    return legend


def _body(
    panel: dict[str, Any], lines: Sequence[Line], span: tuple[float, float], size: tuple[int, int]
) -> str:
    unit = panel["fieldConfig"]["defaults"].get("unit", "short")
    width, height = size[0] - 18, size[1] - 24
    match panel["type"]:
        case "stat":
            return "".join(_figure(panel, line, unit) for line in lines[:3])
        case "table":
            return "".join(f"<p>{html.escape(line.name)}</p>" for line in lines)
        case "state-timeline":
            return _bands(panel, lines, span, (width, height))
        case _:
            named = lines[:MOST_NAMES]
            return _graph(lines, span, (width, height - 15 * len(named)), unit) + "".join(
                f'<p style="color:{COLOURS[place % len(COLOURS)]}">{html.escape(line.name)}: '
                f"{_shown(line.newest, unit)}</p>"
                for place, line in enumerate(named)
            )


def _figure(panel: dict[str, Any], line: Line, unit: str) -> str:
    word, colour = _word(panel, line.newest)
    text = word or _shown(line.newest, unit)
    small = f"<small>{html.escape(line.name)}</small>"
    return f'<p class="big" style="color:{colour}">{text} {small}</p>'


def _word(panel: dict[str, Any], value: float) -> tuple[str, str]:
    """What a value is called, and its colour."""
    defaults = panel["fieldConfig"]["defaults"]
    for mapping in defaults.get("mappings", ()):
        if mapping["type"] == "value" and f"{value:g}" in mapping["options"]:
            found = mapping["options"][f"{value:g}"]
            return found["text"], NAMED[found["color"]]
    colour = "text"
    for step in defaults.get("thresholds", {}).get("steps", ()):
        if step["value"] is None or value >= step["value"]:
            colour = step["color"]
    return "", NAMED[colour]


def _bands(
    panel: dict[str, Any], lines: Sequence[Line], span: tuple[float, float], size: tuple[int, int]
) -> str:
    width, height = size
    each = min(28.0, height / max(1, len(lines)))
    shapes = []
    for row, line in enumerate(lines):
        points = [*line.points, (span[1], line.newest)]
        for (begin, value), (end, _) in pairwise(points):
            x, wide = _x(begin, span, width), _x(end, span, width) - _x(begin, span, width)
            colour = _word(panel, value)[1]
            shapes.append(
                f'<rect x="{x:.1f}" y="{row * each:.1f}" width="{wide + 0.5:.1f}" '
                f'height="{each - 3:.1f}" fill="{colour}"/>'
            )
        said = html.escape(f"{line.name}: {_word(panel, line.newest)[0]}")
        shapes.append(f'<text x="6" y="{row * each + each / 2 + 3:.1f}" fill="#111">{said}</text>')
    return f'<svg width="{width}" height="{height}" font-size="11">{"".join(shapes)}</svg>'


def _graph(
    lines: Sequence[Line], span: tuple[float, float], size: tuple[int, int], unit: str
) -> str:
    width, height = size
    values = [value for line in lines for _, value in line.points] or [0.0]
    low, high = min(0.0, *values), max(values)
    scale = (height - 4) / ((high - low) or 1.0)
    shapes = []
    for place, line in enumerate(lines):
        track = " ".join(
            f"{_x(at, span, width):.1f},{height - 2 - (value - low) * scale:.1f}"
            for at, value in line.points
        )
        colour = COLOURS[place % len(COLOURS)]
        shapes.append(f'<polyline points="{track}" fill="none" stroke="{colour}"/>')
    for y, value in ((10, high), (height - 3, low)):
        shapes.append(f'<text x="2" y="{y}" fill="#9fa7b3">{_shown(value, unit)}</text>')
    return f'<svg width="{width}" height="{height}" font-size="10">{"".join(shapes)}</svg>'


def _x(at: float, span: tuple[float, float], width: int) -> float:
    return (at - span[0]) / (span[1] - span[0]) * width


def _shown(value: float, unit: str) -> str:
    if math.isnan(value):
        return "unknown"
    match unit:
        case "percentunit":
            return f"{value:.2%}"
        case "currencyUSD":
            return f"${value:,.0f}"
        case "bytes":
            return f"{value / 2**20:,.0f} MiB"
        case "s":
            return f"{value:,.3g} s" if value < 3600 else f"{value / 3600:.1f} h"
        case _:
            return f"{value:,.4g}"
