"""What a loop earns and costs a year, from the rates that hold now."""

from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from monitor.core.ledger import LedgerView
from monitor.core.prices import PriceKind
from monitor.core.receipts import ReceiptKind
from monitor.core.trails import Side
from monitor.core.units import AssetId
from monitor.engine.footings import Footings, Stand
from monitor.engine.growth import yearly_growth
from monitor.engine.loop_rows import LoopRow
from monitor.engine.receipts import receipts_in
from monitor.engine.valuation import ratio_number
from monitor.leverage.claims import Claims
from monitor.leverage.measures import break_even_rate, carry

DEEPEST = 8
"""Claims on claims on claims: beyond that they may hold each other."""
Name = Callable[[AssetId], str]
Worth = Callable[[Side, int], Fraction | None]


@dataclass(frozen=True, slots=True)
class Carry:
    """Rates are a year's, not compounded; None where unknown, and `unknown` says of what.

    `supply_yield`: of the collateral, by value: what its market pays and what its own worth grows.
    `borrow_rate`: of the debt, by value. `net`: of the equity.
    """

    supply_yield: Fraction | None
    borrow_rate: Fraction | None
    leverage: Fraction | None
    unknown: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        net = even = None
        if self.leverage is not None and self.supply_yield is not None:
            even = break_even_rate(self.leverage, self.supply_yield)
            if self.borrow_rate is not None:
                net = carry(self.leverage, self.supply_yield, self.borrow_rate)
        return {
            "supply_yield": ratio_number(self.supply_yield),
            "borrow_rate": ratio_number(self.borrow_rate),
            "net": ratio_number(net),
            "break_even_borrow_rate": ratio_number(even),
        }


class Yields:
    """What pledged assets earn beside their market's rate: by the growth of what they claim."""

    def __init__(
        self,
        view: LedgerView,
        at_unix: int,
        footings: Footings,
        claims: Claims,
        rated: Set[AssetId],
    ) -> None:
        """`rated`: what some market prices by a rate. What is neither that nor a followed claim is
        worth what it is: it earns what its market pays.
        """
        self._view = view
        self._at_unix = at_unix
        self._rated = rated
        self._footings = footings
        self._claims = claims
        self._growth: dict[AssetId, Fraction | None] = {}

    def of(self, stand: Stand) -> Fraction | None:
        """A year's, as a share of what is pledged; None where unknown."""
        growth = self.growth(stand.quoted.asset)
        if growth is None or stand.rates.supply is None:
            return None
        return stand.rates.supply + growth

    def growth(self, asset: AssetId) -> Fraction | None:
        """Of its own worth, a year; None where unknown."""
        if asset not in self._growth:
            self._growth[asset] = self._growing(asset)
        return self._growth[asset]

    def weighed(self, stand: Stand) -> Fraction | None:
        """The same, as its market notes it: a price that never moves tells of no growth."""
        price = stand.quoted.price
        if price is not None and price.kind is PriceKind.FIXED:
            return stand.rates.supply
        return self.of(stand)

    def untold(self, asset: AssetId) -> str:
        """Why the yield of what is pledged is unknown, and what makes it known."""
        if self._growth.get(asset) is not None:
            return "the market's rate is not known"
        if asset not in self._claims.claims:
            return "it grows by a rate: [[receipts]] would follow it"
        return "it is known once what it claims was followed for a day"

    def _growing(self, asset: AssetId, deep: int = 0) -> Fraction | None:
        """Of a claim, with that of what it is a claim on; None where unknown."""
        claim = self._claims.claims.get(asset)
        if claim is None:
            return None if asset in self._rated else Fraction(0)
        if claim.underlying is None or deep > DEEPEST:
            return None
        below = self._growing(claim.underlying, deep + 1)
        own = yearly_growth(self._view, asset, receipts_in(self._view).get(asset), self._at_unix)
        if claim.kind is ReceiptKind.AAVE_ATOKEN and len(claim.parts) == 1 and claim.parts[0].spot:
            own = self._footings.rates(*claim.parts[0].spot, claim.parts[0].asset).supply
        return None if own is None or below is None else own + below


def carry_of(row: LoopRow, footings: Footings, yields: Yields, worth: Worth, name: Name) -> Carry:
    """By value over all the sides of a loop."""
    rates: dict[tuple[Side, bool], Fraction | None] = {}
    for place in row.places:
        spot = place.market, place.sub_market, place.account
        foot = footings.at(place)
        rates |= {(Side(*spot, s.quoted.asset), False): yields.of(s) for s in foot.secured}
        rates |= {(Side(*spot, s.quoted.asset), True): s.rates.borrow for s in foot.owed}
    unknown: list[str] = []

    def mean(amounts: Iterable[tuple[Side, int]], *, is_owed: bool) -> Fraction | None:
        whole, flow = Fraction(0), Fraction(0)
        is_known = True
        for side, raw in amounts:
            rate, value = rates.get((side, is_owed)), worth(side, raw)
            if rate is None:
                asset = name(side.asset)
                yielded = f"yield of {asset}: {yields.untold(side.asset)}"
                unknown.append(f"borrow rate of {asset}" if is_owed else yielded)
            if rate is None or value is None:
                is_known = False
                continue
            whole, flow = whole + value, flow + value * rate
        return Fraction(flow, whole) if is_known and whole else None

    earned = mean(row.pledges.items(), is_owed=False)
    paid = mean(row.debts.items(), is_owed=True)
    return Carry(earned, paid, row.leverage, tuple(dict.fromkeys(unknown)))
