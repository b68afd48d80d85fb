"""How bad it would get: the projected scenarios beside the thresholds they are held against."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from monitor.core.words import curved, percent
from monitor.web.page.sheet import Document, Sheet
from monitor.web.page.verdict import cause

LOWER_IS_WORSE = ("critical_shock", "critical_shock_sigmas")
_ROOM = Decimal("1.25")
"""A gauge ends this far behind its last mark."""
_NOTHING: Document = dict.fromkeys(
    ("liquidated_usd", "bad_debt_usd", "unliquidated_usd", "amplification")
)
"""Nothing is known of any sum."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """Where a value and its thresholds lie, in thousandths of the way to the worst."""

    value: int
    warn: int
    trip: int


@dataclass(frozen=True, slots=True)
class Threat:
    """One scenario. `worst`: of a curve its far end, else the projection itself; all unknown when
    there is none. `critical`: where a curve turns, in words; empty where it is no curve.
    """

    name: str
    cause: str
    is_curve: bool
    worst: Document
    critical: str
    unknown: tuple[str, ...]
    breakers: tuple[Document, ...]


def threats_of(sheet: Sheet) -> list[Threat]:
    """In the order of the configuration."""
    breakers = sheet.status.get("breakers", ())
    return [_threat(row, [b for b in breakers if b["scenario"] == row["name"]])
            for row in sheet.scenarios]  # fmt: skip


def lead_of(threats: Sequence[Threat]) -> Threat | None:
    """The largest: what is unknown may be larger than all, but has nothing to show."""
    shocks = [threat for threat in threats if not threat.is_curve] or list(threats)
    known = [threat for threat in shocks if threat.worst.get("liquidated_usd") is not None]
    if not known:
        return shocks[0] if shocks else None
    return max(known, key=lambda threat: Decimal(threat.worst["liquidated_usd"]))


def gauge_of(breaker: Mapping[str, Any]) -> Gauge | None:
    """None where the value is unknown, or thresholds are no numbers to be drawn."""
    if breaker["value"] is None:
        return None
    value, warn, trip = (Decimal(str(breaker[key])) for key in ("value", "warn", "trip"))
    if breaker["measure"] in LOWER_IS_WORSE:
        far = max(value, warn * 2)
        marks = [1 - each / far for each in (value, warn, trip)] if far else [Decimal(0)] * 3
    else:
        far = max(value, trip) * _ROOM
        marks = [each / far for each in (value, warn, trip)] if far else [Decimal(0)] * 3
    return Gauge(*(int(1000 * max(Decimal(0), min(Decimal(1), mark))) for mark in marks))


def _threat(row: Document, breakers: list[Document]) -> Threat:
    document = row["document"]
    is_curve = row["curve"] is not None
    steps = document["curve"] if document and is_curve else ()
    worst = _NOTHING
    unknown = [row["fault"]] if row["fault"] else []
    if document and is_curve:
        worst = steps[-1]["result"] if steps else _NOTHING
        unknown += document["unknown"]
    elif document:
        worst = document["result"]
        unknown += worst.get("unknown", ())
        if not worst["converged"]:
            unknown.append("the cascade did not come to an end within its rounds")
    return Threat(
        name=row["name"],
        cause=cause(row),
        is_curve=is_curve,
        worst=worst,
        critical=_critical(row, document, bool(unknown)) if is_curve else "",
        unknown=tuple(dict.fromkeys(unknown)),
        breakers=tuple(breakers),
    )


def _critical(row: Document, document: Document | None, is_unknown: bool) -> str:
    if document is None or is_unknown:
        return "unknown"
    found = document["critical_shock"]
    if found is None:
        return f"none: {curved(row['curve'])}"
    way = "falls" if Decimal(row["curve"]["to"]) < 0 else "rises"
    return f"{row['curve']['asset']} {way} {percent(Decimal(str(found)))}"
