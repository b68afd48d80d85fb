"""What surrounds a world in a snapshot: names, scenarios and options; and back to plans."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from monitor.core.risk import WorldSheet
from monitor.core.snapshot import FrozenCurve, FrozenScenario, Snapshot, Words
from monitor.core.units import AssetId
from monitor.engine.cascade_runner import CascadeRunner, CurvePlan, Plan
from monitor.engine.paging import block_json
from monitor.engine.positions import Checksum
from monitor.errors import QuestionError, SchemaMismatch
from monitor.simulation.options import Options
from monitor.simulation.report import document_of


@dataclass(frozen=True, slots=True)
class Frame:
    """By what configuration a world is asked."""

    version: str
    chain_id: int
    named: Mapping[str, AssetId]
    plans: Sequence[Plan]
    defaults: Options

    def around(self, world: WorldSheet) -> Snapshot:
        return Snapshot(
            self.version,
            self.chain_id,
            tuple(self.named.items()),
            tuple(_frozen(plan) for plan in self.plans),
            _option_words(self.defaults),
            world,
        )

    def runner(self) -> CascadeRunner:
        """What answers for frozen worlds: it has no plug-ins, and makes none."""
        return CascadeRunner((), (), self.named, {}, self.plans)


def frame_of(snapshot: Snapshot) -> Frame:
    """Raises SchemaMismatch for options that another version knew."""
    try:
        return Frame(
            snapshot.version,
            snapshot.chain_id,
            dict(snapshot.named),
            tuple(_plan(scenario) for scenario in snapshot.scenarios),
            _options(snapshot.options),
        )
    except (QuestionError, ValueError, ArithmeticError) as error:
        raise SchemaMismatch(
            f"the snapshot was written by cascade-monitor {snapshot.version}, and does not fit "
            f"this version: {error}. Project it with version {snapshot.version}."
        ) from error


def _frozen(plan: Plan) -> FrozenScenario:
    curve = plan.curve
    return FrozenScenario(
        plan.name,
        tuple((key, str(value)) for key, value in plan.shocks.items()),
        None if curve is None else FrozenCurve(curve.asset, str(curve.to), curve.steps),
        _option_words(plan.options),
    )


def _plan(scenario: FrozenScenario) -> Plan:
    curve = scenario.curve
    return Plan(
        scenario.name,
        dict(scenario.shocks),
        None if curve is None else CurvePlan(curve.asset, Decimal(curve.to), curve.steps),
        _options(scenario.options),
    )


def _option_words(options: Options) -> Words:
    """JSON's way to write a number is exact."""
    return tuple((key, json.dumps(value)) for key, value in sorted(options.as_dict().items()))


def _options(words: Words) -> Options:
    asked: dict[str, Any] = {key: json.loads(value) for key, value in words}
    return Options().updated(asked)


class FrozenAnswers:
    """What a snapshot answers: those questions of `Answers` that need no more than a world.

    `id`: the snapshot's. `face` shows addresses. Raises QuestionError and SchemaMismatch.
    """

    def __init__(self, id: str, snapshot: Snapshot, face: Checksum) -> None:
        self._id = id
        self._world = snapshot.world
        self._face = face
        self._frame = frame_of(snapshot)
        self._runner = self._frame.runner()

    async def cascade(self, scenario: str) -> dict[str, Any]:
        plan = next((plan for plan in self._frame.plans if plan.name == scenario), None)
        if plan is None:
            known = ", ".join(plan.name for plan in self._frame.plans) or "none was configured"
            raise QuestionError(f"there is no scenario {scenario!r}: expected one of {known}", 404)
        return await self._ask(plan)

    async def project(
        self, shocks: Mapping[str, Any], options: Mapping[str, Any]
    ) -> dict[str, Any]:
        return await self._ask(Plan("", shocks, None, self._frame.defaults.updated(options)))

    async def curve(self, asset: str, to: str, steps: int) -> dict[str, Any]:
        plan = CurvePlan(asset, Decimal(to), steps)
        return await self._ask(Plan("", {}, plan, self._frame.defaults))

    async def _ask(self, plan: Plan) -> dict[str, Any]:
        try:
            result = await asyncio.to_thread(self._runner.result_of, self._world, plan)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise QuestionError(
                f"the snapshot {self._id} does not hold together: {error!r}. Expected one that "
                "cascade-monitor wrote: take another copy."
            ) from error
        return document_of(result, block_json(self._world.block), self._face, self._id)
