"""Answers to what HTTP and the command line ask, from one state of the ledger."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Protocol

from monitor.core.alerts import BreakerPhase
from monitor.core.blocks import BlockRef
from monitor.core.ledger import Kind, LedgerView, Price, Reserve, each
from monitor.core.ports import PositionFilter, Probe, StateStore
from monitor.core.sources import RiskRules
from monitor.core.units import Address
from monitor.engine.cascade_runner import Answer, CascadeRunner, CurvePlan, Plan
from monitor.engine.judge import Judge, Watcher
from monitor.engine.positions import Checksum, PositionBook, block_json
from monitor.engine.valuation import Valuation, total, usd_text
from monitor.errors import QuestionError, TransientError
from monitor.simulation.options import Options


class Present(Protocol):
    """The state that is asked about: a daemon's, or a store's beside no daemon."""

    @property
    def ledger(self) -> LedgerView: ...

    @property
    def applied(self) -> BlockRef | None: ...

    @property
    def evaluated(self) -> BlockRef | None: ...

    def alive(self) -> Probe: ...

    def ready(self) -> Probe: ...


@dataclass(frozen=True, slots=True)
class Identity:
    """Which daemon answers."""

    version: str
    chain_id: int
    namespace: str


class Known(Protocol):
    """The pure parts of a configuration that answers are made with."""

    @property
    def markets(self) -> Sequence[RiskRules]: ...

    @property
    def runner(self) -> CascadeRunner: ...

    @property
    def defaults(self) -> Options: ...


class EngineAnswers:
    """The `Answers` port over a ledger, a judge and a store."""

    def __init__(
        self,
        identity: Identity,
        present: Present,
        known: Known,
        judge: Judge,
        store: StateStore,
        checksum: Checksum,
    ) -> None:
        self._identity = identity
        self._present = present
        self._rules = tuple(known.markets)
        self._runner = known.runner
        self._defaults = known.defaults
        self._judge = judge
        self._store = store
        self._checksum = checksum
        self._book: PositionBook | None = None

    def alive(self) -> Probe:
        return self._present.alive()

    def ready(self) -> Probe:
        return self._present.ready()

    async def status(self) -> dict[str, Any]:
        block, ready = self._block(), self._present.ready()
        evaluated = self._present.evaluated
        return {
            "block": block_json(block),
            "version": self._identity.version,
            "chain_id": self._identity.chain_id,
            "namespace": self._identity.namespace,
            "ready": ready.ok,
            "reasons": list(ready.reasons),
            "evaluated": block_json(evaluated) if evaluated else None,
            "markets": [self._market(rule) for rule in self._rules],
            "breakers": [self._breaker(watcher) for watcher in self._judge.watchers],
            "unknown": list(unknown_prices(self._present.ledger, self._rules)),
        }

    async def positions(self, wanted: PositionFilter) -> dict[str, Any]:
        block = self._block()
        known = [rule.market for rule in self._rules]
        if wanted.market is not None and wanted.market not in known:
            raise QuestionError(
                f"there is no market {wanted.market!r}: expected one of {', '.join(known)}", 404
            )
        if self._book is None or self._book.block != block:
            self._book = PositionBook(self._present.ledger, block, self._rules, self._checksum)
        return self._book.page(wanted)

    async def cascade(self, scenario: str) -> dict[str, Any]:
        block = self._block()
        plan = next((plan for plan in self._runner.plans if plan.name == scenario), None)
        if plan is None:
            known = ", ".join(plan.name for plan in self._runner.plans) or "none is configured"
            raise QuestionError(f"there is no scenario {scenario!r}: expected one of {known}", 404)
        answer = self._judge.answers.get(scenario)
        if answer is not None and answer.block == block and answer.result is not None:
            return answer.result.as_dict(block_json(block), self._checksum)
        return await self._ask(plan)

    async def project(
        self, shocks: Mapping[str, Any], options: Mapping[str, Any]
    ) -> dict[str, Any]:
        return await self._ask(Plan("", shocks, None, self._defaults.updated(options)))

    async def curve(self, asset: str, to: str, steps: int) -> dict[str, Any]:
        return await self._ask(Plan("", {}, CurvePlan(asset, Decimal(to), steps), self._defaults))

    async def _ask(self, plan: Plan) -> dict[str, Any]:
        block = self._block()
        result = await self._runner.ask(self._present.ledger, block, plan)
        return result.as_dict(block_json(block), self._checksum)

    async def breakers(self) -> dict[str, Any]:
        return {
            "block": block_json(self._block()),
            "breakers": [self._breaker(watcher) for watcher in self._judge.watchers],
        }

    async def alerts(self, limit: int) -> dict[str, Any]:
        try:
            found = await self._store.recent_alerts(limit)
        except TransientError as error:
            raise QuestionError(f"the store cannot be read now: {error}", 503) from error
        return {
            "block": block_json(self._block()),
            "alerts": [
                json.loads(stored.alert.body) | {"deliveries": dict(stored.deliveries)}
                for stored in found
            ],
        }

    def _block(self) -> BlockRef:
        block = self._present.applied
        if block is None:
            raise QuestionError("no block has been applied yet: the daemon is starting up", 503)
        return block

    def _market(self, rule: RiskRules) -> dict[str, Any]:
        return market_totals(self._present.ledger, self._block(), rule, self._rules).as_json()

    def _breaker(self, watcher: Watcher) -> dict[str, Any]:
        rule, state = watcher.rule, self._judge.states[watcher.rule.name]
        return {
            "name": rule.name,
            "state": int(BreakerPhase.BLIND if state.blind else state.phase),
            "phase": state.phase.name.lower(),
            "blind": state.blind,
            "scenario": watcher.scenario,
            "measure": rule.measure,
            "markets": list(watcher.markets),
            "value": None if state.value is None else rule.measure.shown(Decimal(state.value)),
            "warn": str(rule.warn),
            "trip": str(rule.trip),
            "clear": str(rule.clear),
            "hold_blocks": rule.hold_blocks,
            "held_blocks": state.held_blocks,
            "episode": state.episode,
            "unknown": list(self._answer_unknown(watcher.scenario)),
        }

    def _answer_unknown(self, scenario: str) -> tuple[str, ...]:
        answer: Answer | None = self._judge.answers.get(scenario)
        return answer.unknown if answer else ()


@dataclass(frozen=True, slots=True)
class MarketTotals:
    """One market in sums; None where a part is unknown. `at_risk`: debt with health below 1.05."""

    market: str
    protocol: str
    positions: int
    collateral_usd: Fraction | None
    debt_usd: Fraction | None
    at_risk_usd: Fraction | None

    def as_json(self) -> dict[str, Any]:
        return {
            "market": self.market,
            "protocol": self.protocol,
            "positions": self.positions,
            "collateral_usd": usd_text(self.collateral_usd),
            "debt_usd": usd_text(self.debt_usd),
            "at_risk_usd": usd_text(self.at_risk_usd),
        }


AT_RISK_HEALTH_WAD = 1_05 * 10**16


def market_totals(
    view: LedgerView, block: BlockRef, rule: RiskRules, rules: Sequence[RiskRules]
) -> MarketTotals:
    """Sums over every position of a market."""
    valuation = Valuation(view, [other.market for other in rules])
    collateral: list[Fraction | None] = []
    debt: list[Fraction | None] = []
    at_risk: list[Fraction | None] = []
    book = PositionBook(view, block, [rule], str)
    for row in book.rows:
        collateral += [
            valuation.usd(line.asset, line.amount_raw)
            for line in row.statement.collateral
            if line.used_as_collateral
        ]
        debt.append(row.debt_usd)
        health = row.statement.risk.health_factor_wad
        if row.statement.risk.unknown:
            at_risk.append(None)
        elif health is not None and health < AT_RISK_HEALTH_WAD:
            at_risk.append(row.debt_usd)
    return MarketTotals(
        rule.market, rule.protocol, len(book.rows), total(collateral), total(debt), total(at_risk)
    )


def unknown_prices(view: LedgerView, rules: Sequence[RiskRules]) -> tuple[str, ...]:
    """Every listed asset whose price is not known, and why."""
    found = []
    for rule in rules:
        symbols = {r.asset: r.symbol for _, r in each(view, Kind.RESERVE, rule.market, Reserve)}
        for key, price in each(view, Kind.PRICE, rule.market, Price):
            if price.value is None:
                name = symbols.get(Address(key.subject), key.subject)
                found.append(f"price of {rule.market}/{name}: {price.reason}")
    return tuple(sorted(found))
