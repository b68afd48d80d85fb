"""What a claim is paid out for, and what those who hold one lose when a debt is written off.

A claim is paid out of what lies idle, then of what is lent, place by place, as far as there is
cash. Where those who lent bear a debt that is written off at once, whatever is lent there shrinks
by one factor, and a claim that bears losses is worth less at once: a contract's own rate has no
feed that waits for the round to end.
"""

from typing import NamedTuple

from monitor.core.units import AssetId
from monitor.simulation.claims import Backing, Held
from monitor.simulation.columns import Columns, State

ROUNDING = 1e-9
"""Share of a payout that may be missing: stakes are rounded one by one."""
LEAST_WORTH = 1e-18
"""Of a claim whose money is all gone, per what it was: what divides by it still has a value."""


class Payout(NamedTuple):
    """What is paid for a claim: `amount` in all, of it `idle`, the rest `taken` by `lent_at`."""

    amount: float
    idle: float
    taken: tuple[float, ...]


class Settled(NamedTuple):
    """What a liquidation did to the quote of its debt before the claim is given back."""

    quote: int
    repaid: float
    lost: float


def worth_of(columns: Columns, state: State, claim: AssetId) -> float:
    """Raw units of the underlying that a raw unit is worth now."""
    return columns.claims.backings[claim].rate * state.claims[claim].worth


def payout_of(
    columns: Columns, state: State, claim: AssetId, shares: float, before: Settled
) -> Payout | None:
    """What so much of a claim brings; None where it cannot all be paid out."""
    backing, held = columns.claims.backings[claim], state.claims[claim]
    if before.lost and claim in columns.claims.lenders.get(before.quote, ()):
        supply = state.cash[before.quote] + state.debts[before.quote]
        held = _less(backing, held, before.quote, _part(before.lost, supply))
    wanted = left = shares * backing.rate * held.worth
    idle = min(held.idle, left)
    left -= idle
    taken = []
    for quote, lent in zip(backing.lent_at, held.lent, strict=True):
        cash = state.cash[quote] + (before.repaid if quote == before.quote else 0.0)
        part = max(min(lent, cash, left), 0.0)
        left -= part
        taken.append(part)
    return None if left > wanted * ROUNDING else Payout(wanted, idle, tuple(taken))


def pay(columns: Columns, state: State, claim: AssetId, payout: Payout) -> None:
    """Take a payout out of what stands behind a claim, and out of the cash there."""
    held = state.claims[claim]
    state.claims[claim] = held._replace(
        idle=held.idle - payout.idle,
        lent=tuple(lent - took for lent, took in zip(held.lent, payout.taken, strict=True)),
        total=max(held.total - payout.amount, 0.0),
    )
    for quote, took in zip(columns.claims.backings[claim].lent_at, payout.taken, strict=True):
        state.cash[quote] -= took


def share_out(columns: Columns, state: State, quote: int, lost: float) -> None:
    """Let those who lent there bear a debt that is written off, and reprice their claims.

    `lost` is no longer in the state's debts. Prices that move are in a list of their own then: who
    kept the old one has the prices before.
    """
    lenders = columns.claims.lenders.get(quote, ())
    supply = state.cash[quote] + state.debts[quote] + lost
    moved: list[int] = []
    for claim in lenders:
        backing = columns.claims.backings[claim]
        held = _less(backing, state.claims[claim], quote, _part(lost, supply))
        state.claims[claim] = held
        if backing.leaf is not None:
            state.moved[backing.leaf] = held.worth
            moved += backing.priced
    if moved:
        state.prices = list(state.prices)
    for at in moved:
        state.prices[at] = columns.quotes[at].at(state.moved)


def _part(lost: float, supply: float) -> float:
    """Debts are rounded up one by one, so that all of them can be more than what is lent."""
    return lost / supply if lost < supply else 1.0


def _less(backing: Backing, held: Held, quote: int, part: float) -> Held:
    """After a part of all that is lent in one place is gone."""
    places = tuple(zip(backing.lent_at, held.lent, strict=True))
    lent = tuple(raw * (1 - part) if at == quote else raw for at, raw in places)
    if not backing.bears_losses or not held.total:
        return held._replace(lent=lent)
    gone = part * sum(raw for at, raw in places if at == quote)
    total = max(held.total - gone, 0.0)
    return Held(held.idle, lent, total, held.worth * max(total / held.total, LEAST_WORTH))
