"""Loops with what their sides are worth now: of the looped positions alone."""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from fractions import Fraction

from monitor.core.events import Place
from monitor.core.keys import Kind
from monitor.core.ledger import LedgerView, each
from monitor.core.loops import Leg, Loop, Loops
from monitor.core.sources import Statement
from monitor.core.trails import Side
from monitor.core.units import Address, MarketId
from monitor.engine.positions import PositionBook, Statements
from monitor.engine.weights import Weights, added, weights_of
from monitor.leverage.concentration import Worth, Worths, counted
from monitor.leverage.measures import leverage

Amounts = Mapping[Side, int]


@dataclass(frozen=True, slots=True)
class LoopRow:
    """One loop that counts. `pledges`, `debts`: its sides, each once, with all that is there now.

    Values are None where a price is unknown. `pledged_part`, `owed_part`: of all that is in use as
    collateral, and of all that is owed, where the loop runs.
    """

    owner: Address
    loop: Loop
    pledges: Amounts
    debts: Amounts
    collateral_usd: Fraction | None
    debt_usd: Fraction | None
    pledged_part: Fraction | None
    owed_part: Fraction | None

    @property
    def equity_usd(self) -> Fraction | None:
        if self.collateral_usd is None or self.debt_usd is None:
            return None
        return self.collateral_usd - self.debt_usd

    @property
    def leverage(self) -> Fraction | None:
        """Collateral by equity; None where either is unknown, or nothing is the owner's own."""
        if self.collateral_usd is None or self.debt_usd is None:
            return None
        return leverage(self.collateral_usd, self.debt_usd)

    @property
    def markets(self) -> tuple[MarketId, ...]:
        return tuple(dict.fromkeys(leg.market for leg in self.loop.path))

    @property
    def accounts(self) -> tuple[Address, ...]:
        return tuple(sorted({leg.account for leg in self.loop.path}))

    @property
    def places(self) -> tuple[Place, ...]:
        """The positions it stands on, in the order of its path."""
        return tuple(dict.fromkeys(place_of(leg) for leg in self.loop.path))


class LoopRows:
    """Makes the rows of one block."""

    def __init__(self, book: PositionBook, concentration: Fraction) -> None:
        """`concentration`: the part of each side that a loop by state needs."""
        self._book = book
        self._least = concentration

    def sorted(self, view: LedgerView) -> tuple[LoopRow, ...]:
        """By debt, largest first, what is unknown before it; then by market and owner."""
        found = [
            (Address(key.subject), loops)
            for key, loops in each(view, Kind.LOOPS, MarketId(""), Loops)
        ]
        held = self._book.statements({leg.account for _, loops in found for leg in _legs(loops)})
        lines = (line for one in held.values() for line in (*one.collateral, *one.debt))
        weights = weights_of({line.asset for line in lines}, self._book.usd_per_raw)
        rows = (row for owner, loops in found for row in self._counted(owner, loops, held, weights))
        return tuple(sorted(rows, key=_order))

    def _counted(
        self, owner: Address, loops: Loops, held: Statements, weights: Weights
    ) -> Iterator[LoopRow]:
        places = {place_of(leg) for leg in _legs(loops)}
        statements = [(place, held[place]) for place in places if place in held]
        pledged, owed = _pledged(statements), _owed(statements)
        worths = Worths(_worths(pledged, weights), _worths(owed, weights))
        for loop in counted(loops, worths, self._book.claims, self._least):
            own = {place_of(leg) for leg in loop.path}
            pledges = {side: pledged.get(side, 0) for side in map(pledge_of, loop.path)}
            debts = {side: owed.get(side, 0) for leg in loop.path if (side := debt_of(leg))}
            collateral, debt = _sum(worths.pledged, pledges), _sum(worths.owed, debts)
            yield LoopRow(
                *(owner, loop, pledges, debts, weights.usd(collateral), weights.usd(debt)),
                pledged_part=_part(collateral, _sum(worths.pledged, _within(pledged, own))),
                owed_part=_part(debt, _sum(worths.owed, _within(owed, own))),
            )


def _legs(loops: Loops) -> Iterator[Leg]:
    return (leg for loop in loops.loops for leg in loop.path)


def _pledged(statements: Iterable[tuple[Place, Statement]]) -> dict[Side, int]:
    return {
        Side(place.market, place.sub_market, place.account, line.asset): line.amount_raw
        for place, held in statements
        for line in held.collateral
        if line.used_as_collateral
    }


def _owed(statements: Iterable[tuple[Place, Statement]]) -> dict[Side, int]:
    return {
        Side(place.market, place.sub_market, place.account, line.asset): line.amount_raw
        for place, held in statements
        for line in held.debt
    }


def place_of(leg: Leg) -> Place:
    return Place(leg.market, leg.account, leg.sub_market)


def pledge_of(leg: Leg) -> Side:
    return Side(leg.market, leg.sub_market, leg.account, leg.collateral)


def debt_of(leg: Leg) -> Side | None:
    return None if leg.debt is None else Side(leg.market, leg.sub_market, leg.account, leg.debt)


def _within(sides: Iterable[Side], places: Set[Place]) -> list[Side]:
    return [s for s in sides if Place(s.market, s.account, s.sub_market) in places]


def _worths(amounts: Amounts, weights: Weights) -> dict[Side, Worth]:
    return {side: weights.worth(side.asset, raw) for side, raw in amounts.items()}


def _sum(worths: Mapping[Side, Worth], sides: Iterable[Side]) -> Worth:
    """What is not there is worth nothing."""
    return added([worths.get(side, 0) for side in sides])


def _part(part: Worth, whole: Worth) -> Fraction | None:
    return None if part is None or not whole else Fraction(part, whole)


def _order(row: LoopRow) -> tuple[bool, Fraction, str, str, str]:
    # Unknown debt comes first: it is what must be looked at.
    debt = Fraction(0) if row.debt_usd is None else row.debt_usd
    return row.debt_usd is not None, -debt, row.markets[0], row.owner, row.loop.id
