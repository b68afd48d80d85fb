"""A projection short enough for an alert: receivers refuse what is too long (413), or cut it.

What is left out is named, and is in the snapshot of the alert. Small projections stay whole.
"""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

MOST_CHARACTERS = 60_000
"""Of a projection written out."""
MOST_ENTRIES = 20
LONGEST_REASON = 300
_LONG = ("oracles", "lending")

Document = dict[str, Any]


def abridged(projection: Mapping[str, Any]) -> Document:
    """The projection of an alert; `abridged` names what is not whole, where something is not.

    The longest and least needed goes first. Figures are never changed.
    """
    short, cut = dict(projection), list[str]()
    for key, shorten in _STEPS:
        if len(json.dumps(short, separators=(",", ":"))) <= MOST_CHARACTERS:
            break
        if not short.get(key):
            continue
        short[key] = shorten(short[key])
        cut.append(key)
    return short | {"abridged": sorted(set(cut))} if cut else short


def _without_prices(rounds: list[Document]) -> list[Document]:
    return [{key: each[key] for key in each if key not in _LONG} for each in rounds]


def _first(entries: list[Any]) -> list[Any]:
    return entries[:MOST_ENTRIES]


def _first_reasons(reasons: list[str]) -> list[str]:
    left = len(reasons) - MOST_ENTRIES
    told = [reason[:LONGEST_REASON] for reason in _first(reasons)]
    return [*told, f"and {left} more"] if left > 0 else told


def _largest(entries: Mapping[str, Mapping[str, Any]]) -> Document:
    """Those in which most is liquidated; of equals the first."""

    def liquidated(name: str) -> Decimal:
        return Decimal(entries[name].get("liquidated_usd") or 0)

    largest = sorted(entries, key=liquidated, reverse=True)[:MOST_ENTRIES]
    return {name: entries[name] for name in largest}


def _few(entries: Mapping[str, Any]) -> Document:
    return dict(list(entries.items())[:MOST_ENTRIES])


_STEPS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("round_log", _without_prices),
    ("unknown", _first_reasons),
    ("contagion", _first),
    ("by_market", _largest),
    ("by_asset", _largest),
    ("prices", _few),
    ("unliquidated_because", _few),
    ("largest", _first),
    ("largest_unliquidated", _first),
    ("round_log", _first),
    ("shocks", _few),
)
