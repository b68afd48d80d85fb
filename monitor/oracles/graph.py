"""Where every price comes from: the contracts behind what a market asks, and what moves each.

A market's own source says what a price is and whom it asked; this one, which comes after all of
them, looks behind whom they asked. All it asks goes into the block's one batch: a block that brings
no new contract is one round.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.events import DomainEvent, FeedKnown, PriceMoved
from monitor.core.ledger import Kind, LedgerView, Reserve, each, find, pair_key
from monitor.core.pairs import Pair, Token
from monitor.core.ports import ContractReader, Readings, ViewCall
from monitor.core.prices import Edge, Feed, Price, PriceKind, kind_of_path
from monitor.core.units import Address, AssetId, BaseValue, MarketId
from monitor.oracles.families import VAULT
from monitor.oracles.family import Views
from monitor.oracles.leaf_assets import Report, Way, reported
from monitor.oracles.recognition import Recognition, facts_of, family_of, reachable
from monitor.oracles.way import Asked, Cadence, Ways


@dataclass(frozen=True, slots=True)
class Priced:
    """A price of the ledger. `loan`: what it is counted in, where it is a pair's."""

    market: MarketId
    sub_market: str
    asset: AssetId
    price: Price
    loan: AssetId | None


class OracleGraph:
    """The prices of these markets, with the way each took."""

    name = "oracles"

    def __init__(
        self, markets: Sequence[MarketId], views: Views, cadences: Mapping[Address, Cadence]
    ) -> None:
        self._markets = tuple(markets)
        self._views = views
        self._cadences = cadences
        self._recognition = Recognition(views)

    def addresses(self, view: LedgerView) -> frozenset[Address]:
        return frozenset()

    def questions(self, logs: Sequence[RawLog], view: LedgerView) -> tuple[ViewCall, ...]:
        return ()

    def decoder(self, block: BlockRef, view: LedgerView, facts: Readings) -> "OracleGraph":
        return self

    def decode(self, log: RawLog) -> tuple[DomainEvent, ...]:
        return ()

    def polls(self, view: LedgerView) -> tuple[ViewCall, ...]:
        feeds = _feeds(view)
        calls: list[ViewCall] = []
        for contract in reachable(feeds, _roots(self._priced(view))):
            feed = feeds.get(contract)
            family = family_of(feed)
            if family is None:
                calls += self._recognition.calls(contract, feed)
            else:
                calls += self._views.calls(contract, family, facts_of(feed))
        return tuple(dict.fromkeys(calls))

    def polled(self, view: LedgerView, readings: Readings) -> tuple[DomainEvent, ...]:
        """What is known of contracts now, and every price with its way."""
        priced = list(self._priced(view))
        before = _feeds(view)
        feeds = self._known(before, _roots(priced), readings)
        events: list[DomainEvent] = [
            FeedKnown(contract, feeds.get(contract))
            for contract in dict.fromkeys((*before, *feeds))
            if feeds.get(contract) != before.get(contract)
        ]
        ways = Ways(self._views, feeds, readings, self._cadences)
        paths = [_path(ways, one) for one in priced]
        reports = reported(
            (Way(one.asset, one.loan, path) for one, path in zip(priced, paths, strict=True)),
            _underlyings(feeds),
            self._symbols(view),
        )
        for one, path in zip(priced, paths, strict=True):
            price = _traced(one, _with_reports(path, reports))
            if price != one.price:
                events.append(PriceMoved(one.market, one.asset, price, one.sub_market))
        return tuple(events)

    async def bootstrap(
        self, reader: ContractReader, at: BlockRef, head: BlockRef
    ) -> tuple[DomainEvent, ...]:
        return ()

    def _known(
        self, before: Mapping[Address, Feed], roots: Sequence[Address], readings: Readings
    ) -> dict[Address, Feed]:
        """What is known of every contract behind the roots; all others are forgotten.

        As far as these answers go: nobody asks again what has been read for something else.
        """
        feeds = dict(before)
        is_settled = False
        while not is_settled:
            is_settled = True
            for contract in reachable(feeds, roots):
                known = self._recognition.known(contract, feeds.get(contract), readings)
                if known is not None and known != feeds.get(contract):
                    feeds[contract] = known
                    is_settled = False
        return {c: feeds[c] for c in reachable(feeds, roots) if c in feeds}

    def _priced(self, view: LedgerView) -> Iterator[Priced]:
        for market in self._markets:
            for key, price in each(view, Kind.PRICE, market, Price):
                sub_market, loan = key.sub_market, None
                if sub_market:
                    pair = find(view, pair_key(market, sub_market), Pair)
                    loan = None if pair is None else pair.loan
                yield Priced(market, sub_market, AssetId(Address(key.subject)), price, loan)

    def _symbols(self, view: LedgerView) -> dict[AssetId, str]:
        tokens = each(view, Kind.TOKEN, MarketId(""), Token)
        found = {AssetId(Address(key.subject)): token.symbol for key, token in tokens}
        for market in self._markets:
            for _, reserve in each(view, Kind.RESERVE, market, Reserve):
                found[reserve.asset] = reserve.symbol
        return found


def _feeds(view: LedgerView) -> dict[Address, Feed]:
    feeds = each(view, Kind.FEED, MarketId(""), Feed)
    return {Address(key.subject): feed for key, feed in feeds}


def _roots(priced: Iterator[Priced] | Sequence[Priced]) -> list[Address]:
    return [one.price.source for one in priced if one.price.source is not None]


def _path(ways: Ways, one: Priced) -> tuple[Edge, ...]:
    source = one.price.source
    return () if source is None else ways.path(Asked(source, one.price.value))


def _underlyings(feeds: Mapping[Address, Feed]) -> dict[Address, AssetId]:
    """Vault to what it holds."""
    vaults = ((c, facts_of(feed)) for c, feed in feeds.items() if feed.family == VAULT)
    return {contract: AssetId(Address(str(facts["asset"]))) for contract, facts in vaults}


def _with_reports(path: tuple[Edge, ...], reports: Mapping[Address, Report]) -> tuple[Edge, ...]:
    return tuple(
        replace(edge, asset=reports[edge.source].asset, quote=reports[edge.source].quote)
        if edge.reports_market
        else edge
        for edge in path
    )


def _traced(one: Priced, path: tuple[Edge, ...]) -> Price:
    """The price with what its way says of it."""
    leaves = [edge for edge in path if edge.reports_market]
    emitters = {edge.source for edge in leaves}
    cap_value, cap_follows = _cap(one.price, path)
    times = [edge.answered_unix for edge in leaves if edge.answered_unix is not None]
    return replace(
        one.price,
        emitter=emitters.pop() if len(emitters) == 1 else None,
        answered_unix=min(times, default=None),
        kind=kind_of_path(path, one.asset),
        cap_value=cap_value,
        cap_follows=cap_follows,
        heartbeat_seconds=_widest([edge.heartbeat_seconds for edge in leaves]),
        deviation_ppm=_widest([edge.deviation_ppm for edge in leaves]),
        path=path,
    )


def _cap(price: Price, path: tuple[Edge, ...]) -> tuple[BaseValue | None, bool]:
    """What the price comes to when the first of its caps binds; whether that cap moves itself."""
    caps = [
        (price.value * edge.cap // edge.answer, bool(edge.cap_reads))
        for edge in path
        if edge.kind is PriceKind.CAPPED and edge.exponent > 0
        if price.value is not None and edge.cap is not None and edge.answer
    ]
    value, follows = min(caps, default=(None, False))
    return None if value is None else BaseValue(value), follows


def _widest(figures: list[int | None]) -> int | None:
    """The largest, where all are known."""
    known = [figure for figure in figures if figure is not None]
    return max(known) if known and len(known) == len(figures) else None
