"""Breakers as `/api/v1/breakers` and `/api/v1/status` show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from monitor.core.alerts import BreakerPhase, BreakerState, Silence
from monitor.core.blocks import BlockRef
from monitor.core.ledger import LedgerView
from monitor.engine.announcement import measures_json, rfc3339
from monitor.engine.breaker import BreakerRule
from monitor.engine.cascade_runner import Answer
from monitor.engine.readings import unknown_of

NOT_JUDGED = (
    "its value: no block was judged since it is in the configuration, "
    "or by a dry run alone, which keeps no judgement"
)
NOT_READ = "whether it is silenced: the store cannot be read now"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a breaker's row is made of beside its own state. `silences` None: they are unknown."""

    view: LedgerView
    block: BlockRef
    answers: Mapping[str, Answer]
    silences: Mapping[str, Silence] | None


def breaker_row(rule: BreakerRule, state: BreakerState, around: Surroundings) -> dict[str, Any]:
    """Its first measure stands in the row itself; where there are more, all under `measures`.

    Times are RFC 3339, of blocks; null: never, or not now.
    """
    first, values = rule.limits[0], values_of(rule, state)
    row = {
        "name": rule.name,
        "state": int(BreakerPhase.BLIND if state.blind else state.phase),
        "phase": state.phase.name.lower(),
        "blind": state.blind,
        "blind_since": _time(state.blind_unix),
        "scenario": first.scenario,
        "measure": first.measure,
        "markets": list(first.markets),
        "value": first.measure.shown(values[0]),
        "warn": str(first.warn),
        "trip": str(first.trip),
        "clear": str(first.clear),
        "hold_blocks": rule.hold_blocks,
        "held_blocks": state.held_blocks,
        "episode": state.episode,
        "since": _time(state.started_unix),
        "last_said": _time(state.said_unix),
        "last_tripped": _time(state.tripped_unix),
        "trips_not_before": _not_before(rule, state, around.block),
        "next_escalation": _next_escalation(rule, state),
        "silenced": _silenced(rule.name, around),
        "muted": state.is_muted,
        "unknown": _unknown(rule, state, around),
    }
    if len(rule.limits) > 1:
        row |= {"when": rule.when, "measures": measures_json(rule, values)}
    return row


def values_of(rule: BreakerRule, state: BreakerState) -> tuple[Decimal | None, ...]:
    """One a measure; of measures that came after the state was stored, none is known."""
    stored = (state.value, *state.also, *(None for _ in rule.limits))
    found = zip(rule.limits, stored, strict=False)
    return tuple(None if text is None else Decimal(text) for _, text in found)


def _not_before(rule: BreakerRule, state: BreakerState, block: BlockRef) -> str | None:
    """Until when it waits because it tripped lately; null: it does not."""
    is_tripped = state.phase in (BreakerPhase.TRIPPED, BreakerPhase.RECOVERING)
    if is_tripped or state.tripped_unix is None:
        return None
    free_unix = state.tripped_unix + rule.min_seconds_between_trips
    return rfc3339(free_unix) if free_unix > block.timestamp else None


def _next_escalation(rule: BreakerRule, state: BreakerState) -> str | None:
    left = rule.escalate[state.escalated :]
    return str(left[0]) if left else None


def _silenced(name: str, around: Surroundings) -> dict[str, str] | None:
    silence = (around.silences or {}).get(name)
    if silence is None or around.block.timestamp >= silence.until_unix:
        return None
    return {"until": rfc3339(silence.until_unix), "why": silence.why}


def _unknown(rule: BreakerRule, state: BreakerState, around: Surroundings) -> list[str]:
    reasons = [NOT_READ] if around.silences is None else []
    if state.value is None and not state.blind:
        reasons.append(NOT_JUDGED)
    for limits in rule.limits:
        answer = around.answers.get(limits.scenario)
        reasons += () if answer is None else unknown_of(limits, answer, around.view)
    return list(dict.fromkeys(reasons))


def _time(unix: int | None) -> str | None:
    return None if unix is None else rfc3339(unix)
