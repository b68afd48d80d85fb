"""Prices in JSON: what every market believes, by which contracts, and what the market says."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from monitor.core.blocks import BlockRef
from monitor.core.ledger import LedgerView
from monitor.core.prices import Edge, Price
from monitor.core.sources import Liquidity, Listing, RiskRules
from monitor.core.units import MarketId
from monitor.engine.market_prices import MarketPrices
from monitor.engine.valuation import list_all, ratio_number, symbols

Checksum = Callable[[str], str]
PPM = 10**6
DOLLAR = ("USD", None)
"""What a price is counted in, where it is no asset."""


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One price. `deviation`: of the oracle from the pools; None where either is unknown.

    `unit`: symbol and decimals of what it is counted in; decimals are None where nobody tells.
    """

    market: MarketId
    listing: Listing
    price: Price
    unit: tuple[str, int | None]
    deviation: Fraction | None


class PriceBook:
    """All prices at one block, in the order of the configuration."""

    def __init__(
        self,
        view: LedgerView,
        block: BlockRef,
        rules: Sequence[RiskRules],
        pools: Sequence[Liquidity],
    ) -> None:
        self.block = block
        curves = [curve for pool in pools if (curve := pool.curve(view)) is not None]
        listings = list_all(view, rules)
        traded, names = MarketPrices(curves, listings), symbols(view, listings)
        self._names = names
        decimals = {one.asset: one.decimals for one in listings}

        def unit_of(listing: Listing) -> tuple[str, int | None]:
            asset = listing.numeraire
            return DOLLAR if asset is None else (names.get(asset, asset), decimals.get(asset))

        self.rows = tuple(
            PriceRow(rule.market, one, one.price, unit_of(one), traded.deviation(one))
            for rule in rules
            for one in sorted(rule.listings(view), key=lambda one: (one.sub_market, one.symbol))
            if one.price is not None
        )

    def as_json(self, checksum: Checksum, market: str | None) -> list[dict[str, Any]]:
        rows = (row for row in self.rows if market is None or row.market == market)
        return [self.row_json(row, checksum) for row in rows]

    def row_json(self, row: PriceRow, checksum: Checksum) -> dict[str, Any]:
        """One price in the contract's manner; `path`: root first, each before what it reads."""
        told = _row_json(row, self.block, checksum)
        told["path"] = [
            _edge_json(edge, self.block, checksum)
            | {
                "depth": depth,
                "asset_symbol": self._names.get(edge.asset) if edge.asset else None,
                "quote_symbol": self._names.get(edge.quote) if edge.quote else None,
            }
            for depth, edge in _tree(row.price.path)
        ]
        return told


def _row_json(row: PriceRow, block: BlockRef, checksum: Checksum) -> dict[str, Any]:
    listing, price = row.listing, row.price
    return {
        "market": row.market,
        "sub_market": listing.sub_market or None,
        "asset": checksum(listing.asset),
        "symbol": listing.symbol,
        "price": _digits(price.value),
        "unit": str(listing.base_unit),
        "decimals": listing.decimals,
        "numeraire": _shown(listing.numeraire, checksum),
        "numeraire_symbol": row.unit[0],
        "numeraire_decimals": row.unit[1],
        "kind": price.kind,
        "source": _shown(price.source, checksum),
        "age_seconds": _age(price.answered_unix, block),
        "heartbeat_seconds": price.heartbeat_seconds,
        "deviation": _of_ppm(price.deviation_ppm),
        "stale": is_stale(price, block),
        "cap": _digits(price.cap_value),
        "cap_follows": price.cap_follows,
        "oracle_deviation": ratio_number(row.deviation),
        "unknown": list(_unknown(price)),
    }


def _edge_json(edge: Edge, block: BlockRef, checksum: Checksum) -> dict[str, Any]:
    return {
        "contract": checksum(edge.source),
        "kind": edge.kind,
        "what": edge.what,
        "exponent": edge.exponent,
        "asset": _shown(edge.asset, checksum),
        "quote": _shown(edge.quote, checksum),
        "answer": _digits(edge.answer),
        "decimals": edge.decimals,
        "age_seconds": _age(edge.answered_unix, block),
        "heartbeat_seconds": edge.heartbeat_seconds,
        "deviation": _of_ppm(edge.deviation_ppm),
        "cap": _digits(edge.cap),
        "capped": edge.binds,
        "fault": edge.fault or None,
    }


def is_stale(price: Price, block: BlockRef) -> bool | None:
    """Whether a feed on the way is overdue; None where no feed is known to be due."""
    told = [
        block.timestamp - edge.answered_unix > edge.heartbeat_seconds
        for edge in price.path
        if edge.answered_unix is not None and edge.heartbeat_seconds is not None
    ]
    return any(told) if told else None


def _tree(path: Sequence[Edge]) -> Iterator[tuple[int, Edge]]:
    """Each contract with its depth: how many of those above it still read is what tells it."""
    left: list[int] = []
    for edge in path:
        while left and not left[-1]:
            left.pop()
        yield len(left), edge
        if left:
            left[-1] -= 1
        left.append(len(edge.reads))


def _unknown(price: Price) -> Iterator[str]:
    if price.value is None:
        yield price.reason
    for edge in price.path:
        if edge.fault:
            yield f"{edge.source} ({edge.what}): {edge.fault}"
        elif edge.kind is None:
            yield f"{edge.source}: {edge.what}"


def _age(answered_unix: int | None, block: BlockRef) -> int | None:
    return None if answered_unix is None else block.timestamp - answered_unix


def _shown(contract: str | None, checksum: Checksum) -> str | None:
    return None if contract is None else checksum(contract)


def _digits(value: int | None) -> str | None:
    return None if value is None else str(value)


def _of_ppm(share_ppm: int | None) -> object:
    return ratio_number(None if share_ppm is None else Fraction(share_ppm, PPM))
