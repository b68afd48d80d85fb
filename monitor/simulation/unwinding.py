"""Loops that cost more than they earn while a utilisation is held, closed before the first round.

Option `unwind`. Whoever owes what is held, in a loop, and loses by it at the rate that holds then,
sells just enough of his largest pledge over the pools to repay that debt, as a flash loan lets him
in one transaction. Who loses most of his equity a year goes first; each moves the pools for the
next. Nobody can leave with collateral that its market has not the cash to pay out.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from monitor.core.risk import DebtSpot, WorldSheet
from monitor.core.units import WAD, Address, AssetId
from monitor.simulation.accounts import Account, Debt, LeftOut, Pledge, negligible
from monitor.simulation.channels import hold_of
from monitor.simulation.columns import Columns, State
from monitor.simulation.impact import Pool, Route, sold_along
from monitor.simulation.payouts import Settled, pay, payout_of, worth_of
from monitor.simulation.scenarios import Scenario
from monitor.simulation.usage import use_of
from monitor.simulation.visits import Visits
from monitor.simulation.worth import health_of, value_usd


@dataclass(frozen=True, slots=True)
class Loopers:
    """Who may want to leave. `debts`: (place in `accounts`, quote) of held debts in a loop.

    `growth`: of what is pledged there, a share of 1 a year; what is not known is not in it.
    """

    debts: tuple[tuple[int, int], ...]
    growth: Mapping[AssetId, float]


@dataclass(frozen=True, slots=True)
class Unwinding:
    """What came of it, at the oracle prices after the shock.

    `accounts` closed loops: `repaid_usd` of debt with `sold_usd` of collateral. `locked_usd`: debt
    of those whose collateral cannot be had; `left_usd`: of those whose sale would not repay it, or
    would leave another debt below health 1. `unknown`: of whom it is not known whether they lose,
    `left_out`: likewise, but they are too few to matter.
    """

    accounts: int
    repaid_usd: float
    sold_usd: float
    locked_usd: float
    left_usd: float
    unknown: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


class _Leaver(NamedTuple):
    """In the order they go. `carry`: of the equity, a year."""

    carry: float
    address: Address
    at: int
    quote: int


@dataclass(frozen=True, slots=True)
class _Exit:
    """One debt repaid by selling `given` of a pledge, or what that is a `claim` on.

    `pools`: those it goes over, as it leaves them.
    """

    debt: Debt
    pledge: Pledge
    given: float
    pools: tuple[tuple[int, Pool], ...]
    claim: AssetId | None


@dataclass(slots=True)
class _Sums:
    closed: set[int] = field(default_factory=set)
    repaid_usd: float = 0.0
    sold_usd: float = 0.0
    locked_usd: float = 0.0
    left_usd: float = 0.0


def loopers_of(world: WorldSheet, columns: Columns, scenario: Scenario) -> Loopers:
    """`columns`: the world's, in the same order of accounts whatever a scenario changes."""
    held = {
        at
        for at, quote in enumerate(columns.quotes)
        if hold_of(columns, scenario, quote) is not None
    }
    debts = tuple(
        (at, debt.quote)
        for at, account in enumerate(columns.accounts if held else ())
        for debt in account.debts
        if debt.quote in held and _spot(columns, account, debt) in world.looped
    )
    return Loopers(debts, {asset: float(share) for asset, share in world.growth.items()})


def _spot(columns: Columns, account: Account, debt: Debt) -> DebtSpot:
    label = columns.markets[account.market].label
    return DebtSpot(label, account.address, columns.quotes[debt.quote].asset)


def unwind(visits: Visits, loopers: Loopers) -> Unwinding:
    """Changes the state that visits work on; its oracles stay as they are."""
    columns = visits.columns
    leavers, doubts = _leavers(columns, visits.state, loopers)
    sums = _Sums()
    for leaver in leavers:
        _leave(visits, leaver, sums)
    is_little = negligible(doubts, columns.accounts, columns.quotes)
    reasons = tuple(doubt.reason for doubt in doubts)
    return Unwinding(
        accounts=len(sums.closed),
        repaid_usd=sums.repaid_usd,
        sold_usd=sums.sold_usd,
        locked_usd=sums.locked_usd,
        left_usd=sums.left_usd,
        unknown=() if is_little else reasons,
        left_out=reasons if is_little else (),
    )


def _leavers(
    columns: Columns, state: State, loopers: Loopers
) -> tuple[list[_Leaver], list[LeftOut]]:
    """Those whose carry is negative, in order; and those of whom it is not known."""
    found: list[_Leaver] = []
    owed_usd: dict[str, list[float]] = {}
    for at, quote in loopers.debts:
        account = state.accounts[at]
        missing = list(_missing(columns, state, account, loopers.growth))
        for what in missing:
            here = [debt for debt in account.debts if debt.quote == quote]
            owed_usd.setdefault(what, []).append(value_usd(state, here))
        if not missing:
            carry = carry_of(columns, state, account, loopers.growth)
            found.append(_Leaver(carry, account.address, at, quote))
    doubts = [
        LeftOut(f"{what} is not known: whether {len(each)} loops unwind", math.fsum(each))
        for what, each in sorted(owed_usd.items())
    ]
    return sorted(leaver for leaver in found if leaver.carry < 0), doubts


def carry_of(
    columns: Columns, state: State, account: Account, growth: Mapping[AssetId, float]
) -> float:
    """What an account earns a year less what it pays, of its equity; infinite without any.

    Everything it depends on is known.
    """
    flow_usd = 0.0
    for pledge in account.pledges:
        share = growth[columns.quotes[pledge.quote].asset]
        share += supply_rate(columns, state, pledge.quote) or 0.0
        flow_usd += value_usd(state, (pledge,)) * share
    for debt in account.debts:
        flow_usd -= value_usd(state, (debt,)) * (_borrow_rate(columns, state, debt.quote) or 0.0)
    equity_usd = value_usd(state, account.pledges) - value_usd(state, account.debts)
    return flow_usd / equity_usd if equity_usd > 0 else math.copysign(math.inf, flow_usd)


def supply_rate(columns: Columns, state: State, quote: int) -> float | None:
    """What a market pays on what is pledged there, a share of 1 a year; None where unknown."""
    lending = columns.lendings[quote]
    if lending is None or not lending.secures:
        return 0.0
    use = use_of(columns, state, quote)
    if use.borrow_rate is None:
        return None
    kept = 1 - lending.fee_wad / WAD
    return use.borrow_rate * use.utilisation * kept


def _borrow_rate(columns: Columns, state: State, quote: int) -> float | None:
    return None if columns.lendings[quote] is None else use_of(columns, state, quote).borrow_rate


def _missing(
    columns: Columns, state: State, account: Account, growth: Mapping[AssetId, float]
) -> Iterator[str]:
    """What is not known of an account's carry."""
    label = columns.markets[account.market].label
    for pledge in account.pledges:
        quote = columns.quotes[pledge.quote]
        if quote.asset not in growth:
            yield f"{label}: by how much {quote.symbol} ({quote.asset}) grows"
        if supply_rate(columns, state, pledge.quote) is None:
            yield f"{label}: what {quote.symbol} ({quote.asset}) earns"
    for debt in account.debts:
        quote = columns.quotes[debt.quote]
        if _borrow_rate(columns, state, debt.quote) is None:
            yield f"{label}: what {quote.symbol} ({quote.asset}) costs"


def _leave(visits: Visits, leaver: _Leaver, sums: _Sums) -> None:
    state, account = visits.state, visits.state.accounts[leaver.at]
    debt = next(debt for debt in account.debts if debt.quote == leaver.quote)
    owed_usd = value_usd(state, (debt,))
    found = _exit(visits, account, debt)
    if found is None:
        sums.left_usd += owed_usd
        return
    # What is repaid first can be taken out again.
    own = debt.amount if found.pledge.quote == debt.quote else 0.0
    payout = None
    if found.claim is not None:
        paid = Settled(debt.quote, debt.amount, 0.0)
        payout = payout_of(visits.columns, state, found.claim, found.given, paid)
    has_none = found.claim is not None and payout is None
    if has_none or found.given > state.cash[found.pledge.quote] + own:
        sums.locked_usd += owed_usd
        return
    after = _without(account, found)
    if after.debts and health_of(state, after) < 1:
        sums.left_usd += owed_usd
        return
    state.accounts[leaver.at] = after
    for number, pool in found.pools:
        state.pools[number] = pool
    state.cash[debt.quote] += debt.amount
    state.debts[debt.quote] -= debt.amount
    state.cash[found.pledge.quote] -= found.given
    if found.claim is not None and payout is not None:
        pay(visits.columns, state, found.claim, payout)
    sums.closed.add(leaver.at)
    sums.repaid_usd += owed_usd
    sums.sold_usd += found.given * state.prices[found.pledge.quote]


def _exit(visits: Visits, account: Account, debt: Debt) -> _Exit | None:
    """Selling the largest pledge for the whole debt; None where no sale brings so much."""
    state = visits.state
    if not account.pledges:
        return None
    pledge = max(account.pledges, key=lambda leg: value_usd(state, (leg,)))
    claim, hops = visits.way(pledge, debt)
    if hops is None:
        return None
    worth = 1.0 if claim is None else worth_of(visits.columns, state, claim)
    sold = least_sale(state.pools, hops, debt.amount, pledge.amount * worth)
    if sold is None:
        return None
    _, pools = sold_along(state.pools, hops, sold)
    return _Exit(debt, pledge, min(sold / worth, pledge.amount), tuple(pools), claim)


def least_sale(pools: Sequence[Pool], hops: Route, wanted: float, most: float) -> float | None:
    """The smallest sale that brings so much; None where `most` brings less."""
    if sold_along(pools, hops, most)[0] < wanted:
        return None
    low, high = 0.0, most
    while low < (middle := (low + high) / 2) < high:
        brings = sold_along(pools, hops, middle)[0]
        low, high = (low, middle) if brings >= wanted else (middle, high)
    return high


def _without(account: Account, found: _Exit) -> Account:
    pledges = (
        replace(leg, amount=leg.amount - found.given) if leg is found.pledge else leg
        for leg in account.pledges
    )
    return replace(
        account,
        pledges=tuple(leg for leg in pledges if leg.amount > 0),
        debts=tuple(debt for debt in account.debts if debt is not found.debt),
    )
