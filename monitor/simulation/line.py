"""Who is visited next, without a look at those whom no visit can pay.

In a crash nearly everybody is below health 1 and nearly nobody can be liquidated at a profit. A
round of contract section 5 visits them all; here it comes to the same, to the last bit, by looking
only where something may happen:

- Accounts of one market with the same kinds of collateral and debt, and about as large ones, form a
  group. Where the price of the smallest sale would not pay for the gas of its largest account, on
  any way from collateral to debt, every visit to it would be refused: it sleeps, until a sale of
  others betters the price of one.
- Between two looks a health falls at most by as much as prices moved apart. So a health once
  reckoned, times that, is a bound; it is reckoned anew when the bound may be the lowest there is.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from monitor.core.units import Address
from monitor.simulation.accounts import Debt, Pledge
from monitor.simulation.visits import Visits
from monitor.simulation.worth import health_at, value_usd

SLACK = 1 - 1e-9
"""Float noise of a bound."""
STALE = 0.5
"""Where bounds have fallen that far, all are reckoned anew."""


class Kind(NamedTuple):
    """What accounts of a group have in common. `ways`: numbers of those a visit may choose.

    `size`: the lesser side of one is at most eight times that of another.
    """

    rank: int
    ways: tuple[int, ...]
    size: int


class Way(NamedTuple):
    """Any pledge and any debt of those that go one way: their amounts do not matter."""

    pledge: Pledge
    debt: Debt


class Turn(NamedTuple):
    """The order of visits within a market, and whose turn it is. `group`: its number."""

    health: float
    address: Address
    market: int
    at: int
    group: int


@dataclass(slots=True)
class Group:
    """`waiting`: a heap of (bound, account). `most`: the largest (pledge, debt) of each way."""

    kind: Kind
    most: list[tuple[float, float]]
    waiting: list[tuple[float, int]] = field(default_factory=list)


@dataclass(slots=True)
class _Turns:
    """A round within one market, as far as it has come.

    `tops`: a heap of its groups by their lowest bound, but those that sleep. `ready`: a heap of
    those whose health is reckoned. `idle`: (group, bound, account) of who was taken out and a visit
    could not pay. `seen`: of the others taken out, group and health.
    """

    groups: list[int]
    tops: list[tuple[float, int]] = field(default_factory=list)
    ready: list[Turn] = field(default_factory=list)
    idle: list[tuple[int, float, int]] = field(default_factory=list)
    seen: dict[int, tuple[int, float]] = field(default_factory=dict)

    @property
    def lowest(self) -> float:
        """Health of whose turn is next, as far as is known."""
        return self.ready[0].health if self.ready else 1.0


class Line:
    """All accounts of a state, over all rounds. Between rounds nothing but prices may change."""

    def __init__(self, visits: Visits) -> None:
        self._visits = visits
        self._numbers: dict[tuple[int, float, float, int], int] = {}
        self._ways: list[Way] = []
        self._margins: list[float] = []
        self._earning: set[int] = set()
        # Who is paid for being refused visits everybody.
        self._is_free = visits.options.gas_usd < 0
        self._paying: dict[int, bool] = {}
        self._now = visits.state.prices
        self._prices = list(self._now)
        self._fallen = 1.0
        self._groups: list[Group] = []
        self._of_kind: dict[Kind, int] = {}
        for at in range(len(visits.state.accounts)):
            self._join(at)

    def round(self) -> Iterator[tuple[int, float]]:
        """(account, health) of whom to visit, in order. The caller visits each at once."""
        self._fall()
        self._look()
        for rank in sorted({group.kind.rank for group in self._groups}):
            yield from self._round_of(rank)

    def _round_of(self, rank: int) -> Iterator[tuple[int, float]]:
        """Those of one market. Who was passed over while nothing paid has had his turn."""
        turns = _Turns([n for n, group in enumerate(self._groups) if group.kind.rank == rank])
        self._wake(turns)
        accounts = self._visits.state.accounts
        changed: list[int] = []
        last = (-math.inf, "", 0)
        while (turn := self._next(turns)) is not None:
            if turn[:3] < last or not self._pays(turn.group):
                continue
            last, account = turn[:3], accounts[turn.at]
            yield turn.at, turn.health
            if accounts[turn.at] is not account:
                changed.append(turn.at)
                del turns.seen[turn.at]
                if self._look():
                    self._wake(turns)
        self._put_back(turns)
        for at, (number, health) in turns.seen.items():
            heappush(self._groups[number].waiting, self._bound(at, health))
        for at in changed:
            self._join(at)

    def _wake(self, turns: _Turns) -> None:
        """Visits may pay that did not."""
        self._put_back(turns)
        found = ((number, self._groups[number]) for number in turns.groups)
        turns.tops = [
            (group.waiting[0][0], number)
            for number, group in found
            if group.waiting and (self._is_free or not self._earning.isdisjoint(group.kind.ways))
        ]
        heapify(turns.tops)

    def _put_back(self, turns: _Turns) -> None:
        for number, bound, at in turns.idle:
            heappush(self._groups[number].waiting, (bound, at))
        turns.idle = []

    def _next(self, turns: _Turns) -> Turn | None:
        """Who is lowest of those whom a visit may pay; None where all others are healthy."""
        while turns.tops and turns.tops[0][0] * self._fallen <= turns.lowest:
            number = heappop(turns.tops)[1]
            group = self._groups[number]
            if not self._pays(number):
                continue
            bound, at = heappop(group.waiting)
            if group.waiting:
                heappush(turns.tops, (group.waiting[0][0], number))
            account = self._visits.state.accounts[at]
            if not self._visits.may_pay(account):
                turns.idle.append((number, bound, at))
                continue
            health = health_at(self._visits.first, account)
            turns.seen[at] = number, health
            if health < 1:
                heappush(turns.ready, Turn(health, account.address, account.market, at, number))
        return heappop(turns.ready) if turns.ready else None

    def _pays(self, number: int) -> bool:
        """Whether a visit to one of a group may be worth its gas."""
        if number not in self._paying:
            self._paying[number] = self._earns(self._groups[number])
        return self._paying[number]

    def _earns(self, group: Group) -> bool:
        prices, gas_usd = self._visits.state.prices, self._visits.options.gas_usd
        for way, (pledged, owed) in zip(group.kind.ways, group.most, strict=True):
            if way in self._earning:
                pledge, debt = self._ways[way]
                owed_usd, pledged_usd = owed * prices[debt.quote], pledged * prices[pledge.quote]
                most_usd = min(owed_usd, pledged_usd / pledge.bonus) * self._margins[way]
                if not most_usd <= gas_usd:
                    return True
        return self._is_free

    def _look(self) -> bool:
        """What each way earns now; whether one earns more than it did."""
        self._paying.clear()
        before, known = self._margins, self._now
        self._now = self._visits.state.prices
        self._margins = [self._visits.margin(*way) for way in self._ways]
        self._earning = {way for way, margin in enumerate(self._margins) if not margin <= 0}
        better = any(not now <= was for now, was in zip(self._margins, before, strict=True))
        return better or known is not self._now

    def _join(self, at: int) -> None:
        """Wait in the group that an account belongs to now."""
        account = self._visits.state.accounts[at]
        legs = {
            self._way(pledge, debt): (pledge.amount, debt.amount)
            for pledge in account.pledges
            for debt in account.debts
            if pledge.seizable and debt.repayable
        }
        ways = tuple(sorted(legs))
        sides = (value_usd(self._visits.state, side) for side in (account.pledges, account.debts))
        rank = self._visits.columns.markets[account.market].rank
        kind = Kind(rank, ways, math.frexp(min(sides))[1] // 3)
        if kind not in self._of_kind:
            self._of_kind[kind] = len(self._groups)
            self._groups.append(Group(kind, [(0.0, 0.0) for _ in ways]))
        group = self._groups[self._of_kind[kind]]
        heappush(group.waiting, self._bound(at, self._health(at)))
        for place, way in enumerate(ways):
            most, legs_of = group.most[place], legs[way]
            group.most[place] = max(most[0], legs_of[0]), max(most[1], legs_of[1])

    def _way(self, pledge: Pledge, debt: Debt) -> int:
        name = pledge.quote, pledge.bonus, pledge.fee, debt.quote
        if name not in self._numbers:
            self._numbers[name] = len(self._ways)
            self._ways.append(Way(pledge, debt))
            self._margins.append(0.0)
        return self._numbers[name]

    def _fall(self) -> None:
        """Bounds fall by as much as prices moved apart since the last round."""
        lowest, highest = 1.0, 1.0
        for was, now in zip(self._prices, self._visits.state.prices, strict=True):
            if now != was and not math.isnan(now):
                moved_by = now / was if was else math.inf
                lowest, highest = min(lowest, moved_by), max(highest, moved_by)
        self._prices = list(self._visits.state.prices)
        self._fallen *= lowest / highest
        if not self._fallen > STALE:
            self._reckon()

    def _reckon(self) -> None:
        self._fallen = 1.0
        for group in self._groups:
            group.waiting = [self._bound(at, self._health(at)) for _, at in group.waiting]
            heapify(group.waiting)

    def _health(self, at: int) -> float:
        """As the round began, of an account as it is."""
        return health_at(self._prices, self._visits.state.accounts[at])

    def _bound(self, at: int, health: float) -> tuple[float, int]:
        """Below the health of an account, as long as bounds fall with prices.

        An average in whole bps may fall faster than any price: nothing is known of it.
        """
        is_known = not self._visits.state.accounts[at].averages
        return health / self._fallen * SLACK if is_known else 0.0, at
