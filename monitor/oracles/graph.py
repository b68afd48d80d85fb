"""Where every price comes from: the contracts behind what a market asks, and what moves each.

A market's own source says what a price is and whom it asked; this one, which comes after all of
them, looks behind whom they asked. All it asks goes into the block's one batch: a block that brings
no new contract is one round.
"""

from collections.abc import Iterator, Mapping, Sequence

from monitor.core.events import DomainEvent, FeedKnown, PriceMoved
from monitor.core.keys import Kind, pair_key
from monitor.core.ledger import LedgerView, each, find
from monitor.core.pairs import Pair, Token
from monitor.core.ports import Readings, ViewCall
from monitor.core.prices import Feed, Price
from monitor.core.reserves import Reserve
from monitor.core.sources import PolledSource
from monitor.core.units import Address, AssetId, MarketId
from monitor.oracles.family import Views
from monitor.oracles.leaf_assets import names_like
from monitor.oracles.recognition import Plan, Recognition
from monitor.oracles.tracing import Priced, Tracing
from monitor.oracles.way import Cadence


class OracleGraph(PolledSource):
    """The prices of these markets, with the way each took."""

    name = "oracles"

    def __init__(
        self, markets: Sequence[MarketId], views: Views, cadences: Mapping[Address, Cadence]
    ) -> None:
        self._markets = tuple(markets)
        self._recognition = Recognition(views)
        self._tracing = Tracing(views, cadences)
        self._newest: Plan | None = None

    def polls(self, view: LedgerView) -> tuple[ViewCall, ...]:
        return self._plan_at(view, list(self._priced(view))).calls

    def polled(self, view: LedgerView, readings: Readings) -> tuple[DomainEvent, ...]:
        """What is known of contracts now, and every price with its way."""
        # Sorted, as what is said of feeds must not hang on the order in which they were met.
        priced = sorted(self._priced(view), key=lambda one: one.name)
        plan = self._plan_at(view, priced)
        events: list[DomainEvent] = []
        feeds = plan.feeds if plan.is_settled else self._recognition.settled(plan, readings)
        if feeds != plan.feeds:
            events += (
                FeedKnown(contract, feeds.get(contract))
                for contract in dict.fromkeys((*plan.feeds, *feeds))
                if feeds.get(contract) != plan.feeds.get(contract)
            )
            plan = self._recognition.plan(plan.roots, feeds)
        for one, price in self._tracing.moved(plan, readings, priced, self._symbols(view)):
            events.append(PriceMoved(one.market, one.asset, price, one.sub_market))
        return tuple(events)

    def _plan_at(self, view: LedgerView, priced: Sequence[Priced]) -> Plan:
        """What to ask. It stays the same object as long as nothing new is asked of."""
        feeds = {Address(k.subject): f for k, f in each(view, Kind.FEED, MarketId(""), Feed)}
        # Sorted: in a block under way the prices it wrote come last.
        sources = {one.price.source for one in priced}
        roots = tuple(sorted(source for source in sources if source is not None))
        if self._newest is None or (self._newest.roots, self._newest.feeds) != (roots, feeds):
            self._newest = self._recognition.plan(roots, feeds)
        return self._newest

    def _priced(self, view: LedgerView) -> Iterator[Priced]:
        for market in self._markets:
            for key, price in each(view, Kind.PRICE, market, Price):
                sub_market, loan = key.sub_market, None
                if sub_market:
                    pair = find(view, pair_key(market, sub_market), Pair)
                    loan = None if pair is None else pair.loan
                yield Priced(market, sub_market, AssetId(Address(key.subject)), price, loan)

    def _symbols(self, view: LedgerView) -> dict[AssetId, str]:
        """What assets are called. A name that a reserve has, which somebody governs, is no other's:
        anybody may call a token so, and open a pair for it.
        """
        reserves = {
            reserve.asset: reserve.symbol
            for market in self._markets
            for _, reserve in each(view, Kind.RESERVE, market, Reserve)
        }
        taken = {name for symbol in reserves.values() for name in names_like(symbol)}
        others = {
            AssetId(Address(key.subject)): token.symbol
            for key, token in each(view, Kind.TOKEN, MarketId(""), Token)
            if taken.isdisjoint(names_like(token.symbol))
        }
        return others | reserves
