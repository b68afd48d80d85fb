"""What befell every debt of a cascade, in USD: booked once, to be summed up as asked."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from monitor.core.risk import DebtSpot
from monitor.core.units import Address
from monitor.simulation.accounts import Account
from monitor.simulation.cascade import Outcome
from monitor.simulation.columns import Columns
from monitor.simulation.results import Figures
from monitor.simulation.worth import value_usd

NO_LOOP = "none"
"""In place of a kind of loop, of a debt that is part of none."""

KeyT = TypeVar("KeyT", bound=Hashable)


class Holder(NamedTuple):
    """Whose it is: an account in a market."""

    market: int
    account: Address


class Entry(NamedTuple):
    """USD booked on one quote, as debt or as seized collateral. `column`: which of `Figures`.

    `kind`: of the loop that the debt is part of; of what was seized, the debt it was seized for.
    """

    quote: int
    column: str
    value_usd: float
    holder: Holder
    kind: str


def entries_of(
    columns: Columns, outcome: Outcome, looped: Mapping[DebtSpot, str]
) -> tuple[Entry, ...]:
    """Of all that was repaid, seized, written off and left. `looped`: as a world has it."""

    def kind(holder: Holder, quote: int) -> str:
        spot = columns.markets[holder.market].label, holder.account, columns.quotes[quote].asset
        return looped.get(DebtSpot(*spot), NO_LOOP)

    found: list[Entry] = []
    for played in outcome.rounds:
        for done in played.liquidations:
            whose = Holder(done.market, done.account)
            of_debt = whose, kind(whose, done.debt)
            found.append(Entry(done.debt, "liquidated_usd", done.repaid_usd, *of_debt))
            found.append(Entry(done.pledge, "seized_usd", done.received_usd, *of_debt))
            for loss in done.realised:
                of_loss = whose, kind(whose, loss.quote)
                found.append(Entry(loss.quote, "bad_debt_usd", loss.value_usd, *of_loss))
    for account, quote, value, gap in _left(outcome):
        whose = Holder(account.market, account.address)
        of_debt = whose, kind(whose, quote)
        found.append(Entry(quote, "unliquidated_usd", value, *of_debt))
        found.append(Entry(quote, "bad_debt_usd", gap, *of_debt))
    return tuple(found)


def summed(entries: Iterable[Entry], key: Callable[[Entry], KeyT]) -> dict[KeyT, Figures]:
    """Figures by key, in the order in which keys are met."""
    sums: dict[KeyT, defaultdict[str, float]] = {}
    for entry in entries:
        sums.setdefault(key(entry), defaultdict(float))[entry.column] += entry.value_usd
    return {each: Figures(**columns) for each, columns in sums.items()}


def _left(outcome: Outcome) -> Iterator[tuple[Account, int, float, float]]:
    """(account, quote, value, what no collateral covers of it) of debts still liquidatable."""
    end = outcome.end
    for at in outcome.unsafe:
        account = end.accounts[at]
        owed = value_usd(end, account.debts)
        gap = max(0.0, owed - value_usd(end, account.pledges))
        for debt in account.debts:
            value = value_usd(end, (debt,))
            yield account, debt.quote, value, gap * value / owed
