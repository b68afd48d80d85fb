"""Loops in the contract's JSON: filtered, paged, with when they break and what they earn."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any

from monitor.core.blocks import BlockRef
from monitor.core.ledger import Ledger, LedgerView
from monitor.core.loops import Leg, LoopKind
from monitor.core.ports import LoopFilter
from monitor.core.sources import Listing, RiskRules
from monitor.core.trails import Side
from monitor.core.units import AssetId, MarketId
from monitor.engine.footings import Footings, quoted_of
from monitor.engine.holders import holders_behind
from monitor.engine.loop_breaks import Breaking, Breaks, together
from monitor.engine.loop_carry import Yields, carry_of
from monitor.engine.loop_rows import LoopRow, LoopRows
from monitor.engine.loop_words import Words
from monitor.engine.paging import asked_number, block_json, page_of, start_of
from monitor.engine.positions import NOTHING_NAMED, Checksum, PositionBook
from monitor.engine.valuation import list_all, ratio_number, usd_text
from monitor.errors import QuestionError
from monitor.leverage.leaves import Quoted, Reach
from monitor.leverage.ties import Ties, ties_of
from monitor.simulation.names import book_of

Correlated = Mapping[AssetId, frozenset[AssetId]]


def nothing_correlated(_view: LedgerView) -> Correlated:
    return {}


@dataclass(frozen=True, slots=True)
class LoopTerms:
    """What loops are judged by. `concentration`: the part of each side that a loop by state needs.

    `correlated`: which assets the configuration says follow one another.
    """

    concentration: Fraction = Fraction(4, 5)
    correlated: Callable[[LedgerView], Correlated] = nothing_correlated


USUAL = LoopTerms()


@dataclass(frozen=True, slots=True)
class _Names:
    """What assets are called. No part of the book: parts that know the whole keep it in memory
    until the collector comes by, and it is large.
    """

    own: Mapping[AssetId, str]
    symbols: Mapping[AssetId, str]
    checksum: Checksum

    def name(self, asset: AssetId) -> str:
        """In a shock: its name where nothing else is called so."""
        return self.own.get(asset) or self.checksum(asset)

    def symbol(self, asset: AssetId) -> str:
        return self.symbols.get(asset, asset)


class LoopBook:
    """All loops at one block."""

    def __init__(
        self,
        book: PositionBook,
        view: Ledger,
        rules: Sequence[RiskRules],
        named: Mapping[str, AssetId] = NOTHING_NAMED,
        terms: LoopTerms = USUAL,
    ) -> None:
        """`book`: the positions of that block, whose prices are these. `named`: the [assets]
        entries.

        What only a shown loop needs is worked out when it is shown, from the ledger as it is now.
        """
        self._book = book
        self._rules = rules
        self._named = named
        self._terms = terms
        self.rows = LoopRows(book, terms.concentration).sorted(view)
        owners = (row.owner for row in self.rows)
        self._vaults = holders_behind(view, owners, book.owner_of)
        self._kept = view.copy() if self.rows else Ledger()
        self._footings = Footings(self._kept, rules, book.block.timestamp)
        self._told: dict[tuple[str, str], dict[str, Any]] = {}

    @property
    def block(self) -> BlockRef:
        return self._book.block

    @cached_property
    def _listings(self) -> Sequence[Listing]:
        return list_all(self._kept, self._rules)

    @cached_property
    def _quoted(self) -> Sequence[Quoted]:
        return [quoted_of(one) for one in self._listings]

    @cached_property
    def _names(self) -> _Names:
        told = ((one.asset, one.symbol, one.is_permissionless) for one in self._listings)
        own = book_of(told, self._named).labels()
        return _Names(own, self._book.symbols, self._book.checksum)

    @cached_property
    def _correlated(self) -> Correlated:
        return self._terms.correlated(self._kept)

    @cached_property
    def _ties(self) -> Ties:
        return ties_of(self._kept, self._rules, self._correlated)

    @cached_property
    def _yields(self) -> Yields:
        rated = {one.asset for one in self._quoted if one.is_rated}
        return Yields(self._kept, self.block.timestamp, self._footings, self._book.claims, rated)

    @cached_property
    def _breaking(self) -> Breaking:
        reach = Reach(self._quoted, self._correlated)
        return Breaking(reach, self._ties, self._names.name, self._yields.weighed)

    @cached_property
    def _words(self) -> Words:
        return Words(self._footings, self._ties, self._book.claims, self._names.symbol)

    def looped_usd(self, market: MarketId, kind: LoopKind) -> Fraction | None:
        """What is owed in a market by loops of a kind, no debt twice; None where unknown."""
        owed: dict[Side, int] = {}
        for row in self.rows:
            if row.loop.kind is kind:
                owed |= {side: raw for side, raw in row.debts.items() if side.market == market}
        return self._book.worth((side.asset, raw) for side, raw in owed.items())

    def page(self, wanted: LoopFilter) -> dict[str, Any]:
        """One page in the contract's shape. Raises QuestionError (410 for a stale cursor)."""
        start = start_of(wanted.cursor, self._book.block)
        owner = self._book.asked_owner(wanted.owner)
        kind = None if wanted.kind is None else _asked_kind(wanted.kind)
        least = None
        if wanted.min_leverage is not None:
            least = asked_number("min_leverage", wanted.min_leverage, "a number such as 2.5")
        matches = [
            row
            for row in self.rows
            if owner in (None, row.owner)
            and wanted.market in (None, *row.markets)
            and kind in (None, row.loop.kind)
            and (least is None or row.leverage is None or row.leverage >= least)
        ]
        shown, cursor = page_of(matches, start, wanted.limit, self._book.block)
        return {
            "block": block_json(self._book.block),
            "next": cursor,
            "loops": [self._told_of(row) for row in shown],
        }

    def _told_of(self, row: LoopRow) -> dict[str, Any]:
        """Worked out once: a loop may stand on thousands of positions, and be asked for again."""
        name = row.owner, row.loop.id
        if name not in self._told:
            self._told[name] = self.row_json(row)
        return self._told[name]

    def row_json(self, row: LoopRow) -> dict[str, Any]:
        """One loop, whole."""
        loop, show = row.loop, self._book.checksum
        parts = {place: self._breaking.of(self._footings.at(place)) for place in row.places}
        breaks = together(list(parts.values()))
        carry = carry_of(row, self._footings, self._yields, self._worth, self._names.symbol)
        health, unweighed = self._health(row)
        answer = {
            "id": loop.id,
            "owner": show(row.owner),
            "accounts": [show(account) for account in row.accounts],
            "markets": list(row.markets),
            "kind": loop.kind,
            "path": [self._leg_json(leg) for leg in loop.path],
            "collateral_usd": usd_text(row.collateral_usd),
            "debt_usd": usd_text(row.debt_usd),
            "equity_usd": usd_text(row.equity_usd),
            "leverage": ratio_number(row.leverage),
            "hops": loop.hops,
            "built": loop.built,
            "evidence": list(loop.evidence),
            "breaks_at": _breaks_json(breaks),
            "health_factor": health,
            "liquidation_order": self._order_json(parts),
            "carry": carry.as_json(),
            "because": list(self._words.because(loop, row.pledged_part, row.owed_part)),
        }
        answer |= self._vaults.as_json(row.owner, show)
        unknown = (
            *self._unvalued(row),
            *unweighed,
            *(f"breaks_at: {reason}" for reason in breaks.unknown),
            *(f"breaks_at by interest: {reason}" for reason in breaks.unrated),
            *(f"carry: {reason}" for reason in carry.unknown),
            *filter(None, [self._vaults.unknown.get(row.owner)]),
        )
        return answer | ({"unknown": list(dict.fromkeys(unknown))} if unknown else {})

    def _worth(self, side: Side, raw: int) -> Fraction | None:
        return self._book.worth([(side.asset, raw)])

    def _unvalued(self, row: LoopRow) -> Iterator[str]:
        yield from self._book.unvalued(side.asset for side in (*row.pledges, *row.debts))
        if row.leverage is None and row.equity_usd is not None:
            yield "leverage: nothing of what is pledged is the owner's own"
        if row.loop.hops is None:
            yield "hops: the way of the money was not seen whole"

    def _health(self, row: LoopRow) -> tuple[str | None, tuple[str, ...]]:
        """Of the weakest position; None where one is unknown, and why."""
        feet = [self._footings.at(place) for place in row.places]
        told = [foot.statement.risk for foot in feet if foot.statement and foot.statement.debt]
        unknown = tuple(reason for risk in told for reason in risk.unknown)
        healths = [r.health_factor_wad for r in told if r.health_factor_wad is not None]
        if unknown or not healths:
            return None, unknown
        return str(min(healths)), ()

    def _leg_json(self, leg: Leg) -> dict[str, Any]:
        show = self._book.checksum
        return {
            "market": leg.market,
            "sub_market": leg.sub_market or None,
            "account": show(leg.account),
            "collateral": show(leg.collateral),
            "collateral_symbol": self._names.symbol(leg.collateral),
            "debt": None if leg.debt is None else show(leg.debt),
            "debt_symbol": None if leg.debt is None else self._names.symbol(leg.debt),
        }

    def _order_json(self, parts: Mapping[Any, Breaks]) -> list[dict[str, Any]]:
        """The indebted positions, the one that breaks by the smallest move first; then those that
        no move breaks, by the days that interest takes.
        """
        indebted = [
            (place, breaks) for place, breaks in parts.items() if self._footings.at(place).owed
        ]
        return [
            {
                "market": place.market,
                "sub_market": place.sub_market or None,
                "account": self._book.checksum(place.account),
                "health_factor": _text(self._footings.at(place).health_wad),
                "breaks_at": _breaks_json(breaks),
            }
            for place, breaks in sorted(indebted, key=lambda part: (part[1].order, part[0]))
        ]


def _asked_kind(text: str) -> LoopKind:
    try:
        return LoopKind(text)
    except ValueError:
        known = ", ".join(LoopKind)
        raise QuestionError(f"kind = {text!r}: expected one of {known}") from None


def _breaks_json(breaks: Breaks) -> dict[str, Any] | None:
    """None where an earlier break may be unknown."""
    if breaks.unknown:
        return None
    moves = {key: ratio_number(move) for key, move in breaks.moves.items()}
    return moves | {key: f"{_share(u)}@{days}d" for key, (u, days) in breaks.rates.items()}


def _share(utilisation: Fraction) -> str:
    """At most 1, in four decimals, as a shock is written."""
    ten_thousandths = Decimal(round(min(utilisation, Fraction(1)) * 10**4))
    return f"{ten_thousandths.scaleb(-4).normalize():f}"


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)
