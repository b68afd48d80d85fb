"""Why two sides are taken for a loop, in short words for people."""

from collections.abc import Callable, Iterator
from fractions import Fraction

from monitor.core.loops import Leg, Loop
from monitor.core.units import Address, AssetId, MarketId
from monitor.engine.footings import Footings
from monitor.leverage.claims import Claims
from monitor.leverage.ties import Ties

Name = Callable[[AssetId], str]
Share = Fraction | None


class Words:
    """What was known of assets at one block, to say why."""

    def __init__(self, footings: Footings, ties: Ties, claims: Claims, name: Name) -> None:
        self._footings = footings
        self._ties = ties
        self._claims = claims
        self._name = name

    def because(self, loop: Loop, pledged: Share, owed: Share) -> tuple[str, ...]:
        """`pledged`, `owed`: the loop's part of all that is pledged and owed where it runs."""
        told = [*self._crossings(loop)]
        for leg in loop.path:
            told += self._about(leg)
        if not loop.evidence:
            told.append(f"{_percent(pledged)} of what is pledged there is in the loop")
            told.append(f"{_percent(owed)} of what is owed there is in the loop")
        return tuple(dict.fromkeys(told))

    def _about(self, leg: Leg) -> Iterator[str]:
        pledged, owed = leg.collateral, leg.debt
        if self._claims.kind(pledged) is not None:
            where = sorted({market for market, _ in self._claims.behind(pledged)})
            lent = f", lent on {', '.join(where)}" if where else ""
            under = self._claims.underlying(pledged)
            yield f"{self._name(pledged)} is a claim on {self._named(under)}{lent}"
        if owed is None:
            return
        chosen = self._footings.of(leg).category
        if chosen and pledged in chosen.collateral and owed in chosen.borrowable:
            label = f" ({chosen.label})" if chosen.label else ""
            yield f"e-mode {chosen.number}{label} of {leg.market} takes the two for a pair"
        if pledged == owed:
            yield f"{self._name(pledged)} is pledged and owed"
        elif self._ties.is_pegged(pledged, owed):
            yield f"{self._name(pledged)} is pegged to {self._name(owed)}"
        elif (leg.market, leg.sub_market) in self._ties.pairs:
            yield f"the market's own oracle pegs {self._name(pledged)} to {self._name(owed)}"

    def _crossings(self, loop: Loop) -> Iterator[str]:
        """What is owed in one position and pledged in another. An owner may have thousands."""
        pledged: dict[AssetId, dict[MarketId, set[Address]]] = {}
        for leg in loop.path:
            markets = pledged.setdefault(leg.collateral, {})
            markets.setdefault(leg.market, set()).add(leg.account)
        for leg in loop.path:
            if leg.debt is None:
                continue
            for market, accounts in pledged.get(leg.debt, {}).items():
                if market != leg.market or len(accounts) > 1 or leg.account not in accounts:
                    owed = self._name(leg.debt)
                    yield f"{owed} is owed on {leg.market} and pledged on {market}"

    def _named(self, asset: AssetId | None) -> str:
        return "what it does not tell" if asset is None else self._name(asset)


def _percent(share: Share) -> str:
    if share is None:
        return "an unknown part"
    whole, tenth = divmod(round(share * 1000), 10)
    return f"{whole}.{tenth} %"
