"""What is told beside a breaker, and which mood an alert is of."""

from collections.abc import Iterator, Mapping
from typing import Any

_MOODS = {
    "breaker.tripped": "tripped",
    "breaker.escalated": "tripped",
    "breaker.reminded": "tripped",
    "monitor.blind": "blind",
    "breaker.cleared": "quiet",
    "watch.recovered": "quiet",
    "monitor.recovered": "quiet",
    "breaker.retracted": "busy",
}


def mood(alert: Mapping[str, Any]) -> str:
    """By its type; what is not known by it is a warning."""
    return _MOODS.get(alert["type"], "warned")


def notes(row: Mapping[str, Any]) -> Iterator[str]:
    """What of a breaker's row is not in its table."""
    if row["blind"]:
        yield f"was {row['phase']} when it could see"
    if row["phase"] == "pending":
        yield f"over its limit for {row['held_blocks']} of {row['hold_blocks']} blocks"
    if row["silenced"]:
        yield f"silenced until {row['silenced']['until']}: {row['silenced']['why']}"
    elif row["muted"]:
        yield "it fires, and nobody was told since it was silenced"
    if row["trips_not_before"]:
        yield f"does not trip again before {row['trips_not_before']}"
    if row["next_escalation"]:
        yield f"escalates next at {row['next_escalation']}"
    yield from row["unknown"]
