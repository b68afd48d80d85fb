"""Positions in the contract's JSON: sorted, filtered, paged."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import cached_property
from types import MappingProxyType
from typing import Any

from monitor.core.blocks import BlockRef
from monitor.core.ledger import LedgerView
from monitor.core.ports import PositionFilter
from monitor.core.sources import Line, Liquidity, RiskRules, Statement
from monitor.core.units import Address, AssetId, MarketId, address
from monitor.engine.price_book import PriceBook
from monitor.engine.sums import Sums
from monitor.engine.valuation import Valuation, labels, list_all, symbols, total, usd_text
from monitor.errors import QuestionError

Checksum = Callable[[str], str]
NOTHING_NAMED: Mapping[str, AssetId] = MappingProxyType({})
_OFFSET_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Row:
    """One position with what sorting and filtering need. `debt_usd` is None when unknown."""

    market: MarketId
    protocol: str
    statement: Statement
    debt_usd: Fraction | None


class Books:
    """The newest books of positions and of prices: made once a block, whoever asks."""

    def __init__(
        self,
        rules: Sequence[RiskRules],
        checksum: Checksum,
        pools: Sequence[Liquidity] = (),
        named: Mapping[str, AssetId] = NOTHING_NAMED,
    ) -> None:
        """`named`: the [assets] entries."""
        self._named = named
        self._rules = tuple(rules)
        self._pools = tuple(pools)
        self.checksum = checksum
        self._newest: PositionBook | None = None
        self._prices: PriceBook | None = None
        self._making: asyncio.Task[None] | None = None

    async def make(self, view: LedgerView, block: BlockRef) -> None:
        """Both, beside the event loop: positions are many. Until it is done the view must stand
        still.
        """
        self._making = asyncio.create_task(asyncio.to_thread(self._make, view, block))
        await self._making

    async def made(self) -> None:
        """Once what is being made is there: nobody makes the same twice."""
        if self._making is not None:
            await asyncio.wait([self._making])

    def _make(self, view: LedgerView, block: BlockRef) -> None:
        self.at(view, block)
        self.prices_at(view, block)

    def at(self, view: LedgerView, block: BlockRef) -> "PositionBook":
        if self._newest is None or self._newest.block != block:
            self._newest = PositionBook(view, block, self._rules, self.checksum, self._named)
        return self._newest

    def prices_at(self, view: LedgerView, block: BlockRef) -> PriceBook:
        if self._prices is None or self._prices.block != block:
            self._prices = PriceBook(view, block, self._rules, self._pools)
        return self._prices


class PositionBook:
    """All positions at one block."""

    def __init__(
        self,
        view: LedgerView,
        block: BlockRef,
        rules: Sequence[RiskRules],
        checksum: Checksum,
        named: Mapping[str, AssetId] = NOTHING_NAMED,
    ) -> None:
        self._block = block
        self._checksum = checksum
        listings = list_all(view, rules)
        self._valuation = Valuation(view, listings)
        self.symbols = symbols(view, listings)
        self.labels = labels(listings, named)
        self.sums = {rule.market: Sums() for rule in rules}
        self._held = list(self._read(view, rules))
        for listing in listings:  # all prices now: the ledger moves on, and the book is still asked
            self.worth([(listing.asset, 1)])

    @property
    def block(self) -> BlockRef:
        return self._block

    @cached_property
    def rows(self) -> list[Row]:
        """Every position, sorted: made when first asked for, as sums need no order."""
        rows = (
            Row(rule.market, rule.protocol, held, self.worth(_owed(held)))
            for rule, held in self._held
        )
        return sorted(rows, key=_order)

    def _read(
        self, view: LedgerView, rules: Sequence[RiskRules]
    ) -> Iterator[tuple[RiskRules, Statement]]:
        for rule in rules:
            sums = self.sums[rule.market]
            for place in rule.places(view):
                statement = rule.statement(view, place, self._block.timestamp)
                if statement is not None:
                    sums.add(statement)
                    yield rule, statement

    def worth(self, amounts: Iterable[tuple[AssetId, int]]) -> Fraction | None:
        """What amounts are worth together, in USD; None when a price is unknown."""
        return total([self._valuation.usd(asset, raw) for asset, raw in amounts])

    def page(self, wanted: PositionFilter) -> dict[str, Any]:
        """One page in the contract's shape. Raises QuestionError (410 for a stale cursor)."""
        start = self._start(wanted.cursor)
        # Read before any row is looked at: a wrong question is told where no row would meet it.
        accounts = {_asked_address(a) for a in (wanted.account, wanted.owner) if a is not None}
        least_usd = None if wanted.min_debt_usd is None else _asked_usd(wanted.min_debt_usd)
        matches = [row for row in self.rows if _fits(row, wanted, accounts, least_usd)]
        shown = matches[start : start + wanted.limit]
        end = start + len(shown)
        return {
            "block": block_json(self._block),
            "next": f"{self._block.hash}:{end}" if end < len(matches) else None,
            "positions": [self._row_json(row) for row in shown],
        }

    def _start(self, cursor: str | None) -> int:
        if cursor is None:
            return 0
        block_hash, _, offset = cursor.partition(":")
        if not offset.isdecimal() or len(offset) > _OFFSET_DIGITS:
            raise QuestionError(f"cursor {cursor!r} is none of ours: expected the answer's `next`")
        if block_hash != self._block.hash:
            raise QuestionError(
                f"the cursor belongs to block {block_hash}, which is no longer the newest: start "
                "again without a cursor.",
                status=410,
            )
        return int(offset)

    def usd(self, line: Line) -> Fraction | None:
        return self._valuation.usd(line.asset, line.amount_raw)

    def _row_json(self, row: Row) -> dict[str, Any]:
        held, risk = row.statement, row.statement.risk
        account = self._checksum(held.account)
        answer: dict[str, Any] = {
            "market": row.market,
            "sub_market": held.sub_market or None,
            "protocol": row.protocol,
            "account": account,
            "owner": account,
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
            "asset": self._checksum(line.asset),
            "symbol": self.symbols.get(line.asset, line.asset),
            "amount": str(line.amount_raw),
            "value_usd": usd_text(self.usd(line)),
        } | self._claimed(line.asset)

    def _claimed(self, asset: AssetId) -> dict[str, str]:
        """What a claim stands for."""
        claim = self._valuation.receipts.get(asset)
        if claim is None or claim.underlying is None:
            return {}
        return {"underlying": self._checksum(claim.underlying)}


def block_json(block: BlockRef) -> dict[str, Any]:
    """The `block` of every answer."""
    return {"number": block.number, "hash": block.hash, "timestamp": block.timestamp}


def _fits(
    row: Row, wanted: PositionFilter, accounts: AbstractSet[Address], least_usd: Fraction | None
) -> bool:
    """`accounts`: all of them must be the row's own. What is unknown fits."""
    if wanted.market is not None and row.market != wanted.market:
        return False
    if accounts - {row.statement.account}:
        return False
    if least_usd is not None and row.debt_usd is not None and row.debt_usd < least_usd:
        return False
    liquidatable = row.statement.risk.liquidatable
    return wanted.liquidatable is None or liquidatable in (None, wanted.liquidatable)


def _owed(held: Statement) -> Iterator[tuple[AssetId, int]]:
    return ((line.asset, line.amount_raw) for line in held.debt)


def _order(row: Row) -> tuple[bool, Fraction, str, str, str]:
    # Unknown debt comes first: it is what must be looked at.
    debt = Fraction(0) if row.debt_usd is None else row.debt_usd
    held = row.statement
    return row.debt_usd is not None, -debt, row.market, held.account, held.sub_market


def _asked_address(text: str) -> Address:
    try:
        return address(text)
    except ValueError as error:
        raise QuestionError(str(error)) from error


def _asked_usd(text: str) -> Fraction:
    try:
        return Fraction(Decimal(text))
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise QuestionError(f"min_debt_usd is {text!r}: expected a number of USD") from error


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)
