"""Judges blocks: scenarios are projected, breakers step, alerts are put into words."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from monitor.core.alerts import Alert, BreakerState, Judgement
from monitor.core.blocks import BlockRef
from monitor.core.ledger import LedgerView
from monitor.core.ports import Archive, UndoRecord
from monitor.core.risk import WorldSheet
from monitor.core.snapshot import Filed
from monitor.engine.announcement import Evidence, announcement, retraction_of
from monitor.engine.breaker import BreakerRule, Reading, Transition, step
from monitor.engine.cascade_runner import Answer, CascadeRunner, Plan
from monitor.engine.paging import block_json
from monitor.engine.positions import Checksum
from monitor.simulation.report import document_of
from monitor.simulation.results import Projection


@dataclass(frozen=True, slots=True)
class Watcher:
    """A breaker with what it looks at."""

    rule: BreakerRule
    scenario: str
    markets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Receiver:
    """A webhook and whose alerts it gets."""

    name: str
    breakers: tuple[str, ...]

    def wants(self, breaker: str) -> bool:
        return "*" in self.breakers or breaker in self.breakers


class Judge:
    """Holds the breaker states of the newest judged block, and its projections for the face."""

    def __init__(
        self,
        runner: CascadeRunner,
        watchers: Sequence[Watcher],
        receivers: Sequence[Receiver],
        face: Checksum,
        archive: Archive | None = None,
    ) -> None:
        """`archive`: None where nothing is sent."""
        self._runner = runner
        self.watchers = tuple(watchers)
        self._receivers = tuple(receivers)
        self._face = face
        self._archive = archive
        self.states = {watcher.rule.name: BreakerState() for watcher in self.watchers}
        self.answers: dict[str, Answer] = {}

    def resume(self, states: Mapping[str, BreakerState]) -> None:
        """Take over what a store remembers; a breaker it does not know stays as new."""
        self.states |= {name: states[name] for name in self.states if name in states}

    async def look(self, view: LedgerView, block: BlockRef) -> None:
        """Project a block that was judged before, for the face alone."""
        self.answers, _ = await self._runner.run(view, block)

    async def judge(
        self, view: LedgerView, block: BlockRef
    ) -> tuple[Judgement, dict[str, tuple[str, ...]]]:
        """What is to be said about a block, and to whom. The states change only by `settle`."""
        answers, world = await self._runner.run(view, block)
        self.answers = answers
        states: list[tuple[str, BreakerState]] = []
        raised: list[tuple[Watcher, Transition]] = []
        for watcher in self.watchers:
            rule, answer = watcher.rule, answers[watcher.scenario]
            reading = Reading(answer.measure(rule.measure, watcher.markets))
            after, events = step(rule, self.states[rule.name], reading, block)
            states.append((rule.name, after))
            raised += ((watcher, event) for event in events)
        filed = await self._filed(world) if raised else Filed()
        if filed.id is not None:
            self.answers = {n: replace(each, snapshot=filed.id) for n, each in answers.items()}
        alerts = [
            announcement(w.rule, event, block, self._evidence(answers[w.scenario], filed))
            for w, event in raised
        ]
        webhooks = {alert.id: self._webhooks(alert) for alert in alerts}
        return Judgement(block, tuple(states), tuple(alerts)), webhooks

    def settle(self, judgement: Judgement) -> None:
        """The judgement is stored: its states are the present."""
        self.states |= dict(judgement.breakers)

    def retractions(self, undo: UndoRecord) -> dict[str, tuple[Alert, tuple[str, ...]]]:
        """What takes back each alert of a block that is gone."""
        if undo.judgement is None:
            return {}
        taken_back = ((alert.id, retraction_of(alert)) for alert in undo.judgement.alerts)
        return {dead: (alert, self._webhooks(alert)) for dead, alert in taken_back}

    def restore(self, undo: UndoRecord) -> None:
        """The block is gone, with what its breakers had come to."""
        if undo.judgement is None:
            return
        self.states = dict.fromkeys(self.states, BreakerState())
        self.resume(undo.breakers_before)
        self.answers = {}

    def _webhooks(self, alert: Alert) -> tuple[str, ...]:
        return tuple(r.name for r in self._receivers if r.wants(alert.breaker))

    async def _filed(self, world: WorldSheet | None) -> Filed:
        if self._archive is None:
            return Filed()
        if world is None:
            return Filed(reason="no snapshot: there is no world to be kept")
        return await self._archive.keep(world)

    def _evidence(self, answer: Answer, filed: Filed) -> Evidence:
        projection: dict[str, object] = {"scenario": answer.plan.name, "snapshot": filed.id}
        unknown = answer.unknown
        if isinstance(answer.result, Projection):
            block = block_json(answer.block)
            document = document_of(answer.result, block, self._face, filed.id)
            projection |= document["scenario"] | document["result"]
            unknown = answer.result.unknown
        elif answer.result is not None:
            curve = answer.result
            projection["critical_shock"] = curve.critical_shock if curve.is_known else None
        if filed.reason:
            unknown = (*unknown, filed.reason)
        return Evidence(
            projection | {"unknown": list(unknown)}, reproduce=_command(answer.plan, filed.name)
        )


def _command(plan: Plan, snapshot: str) -> str:
    """What to type to project again, from a snapshot; where none was kept, from the newest stored
    block (CASCADE_MONITOR_CONFIG set).
    """
    words = ["--snapshot", snapshot] if snapshot else []
    if plan.curve is not None and snapshot:
        words += ["--scenario", plan.name]
    elif plan.curve is not None:
        asked = ["--asset", plan.curve.asset, "--to", str(plan.curve.to)]
        return shlex.join(["cascade-monitor", "curve", *asked, "--steps", str(plan.curve.steps)])
    else:
        for key, value in plan.shocks.items():
            words += ["--shock", f"{key}={value}"]
        for key, option in plan.options.as_dict().items():
            written = option if isinstance(option, str) else json.dumps(option)
            words += [] if option is None else ["--option", f"{key}={written}"]
    return shlex.join(["cascade-monitor", "project", *words])
