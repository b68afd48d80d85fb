"""Positions in the contract's JSON: sorted, filtered, paged."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from types import MappingProxyType
from typing import Any

from monitor.core.blocks import BlockRef
from monitor.core.events import Place
from monitor.core.ledger import LedgerView
from monitor.core.ports import PositionFilter
from monitor.core.sources import Line, RiskRules, Statement
from monitor.core.units import Address, AssetId, MarketId, Wad
from monitor.engine.concentration import Concentrations, concentrations_of
from monitor.engine.paging import asked_address, asked_number, block_json, page_of, start_of
from monitor.engine.sums import Sums
from monitor.engine.valuation import Valuation, labels, list_all, symbols, total, usd_text
from monitor.leverage.claims import claims_of

Checksum = Callable[[str], str]
Statements = Mapping[Place, Statement]
Owner = Callable[[Address], Address]
_FINE = 10**36
NOTHING_NAMED: Mapping[str, AssetId] = MappingProxyType({})


def itself(account: Address) -> Address:
    """The owner of who has none that is known."""
    return account


@dataclass(frozen=True, slots=True)
class Row:
    """One position with what sorting and filtering need. `debt_usd` is None when unknown.

    `owner`: who is behind the account; itself where that is nobody else, or not known.
    """

    market: MarketId
    protocol: str
    owner: Address
    statement: Statement
    debt_usd: Fraction | None


class PositionBook:
    """All positions at one block."""

    def __init__(
        self,
        view: LedgerView,
        block: BlockRef,
        rules: Sequence[RiskRules],
        checksum: Checksum,
        named: Mapping[str, AssetId] = NOTHING_NAMED,
        owner: Owner = itself,
    ) -> None:
        """`owner`: who is behind an account, asked once of each."""
        self._block = block
        self.checksum = checksum
        self.owner_of = owner
        listings = list_all(view, rules)
        self._valuation = Valuation(view, listings)
        self.symbols = symbols(view, listings)
        self.labels = labels(listings, named)
        self.sums = {rule.market: Sums() for rule in rules}
        self._held = list(self._read(view, rules))
        self.claims = claims_of(view, rules, block.timestamp)
        for listing in listings:  # all prices now: the ledger moves on, and the book is still asked
            self.worth([(listing.asset, 1)])

    @property
    def block(self) -> BlockRef:
        return self._block

    @cached_property
    def rows(self) -> list[Row]:
        """Every position, sorted: made when first asked for, as sums need no order."""
        rows = (
            Row(rule.market, rule.protocol, owner, held, self.worth(_owed(held)))
            for rule, owner, held in self._held
        )
        return sorted(rows, key=_order)

    def _read(
        self, view: LedgerView, rules: Sequence[RiskRules]
    ) -> Iterator[tuple[RiskRules, Address, Statement]]:
        for rule in rules:
            sums = self.sums[rule.market]
            for place in rule.places(view):
                statement = rule.statement(view, place, self._block.timestamp)
                if statement is not None:
                    owner = self.owner_of(place.account)
                    sums.add(statement, owner)
                    yield rule, owner, statement

    def healths(self) -> Iterator[tuple[Place, Wad | None]]:
        """Every position with its health; None where it owes nothing, or it is not known."""
        for rule, _, held in self._held:
            place = Place(rule.market, held.account, held.sub_market)
            yield place, held.risk.health_factor_wad

    def statements(self, accounts: Set[Address]) -> Statements:
        """Everything that these have in any market."""
        return {
            Place(rule.market, held.account, held.sub_market): held
            for rule, _, held in self._held
            if held.account in accounts
        }

    @cached_property
    def concentrations(self) -> Mapping[MarketId, Concentrations]:
        """How much of each market is a few owners'."""
        return {
            market: concentrations_of(sums, self.usd_per_raw) for market, sums in self.sums.items()
        }

    def usd_per_raw(self, asset: AssetId) -> Fraction | None:
        """What a raw unit of an asset is worth; None when its price is unknown."""
        return self._valuation.usd(asset, 1)

    def worth(self, amounts: Iterable[tuple[AssetId, int]]) -> Fraction | None:
        """What amounts are worth together, in USD; None when a price is unknown."""
        return total([self._valuation.usd(asset, raw) for asset, raw in amounts])

    def page(self, wanted: PositionFilter) -> dict[str, Any]:
        """One page in the contract's shape. Raises QuestionError (410 for a stale cursor)."""
        start = start_of(wanted.cursor, self._block)
        # Read before any row is looked at: a wrong question is told where no row would meet it.
        account = None if wanted.account is None else asked_address(wanted.account)
        owner = self.asked_owner(wanted.owner)
        least_usd = None
        if wanted.min_debt_usd is not None:
            least_usd = asked_number("min_debt_usd", wanted.min_debt_usd, "a number of USD")
        matches = [
            row
            for row in self.rows
            if account in (None, row.statement.account)
            and owner in (None, row.owner)
            and _fits(row, wanted, least_usd)
        ]
        shown, cursor = page_of(matches, start, wanted.limit, self._block)
        return {
            "block": block_json(self._block),
            "next": cursor,
            "positions": [self._row_json(row) for row in shown],
        }

    def asked_owner(self, text: str | None) -> Address | None:
        """Who is behind the address: also by one of his accounts, as he may be called otherwise
        tomorrow (twin Safes go by the smallest of their addresses). Raises QuestionError.
        """
        if text is None:
            return None
        asked = asked_address(text)
        behind = (owner for _, owner, held in self._held if held.account == asked)
        return next(behind, asked)

    def usd(self, line: Line) -> Fraction | None:
        return self._valuation.usd(line.asset, line.amount_raw)

    def _row_json(self, row: Row) -> dict[str, Any]:
        held, risk = row.statement, row.statement.risk
        account = self.checksum(held.account)
        answer: dict[str, Any] = {
            "market": row.market,
            "sub_market": held.sub_market or None,
            "protocol": row.protocol,
            "account": account,
            "owner": self.checksum(row.owner),
            "collateral": [
                self._line_json(line) | {"used_as_collateral": line.used_as_collateral}
                for line in held.collateral
            ],
            "debt": [self._line_json(line) for line in held.debt],
            **({"supply": [self._line_json(line) for line in held.lent]} if held.lent else {}),
            "health_factor": _text(risk.health_factor_wad),
            "liquidatable": risk.liquidatable,
            "e_mode": held.e_mode,
        }
        lines = (*held.collateral, *held.debt, *held.lent)
        unknown = [*risk.unknown, *self.unvalued(line.asset for line in lines)]
        return answer | ({"unknown": list(dict.fromkeys(unknown))} if unknown else {})

    def unvalued(self, assets: Iterable[AssetId]) -> list[str]:
        """What is to be said of assets whose value in USD is unknown."""
        return [
            f"USD value of {self.symbols.get(asset, asset)}"
            for asset in assets
            if self._valuation.usd(asset, 1) is None
        ]

    def _line_json(self, line: Line) -> dict[str, Any]:
        return {
            "asset": self.checksum(line.asset),
            "symbol": self.symbols.get(line.asset, line.asset),
            "amount": str(line.amount_raw),
            "value_usd": usd_text(self.usd(line)),
        } | self._claimed(line.asset)

    def _claimed(self, asset: AssetId) -> dict[str, str]:
        """What a claim stands for."""
        claim = self._valuation.receipts.get(asset)
        if claim is None or claim.underlying is None:
            return {}
        return {"underlying": self.checksum(claim.underlying)}


def _fits(row: Row, wanted: PositionFilter, least_usd: Fraction | None) -> bool:
    """By what may be unknown, and fits then."""
    if wanted.market is not None and row.market != wanted.market:
        return False
    if least_usd is not None and row.debt_usd is not None and row.debt_usd < least_usd:
        return False
    liquidatable = row.statement.risk.liquidatable
    return wanted.liquidatable is None or liquidatable in (None, wanted.liquidatable)


def _owed(held: Statement) -> Iterator[tuple[AssetId, int]]:
    return ((line.asset, line.amount_raw) for line in held.debt)


def _order(row: Row) -> tuple[bool, int, str, str, str]:
    # Unknown debt comes first: it is what must be looked at. In whole units far below a cent:
    # fractions are slow to compare, and positions are many.
    debt = 0 if row.debt_usd is None else row.debt_usd.numerator * _FINE // row.debt_usd.denominator
    held = row.statement
    return row.debt_usd is not None, -debt, row.market, held.account, held.sub_market


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)
