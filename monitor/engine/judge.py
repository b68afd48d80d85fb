"""Judges blocks: scenarios are projected, breakers step, alerts are put into words."""

import json
import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from monitor.core.alerts import Alert, AlertType, BreakerState, Judgement, Severity, Silence
from monitor.core.blocks import BlockRef
from monitor.core.ledger import LedgerView
from monitor.core.ports import Archive, UndoRecord
from monitor.core.risk import WorldSheet
from monitor.core.snapshot import Filed
from monitor.engine.abridgement import abridged
from monitor.engine.announcement import Evidence, announcement, retraction_of, silenced_for
from monitor.engine.breaker import BreakerRule, Origin, Transition, step
from monitor.engine.cascade_runner import Answer, CascadeRunner, Plan
from monitor.engine.paging import block_json
from monitor.engine.positions import Checksum
from monitor.engine.readings import reading_of, unknown_of
from monitor.engine.retirement import is_over, retired
from monitor.engine.watch_rows import watch_rows
from monitor.engine.watching import STATES, Wards
from monitor.simulation.report import document_of
from monitor.simulation.results import Projection
from monitor.simulation.touched_loops import touched_loops


@dataclass(frozen=True, slots=True)
class Receiver:
    """A webhook, whose alerts it gets, and from which severity on."""

    name: str
    breakers: tuple[str, ...]
    severity: Severity = Severity.WARNING

    def wants(self, alert: Alert) -> bool:
        if self.severity is Severity.CRITICAL and alert.severity is not Severity.CRITICAL:
            return False
        return "*" in self.breakers or alert.breaker in self.breakers


class Guards(Protocol):
    """Who knows what could be done about it."""

    async def actions(
        self, view: LedgerView, block: BlockRef, breaker: str, markets: Sequence[str]
    ) -> tuple[dict[str, Any], ...]:
        """The `actions` of an alert of this breaker at this block. Never raises for a node."""
        ...


Silences = Callable[[], Awaitable[Mapping[str, Silence]]]
"""What somebody asked not to hear, by breaker or watch, expired or not."""
ACTED_ON = frozenset({AlertType.TRIPPED, AlertType.ESCALATED})
"""Alerts that say what could be done."""


class Judge:
    """Holds the breaker states of the newest judged block, and its projections for the face."""

    def __init__(
        self,
        runner: CascadeRunner,
        rules: Sequence[BreakerRule],
        receivers: Sequence[Receiver],
        face: Checksum,
        archive: Archive | None = None,
        *,
        silences: Silences | None = None,
        wards: Wards | None = None,
        guards: Guards | None = None,
        origin: Origin | None = None,
    ) -> None:
        """`archive`: None where nothing is sent. `origin`: without it nothing is ever retired."""
        self._runner = runner
        self.rules = tuple(rules)
        self._receivers = tuple(receivers)
        self._face = face
        self._archive = archive
        self._silences = silences
        self._wards = wards
        self._guards = guards
        self._origin = origin
        self._gone: dict[str, BreakerState] = {}
        self.ward_states: dict[str, BreakerState] = {}
        self.states = {rule.name: BreakerState() for rule in self.rules}
        self.answers: dict[str, Answer] = {}

    def resume(self, states: Mapping[str, BreakerState]) -> None:
        """Take over what a store remembers; a breaker it does not know stays as new.

        What fired and is judged no more is retired by the next judged block.
        """
        self.ward_states, self._gone = {}, {}
        for name, state in states.items():
            if name in self.states:
                self.states[name] = state
            elif name.startswith(STATES) and self._wards is not None and self._wards.knows(name):
                self.ward_states[name] = state
            elif not is_over(state):
                self._gone[name] = state

    async def look(self, view: LedgerView, block: BlockRef) -> None:
        """Project a block that was judged before, for the face alone."""
        self.answers, _ = await self._runner.run(view, block)

    async def judge(
        self, view: LedgerView, block: BlockRef
    ) -> tuple[Judgement, dict[str, tuple[str, ...]]]:
        """What is to be said about a block, and to whom. The states change only by `settle`.

        Raises what `silences` raises, before anything is done.
        """
        silenced = await self._silenced(block)
        answers, world = await self._runner.run(view, block)
        self.answers = answers
        states: list[tuple[str, BreakerState]] = []
        raised: list[tuple[BreakerRule, Transition]] = []
        for rule in self.rules:
            readings = [reading_of(one, answers[one.scenario], view) for one in rule.limits]
            is_silenced = rule.name in silenced
            before = self.states[rule.name]
            after, events = step(rule, before, readings, block, is_silenced=is_silenced)
            states.append((rule.name, after))
            raised += ((rule, event) for event in events)
        filed = await self._filed(world) if raised else Filed()
        if filed.id is not None:
            self.answers = {n: replace(each, snapshot=filed.id) for n, each in answers.items()}
        alerts: list[Alert] = []
        for rule, event in raised:
            limits = rule.limits[event.decides]
            unknown = unknown_of(limits, answers[limits.scenario], view)
            told = answers[limits.scenario]
            evidence = replace(
                self._evidence(told, unknown, filed),
                actions=await self._actions(view, block, rule, event),
                loops=self._loops(view, told),
            )
            alert = announcement(rule, event, block, evidence)
            why = silenced.get(rule.name)
            alerts.append(silenced_for(alert, why) if event.is_silenced else alert)
        if self._wards is not None:
            wardings = self._wards.judge(view, block, self.ward_states, silenced)
            states += wardings.states
            alerts += wardings.alerts
        webhooks = {alert.id: self._webhooks(alert) for alert in alerts}
        if self._gone and self._origin is not None:
            ended = retired(self._origin, self._gone, block)
            states += ended.states
            alerts += ended.alerts
            # Who listed its name, and heard of it, may list another one by now.
            webhooks |= {alert.id: self._everybody(alert) for alert in ended.alerts}
        return Judgement(block, tuple(states), tuple(alerts)), webhooks

    def unmeasured(self) -> list[Answer]:
        """The newest projections that no breaker looks at."""
        measured = {limits.scenario for rule in self.rules for limits in rule.limits}
        return [answer for name, answer in self.answers.items() if name not in measured]

    def watched(self, view: LedgerView, block: BlockRef) -> list[dict[str, Any]]:
        """The watched positions, for the face."""
        if self._wards is None:
            return []
        return watch_rows(self._wards, view, block, self.ward_states, self._face)

    def settle(self, judgement: Judgement) -> None:
        """The judgement is stored: its states are the present."""
        for name, state in judgement.breakers:
            if self._gone.pop(name, None) is None:
                (self.ward_states if name.startswith(STATES) else self.states)[name] = state

    def retractions(self, undo: UndoRecord) -> dict[str, tuple[Alert, tuple[str, ...]]]:
        """What takes back each alert of a block that is gone.

        It is for all receivers: the store knows who may have seen the alert, whatever each of them
        wants by now.
        """
        if undo.judgement is None:
            return {}
        taken_back = ((alert.id, retraction_of(alert)) for alert in undo.judgement.alerts)
        return {dead: (alert, self._everybody(alert)) for dead, alert in taken_back}

    def restore(self, undo: UndoRecord) -> None:
        """The block is gone, with what its breakers had come to."""
        if undo.judgement is None:
            return
        self.states = dict.fromkeys(self.states, BreakerState())
        self.resume(undo.breakers_before)
        self.answers = {}

    async def _silenced(self, block: BlockRef) -> dict[str, str]:
        """Which breakers nobody wants to hear of at this block, and why."""
        asked = {} if self._silences is None else await self._silences()
        return {
            name: silence.why
            for name, silence in asked.items()
            if block.timestamp < silence.until_unix
        }

    async def _actions(
        self, view: LedgerView, block: BlockRef, rule: BreakerRule, event: Transition
    ) -> tuple[dict[str, Any], ...]:
        if self._guards is None or event.type not in ACTED_ON:
            return ()
        markets = dict.fromkeys(market for limits in rule.limits for market in limits.markets)
        return await self._guards.actions(view, block, rule.name, tuple(markets))

    def _webhooks(self, alert: Alert) -> tuple[str, ...]:
        """A silenced alert goes to nobody, and so does what takes it back."""
        if alert.silenced:
            return ()
        return tuple(r.name for r in self._receivers if r.wants(alert))

    def _everybody(self, alert: Alert) -> tuple[str, ...]:
        return () if alert.silenced else tuple(receiver.name for receiver in self._receivers)

    async def _filed(self, world: WorldSheet | None) -> Filed:
        if self._archive is None:
            return Filed()
        if world is None:
            return Filed(reason="no snapshot: there is no world to be kept")
        return await self._archive.keep(world)

    def _loops(self, view: LedgerView, answer: Answer) -> tuple[Mapping[str, Any], ...]:
        """A curve is many projections, of which none is the alert's."""
        found = answer.result
        return touched_loops(view, found, self._face) if isinstance(found, Projection) else ()

    def _evidence(self, answer: Answer, unknown: tuple[str, ...], filed: Filed) -> Evidence:
        projection: dict[str, object] = {"scenario": answer.plan.name, "snapshot": filed.id}
        if isinstance(answer.result, Projection):
            block = block_json(answer.block)
            document = document_of(answer.result, block, self._face, filed.id)
            projection |= document["scenario"] | document["result"]
        elif answer.result is not None:
            found = answer.result
            critical = found.critical_shock if found.is_known else None
            projection |= {"curve": found.curve.as_dict(), "critical_shock": critical}
        if filed.reason:
            unknown = (*unknown, filed.reason)
        whole = projection | {"unknown": list(unknown)}
        return Evidence(abridged(whole), reproduce=_command(answer.plan, filed.name))


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
