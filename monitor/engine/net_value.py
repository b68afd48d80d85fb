"""What collateral is worth once: value net of recursion, beside its gross value.

    net = gross - claimed - looped                      (leverage/measures.net_value)

gross    collateral in use, in USD: the `collateral_usd` of a market.
claimed  the part of it that is a claim on money lent in a followed market, itself (an aToken) or by
         what it holds (a vault's share), wherever that market is; and the part that claims nothing
         but itself. What secures the money lent is that market's own collateral, and in its gross.
looped   what was pledged with money borrowed from followed markets: the debts of all loops, where
         their money was pledged; at most what is pledged there, and nothing of what is claimed.

Left out: borrowed money that was pledged again without being a loop that is known (built before the
ledger began, with collateral and debt not pegged to one another); what a vault lends by another
contract's name; claims that are not followed. `unseen` is what is pledged of claims that do not
show what stands behind them: so much of net may be counted elsewhere too.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from monitor.core.events import Place
from monitor.core.loops import Leg
from monitor.core.trails import Side
from monitor.core.units import AssetId, MarketId
from monitor.engine.loop_rows import LoopRow, debt_of, place_of, pledge_of
from monitor.engine.valuation import ratio_number, total, usd_text
from monitor.engine.weights import UsdPerRaw, added, weights_of
from monitor.leverage.claims import Claims
from monitor.leverage.concentration import Worth
from monitor.leverage.measures import net_value


@dataclass(frozen=True, slots=True)
class NetValue:
    """In USD; None where a part is unknown."""

    gross: Fraction | None
    claimed: Fraction | None
    looped: Fraction | None
    unseen: Fraction | None

    @property
    def net(self) -> Fraction | None:
        if self.gross is None or self.claimed is None or self.looped is None:
            return None
        return net_value(self.gross, self.claimed, self.looped)

    @property
    def multiplier(self) -> Fraction | None:
        """How many times what is there is counted; None where that is nothing, or unknown."""
        return Fraction(self.gross, self.net) if self.gross is not None and self.net else None

    def as_json(self) -> dict[str, Any]:
        return {
            "collateral_usd": usd_text(self.gross),
            "claimed_usd": usd_text(self.claimed),
            "looped_usd": usd_text(self.looped),
            "collateral_net_usd": usd_text(self.net),
            "unseen_claims_usd": usd_text(self.unseen),
            "multiplier": ratio_number(self.multiplier),
        }

    def unknown(self) -> Iterator[str]:
        """Why nothing is known of it, where that is not for a price that the gross value lacks."""
        if self.gross is not None and self.looped is None:
            yield "USD value of what its loops pledge, or owe elsewhere"


def together(values: Iterable[NetValue]) -> NetValue:
    """All markets."""
    each = list(values)
    return NetValue(
        gross=total([one.gross for one in each]),
        claimed=total([one.claimed for one in each]),
        looped=total([one.looped for one in each]),
        unseen=total([one.unseen for one in each]),
    )


def net_values(
    pledged: Mapping[MarketId, Mapping[AssetId, int]],
    loops: Iterable[LoopRow],
    claims: Claims,
    usd_per_raw: UsdPerRaw,
) -> Mapping[MarketId, NetValue]:
    """Of each market. `pledged`: collateral in use, in raw units."""
    worth = _Worth(claims, usd_per_raw)
    looped = _Looped(tuple(loops), worth).by_market()
    return {
        market: NetValue(
            gross=total([worth.gross(*one) for one in amounts.items()]),
            claimed=total([worth.claimed(*one) for one in amounts.items()]),
            looped=looped.get(market, Fraction(0)),
            unseen=total([worth.unseen(*one) for one in amounts.items()]),
        )
        for market, amounts in pledged.items()
    }


class _Worth:
    """What amounts are worth, and how much of it is counted elsewhere."""

    def __init__(self, claims: Claims, usd_per_raw: UsdPerRaw) -> None:
        self._claims = claims
        self.usd_per_raw = usd_per_raw

    def gross(self, asset: AssetId, raw: int) -> Fraction | None:
        price = self.usd_per_raw(asset)
        return None if price is None else price * raw

    def claimed(self, asset: AssetId, raw: int) -> Fraction | None:
        split = self._claims.split(asset)
        return self._part(asset, raw, split.lent + split.circular)

    def unseen(self, asset: AssetId, raw: int) -> Fraction | None:
        return self._part(asset, raw, self._claims.split(asset).unknown)

    def _part(self, asset: AssetId, raw: int, share: Fraction) -> Fraction | None:
        gross = self.gross(asset, raw)
        return None if gross is None else gross * share

    def unclaimed(self, asset: AssetId) -> Fraction:
        """The share of it that is its own."""
        split = self._claims.split(asset)
        return 1 - split.lent - split.circular


class _Looped:
    """Whole numbers of one unit wherever nothing has to be divided: loops are many."""

    def __init__(self, loops: Sequence[LoopRow], worth: _Worth) -> None:
        sides = {side.asset for loop in loops for side in (*loop.pledges, *loop.debts)}
        self._loops = loops
        self._weights = weights_of(sides, worth.usd_per_raw)
        self._unclaimed = {asset: worth.unclaimed(asset) for asset in sides}

    def by_market(self) -> Mapping[MarketId, Fraction | None]:
        """Where it is pledged; a market without loops is not in it."""
        room: dict[Side, Worth] = {}
        put: defaultdict[Side, list[Worth]] = defaultdict(list)
        for loop in self._loops:
            room |= {side: self._own(side, raw) for side, raw in loop.pledges.items()}
            for owed, into in _put(loop):
                for side, debt in self._divided(loop, owed, into):
                    put[side].append(debt)
        found: defaultdict[MarketId, list[Worth]] = defaultdict(list)
        for side, debts in put.items():
            debt, most = added(debts), room[side]
            found[side.market].append(None if debt is None or most is None else min(debt, most))
        return {market: self._weights.usd(added(values)) for market, values in found.items()}

    def _gross(self, side: Side, raw: int) -> int | None:
        return self._weights.worth(side.asset, raw)

    def _own(self, side: Side, raw: int) -> Worth:
        """What of a pledge is not claimed."""
        gross, share = self._gross(side, raw), self._unclaimed[side.asset]
        return gross if gross is None or share == 1 else gross * share

    def _divided(
        self, loop: LoopRow, owed: Sequence[Side], into: Sequence[Side]
    ) -> Iterator[tuple[Side, Worth]]:
        """Debts over the pledges their money went into, by what these are worth."""
        debt = added([self._gross(side, loop.debts[side]) for side in owed])
        whole = added([self._gross(side, loop.pledges[side]) for side in into])
        for side in into:
            own = self._own(side, loop.pledges[side])
            if debt is None or own is None or not whole:
                yield side, None
            else:
                yield side, debt if own == whole else Fraction(debt * own, whole)


def _put(loop: LoopRow) -> Iterator[tuple[tuple[Side, ...], tuple[Side, ...]]]:
    """Debts, and the pledges their money went into: those of the position that is next on the path;
    after the last one, of the first. A path may come back to a position; its debts are owed once.
    """
    positions: defaultdict[Place, list[Leg]] = defaultdict(list)
    for leg in loop.loop.path:
        positions[place_of(leg)].append(leg)
    groups = list(positions.values())
    for group, following in zip(groups, (*groups[1:], groups[0]), strict=True):
        owed = dict.fromkeys(side for leg in group if (side := debt_of(leg)))
        yield tuple(owed), tuple(dict.fromkeys(map(pledge_of, following)))
