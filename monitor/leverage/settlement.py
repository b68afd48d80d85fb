"""The end of a block for a trail: no more of it than is owed and pledged, and within bounds."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import TypeVar

from monitor.core.trails import Hop, Lot, Side, Trail
from monitor.core.units import RawAmount
from monitor.leverage.money import DUST_RAW
from monitor.leverage.steps import FlowTerms

MOST_LOTS = 64
MOST_HOPS = 64
"""Of one owner. Beyond, the oldest of one debt and pledge become one, so a count ends here."""
MOST_SEEN = 1_024
"""Debts of one owner. Of those beyond it is forgotten that they were seen whole."""
Told = TypeVar("Told", Hop, Lot)


def settle(
    trail: Trail,
    owed: Callable[[Side], int],
    pledged: Callable[[Side], int],
    at_unix: int,
    terms: FlowTerms,
) -> Trail:
    """The trail at the end of a block: no more than is still owed and still pledged.

    What an interest or a rounding leaves of a hop that was undone is no hop (`tolerance`).
    """
    lots = [lot for lot in trail.lots if at_unix - lot.since_unix <= terms.window_seconds]
    hops = list(trail.hops)
    for pledge in sorted({hop.pledge for hop in hops}):
        mine = [n for n, hop in enumerate(hops) if hop.pledge == pledge]
        amounts = [hops[n].pledged_raw for n in mine]
        for n, raw in zip(mine, _capped(amounts, pledged(pledge), terms), strict=True):
            hops[n] = _with_pledged(hops[n], raw)
    for origin in sorted({hop.origin for hop in hops} | {lot.origin for lot in lots}):
        # Of money that is one, what lies in a wallet counts as paid back before what is pledged.
        in_hops = [n for n, hop in enumerate(hops) if hop.origin == origin]
        in_lots = [n for n, lot in enumerate(lots) if lot.origin == origin]
        amounts = [hops[n].borrowed_raw for n in in_hops] + [lots[n].borrowed_raw for n in in_lots]
        left = _capped(amounts, owed(origin), terms)
        for n, raw in zip(in_hops, left, strict=False):
            hops[n] = _with_borrowed(hops[n], raw)
        for n, raw in zip(in_lots, left[len(in_hops) :], strict=True):
            lots[n] = _with_less(lots[n], raw)
    kept_hops = tuple(hop for hop in hops if hop.borrowed_raw and hop.pledged_raw)
    kept_lots = tuple(lot for lot in lots if lot.borrowed_raw and lot.raw)
    seen = tuple(side for side in trail.seen if owed(side) > DUST_RAW)
    return tidied(Trail(kept_lots, kept_hops, seen))


def tidied(trail: Trail) -> Trail:
    """Within the bounds of one owner."""
    lots = _fewer(trail.lots, MOST_LOTS, lambda lot: (lot.origin, lot.asset), _one_lot)
    hops = _fewer(trail.hops, MOST_HOPS, lambda hop: (hop.origin, hop.pledge), _one_hop)
    return Trail(lots, hops, trail.seen[:MOST_SEEN])


def _capped(amounts: Sequence[int], most: int, terms: FlowTerms) -> list[int]:
    """Lowered from the newest on until their sum fits; what hardly anything is left of goes."""
    if most <= DUST_RAW:
        return [0] * len(amounts)
    excess = sum(amounts) - most
    left = list(amounts)
    for n in range(len(left) - 1, -1, -1):
        if excess <= 0:
            break
        off = min(excess, left[n])
        excess -= off
        rest = left[n] - off
        left[n] = rest if rest > left[n] * terms.tolerance else 0
    return left


def _with_pledged(hop: Hop, raw: int) -> Hop:
    if raw == hop.pledged_raw:
        return hop
    borrowed = hop.borrowed_raw * raw // hop.pledged_raw
    return replace(hop, pledged_raw=RawAmount(raw), borrowed_raw=RawAmount(borrowed))


def _with_borrowed(hop: Hop, raw: int) -> Hop:
    if raw == hop.borrowed_raw:
        return hop
    pledged = hop.pledged_raw * raw // hop.borrowed_raw
    return replace(hop, borrowed_raw=RawAmount(raw), pledged_raw=RawAmount(pledged))


def _with_less(lot: Lot, borrowed_raw: int) -> Lot:
    if borrowed_raw == lot.borrowed_raw:
        return lot
    raw = lot.raw * borrowed_raw // lot.borrowed_raw
    return replace(lot, borrowed_raw=RawAmount(borrowed_raw), raw=RawAmount(raw))


def _fewer(
    told: tuple[Told, ...],
    most: int,
    key: Callable[[Told], Hashable],
    one: Callable[[Told, Told], Told],
) -> tuple[Told, ...]:
    """At most so many: the oldest two that may be one become one; else the oldest is forgotten."""
    excess = len(told) - most
    left: list[Told] = []
    first: dict[Hashable, int] = {}
    for thing in told:
        older = first.setdefault(key(thing), len(left))
        if excess > 0 and older != len(left):
            left[older] = one(left[older], thing)
            excess -= 1
        else:
            left.append(thing)
    return tuple(left[max(excess, 0) :])


def _one_lot(older: Lot, newer: Lot) -> Lot:
    raw, borrowed = older.raw + newer.raw, older.borrowed_raw + newer.borrowed_raw
    return replace(older, raw=RawAmount(raw), borrowed_raw=RawAmount(borrowed))


def _one_hop(older: Hop, newer: Hop) -> Hop:
    return replace(
        older,
        borrowed_raw=RawAmount(older.borrowed_raw + newer.borrowed_raw),
        pledged_raw=RawAmount(older.pledged_raw + newer.pledged_raw),
        is_flash=older.is_flash and newer.is_flash,
    )
