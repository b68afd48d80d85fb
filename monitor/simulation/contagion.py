"""Who liquidates whom: of each market's liquidated debt, the part that other liquidations caused.

The attribution is bookkeeping, exact and the same each time; no cascade is played without anybody.

* An account that is below health 1 at the shocked prices was liquidated by the shock, whenever that
  happens. What loops sold that were closed before the first round is the shock's doing too.
* Of any other, the move of its health since the shock is split over the leaves that its prices rest
  on: the logarithm of each leaf's move, times the power it enters a price by, times the part that
  this leg is of its side of the health. Leaves that raised its health take no part. Of what a cap
  kept from a price nothing counts. Where nothing lowers it any more (it is visited again, after
  prices rose), what caused it before does.
* A leaf moves at the end of a round. Each of its moves is split over the markets whose liquidators
  sold, since it moved last, through the pools that its price is taken from, in the direction it
  moved, by the value of what they sold. What a claim is worth falls with the debts that are written
  off where it has lent: by their value. A move that nobody sold for (a feed that was off the market
  before the shock) is the shock's.

So of each market the rows that lead to it and what the shock did itself sum to what it liquidated.
A market that pushes itself over is a row too.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from monitor.core.units import Address
from monitor.simulation.accounts import Account, Debt, Pledge
from monitor.simulation.cascade import Outcome, Round
from monitor.simulation.columns import Columns, State
from monitor.simulation.impact import Hop, Route
from monitor.simulation.liquidations import Liquidation
from monitor.simulation.worth import health_of

SHOCK = -1
"""In place of a market: the shock itself."""
ROUNDING = 1e-12
"""Of a sum of logarithms: less is none."""

Causes = Mapping[int, float]
"""Shares of 1, by market."""
BY_SHOCK: Causes = {SHOCK: 1.0}


def contagion_of(columns: Columns, outcome: Outcome) -> dict[tuple[int, int], float]:
    """USD of debt repaid by (market whose liquidations caused it, or SHOCK; market it was in)."""
    blame = _Blame(columns, outcome.opened)
    found: dict[tuple[int, int], float] = defaultdict(float)
    for played in outcome.rounds:
        for done in played.liquidations:
            for cause, share in blame.causes(done).items():
                found[cause, done.market] += share * done.repaid_usd
        blame.take(played)
    return dict(found)


class _Blame:
    """What caused what, up to the round that is being played."""

    def __init__(self, columns: Columns, opened: State) -> None:
        self._columns = columns
        self._opened = opened
        self._moved = list(opened.moved)
        self._accounts = {(one.market, one.address): one for one in opened.accounts}
        self._known: dict[tuple[int, Address], Causes] = {}
        self._leaves = _Leaves(columns)
        self._told: dict[int, _Told] = {}

    def causes(self, done: Liquidation) -> Causes:
        name = done.market, done.account
        if name not in self._known and health_of(self._opened, self._accounts[name]) < 1:
            self._known[name] = BY_SHOCK
        if self._known.get(name) is not BY_SHOCK:
            found = self._by_leaves(self._lowered(self._accounts[name]))
            self._known[name] = found or self._known.get(name, BY_SHOCK)
        return self._known[name]

    def take(self, played: Round) -> None:
        """A round is over: accounts are as it left them, and leaves have moved."""
        for done in played.liquidations:
            name = done.market, done.account
            if self._known[name] is not BY_SHOCK:
                self._accounts[name] = _left(self._accounts[name], done)
        self._leaves.sell(played.liquidations)
        for leaf, now in played.moved:
            self._leaves.move(leaf, _log(now, self._moved[leaf]))
            self._moved[leaf] = now
        self._told.clear()

    def _lowered(self, account: Account) -> dict[int, float]:
        """By how much each leaf lowered the logarithm of an account's health since the shock."""
        lowered: dict[int, float] = defaultdict(float)
        for leg, part in self._parts(account):
            sign = part if isinstance(leg, Debt) else -part
            for leaf, move in self._quote(leg.quote).moves.items():
                lowered[leaf] += sign * move
        least = ROUNDING * max(1.0, sum(map(abs, lowered.values())))
        return {leaf: fall for leaf, fall in lowered.items() if fall > least}

    def _parts(self, account: Account) -> Iterator[tuple[Pledge | Debt, float]]:
        """Each leg, and what part of its side of the health it is now."""
        secured = [
            (leg, leg.amount * self._quote(leg.quote).price * leg.threshold)
            for leg in account.pledges
        ]
        owed = [(leg, leg.amount * self._quote(leg.quote).price) for leg in account.debts]
        for side in (secured, owed):
            whole = sum(value for _, value in side)
            for leg, value in side if whole else ():
                yield leg, value / whole

    def _quote(self, at: int) -> "_Told":
        """As it stands in this round."""
        if at not in self._told:
            quote = self._columns.quotes[at]
            price = quote.at(self._moved)
            moves = self._moves(quote.rests_on, _log(price, self._opened.prices[at]))
            self._told[at] = _Told(price, moves)
        return self._told[at]

    def _moves(self, rests_on: Iterable[tuple[int, int]], by: float) -> dict[int, float]:
        """What each leaf moved a price by since the shock, in logarithms, if it moved `by`."""
        moves = {
            leaf: exponent * _log(self._moved[leaf], self._opened.moved[leaf])
            for leaf, exponent in rests_on
        }
        free = sum(moves.values())
        passed = min(max(by / free, 0.0), 1.0) if free else 1.0
        return {leaf: move * passed for leaf, move in moves.items()}

    def _by_leaves(self, lowered: Mapping[int, float]) -> Causes:
        """Empty where nothing was lowered."""
        whole = sum(lowered.values())
        causes: dict[int, float] = defaultdict(float)
        for leaf, fall in lowered.items():
            is_down = self._moved[leaf] < self._opened.moved[leaf]
            for cause, share in self._leaves.causes(leaf, is_down=is_down).items():
                causes[cause] += share * fall / whole
        return causes


class _Told(NamedTuple):
    """A price, and what each leaf moved it by since the shock, in logarithms."""

    price: float
    moves: Mapping[int, float]


class _Leaves:
    """What moved each leaf. By direction: down is True."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._on_path: dict[int, list[tuple[int, Hop, bool]]] = defaultdict(list)
        for follower in columns.followers:
            path = set(follower.path.hops)
            per = set() if follower.per is None else set(follower.per.hops)
            # What both go over moves neither against the other.
            for hops, is_per in ((path - per, False), (per - path, True)):
                for hop in hops:
                    self._on_path[hop.pool].append((follower.leaf, hop, is_per))
        self._sold: dict[tuple[int, bool], dict[int, float]] = {}
        self._moved: dict[tuple[int, bool], dict[int, float]] = {}

    def sell(self, liquidations: Iterable[Liquidation]) -> None:
        """Value sold through the pools that leaves follow, and debts that claims bear."""
        sold: dict[tuple[int, Route], float] = defaultdict(float)
        lost: dict[tuple[int, int], float] = defaultdict(float)
        for done in liquidations:
            sold[done.market, done.hops] += done.received_usd
            for loss in done.realised:
                lost[done.market, loss.quote] += loss.value_usd
        for (market, route), value in sold.items():
            for leaf, is_down in self._pushed(route):
                self._book(leaf, market, value, is_down=is_down)
        claims = self._columns.claims
        for (market, quote), value in lost.items():
            for token in claims.lenders.get(quote, ()):
                worth = claims.backings[token].leaf
                if worth is not None:
                    self._book(worth, market, value, is_down=True)

    def _pushed(self, route: Route) -> set[tuple[int, bool]]:
        """The leaves that a sale pushes, and whether down."""
        return {
            (leaf, lowers is not is_per)
            for sale in route
            for leaf, hop, is_per in self._on_path.get(sale.pool, ())
            if (lowers := _lowers(sale, hop)) is not None
        }

    def move(self, leaf: int, by: float) -> None:
        """A leaf moved; what was sold before counts for no later move."""
        sold = {way: self._sold.pop((leaf, way), {}) for way in (True, False)}
        pushed = sold[by < 0]
        whole = sum(pushed.values())
        moved = self._moved.setdefault((leaf, by < 0), defaultdict(float))
        for cause, value in (pushed if whole else {SHOCK: 1.0}).items():
            moved[cause] += abs(by) * value / (whole or 1.0)

    def causes(self, leaf: int, *, is_down: bool) -> Causes:
        """Whose sales moved a leaf that way, over all its moves."""
        moved = self._moved.get((leaf, is_down), BY_SHOCK)
        whole = sum(moved.values())
        return {cause: value / whole for cause, value in moved.items()}

    def _book(self, leaf: int, market: int, value: float, *, is_down: bool) -> None:
        sold = self._sold.setdefault((leaf, is_down), defaultdict(float))
        sold[market] += value


def _lowers(sale: Hop, hop: Hop) -> bool | None:
    """Whether a sale lowers the price that a pool gives along `hop`; None where it does neither."""
    if sale.inward == hop.inward or sale.outward == hop.outward:
        return True
    return False if sale.inward == hop.outward or sale.outward == hop.inward else None


def _left(account: Account, done: Liquidation) -> Account:
    """An account after a liquidation. What it wrote off it no longer owes."""
    gone = {loss.quote for loss in done.realised}
    less = {done.pledge: done.received + done.fee}
    pledges = (
        replace(leg, amount=leg.amount - less.get(leg.quote, 0.0)) for leg in account.pledges
    )
    owed = {done.debt: done.repaid}
    debts = (replace(leg, amount=leg.amount - owed.get(leg.quote, 0.0)) for leg in account.debts)
    return replace(
        account,
        pledges=tuple(pledges),
        debts=tuple(leg for leg in debts if leg.quote not in gone),
    )


def _log(now: float, was: float) -> float:
    """How a price moved. From or to nothing is a very large move."""
    return math.log(max(now, 1e-300)) - math.log(max(was, 1e-300))
