"""Where the breakers stand that look at a curve."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from monitor.web.figures.drawing import Document, number

IN_USD = ("liquidated_usd", "bad_debt_usd")


class Threshold(NamedTuple):
    """A breaker warns or trips at `value`: USD of `measure`, or a shock as a ratio.

    `shock`: of which move it is judged, as a ratio; None where of the whole curve.
    """

    breaker: str
    is_trip: bool
    measure: str
    value: float
    shock: float | None


def thresholds_of(
    row: Document, breakers: Iterable[Document], scenarios: Iterable[Document]
) -> list[Threshold]:
    """Of breakers that measure this curve, or one move of the same asset alone, in all markets.

    `row`, `scenarios`: of `Answers.judged`; `breakers`: of the status.
    """
    curve = row.get("curve")
    if curve is None:
        return []
    moves = {each["name"]: _move(each, curve["asset"]) for each in scenarios}
    found: list[Threshold] = []
    for breaker in breakers:
        for limits in breaker.get("measures") or (breaker,):
            if limits["scenario"] == row["name"] and limits["measure"] == "critical_shock":
                found += _both(breaker["name"], limits, None)
            move = moves.get(limits["scenario"])
            if move is not None and limits["measure"] in IN_USD and _is_of_all(limits["markets"]):
                found += _both(breaker["name"], limits, move)
    return found


def _move(scenario: Document, asset: str) -> float | None:
    """By how much a scenario moves an asset, if it does nothing else."""
    shocks = scenario.get("shocks") or {}
    if len(shocks) != 1:
        return None
    key, value = next(iter(shocks.items()))
    return number(value) if key in (asset, f"price:{asset}") else None


def _is_of_all(markets: Sequence[str]) -> bool:
    return "*" in markets


def _both(name: str, limits: Document, move: float | None) -> Iterator[Threshold]:
    for level, is_trip in (("warn", False), ("trip", True)):
        value = number(limits[level])
        if value is not None:
            yield Threshold(name, is_trip, limits["measure"], value, move)
