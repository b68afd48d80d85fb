"""Alerts put into words: the JSON body of contract section 6, written once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from monitor.core.alerts import (
    Alert,
    AlertStatus,
    AlertType,
    Severity,
    alert_id,
    digest,
    retraction_id,
)
from monitor.core.blocks import BlockRef
from monitor.engine.breaker import BreakerRule, Transition
from monitor.engine.paging import block_json

UNHEARD = "nobody was told that it fired"
"""Why nobody is told that something is over whose silence is over too."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an alert rests on: the projection (JSON-ready) and the command that repeats it.

    `actions`: what could be done about it; `loops`: those that break most (JSON-ready).
    """

    projection: Mapping[str, Any]
    reproduce: str
    actions: tuple[Mapping[str, Any], ...] = ()
    loops: tuple[Mapping[str, Any], ...] = ()


def announcement(
    rule: BreakerRule, event: Transition, block: BlockRef, evidence: Evidence
) -> Alert:
    """The alert of a breaker's event. Raises ValueError when the projection is not JSON."""
    alert, measure = _identity(rule, event, block), rule.limits[event.decides].measure
    data: dict[str, Any] = {
        "alert": alert,
        "block": block_json(block),
        "measure": measure,
        "value": measure.shown(event.value),
        "threshold": measure.shown(event.threshold),
        "projection": dict(evidence.projection),
        "loops": list(evidence.loops),
        "actions": list(evidence.actions),
        "reproduce": evidence.reproduce,
    }
    if len(rule.limits) > 1:
        data["measures"] = measures_json(rule, event.values)
    return Alert(
        id=alert["id"],
        fingerprint=alert["fingerprint"],
        episode=event.episode,
        breaker=rule.name,
        type=event.type,
        block=block,
        body=written({"type": event.type, "timestamp": rfc3339(block.timestamp), "data": data}),
        severity=event.severity,
        is_first=event.is_first,
    )


def _identity(rule: BreakerRule, event: Transition, block: BlockRef) -> dict[str, Any]:
    """`data.alert`: which event it is, and of what."""
    origin = rule.origin
    identity = alert_id(
        namespace=origin.namespace,
        genesis=origin.genesis,
        breaker=rule.name,
        type=event.type,
        episode_block_hash=event.episode_block_hash,
        block_hash=block.hash,
    )
    return alert_json(
        id=identity,
        fingerprint=digest(origin.namespace, origin.genesis, rule.name),
        episode=event.episode,
        breaker=rule.name,
        severity=event.severity,
        started_unix=event.started_unix,
        ended_unix=event.ended_unix,
    )


def alert_json(
    *,
    id: str,
    fingerprint: str,
    episode: str,
    breaker: str,
    severity: Severity,
    started_unix: int,
    ended_unix: int | None,
) -> dict[str, Any]:
    """`data.alert` of an alert that takes nothing back; it fires until it has an end."""
    is_firing = ended_unix is None
    return {
        "id": id,
        "fingerprint": fingerprint,
        "episode": episode,
        "retracts": None,
        "breaker": breaker,
        "severity": severity,
        "status": AlertStatus.FIRING if is_firing else AlertStatus.RESOLVED,
        "starts_at": rfc3339(started_unix),
        "ends_at": None if ended_unix is None else rfc3339(ended_unix),
    }


def measures_json(
    rule: BreakerRule, values: Sequence[Decimal | None]
) -> list[dict[str, str | list[str] | None]]:
    """All measures of a breaker with their values and thresholds."""
    return [
        {
            "scenario": one.scenario,
            "measure": one.measure,
            "markets": list(one.markets),
            "value": one.measure.shown(value),
            "warn": str(one.warn),
            "trip": str(one.trip),
            "clear": str(one.clear),
        }
        for one, value in zip(rule.limits, values, strict=True)
    ]


def retraction_of(alert: Alert) -> Alert:
    """The alert that takes back one whose block was reverted.

    Its status is how things stand without it: taking back what first told of a firing resolves
    that; taking back what more was said of it, or an all-clear, leaves it firing, no worse than it
    was. Its time is the reverted block's, so that it is the same whoever writes it.
    """
    identity = retraction_id(alert.id)
    body = json.loads(alert.body)
    is_over = alert.is_first and body["data"]["alert"]["status"] == AlertStatus.FIRING
    # Before a trip that was not the first word there was a warning.
    was_warned = alert.type is AlertType.TRIPPED and not is_over
    severity = Severity.WARNING if was_warned else alert.severity
    body["type"] = AlertType.RETRACTED
    body["data"]["alert"] |= {
        "id": identity,
        "retracts": alert.id,
        "retracts_type": alert.type,
        "severity": severity,
        "status": AlertStatus.RESOLVED if is_over else AlertStatus.FIRING,
        "ends_at": rfc3339(alert.block.timestamp) if is_over else None,
    }
    body["data"]["actions"] = []  # simulated on a block that is gone
    return Alert(
        id=identity,
        fingerprint=alert.fingerprint,
        episode=alert.episode,
        breaker=alert.breaker,
        type=AlertType.RETRACTED,
        block=alert.block,
        body=written(body),
        silenced=alert.silenced,
        severity=severity,
    )


def silenced_for(alert: Alert, why: str | None) -> Alert:
    """The alert as nobody gets it. `why`: of the silence; None where that is over."""
    return replace(alert, silenced=why or UNHEARD)


def written(body: Mapping[str, Any]) -> str:
    """The one text of a body: it is stored, and sent byte for byte."""
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def rfc3339(unix: int) -> str:
    """A time of UTC as the contract writes it."""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
