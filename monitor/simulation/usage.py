"""How much of what is lent is borrowed, and at which rate, in the markets that a round touched."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from monitor.simulation.columns import Columns, State
from monitor.simulation.lending import borrow_rate
from monitor.simulation.liquidations import Liquidation


@dataclass(frozen=True, slots=True)
class Use:
    """One asset that one market lends. Shares of 1, `borrow_rate` a year.

    `borrow_rate`: None where its curve is not known.
    """

    quote: int
    utilisation: float
    borrow_rate: float | None


def uses_of(columns: Columns, state: State, liquidations: Iterable[Liquidation]) -> tuple[Use, ...]:
    """After these liquidations, by quote. What is pledged but not lent out has no utilisation."""
    touched = sorted({quote for each in liquidations for quote in _touched(each)})
    return tuple(use_of(columns, state, at) for at in touched if columns.lendings[at] is not None)


def _touched(done: Liquidation) -> Iterator[int]:
    yield done.debt
    yield done.pledge
    yield from (loss.quote for loss in done.realised)
    yield from (quote for quote, _ in done.paid)


def use_of(columns: Columns, state: State, at: int) -> Use:
    """One asset that a market lends."""
    # Accounts are rounded up one by one, their sum is not: the last may repay a unit more; of the
    # last cash a little more than all may be taken.
    owed, cash = max(state.debts[at], 0.0), max(state.cash[at], 0.0)
    utilisation = owed / (owed + cash) if owed else 0.0
    lending = columns.lendings[at]
    if lending is None or lending.curve is None:
        return Use(at, utilisation, None)
    return Use(at, utilisation, borrow_rate(lending.curve, utilisation))
