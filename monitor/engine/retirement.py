"""What fired when it was taken out of the configuration: it ends, or receivers hold it for ever.

Nobody judges it any more, so the next judged block says that it ended, and why.
"""

from collections.abc import Mapping
from typing import Any

from monitor.core.alerts import (
    Alert,
    AlertType,
    BreakerPhase,
    BreakerState,
    Severity,
    alert_id,
    digest,
)
from monitor.core.blocks import BlockRef
from monitor.core.units import BlockHash
from monitor.engine.announcement import UNHEARD, alert_json, rfc3339, written
from monitor.engine.breaker import Origin
from monitor.engine.paging import block_json
from monitor.engine.watching import STATES, Wardings

CRITICAL = (BreakerPhase.TRIPPED, BreakerPhase.RECOVERING)
NO_LONGER = "it is no longer in the configuration"


def is_over(state: BreakerState) -> bool:
    """Whether there is nothing to take back of what it said."""
    return state.phase is BreakerPhase.ARMED and not state.blind


def retired(origin: Origin, gone: Mapping[str, BreakerState], block: BlockRef) -> Wardings:
    """`gone`: states of what is no longer judged, by the name they are stored under."""
    alerts: list[Alert] = []
    for name, state in sorted(gone.items()):
        if state.blind:
            alerts.append(_end(origin, name, state, AlertType.RECOVERED, block))
        if state.phase is not BreakerPhase.ARMED:
            is_watch = name.startswith(STATES)
            type = AlertType.WATCH_RECOVERED if is_watch else AlertType.CLEARED
            alerts.append(_end(origin, name, state, type, block))
    return Wardings(tuple((name, BreakerState()) for name in sorted(gone)), tuple(alerts))


def _end(origin: Origin, name: str, state: BreakerState, type: AlertType, block: BlockRef) -> Alert:
    is_sight = type is AlertType.RECOVERED
    first = state.blind_block_hash if is_sight else state.episode_block_hash
    since_unix = state.blind_unix if is_sight else state.started_unix
    if first is None or since_unix is None:
        raise ValueError(f"an episode of {name} began at no block: {state}")
    is_watch = name.startswith(STATES)
    was_critical = is_sight or is_watch or state.phase in CRITICAL
    severity = Severity.CRITICAL if was_critical else Severity.WARNING
    identity = alert_id(
        namespace=origin.namespace,
        genesis=origin.genesis,
        breaker=name,
        type=type,
        episode_block_hash=first,
        block_hash=block.hash,
    )
    alert = alert_json(
        id=identity,
        fingerprint=digest(origin.namespace, origin.genesis, name),
        episode=_episode(origin, name, state, first, is_sight=is_sight),
        breaker=_label(name),
        severity=severity,
        started_unix=since_unix,
        ended_unix=block.timestamp,
    )
    is_unheard = state.is_blindness_unheard if is_sight else state.is_unheard
    return Alert(
        id=identity,
        fingerprint=alert["fingerprint"],
        episode=alert["episode"],
        breaker=_label(name),
        type=type,
        block=block,
        body=written(
            {
                "type": type,
                "timestamp": rfc3339(block.timestamp),
                "data": {"alert": alert, "block": block_json(block)} | _data(),
            }
        ),
        silenced=UNHEARD if is_unheard else "",
        severity=severity,
    )


def _data() -> dict[str, Any]:
    """Nothing was measured."""
    return {
        "measure": None,
        "value": None,
        "threshold": None,
        "projection": {"unknown": [NO_LONGER]},
        "loops": [],
        "actions": [],
        "reproduce": "",
    }


def _episode(
    origin: Origin, name: str, state: BreakerState, first: BlockHash, *, is_sight: bool
) -> str:
    """As those who judged it named it (see `breaker` and `watching`)."""
    if is_sight:
        return digest(origin.namespace, origin.genesis, name, "blind", first)
    if state.episode is not None:
        return state.episode
    return digest(origin.namespace, origin.genesis, name, "health", first)


def _label(name: str) -> str:
    """A breaker's own name, a watch's for the state of a position."""
    return name.split("/")[1] if name.startswith(STATES) else name
