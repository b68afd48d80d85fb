"""What the pipeline does, told to metrics and logs."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from fractions import Fraction

import structlog

from monitor.core.alerts import Alert, BreakerPhase, BreakerState, Judgement
from monitor.core.blocks import BlockRef
from monitor.core.ledger import Ledger
from monitor.core.loops import LoopKind
from monitor.core.sources import RiskRules
from monitor.core.units import MarketId
from monitor.engine.books import Books
from monitor.engine.breaker import BreakerRule
from monitor.engine.breaker_rows import values_of
from monitor.engine.cascade_runner import Answer
from monitor.engine.folding import Folded
from monitor.engine.judge import Judge
from monitor.engine.measures import Limits, When
from monitor.engine.paging import block_json
from monitor.engine.positions import PositionBook
from monitor.engine.symptoms import (
    Seen,
    drift_reasons,
    log_reasons,
    price_reasons,
    scenario_reasons,
)
from monitor.engine.totals import market_totals, unknown_prices
from monitor.engine.valuation import list_all
from monitor.errors import TransientError
from monitor.metrics import CONCENTRATION, SIDES, UNDECODABLE, Metrics, Stage
from monitor.simulation.results import CurveProjection, Projection
from monitor.web.stream import Stream

log = structlog.stdlib.get_logger(__name__)


class Observation:
    """The pipeline's Observer."""

    def __init__(
        self,
        metrics: Metrics,
        judge: Judge,
        rules: Sequence[RiskRules],
        books: Books,
        ledger: Callable[[], Ledger],
        stream: Stream,
    ) -> None:
        self._metrics = metrics
        self._judge = judge
        self._rules = tuple(rules)
        self._books = books
        self._ledger = ledger
        self._stream = stream
        self.seen: Seen | None = None
        """What the newest judged block lets see of the monitor's own sight; None before it."""
        self._failed: dict[str, str] = {}
        self._collateral: dict[MarketId, set[str]] = {rule.market: set() for rule in self._rules}

    def applied(self, block: BlockRef, folded: Folded, seconds: float) -> None:
        self._metrics.applied_block.set(block.number)
        self._metrics.stage_seconds.labels(Stage.FOLD).observe(seconds)
        markets = {rule.market for rule in self._rules}
        for (source, event), count in folded.counts.items():
            if source in markets:
                self._metrics.events_total.labels(source, event.__name__).inc(count)
        for source, fault in folded.undecodable:
            log.error("undecodable_log", source=source, error=str(fault))
            if source in markets:
                self._metrics.events_total.labels(source, UNDECODABLE).inc()
        log.info(
            "block_applied",
            block=block.number,
            hash=block.hash,
            changes=len(folded.delta.changes),
            milliseconds=round(seconds * 1000, 1),
        )

    def reverted(self, blocks: Sequence[BlockRef]) -> None:
        self._metrics.reorgs_total.inc()
        self._metrics.reorg_depth.set(len(blocks))
        for gauge in (self._metrics.applied_block, self._metrics.evaluated_block):
            gauge.set(blocks[-1].number - 1)
        log.warning("blocks_reverted", depth=len(blocks), newest=blocks[0].hash)

    def retracted(self, alerts: Sequence[Alert]) -> None:
        for alert in alerts:
            self._tell(alert)

    def finalized(self, number: int) -> None:
        self._metrics.finalized_block.set(number)

    async def judged(self, judgement: Judgement, seconds: float) -> None:
        block = judgement.block
        self._metrics.evaluated_block.set(block.number)
        self._metrics.stage_seconds.labels(Stage.JUDGE).observe(seconds)
        for alert in judgement.alerts:
            self._metrics.block_to_alert_seconds.observe(max(0.0, time.time() - block.timestamp))
            self._tell(alert)
        for rule in self._judge.rules:
            state = self._judge.states[rule.name]
            phase = BreakerPhase.BLIND if state.blind else state.phase
            self._metrics.breaker_state.labels(rule.name).set(phase)
            self._metrics.breaker_trip_ratio.labels(rule.name).set(trip_ratio(rule, state))
        for answer in self._judge.answers.values():
            self._show_answer(answer)
        for asset, shock in critical_shocks(self._judge.answers.values()).items():
            self._metrics.cascade_critical_shock_ratio.labels(asset).set(shock)
        await self._books.make(self._ledger(), block)
        self.seen = self._sight(block)
        self._show_markets(block)
        self._stream.tell_block(block_json(block))

    def retrying(self, what: str, error: TransientError) -> None:
        log.warning("retrying", waiting_for=what, error=str(error))

    def _sight(self, block: BlockRef) -> Seen:
        view = self._ledger()
        rows = self._books.prices_at(view, block).rows
        return Seen(
            prices=price_reasons(unknown_prices(view, self._rules), rows, block),
            logs=log_reasons(view, block),
            drift=drift_reasons(view),
            scenarios=scenario_reasons(self._judge.unmeasured()),
        )

    def raised(self, alert: Alert) -> None:
        """An alert is: also one that no block caused."""
        self._metrics.alerts_total.labels(alert.breaker, alert.type).inc()
        self._stream.tell_alert(alert.body)

    def _tell(self, alert: Alert) -> None:
        self.raised(alert)
        log.warning("alert", id=alert.id, type=alert.type, breaker=alert.breaker)

    def _show_answer(self, answer: Answer) -> None:
        name = answer.plan.name
        match None if answer.unknown else answer.result:
            case Projection() as result:
                self._metrics.cascade_liquidated_usd.labels(name).set(result.liquidated_usd)
                self._metrics.cascade_bad_debt_usd.labels(name).set(result.bad_debt_usd)
                self._metrics.cascade_amplification.labels(name).set(result.amplification)
            case None:
                why = "; ".join(answer.unknown)
                if self._failed.get(name) != why:
                    log.error("scenario_unknown", scenario=name, because=why)
                self._forget_answer(answer)
        self._failed[name] = "; ".join(answer.unknown)

    def _forget_answer(self, answer: Answer) -> None:
        """What cannot be projected now is unknown, whatever it was before."""
        if answer.plan.curve is not None:
            return
        for gauge in (
            self._metrics.cascade_liquidated_usd,
            self._metrics.cascade_bad_debt_usd,
            self._metrics.cascade_amplification,
        ):
            gauge.labels(answer.plan.name).set(math.nan)

    def _show_markets(self, block: BlockRef) -> None:
        book = self._books.at(self._ledger(), block)
        worth = self._books.net_values_at(self._ledger(), block)
        for rule in self._rules:
            totals = market_totals(book, worth, rule)
            self._metrics.positions.labels(rule.market).set(totals.positions)
            gross, net = totals.collateral.gross, totals.collateral.net
            self._metrics.collateral_usd.labels(rule.market).set(_shown(gross))
            self._metrics.collateral_net_usd.labels(rule.market).set(_shown(net))
            self._metrics.debt_usd.labels(rule.market).set(_shown(totals.debt_usd))
            self._metrics.at_risk_usd.labels(rule.market).set(_shown(totals.at_risk_usd))
            self._show_concentration(rule.market, book)
            self._show_loops(rule.market, block)
            self._show_reserves(rule, block)
        self._show_ages(block)

    def _show_loops(self, market: MarketId, block: BlockRef) -> None:
        book = self._books.loops_at(self._ledger(), block)
        for kind in LoopKind:
            gauge = self._metrics.looped_debt_usd.labels(market, kind)
            gauge.set(_shown(book.looped_usd(market, kind)))

    def _show_concentration(self, market: MarketId, book: PositionBook) -> None:
        found, labels = book.concentrations[market], book.labels
        gauge = self._metrics.concentration_ratio
        for side, one in zip(SIDES, (found.collateral, found.debt), strict=True):
            for measure in CONCENTRATION:
                share = None if one is None else one.measures()[measure]
                gauge.labels(market, side, measure).set(_shown(share))
        gauge = self._metrics.collateral_concentration_ratio
        told = {labels[a]: one for a, one in found.by_collateral.items() if a in labels}
        for label in self._collateral[market] | told.keys():
            for measure in CONCENTRATION:
                share = told[label].measures()[measure] if label in told else None
                gauge.labels(market, label, measure).set(_shown(share))
        self._collateral[market] |= told.keys()

    def _show_reserves(self, rule: RiskRules, block: BlockRef) -> None:
        view, labels = self._ledger(), self._books.at(self._ledger(), block).labels
        for asset, share in rule.utilisation(view, block.timestamp).items():
            if asset in labels:
                self._metrics.utilisation_ratio.labels(rule.market, labels[asset]).set(
                    _shown(share)
                )
        self._show_deviations(rule, block)

    def _show_ages(self, block: BlockRef) -> None:
        """Of every asset the oldest answer; of pairs that anybody may open if there is no other."""
        view, labels = self._ledger(), self._books.at(self._ledger(), block).labels
        chosen: dict[str, list[int]] = {label: [] for label in labels.values()}
        anybodys: dict[str, list[int]] = {label: [] for label in labels.values()}
        for listing in list_all(view, self._rules):
            told_unix = None if listing.price is None else listing.price.answered_unix
            if told_unix is not None and listing.asset in labels:
                found = anybodys if listing.is_permissionless else chosen
                found[labels[listing.asset]].append(told_unix)
        for label, times in chosen.items():
            times = times or anybodys[label]
            age = block.timestamp - min(times) if times else math.nan
            self._metrics.price_age_seconds.labels(label).set(age)

    def _show_deviations(self, rule: RiskRules, block: BlockRef) -> None:
        """A symbol stands for all its pairs: the one that is furthest off is shown."""
        widest: dict[str, Fraction | None] = {}
        labels = self._books.at(self._ledger(), block).labels
        for row in self._books.prices_at(self._ledger(), block).rows:
            if row.market == rule.market and row.listing.asset in labels:
                symbol, off = labels[row.listing.asset], row.deviation
                known = widest.get(symbol)
                is_wider = off is not None and (known is None or abs(off) > abs(known))
                widest[symbol] = off if is_wider else known
        for symbol, off in widest.items():
            self._metrics.oracle_deviation_ratio.labels(rule.market, symbol).set(_shown(off))


def _shown(value: Fraction | None) -> float:
    return math.nan if value is None else float(value)


def critical_shocks(answers: Iterable[Answer]) -> dict[str, float]:
    """The smallest critical shock of all curves of each asset; NaN where one is unknown, or no
    shock is critical.
    """
    found: dict[str, list[float]] = {}
    for answer in answers:
        if answer.plan.curve is None:
            continue
        shock = answer.result.critical_shock if isinstance(answer.result, CurveProjection) else None
        known = math.inf if shock is None else shock
        values = found.setdefault(answer.plan.curve.asset, [])
        values.append(math.nan if answer.unknown else known)
    return {
        asset: math.nan if any(map(math.isnan, values)) or min(values) == math.inf else min(values)
        for asset, values in found.items()
    }


def trip_ratio(rule: BreakerRule, state: BreakerState) -> float:
    """How near a breaker is to its trip: 1 at the threshold, beyond it more. NaN: unknown.

    Of several measures the worst, or the best, as the breaker itself takes them.
    """
    ratios = [_by_trip(*each) for each in zip(rule.limits, values_of(rule, state), strict=True)]
    if any(map(math.isnan, ratios)):
        return math.nan
    return max(ratios) if rule.when is When.ANY else min(ratios)


def _by_trip(limits: Limits, value: Decimal | None) -> float:
    if value is None:
        return math.nan
    bad, safe = float(value), float(limits.trip)
    if limits.measure.lower_is_worse:
        bad, safe = safe, bad
    return bad / safe if safe else math.inf
