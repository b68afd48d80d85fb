"""Runs the configured scenarios on a snapshot of the ledger, off the event loop."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from monitor.core.blocks import BlockRef
from monitor.core.ledger import Ledger, LedgerView
from monitor.core.risk import WorldSheet
from monitor.core.sources import Liquidity, RiskRules
from monitor.core.units import AssetId
from monitor.engine.claim_sheets import claim_sheets
from monitor.engine.loop_book import USUAL
from monitor.engine.loop_growth import growth_in
from monitor.engine.loop_kinds import LoopKinds
from monitor.engine.measures import NOTHING_CRITICAL
from monitor.engine.valuation import Valuation, list_all
from monitor.errors import QuestionError
from monitor.simulation.channels import check
from monitor.simulation.columns import Columns, columns_of
from monitor.simulation.names import NameBook
from monitor.simulation.options import Options
from monitor.simulation.projection import curve, names_of, project
from monitor.simulation.results import CurveProjection, Projection
from monitor.simulation.scenarios import Curve, curve_of, scenario_of
from monitor.simulation.shocks import parse_shocks

Result = Projection | CurveProjection
BEYOND = "some numbers of this world are beyond what can be reckoned with"
"""What a stranger's token says may be: then one projection is unknown, and nothing ends."""


@dataclass(frozen=True, slots=True)
class CurvePlan:
    """`curve` of a scenario, names unresolved."""

    asset: str
    to: Decimal
    steps: int


@dataclass(frozen=True, slots=True)
class Plan:
    """One `[scenarios.…]` entry: either shocks or a curve."""

    name: str
    shocks: Mapping[str, Any]
    curve: CurvePlan | None
    options: Options


@dataclass(frozen=True, slots=True)
class Answer:
    """A scenario at one block. `result` is None when it could not be asked; `fault` says why.

    `snapshot`: the id of what it can be repeated from, where that was kept.
    """

    plan: Plan
    block: BlockRef
    result: Result | None
    fault: str = ""
    snapshot: str | None = None

    def measure(self, name: str, markets: Sequence[str]) -> Decimal | None:
        """A breaker's measure; None when it cannot be trusted: unknown prices, not converged."""
        if self.result is None or self.unknown:
            return None
        if name == "critical_shock" and isinstance(self.result, CurveProjection):
            found = self.result.critical_shock
            return NOTHING_CRITICAL if found is None else Decimal(str(found))
        value = self.result.measure(name, markets)
        return None if value is None else Decimal(str(value))

    @property
    def unknown(self) -> tuple[str, ...]:
        """Why the answer cannot be trusted; empty when it can."""
        if self.result is None:
            return (self.fault,)
        results = (
            self.result.results if isinstance(self.result, CurveProjection) else (self.result,)
        )
        reasons = (why for result in results for why in result.unknown)
        unknown = list(dict.fromkeys(reasons))
        if not self.result.converged:
            unknown.append(f"no end within {self.plan.options.max_rounds} rounds")
        return tuple(unknown)


class CascadeRunner:
    """Knows the world's plug-ins and the user's names; holds no state of the chain."""

    def __init__(
        self,
        rules: Sequence[RiskRules],
        pools: Sequence[Liquidity],
        named: Mapping[str, AssetId],
        correlated: Mapping[str, Sequence[str]],
        plans: Sequence[Plan],
        concentration: Fraction = USUAL.concentration,
    ) -> None:
        """`concentration`: the part of each side that a loop by state needs."""
        self._concentration = concentration
        self._rules = tuple(rules)
        self._pools = tuple(pools)
        self._named = named
        self._correlated = correlated
        self.plans = tuple(plans)

    def world(self, view: LedgerView, block: BlockRef) -> WorldSheet:
        """Everything a projection uses, copied: later blocks leave it alone."""
        curves = (pool.curve(view) for pool in self._pools)
        bare = WorldSheet(
            block=block,
            markets=tuple(
                sheet for rule in self._rules for sheet in rule.sheets(view, block.timestamp)
            ),
            curves=tuple(depth for depth in curves if depth is not None),
            correlated={},
        )
        names = names_of(bare, self._named)
        correlated = {
            self._named[name]: frozenset(names.resolve(other) for other in others)
            for name, others in self._correlated.items()
            if others
        }
        valuation = Valuation(view, list_all(view, self._rules))
        return replace(
            bare,
            correlated=correlated,
            usd=_usd(valuation, bare),
            claims=claim_sheets(view, self._rules, bare.markets, block.timestamp),
            looped=LoopKinds(bare, view, self._rules, valuation, self._concentration),
            growth=growth_in(bare, view, self._rules),
        )

    async def run(
        self, view: LedgerView, block: BlockRef
    ) -> tuple[dict[str, Answer], WorldSheet | None]:
        """Every configured scenario at one block, and the world it was asked of, if there is one.

        Until it is done the view must stand still.
        """
        return await asyncio.to_thread(self._answers, view, block) if self.plans else ({}, None)

    async def ask(self, ledger: Ledger, block: BlockRef, plan: Plan) -> Result:
        """One question of a user's. Raises QuestionError.

        Of a snapshot of the ledger, all in a thread: no block waits for it, and no probe.
        """
        return await asyncio.to_thread(self._result, ledger.copy(), block, plan)

    def _result(self, view: LedgerView, block: BlockRef, plan: Plan) -> Result:
        return self.result_of(self.world(view, block), plan)

    def verify(self, view: LedgerView, block: BlockRef, plan: Plan) -> None:
        """Raises QuestionError when a plan names what is not there, or asks what cannot be."""
        world = self.world(view, block)
        names = names_of(world, self._named)
        if plan.curve is None:
            check(world, scenario_of(parse_shocks(plan.shocks), names))
        else:
            _curve(plan.curve, names)

    def _answers(
        self, view: LedgerView, block: BlockRef
    ) -> tuple[dict[str, Answer], WorldSheet | None]:
        try:
            world = self.world(view, block)
        except QuestionError as error:
            return {plan.name: Answer(plan, block, None, str(error)) for plan in self.plans}, None
        columns = None
        with suppress(ArithmeticError):  # each answer says so
            columns = columns_of(world)
        return {plan.name: self._answer(world, columns, plan) for plan in self.plans}, world

    def _answer(self, world: WorldSheet, columns: Columns | None, plan: Plan) -> Answer:
        try:
            return Answer(plan, world.block, self.result_of(world, plan, columns))
        except QuestionError as error:
            return Answer(plan, world.block, None, str(error))

    def result_of(self, world: WorldSheet, plan: Plan, columns: Columns | None = None) -> Result:
        """One question to a world. Raises QuestionError. `columns`: the world's, if at hand."""
        names = names_of(world, self._named)
        try:
            if plan.curve is None:
                asked = scenario_of(parse_shocks(plan.shocks), names)
                return project(world, asked, plan.options, columns)
            return curve(world, _curve(plan.curve, names), plan.options, columns)
        except ArithmeticError as error:
            raise QuestionError(f"{BEYOND}: {error}") from error


def _usd(valuation: Valuation, world: WorldSheet) -> Mapping[AssetId, Fraction | None]:
    """What a raw unit of the assets that markets count in is worth, where that is told."""
    numeraires = {sheet.numeraire for sheet in world.markets if sheet.numeraire is not None}
    return {asset: valuation.usd(asset, 1) for asset in numeraires if valuation.is_told(asset)}


def _curve(plan: CurvePlan, names: NameBook) -> Curve:
    return curve_of(plan.asset, plan.to, plan.steps, names)
