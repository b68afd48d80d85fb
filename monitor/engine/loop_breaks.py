"""What breaks a loop: every move, and the time, that makes one of its positions liquidatable.

Each is said in the grammar of shocks (contract section 4):

- `"WETH": -0.12`: the market price of the asset, and all that rests on it, so many times moved.
- `"peg:wstETH/WETH": -0.04`: the asset's own market against what it is pegged to, where an oracle
  follows it. An exchange rate follows no depeg, so there is no such key for it.
- `"rate:aave-core/USDC": "0.91@320d"`: at the present rates (those of the present utilisation,
  which stands in front) the debt outgrows what secures it, with what that earns, after so many
  days. Not there where that takes more than ten years.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from monitor.core.units import AssetId
from monitor.engine.footings import Footing, Stand
from monitor.leverage.breaks import MOST_DAYS, Growth, Term, days_to_break, nearest_break
from monitor.leverage.leaves import Reach
from monitor.leverage.ties import Ties

Yield = Callable[[Stand], Fraction | None]
"""What collateral earns a year, with the growth of its own worth; None where unknown."""
Name = Callable[[AssetId], str]


@dataclass(frozen=True, slots=True)
class Breaks:
    """When one position, or a whole loop, becomes liquidatable. `moves`, `rates`: by key.

    `unknown`: why it may break earlier by a move; `unrated`: why by interest.
    """

    moves: Mapping[str, Fraction] = field(default_factory=dict)
    rates: Mapping[str, tuple[Fraction, int]] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    unrated: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[bool, Fraction, int]:
        """What breaks first has the least: by its nearest move, up or down; without one by days."""
        nearest = min(map(abs, self.moves.values()), default=None)
        days = min((days for _, days in self.rates.values()), default=MOST_DAYS + 1)
        return nearest is None, nearest or Fraction(0), days


class Breaking:
    """What is known of how prices hang together, at one block."""

    def __init__(self, reach: Reach, ties: Ties, name: Name, earns: Yield) -> None:
        self._reach = reach
        self._ties = ties
        self._name = name
        self._earns = earns

    def of(self, footing: Footing) -> Breaks:
        """Of one position; nothing where it owes nothing."""
        unknown = footing.unknown()
        if unknown or not footing.owed:
            return Breaks(unknown=unknown)
        moves: dict[str, Fraction] = {}
        faults: list[str] = []
        for key, moving in self._variables(footing):
            try:
                move = nearest_break(
                    [_term(s, moving, s.weight) for s in footing.secured],
                    [_term(s, moving, Fraction(1)) for s in footing.owed],
                )
            except ValueError as error:
                faults.append(f"the move of {key} that breaks it: {error}")
                continue
            if move is not None:
                moves[key] = move
        rates, unrated = self._rates(footing)
        return Breaks(moves, rates, tuple(faults), unrated)

    def _variables(self, footing: Footing) -> Iterator[tuple[str, frozenset[AssetId]]]:
        """What may move alone, by its key, with all that goes along."""
        pledged = [stand.quoted.asset for stand in footing.secured]
        owed = [stand.quoted.asset for stand in footing.owed]
        stands = (*footing.secured, *footing.owed)
        own = dict.fromkeys(leaf.asset for stand in stands for leaf in stand.quoted.leaves())
        for asset in own:
            base = next((d for d in owed if self._is_pegged(footing, asset, d)), None)
            if asset not in owed and base is not None:
                key = f"peg:{self._name(asset)}/{self._name(base)}"
                yield key, self._reach.of_peg(asset)
            elif not any(c in own and self._is_pegged(footing, c, asset) for c in pledged):
                yield self._name(asset), self._reach.of_price(asset)

    def _is_pegged(self, footing: Footing, one: AssetId, other: AssetId) -> bool:
        """By what they are, by the market's own oracle, or by the e-mode that pairs them."""
        spot, mode = (footing.place.market, footing.place.sub_market), footing.category
        is_pair = mode is not None and one in mode.collateral and other in mode.borrowable
        is_tied = self._ties.is_pegged(one, other) or spot in self._ties.pairs
        return one != other and (is_tied or is_pair)

    def _rates(self, footing: Footing) -> tuple[dict[str, tuple[Fraction, int]], tuple[str, ...]]:
        """By the debt that costs most: the position is broken by all of them together."""
        growing: dict[bool, list[Growth]] = {True: [], False: []}
        dearest: tuple[Fraction, Stand] | None = None
        for is_owed, stand in (
            *((False, s) for s in footing.secured),
            *((True, s) for s in footing.owed),
        ):
            rate = stand.rates.borrow if is_owed else self._earns(stand)
            if rate is None or stand.value is None:
                what = "borrow rate" if is_owed else "yield"
                return {}, (f"{what} of {self._name(stand.quoted.asset)}",)
            growing[is_owed].append(Growth(stand.value * stand.weight, rate))
            if is_owed and (dearest is None or stand.value * rate > dearest[0]):
                dearest = stand.value * rate, stand
        days = days_to_break(growing[False], growing[True])
        used = None if dearest is None else dearest[1].rates.utilisation
        if days is None or dearest is None or used is None:
            return {}, ()
        place = footing.place
        where = f"{place.market}/{place.sub_market}" if place.sub_market else place.market
        return {f"rate:{where}/{self._name(dearest[1].quoted.asset)}": (used, days)}, ()


def together(parts: Sequence[Breaks]) -> Breaks:
    """Of a loop: of each key the first break over its positions."""
    moves: dict[str, Fraction] = {}
    rates: dict[str, tuple[Fraction, int]] = {}
    for part in parts:
        for key, move in part.moves.items():
            if key not in moves or abs(move) < abs(moves[key]):
                moves[key] = move
        for key, (used, days) in part.rates.items():
            if key not in rates or days < rates[key][1]:
                rates[key] = used, days
    unknown = dict.fromkeys(reason for part in parts for reason in part.unknown)
    unrated = dict.fromkeys(reason for part in parts for reason in part.unrated)
    return Breaks(moves, rates, tuple(unknown), tuple(unrated))


def _term(stand: Stand, moving: frozenset[AssetId], weight: Fraction) -> Term:
    """A value as it goes with one factor; it is known, or nothing would be asked."""
    value, power = (stand.value or Fraction(0)) * weight, stand.quoted.power(moving)
    bound = stand.quoted.cap()
    if not power or bound is None:
        return Term(value, power)
    cap, free = bound
    return Term(value * free, power, value * cap)
