"""A stored alert, read back: what the formats that are not its own body need to know of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from monitor.core.alerts import MONITOR, AlertType, Delivery, digest

WANTED = (
    "scenario", "shocks", "curve", "critical_shock", "unknown", "converged", "rounds",
    "liquidated_usd", "bad_debt_usd", "unliquidated_usd", "amplification",
)  # fmt: skip
"""Of a projection. The rest is long, and notices are kept."""
TEST = "monitor.test"
"""The type of what `check --send-test` sends."""


class Kind(StrEnum):
    """What an alert is about. A breaker can fire in two ways at once: tripped, and blind."""

    BREAKER = "breaker"
    WATCH = "watch"
    BLINDNESS = "blindness"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Notice:
    """`retracts` is the id of the alert it takes back, else empty. `data` is the body's, with the
    main figures of the projection. `is_of_chain`: a block caused it, and can take it back.
    """

    id: str
    type: str
    kind: Kind
    fingerprint: str
    breaker: str
    severity: str
    is_firing: bool
    starts_unix: int
    ends_unix: int | None
    timestamp_unix: int
    block: int | None
    retracts: str = ""
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def is_of_chain(self) -> bool:
        return not self.breaker.startswith(MONITOR)


def notice_of(body: str) -> Notice:
    """Raises ValueError for a body that is no alert of ours."""
    try:
        told = json.loads(body)
        type, data = str(told["type"]), dict(told["data"])
        alert, number = data["alert"], _mapping(data.get("block")).get("number")
        return Notice(
            id=str(alert["id"]),
            type=type,
            kind=_kind(type, data),
            fingerprint=str(alert["fingerprint"]),
            breaker=str(alert["breaker"]),
            severity=str(alert["severity"]),
            is_firing=alert["status"] == "firing",
            starts_unix=_unix(alert["starts_at"]),
            ends_unix=None if alert.get("ends_at") is None else _unix(alert["ends_at"]),
            timestamp_unix=_unix(told["timestamp"]),
            block=None if number is None else int(number),
            retracts=str(alert.get("retracts") or ""),
            data=_tidy(data),
        )
    except (KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"not the body of an alert: {error!r}") from error


def _tidy(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """With everything in the form that its readers expect, whoever wrote it."""
    projection, position = _mapping(data.get("projection")), _mapping(data.get("position"))
    kept = {key: projection[key] for key in WANTED if key in projection}
    return {
        **data,
        "projection": kept | {"unknown": _list(kept.get("unknown"))},
        "position": {**position, "unknown": _list(position.get("unknown"))},
        "actions": [each for each in _list(data.get("actions")) if isinstance(each, dict)],
        "measures": [each for each in _list(data.get("measures")) if isinstance(each, dict)],
        "reasons": _list(data.get("reasons")),
    }


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def trial(webhook: str, now_unix: float) -> Delivery:
    """What `check --send-test` sends: an alert in every respect but what it is about."""
    identity = digest("test", webhook, str(now_unix))
    alert = {
        "id": identity,
        "fingerprint": digest("test", webhook),
        "episode": identity,
        "retracts": None,
        "breaker": "check",
        "severity": "warning",
        "status": "firing",
        "starts_at": rfc3339(now_unix),
        "ends_at": None,
    }
    data = {"alert": alert, "block": None, "by": "cascade-monitor check"}
    body = {"type": TEST, "timestamp": rfc3339(now_unix), "data": data}
    return Delivery(identity, webhook, json.dumps(body), 0, now_unix, now_unix)


def _kind(type: str, data: Mapping[str, Any]) -> Kind:
    """A retraction is of the kind of what it takes back, whose body it repeats."""
    if type == TEST:
        return Kind.TEST
    about = str(_mapping(data.get("alert")).get("retracts_type") or type)
    # Stored before retractions said what they take back.
    is_sight = about == AlertType.RETRACTED and data.get("threshold") is None
    if about.startswith("monitor.") or is_sight:
        return Kind.BLINDNESS
    return Kind.WATCH if about.startswith("watch.") or "position" in data else Kind.BREAKER


def _unix(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def rfc3339(unix: float) -> str:
    return datetime.fromtimestamp(int(unix), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
