"""Figures, blocks and spans of time in words, for reports and the terminal."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from monitor.core.words import curved, figure, shocked

MINUTE, HOUR, DAY = 60, 3_600, 86_400


def money(usd: str | None) -> str:
    """A USD text of a document, in whole dollars."""
    return "unknown" if usd is None else f"${float(usd):,.0f}"


def number(text: str | None) -> float | None:
    """A figure of a document, to be drawn. "Infinity" (no shock is critical) is none."""
    value = None if text is None else float(text)
    return None if value is None or abs(value) == float("inf") else value


def scenario_text(scenario: Mapping[str, Any]) -> str:
    """What a scenario does: "WETH falls 20 %"."""
    return curved(scenario.get("curve")) or shocked(scenario.get("shocks")) or "no shock"


def unit_of(measure: str) -> str:
    """In which a chart shows a measure."""
    if measure.endswith("_usd"):
        return "usd"
    return "share" if measure in ("share_of_market", "critical_shock") else "number"


def value_text(document: Mapping[str, Any], breaker: str, value: str | None) -> str:
    """What a breaker measured, in short; nothing where that was not known."""
    measures = {each["name"]: each["measure"] for each in document["breakers"]}
    return "" if value is None else figure(measures.get(breaker), value)


def count(number: int, what: str) -> str:
    """1 trip, 2 trips."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def block_text(block: Mapping[str, Any]) -> str:
    return f"{block['number']} {block['hash'][:10]}…"


def when(block: Mapping[str, Any]) -> str:
    """A block's time."""
    return datetime.fromtimestamp(block["timestamp"], UTC).strftime("%Y-%m-%d %H:%M:%S")


def unix_text(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%d %H:%M")


def span(seconds: float) -> str:
    """Seconds as people say them: 98 s, 14 min 5 s, 3 h 20 min, 2 d 4 h."""
    size = abs(round(seconds))
    if size < 2 * MINUTE:
        text = f"{size} s"
    elif size < 2 * HOUR:
        minutes, rest = divmod(size, MINUTE)
        text = f"{minutes} min {rest} s" if rest else f"{minutes} min"
    elif size < 2 * DAY:
        hours, rest = divmod(size, HOUR)
        text = f"{hours} h {rest // MINUTE} min"
    else:
        days, rest = divmod(size, DAY)
        text = f"{days} d {rest // HOUR} h"
    return f"-{text}" if seconds < 0 else text
