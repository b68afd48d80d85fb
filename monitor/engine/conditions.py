"""The ways in which the monitor can be blind, each a small state machine, and its alerts in words.

Unlike a breaker's, these judgements are of the wall clock and of no block: they are never taken
back, and their ids carry a serial number, so that no two episodes share one.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.core.alerts import Alert, AlertType, ConditionState, Severity, digest
from monitor.core.blocks import BlockRef
from monitor.core.units import BlockHash
from monitor.engine.announcement import alert_json, rfc3339, written
from monitor.engine.breaker import Origin
from monitor.engine.paging import block_json

MOST_REASONS = 10
LONGEST_REASON = 300
REPRODUCE = "cascade-monitor status"
NO_BLOCK = BlockRef(0, BlockHash(""), BlockHash(""), 0)
"""Stands in an alert for the newest judged block before there is one."""
_URL = re.compile(r"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>,;)]*")


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of a condition: why it is so; no reasons: it is not; None: nobody can tell now.

    `for_seconds`: how long there have been reasons, or none, without a break; by a clock that does
    not jump.
    """

    reasons: tuple[str, ...] | None
    for_seconds: float = 0.0


def turn(
    origin: Origin,
    name: str,
    state: ConditionState,
    sight: Sight,
    block: BlockRef | None,
    now_unix: float,
    hold_seconds: float,
) -> tuple[ConditionState, Alert | None]:
    """The state after a look, and what is to be said: each beginning once, then its end.

    Both must have lasted `hold_seconds`. `block`: the newest judged one. The same state and block
    give the same ids, so what a crash left unwritten is decided again to the same or not at all.
    """
    if sight.reasons is None or bool(sight.reasons) == state.is_blind:
        return state, None
    if sight.for_seconds < hold_seconds:
        return state, None
    if not sight.reasons:
        ended = _alert(origin, name, AlertType.RECOVERED, state, block, now_unix)
        return ConditionState(serial=state.serial), ended
    blind = ConditionState(
        is_blind=True,
        serial=state.serial + 1,
        since_unix=int(now_unix - sight.for_seconds),
        block_hash="" if block is None else block.hash,
        reasons=told(sight.reasons),
    )
    return blind, _alert(origin, name, AlertType.BLIND, blind, block, now_unix)


def told(reasons: Sequence[str]) -> tuple[str, ...]:
    """Reasons fit for an alert: at most ten, each of at most 300 characters, without URLs."""
    shown = [_cut(_URL.sub("(URL)", reason)) for reason in dict.fromkeys(reasons)]
    if len(shown) > MOST_REASONS:
        rest = len(shown) - (MOST_REASONS - 1)
        shown = [*shown[: MOST_REASONS - 1], f"and {rest} more"]
    return tuple(shown)


def blind_json(blind: Mapping[str, ConditionState]) -> dict[str, Any]:
    """Of the API: since when the monitor is blind in which ways, and why."""
    return {
        name: {
            "since": None if state.since_unix is None else rfc3339(state.since_unix),
            "reasons": list(told(state.reasons)),
        }
        for name, state in blind.items()
    }


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"


def _alert(
    origin: Origin,
    name: str,
    type: AlertType,
    state: ConditionState,
    block: BlockRef | None,
    now_unix: float,
) -> Alert:
    """`state`: of the episode that begins or ends."""
    is_over = type is AlertType.RECOVERED
    episode = digest(origin.namespace, origin.genesis, name, str(state.serial), state.block_hash)
    fingerprint = digest(origin.namespace, origin.genesis, name)
    identity = digest(episode, type.value)
    since_unix = int(now_unix) if state.since_unix is None else state.since_unix
    data: dict[str, Any] = {
        "alert": alert_json(
            id=identity,
            fingerprint=fingerprint,
            episode=episode,
            breaker=name,
            severity=Severity.CRITICAL,
            started_unix=since_unix,
            ended_unix=int(now_unix) if is_over else None,
        ),
        "block": _block_json(block),
        "measure": None,
        "value": None,
        "threshold": None,
        "projection": {},
        "loops": [],
        "actions": [],
        "reproduce": REPRODUCE,
        "reasons": list(state.reasons),
    }
    return Alert(
        id=identity,
        fingerprint=fingerprint,
        episode=episode,
        breaker=name,
        type=type,
        block=block or NO_BLOCK,
        body=written({"type": type, "timestamp": rfc3339(int(now_unix)), "data": data}),
    )


def _block_json(block: BlockRef | None) -> dict[str, Any]:
    if block is None:
        return {"number": None, "hash": None, "timestamp": None}
    return block_json(block)
