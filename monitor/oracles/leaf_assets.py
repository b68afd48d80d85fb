"""Whose market price a feed reports, and in what. No contract says so: its uses and its text do."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from functools import lru_cache

from monitor.core.prices import Edge, PriceKind
from monitor.core.units import Address, AssetId

_PASSING = (PriceKind.MARKET, PriceKind.CAPPED)
"""Kinds of edges that leave a price the price of the same asset."""
_WRAPPED = "W"
"""A feed of ETH is WETH's, one of BTC WBTC's."""
_DOLLAR = "USD"


@dataclass(frozen=True, slots=True)
class Report:
    """A feed reports the market price of `asset` in `quote`; None is unknown, and USD."""

    asset: AssetId | None
    quote: AssetId | None


@dataclass(frozen=True, slots=True)
class Way:
    """The path of one price. `loan`: what it is counted in, where it is a pair's."""

    asset: AssetId
    loan: AssetId | None
    path: tuple[Edge, ...]


def reported(
    ways: Iterable[Way],
    underlyings: Mapping[Address, AssetId],
    symbols: Mapping[AssetId, str],
) -> dict[Address, Report]:
    """What every feed on these ways reports.

    What a market prices by a feed alone, the feed reports; then the symbol in its description; then
    what stands on a side of a pair's oracle (for a vault its underlying, by `underlyings`): last,
    since anybody may make a pair. It counts in what its description says; where that names nothing
    known and the pair's other side has no feed, in that side's asset.
    """
    alone: dict[Address, set[AssetId]] = defaultdict(set)
    beside: dict[Address, set[AssetId]] = defaultdict(set)
    against: dict[Address, set[AssetId]] = defaultdict(set)
    texts: dict[Address, str] = {}
    for way in ways:
        texts |= {edge.source: edge.what for edge in way.path if edge.reports_market}
        if way.loan is None:
            edges = [edge for edge in way.path if edge.exponent]
            if all(edge.kind in _PASSING for edge in edges):
                _note(alone, edges, way.asset)
            continue
        for exponent, asset in ((1, way.asset), (-1, way.loan)):
            edges = [edge for edge in way.path if edge.exponent == exponent]
            held = _held(edges, asset, underlyings)
            if held is not None:
                _note(beside, edges, held)
        if not any(edge.reports_market and edge.exponent < 0 for edge in way.path):
            _note(against, list(way.path), way.loan)
    return {
        feed: Report(
            _asset(alone[feed], beside[feed], text, symbols),
            _quote(against[feed], text, symbols),
        )
        for feed, text in texts.items()
    }


def _note(found: dict[Address, set[AssetId]], edges: list[Edge], asset: AssetId) -> None:
    feeds = [edge.source for edge in edges if edge.reports_market]
    if len(feeds) == 1:
        found[feeds[0]].add(asset)


def _held(
    edges: list[Edge], asset: AssetId, underlyings: Mapping[Address, AssetId]
) -> AssetId | None:
    """What the feed on one side of a pair prices: None where a rate leaves that open."""
    rates = [edge.source for edge in edges if edge.kind is PriceKind.EXCHANGE_RATE]
    if not rates:
        return asset
    return underlyings.get(rates[0]) if len(rates) == 1 else None


def _asset(
    alone: set[AssetId], beside: set[AssetId], text: str, symbols: Mapping[AssetId, str]
) -> AssetId | None:
    if len(alone) == 1:
        return _only(alone)
    among = {asset: symbols.get(asset, "") for asset in alone} if alone else symbols
    return _named(text.rpartition(": ")[2].partition("/")[0], among) or _only(beside)


def _quote(against: set[AssetId], text: str, symbols: Mapping[AssetId, str]) -> AssetId | None:
    words = text.rpartition(": ")[2].partition("/")[2]
    if words.strip().upper() == _DOLLAR:
        return None
    return _named(words, symbols) or _only(against)


def _named(words: str, symbols: Mapping[AssetId, str]) -> AssetId | None:
    """The one asset that is called so, or whose wrapped form is: anybody may call a token so."""
    name = words.strip().upper()
    called = {asset for asset, symbol in symbols.items() if name in names_like(symbol)}
    return _only(called) if name else None


@lru_cache(8_192)
def names_like(symbol: str) -> tuple[str, str]:
    """What a feed may call an asset: its symbol, or that without the W of a wrapped one."""
    name = symbol.upper()
    return name, name.removeprefix(_WRAPPED)


def _only(assets: Set[AssetId]) -> AssetId | None:
    return next(iter(assets)) if len(assets) == 1 else None
