"""The positions that loops stand on, each with all that it is broken by: those that are shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from monitor.core.events import Place
from monitor.core.keys import category_key
from monitor.core.ledger import LedgerView, find
from monitor.core.loops import Leg
from monitor.core.reserves import Category
from monitor.core.risk import Exposure, Rates
from monitor.core.sources import Listing, RiskRules, Statement
from monitor.core.units import WAD, AssetId, MarketId
from monitor.engine.market_prices import oracle_price
from monitor.errors import LedgerCorrupt
from monitor.leverage.leaves import Quoted

HEALTH_NOISE = Fraction(1, 10**6)
"""The contract rounds every value down: what it says may be off by so much of itself."""


@dataclass(frozen=True, slots=True)
class Stand:
    """An asset on one side of a position. `value`: in what the market counts in, None if unknown.

    `weight`: the part of it that secures debt.
    """

    quoted: Quoted
    amount_raw: int
    value: Fraction | None
    rates: Rates
    weight: Fraction = Fraction(1)


@dataclass(frozen=True, slots=True)
class Footing:
    """One position. `secured`, `owed`: as its market reckons with them; empty without debt.

    `category`: the e-mode the account is in, None where it is in none.
    """

    place: Place
    statement: Statement | None
    secured: tuple[Stand, ...]
    owed: tuple[Stand, ...]
    category: Category | None

    @property
    def health_wad(self) -> int | None:
        return None if self.statement is None else self.statement.risk.health_factor_wad

    def unknown(self) -> tuple[str, ...]:
        """Why nothing can be said of when it breaks; nothing where it can be."""
        if self.statement is None or not self.statement.debt:
            return ()
        if self.statement.risk.unknown:
            return self.statement.risk.unknown
        values = [stand.value for stand in (*self.secured, *self.owed)]
        if not self.owed or None in values or self.health_wad is None:
            return ("health: what the market counts its assets for is not known",)
        told = Fraction(self.health_wad, WAD)
        if abs(self._health() - told) > told * HEALTH_NOISE:
            return ("health: the market does not reckon with the prices of its assets alone",)
        return ()

    def _health(self) -> Fraction:
        secured = sum((s.value * s.weight for s in self.secured if s.value), Fraction(0))
        return Fraction(secured, sum((s.value for s in self.owed if s.value), Fraction(0)))


class Footings:
    """Footings at one block, each made when it is first asked for."""

    def __init__(self, view: LedgerView, rules: Sequence[RiskRules], at_unix: int) -> None:
        """`view`: of a ledger that stands still as long as anything is asked."""
        self._view = view
        self._rules = {rule.market: rule for rule in rules}
        self._at_unix = at_unix
        self._listed: dict[MarketId, Mapping[tuple[str, AssetId], Listing]] = {}
        self._made: dict[Place, Footing] = {}

    def of(self, leg: Leg) -> Footing:
        """Where a leg of a loop stands. Raises LedgerCorrupt in a market that is not followed."""
        return self.at(Place(leg.market, leg.account, leg.sub_market))

    def at(self, place: Place) -> Footing:
        if place not in self._made:
            self._made[place] = self._make(place)
        return self._made[place]

    def rates(self, market: MarketId, sub_market: str, asset: AssetId) -> Rates:
        """What an asset earns and costs in a market."""
        return self._rule(market).rates(self._view, sub_market, asset, self._at_unix)

    def _rule(self, market: MarketId) -> RiskRules:
        if market not in self._rules:
            raise LedgerCorrupt(f"a loop runs through {market}, which is not followed")
        return self._rules[market]

    def _make(self, place: Place) -> Footing:
        rule = self._rule(place.market)
        statement = rule.statement(self._view, place, self._at_unix)
        exposure = rule.exposure(self._view, place, self._at_unix) or Exposure(
            place.account, (), ()
        )
        category = None
        if statement is not None and statement.e_mode:
            category = find(self._view, category_key(place.market, statement.e_mode), Category)
        return Footing(
            place=place,
            statement=statement,
            secured=tuple(
                self._stand(
                    *(place, leg.asset, leg.amount_raw),
                    weight=Fraction(leg.liquidation_threshold_wad, WAD),
                )
                for leg in exposure.collateral
            ),
            owed=tuple(
                self._stand(place, leg.asset, leg.amount_raw, is_owed=True) for leg in exposure.debt
            ),
            category=category,
        )

    def _stand(
        self,
        place: Place,
        asset: AssetId,
        amount_raw: int,
        *,
        weight: Fraction = Fraction(1),
        is_owed: bool = False,
    ) -> Stand:
        listing = self._listings(place.market).get((place.sub_market, asset))
        rates = self.rates(place.market, place.sub_market, asset)
        if listing is None or (is_owed and listing.numeraire == asset):
            # What a market counts in is worth itself there.
            known = Fraction(amount_raw) if listing is not None else None
            return Stand(Quoted(asset, asset, None), amount_raw, known, rates, weight)
        price = oracle_price(listing)
        value = None if price is None else amount_raw * price
        return Stand(quoted_of(listing), amount_raw, value, rates, weight)

    def _listings(self, market: MarketId) -> Mapping[tuple[str, AssetId], Listing]:
        """Of an asset that is pledged for itself the listing with a price: the collateral's."""
        if market not in self._listed:
            found: dict[tuple[str, AssetId], Listing] = {}
            for listing in self._rule(market).listings(self._view):
                name = listing.sub_market, listing.asset
                if name not in found or found[name].price is None:
                    found[name] = listing
            self._listed[market] = found
        return self._listed[market]


def quoted_of(listing: Listing) -> Quoted:
    return Quoted(listing.asset, listing.numeraire, listing.price)
