"""A price with its way: what a poll's answers make of each.

Most prices stand still, and this is done for all of them in every block: what was worked out once
is taken again as long as it rests on the same answers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from monitor.core.ports import Readings, ViewResult
from monitor.core.prices import Edge, Feed, Price, PriceKind, kind_of_path
from monitor.core.units import Address, AssetId, BaseValue, MarketId
from monitor.oracles.families import VAULT
from monitor.oracles.family import Views
from monitor.oracles.leaf_assets import Report, Way, reported
from monitor.oracles.recognition import Plan, facts_of
from monitor.oracles.way import Asked, Cadence, Ways

Path = tuple[Edge, ...]
Answers = tuple[ViewResult | None, ...]


@dataclass(frozen=True, slots=True)
class Priced:
    """A price of the ledger. `loan`: what it is counted in, where it is a pair's."""

    market: MarketId
    sub_market: str
    asset: AssetId
    price: Price
    loan: AssetId | None


class Tracing:
    """The ways of the newest poll, and what they were worked out from."""

    def __init__(self, views: Views, cadences: Mapping[Address, Cadence]) -> None:
        self._views = views
        self._cadences = cadences
        self._plan: Plan | None = None
        self._paths: dict[tuple[Address, int | None], tuple[Answers, Path]] = {}
        self._ways: list[Way] = []
        self._reports: Mapping[Address, Report] = {}
        self._traced: dict[tuple[str, ...], Price] = {}

    def moved(
        self,
        plan: Plan,
        readings: Readings,
        priced: Sequence[Priced],
        symbols: Callable[[], Mapping[AssetId, str]],
    ) -> Iterator[tuple[Priced, Price]]:
        """Every price that is not yet what the answers make of it, with what they make."""
        if plan is not self._plan:
            self._plan, self._paths, self._ways = plan, {}, []
        ways = self._ways_of(plan, readings, priced)
        if ways != self._ways or not ways:
            self._ways, self._traced = ways, {}
            self._reports = reported(ways, _underlyings(plan.feeds), symbols())
        for one, way in zip(priced, ways, strict=True):
            name = (one.market, one.sub_market, one.asset)
            if one.price == self._traced.get(name):
                continue
            price = self._traced[name] = _traced(one, _with_reports(way.path, self._reports))
            if price != one.price:
                yield one, price

    def _ways_of(self, plan: Plan, readings: Readings, priced: Sequence[Priced]) -> list[Way]:
        ways = Ways(self._views, plan.feeds, readings, self._cadences)
        paths: dict[tuple[Address, int | None], tuple[Answers, Path]] = {}
        found = []
        for one in priced:
            source, value = one.price.source, one.price.value
            path: Path = ()
            if source is not None:
                answers = tuple([readings.get(call) for call in plan.behind[source]])
                known = paths.get((source, value)) or self._paths.get((source, value))
                if known is None or known[0] != answers:
                    known = answers, ways.path(Asked(source, value))
                paths[source, value], path = known, known[1]
            found.append(Way(one.asset, one.loan, path))
        self._paths = paths
        return found


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
