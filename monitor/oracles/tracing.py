"""A price with its way: what a poll's answers make of each.

Most prices stand still, and this is done for all of them in every block: what was worked out once
is taken again as long as it rests on the same answers.
"""

from collections.abc import Iterator, Mapping, Sequence
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
Shape = tuple[tuple[object, ...], ...]
Question = tuple[Address | None, int | None]
"""A contract that markets ask, and what it answered them."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A price of the ledger. `loan`: what it is counted in, where it is a pair's."""

    market: MarketId
    sub_market: str
    asset: AssetId
    price: Price
    loan: AssetId | None

    @property
    def name(self) -> tuple[str, ...]:
        """Where it is."""
        return self.market, self.sub_market, self.asset

    @property
    def question(self) -> Question:
        return self.price.source, self.price.value


@dataclass(frozen=True, slots=True)
class _Known:
    """The way of one answer. `shape`: what of it says whose market a feed reports."""

    answers: Answers
    path: Path
    shape: Shape


@dataclass(frozen=True, slots=True)
class _Circumstances:
    """All that decides what every feed reports."""

    ways: list[tuple[AssetId, AssetId | None, Shape]]
    underlyings: Mapping[Address, AssetId]
    symbols: Mapping[AssetId, str]


class Tracing:
    """The ways of the newest poll, and what they were worked out from."""

    def __init__(self, views: Views, cadences: Mapping[Address, Cadence]) -> None:
        self._views = views
        self._cadences = cadences
        self._plan: Plan | None = None
        self._known: dict[Question, _Known] = {}
        self._circumstances: _Circumstances | None = None
        self._reports: Mapping[Address, Report] = {}
        self._told: dict[Question, tuple[Path, Path]] = {}
        """Paths, without and with what their feeds report."""
        self._traced: dict[tuple[str, ...], Price] = {}

    def moved(
        self,
        plan: Plan,
        readings: Readings,
        priced: Sequence[Priced],
        symbols: Mapping[AssetId, str],
    ) -> Iterator[tuple[Priced, Price]]:
        """Every price that is not yet what the answers make of it, with what they make."""
        if plan is not self._plan:
            self._plan, self._known = plan, {}
        self._look(plan, readings, priced)
        self._report(plan, priced, symbols)
        self._told = {asked: self._telling(asked) for asked in self._known}
        for one in priced:
            path = self._told[one.question][1]
            known = self._traced.get(one.name)
            if known is not None and known.path is path and known == one.price:
                continue
            price = self._traced[one.name] = _traced(one, path)
            if price != one.price:
                yield one, price

    def _look(self, plan: Plan, readings: Readings, priced: Sequence[Priced]) -> None:
        """The way of every answer, each once: many prices may be one contract's."""
        ways = Ways(self._views, plan.feeds, readings, self._cadences)
        found: dict[Question, _Known] = {}
        for asked in dict.fromkeys(one.question for one in priced):
            source, value = asked
            if source is None:
                found[asked] = _Known((), (), ())
                continue
            answers = tuple([readings.get(call) for call in plan.behind[source]])
            known = self._known.get(asked)
            if known is None or known.answers != answers:
                path = ways.path(Asked(source, value), plan.within[source])
                known = _Known(answers, path, tuple(map(_shape, path)))
            found[asked] = known
        self._known = found

    def _report(self, plan: Plan, priced: Sequence[Priced], symbols: Mapping[AssetId, str]) -> None:
        """What every feed reports: it hangs on all ways together, but seldom changes."""
        ways = [(one.asset, one.loan, self._known[one.question].shape) for one in priced]
        now = _Circumstances(ways, _underlyings(plan.feeds), symbols)
        if now != self._circumstances:
            paths = (Way(o.asset, o.loan, self._known[o.question].path) for o in priced)
            self._reports = reported(paths, now.underlyings, symbols)
            self._circumstances, self._told = now, {}

    def _telling(self, asked: Question) -> tuple[Path, Path]:
        path = self._known[asked].path
        told = self._told.get(asked)
        return told if told and told[0] is path else (path, _with_reports(path, self._reports))


def _shape(edge: Edge) -> tuple[object, ...]:
    return edge.source, edge.kind, edge.what, edge.exponent, edge.reads


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
