"""The `loops` of an alert: the largest that its projection liquidates, by structure."""

from collections.abc import Iterator, Mapping
from typing import Any

from monitor.core.keys import Kind
from monitor.core.ledger import LedgerView, each
from monitor.core.loops import Loop, Loops
from monitor.core.units import MarketId
from monitor.simulation.report import Face, usd
from monitor.simulation.results import Projection

MOST_LOOPS = 5
MOST_PARTS = 10
"""Of the accounts and markets of one: a loop may run through thousands."""
Hits = Mapping[tuple[str, str, str], float]
"""What is repaid by account, market (or market/sub-market) and kind of loop."""


def touched_loops(view: LedgerView, found: Projection, face: Face) -> tuple[Mapping[str, Any], ...]:
    """Of those that the projection's `largest` accounts are in, most repaid first.

    From the ledger's records and the projection alone, so that who judges the block again says the
    same. `liquidated_usd`: of these accounts, where the loop runs.
    """
    if found.unknown:
        return ()
    hits = {
        (str(one.account), one.market, one.loop_kind): one.debt_usd
        for one in found.largest
        if one.loop_kind is not None and one.debt_usd > 0
    }
    if not hits:
        return ()
    touched = [
        (repaid_usd, str(key.subject), loop)
        for key, loops in each(view, Kind.LOOPS, MarketId(""), Loops)
        for loop in loops.loops
        if (repaid_usd := _repaid_usd(loop, hits)) > 0
    ]
    touched.sort(key=lambda one: (-one[0], one[1], one[2].id))
    return tuple(
        _row(owner, loop, repaid_usd, face) for repaid_usd, owner, loop in touched[:MOST_LOOPS]
    )


def _repaid_usd(loop: Loop, hits: Hits) -> float:
    places = dict.fromkeys(
        (leg.account, "/".join(filter(None, (leg.market, leg.sub_market))), loop.kind.value)
        for leg in loop.path
        if leg.debt is not None
    )
    return sum(hits.get(place, 0.0) for place in places)


def _row(owner: str, loop: Loop, repaid_usd: float, face: Face) -> Mapping[str, Any]:
    return {
        "id": loop.id,
        "owner": face(owner),
        "accounts": [face(account) for account in _few(leg.account for leg in loop.path)],
        "markets": _few(leg.market for leg in loop.path),
        "kind": loop.kind,
        "hops": loop.hops,
        "built": loop.built,
        "liquidated_usd": usd(repaid_usd),
    }


def _few(parts: Iterator[str]) -> list[str]:
    """The first ones, in the order of the path."""
    return list(dict.fromkeys(parts))[:MOST_PARTS]
