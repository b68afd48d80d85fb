"""Which kind of loop each debt of a world is part of, as `/api/v1/loops` counts loops.

A loop that was seen counts. One by state counts while it is concentrated enough. What that takes is
kept when the world is made; it is judged where it is asked for: a projection touches few of all
loops, and to value every one anew would cost a block more than all else.

Amounts are those of the world. Where an account owes nothing its market is asked what it pledges.
Collateral that secures nothing (a threshold of 0) is none to a projection: it is not counted here.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from monitor.core.events import Place
from monitor.core.keys import Kind
from monitor.core.ledger import LedgerView, each
from monitor.core.loops import Leg, Loops
from monitor.core.risk import DebtSpot, WorldSheet
from monitor.core.sources import RiskRules
from monitor.core.trails import Side
from monitor.core.units import Address, AssetId, MarketId
from monitor.engine.valuation import Valuation
from monitor.engine.weights import weights_of
from monitor.leverage.claims import claims_of
from monitor.leverage.concentration import Worths, counted
from monitor.leverage.paths import debts_of
from monitor.leverage.standings import Seat

Amounts = Sequence[tuple[AssetId, int]]
Held = tuple[Amounts, Amounts]
"""What an account pledges and owes in one place, in raw units."""


class LoopKinds(Mapping[DebtSpot, str]):
    """The kind of loop by debt; debts that are in no loop that counts are not in it."""

    def __init__(
        self,
        world: WorldSheet,
        view: LedgerView,
        rules: Sequence[RiskRules],
        valuation: Valuation,
        least: Fraction,
    ) -> None:
        """`least`: the part of both sides that a loop by state needs. The view is let go of."""
        self._least = least
        self._exposures = {
            (sheet.market, sheet.sub_market): {one.account: one for one in sheet.exposures}
            for sheet in world.markets
        }
        self._records: dict[DebtSpot, Loops] = {}
        self._beside: dict[Seat, Held] = {}
        self._kinds: dict[DebtSpot, str | None] = {}
        by_name = {rule.market: rule for rule in rules}
        for _, loops in each(view, Kind.LOOPS, MarketId(""), Loops):
            seats = {Seat(leg.market, leg.sub_market, leg.account) for leg in _legs(loops)}
            owing = {seat for seat in seats if self._owes(seat)}
            for seat in seats - owing if owing else ():
                rule = by_name.get(seat.market)
                self._beside[seat] = _asked(rule, view, seat, world.block.timestamp)
            for leg in _legs(loops):
                if leg.debt is not None and Seat(leg.market, leg.sub_market, leg.account) in owing:
                    self._records[_spot(leg.market, leg.sub_market, leg.account, leg.debt)] = loops
        listed = {asset for sheet in world.markets for asset in sheet.assets}
        beside = {asset for held in self._beside.values() for side in held for asset, _ in side}
        self._usd = {asset: valuation.usd(asset, 1) for asset in listed | beside}
        self._claims = claims_of(view, rules, world.block.timestamp)

    def __getitem__(self, spot: DebtSpot) -> str:
        loops = self._records[spot]
        if spot not in self._kinds:
            self._judge(loops)
        kind = self._kinds[spot]
        if kind is None:
            raise KeyError(spot)
        return kind

    def __iter__(self) -> Iterator[DebtSpot]:
        return (spot for spot in self._records if spot in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _judge(self, loops: Loops) -> None:
        """Of all debts of one owner's loops."""
        debts = [_spot(*side) for loop in loops.loops for side in debts_of(loop.path)]
        self._kinds |= dict.fromkeys(debts)
        for loop in counted(loops, self._worths(loops), self._claims, self._least):
            self._kinds |= {_spot(*side): loop.kind.value for side in debts_of(loop.path)}

    def _worths(self, loops: Loops) -> Worths:
        pledged: dict[Side, int] = {}
        owed: dict[Side, int] = {}
        for seat in {Seat(leg.market, leg.sub_market, leg.account) for leg in _legs(loops)}:
            pledges, debts = self._at(seat)
            pledged |= {seat.side(asset): raw for asset, raw in pledges}
            owed |= {seat.side(asset): raw for asset, raw in debts}
        weights = weights_of({side.asset for side in (*pledged, *owed)}, self._usd.get)
        return Worths(
            {side: weights.worth(side.asset, raw) for side, raw in pledged.items()},
            {side: weights.worth(side.asset, raw) for side, raw in owed.items()},
        )

    def _owes(self, seat: Seat) -> bool:
        return seat.account in self._exposures.get(seat.spot, ())

    def _at(self, seat: Seat) -> Held:
        if not self._owes(seat):
            return self._beside[seat]
        exposure = self._exposures[seat.spot][seat.account]
        return (
            [(leg.asset, leg.amount_raw) for leg in exposure.collateral],
            [(leg.asset, leg.amount_raw) for leg in exposure.debt],
        )


def _asked(rule: RiskRules | None, view: LedgerView, seat: Seat, at_unix: int) -> Held:
    place = Place(seat.market, seat.account, seat.sub_market)
    held = None if rule is None else rule.statement(view, place, at_unix)
    if held is None:
        return (), ()
    used = [(line.asset, line.amount_raw) for line in held.collateral if line.used_as_collateral]
    return used, [(line.asset, line.amount_raw) for line in held.debt]


def _legs(loops: Loops) -> Iterator[Leg]:
    return (leg for loop in loops.loops for leg in loop.path)


def _spot(market: MarketId, sub_market: str, account: Address, asset: AssetId) -> DebtSpot:
    place = f"{market}/{sub_market}" if sub_market else str(market)
    return DebtSpot(place, account, asset)
