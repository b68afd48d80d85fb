"""Which loops count, given what their sides are worth.

What was seen counts. What only looks like a loop counts where that is most of what its accounts
have and owe: an account that lends many things and owes some of them is none. Lido's risk model
draws the line at 80 % of both sides (lidofinance/aave-liquidation-model, bin 1).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from fractions import Fraction
from functools import cached_property
from typing import TypeVar

from monitor.core.loops import Loop, Loops
from monitor.core.trails import Side
from monitor.core.units import AssetId
from monitor.leverage.arcs import DUST
from monitor.leverage.claims import Claims
from monitor.leverage.foundation import Spot
from monitor.leverage.kinds import rests
from monitor.leverage.paths import debts_of, pledges_of
from monitor.leverage.standings import Seat, seat_of

Name = TypeVar("Name")
Worth = Fraction | int | None
"""In one currency; None where unknown."""


class Worths:
    """What an owner's accounts hold and owe: every collateral in use, every debt."""

    def __init__(self, pledged: Mapping[Side, Worth], owed: Mapping[Side, Worth]) -> None:
        self.pledged = pledged
        self.owed = owed

    @cached_property
    def pledged_at(self) -> Mapping[Seat, Worth]:
        return _by_seat(self.pledged)

    @cached_property
    def owed_at(self) -> Mapping[Seat, Worth]:
        return _by_seat(self.owed)

    def around(self, pledges: Set[Side], debts: Set[Side]) -> tuple[Worth, Worth]:
        """All that the accounts of these pledge and owe. Most have nothing else."""
        if len(pledges) == len(self.pledged) and len(debts) == len(self.owed):
            return _sum(self.pledged, pledges), _sum(self.owed, debts)
        return (
            _sum(self.pledged_at, {seat_of(side) for side in pledges}),
            _sum(self.owed_at, {seat_of(side) for side in debts}),
        )


def counted(loops: Loops, worths: Worths, claims: Claims, least: Fraction) -> tuple[Loop, ...]:
    """Those that count, by id. No debt is in two: seen before unseen, many accounts before one.

    `least`: the share of both sides. What cannot be told is not left out.
    """
    taken: set[Side] = set()
    found: list[Loop] = []
    for loop in sorted(
        loops.loops, key=lambda loop: (not loop.evidence, -_accounts(loop), loop.id)
    ):
        debts = debts_of(loop.path).keys()
        if loop.evidence or (
            taken.isdisjoint(debts) and is_concentrated(loop, worths, claims, least) is not False
        ):
            taken |= debts
            found.append(loop)
    return tuple(sorted(found, key=lambda loop: loop.id))


def is_concentrated(loop: Loop, worths: Worths, claims: Claims, least: Fraction) -> bool | None:
    """Whether both sides of a loop by state are that much of its accounts; None where unknown.

    Over several markets those sides are asked that make it one: what is owed in one and pledged in
    another. And dust that is pledged there makes no loop of a large debt, nor does a dust of debt
    in another account, which anybody may have given to the owner, make one of a fortune.
    """
    debts, pledges = _joints(loop, claims)
    owed, pledged = _sum(worths.owed, debts), _sum(worths.pledged, pledges)
    all_pledged, all_owed = worths.around(pledges, debts)
    if owed is None or pledged is None or all_owed is None or all_pledged is None:
        return None
    part, whole = least.as_integer_ratio()
    is_most = owed * whole >= all_owed * part and pledged * whole >= all_pledged * part
    is_given = len({leg.account for leg in loop.path}) > 1 and owed * DUST < pledged
    return bool(owed) and is_most and pledged * DUST >= owed and not is_given


def _joints(loop: Loop, claims: Claims) -> tuple[set[Side], set[Side]]:
    """The debts and pledges of a path that look like one another."""
    debts, pledges = set(debts_of(loop.path)), set(pledges_of(loop.path))
    if _accounts(loop) == 1:
        return debts, pledges
    held: dict[AssetId, set[Spot]] = defaultdict(set)
    lent: dict[AssetId, set[Spot]] = defaultdict(set)
    for side in debts:
        lent[side.asset].add(seat_of(side).spot)
    for side in pledges:
        for asset in rests(claims, side.asset):
            held[asset].add(seat_of(side).spot)
    return (
        {side for side in debts if held[side.asset] - {seat_of(side).spot}},
        {
            side
            for side in pledges
            if any(lent[asset] - {seat_of(side).spot} for asset in rests(claims, side.asset))
        },
    )


def _by_seat(sides: Mapping[Side, Worth]) -> dict[Seat, Worth]:
    totals: dict[Seat, Worth] = {}
    for side, worth in sides.items():
        known = totals.get(seat_of(side), 0)
        totals[seat_of(side)] = None if known is None or worth is None else known + worth
    return totals


def _sum(worths: Mapping[Name, Worth], names: Iterable[Name]) -> Worth:
    parts = [worths.get(name) for name in names]
    known = [part for part in parts if part is not None]
    return sum(known) if len(known) == len(parts) else None


def _accounts(loop: Loop) -> int:
    return len({(leg.market, leg.sub_market, leg.account) for leg in loop.path})
