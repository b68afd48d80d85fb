"""Alerts as values: what a breaker remembers, what is sent, and how an alert is named."""

import hashlib
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from monitor.core.blocks import BlockRef
from monitor.core.units import BlockHash

MONITOR = "monitor."
"""Begins the name of each way in which the monitor can be blind, where breakers have theirs."""


class BreakerPhase(IntEnum):
    """The states of contract section 6; the numbers are the metric's."""

    BLIND = -1
    ARMED = 0
    WARNED = 1
    PENDING = 2
    TRIPPED = 3
    RECOVERING = 4


class AlertType(StrEnum):
    WARNED = "breaker.warned"
    TRIPPED = "breaker.tripped"
    ESCALATED = "breaker.escalated"
    REMINDED = "breaker.reminded"
    CLEARED = "breaker.cleared"
    RETRACTED = "breaker.retracted"
    WATCH_BELOW = "watch.below"
    WATCH_RECOVERED = "watch.recovered"
    BLIND = "monitor.blind"
    RECOVERED = "monitor.recovered"


ENDS = frozenset(
    {AlertType.CLEARED, AlertType.RETRACTED, AlertType.WATCH_RECOVERED, AlertType.RECOVERED}
)
"""What says that something is over, or never was."""


class Severity(StrEnum):
    WARNING = "warning"
    CRITICAL = "critical"


class AlertStatus(StrEnum):
    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class BreakerState:
    """What one breaker carries from block to block.

    `phase` is never BLIND: a breaker that cannot see keeps the phase it had and sets `blind`, with
    the block since which it cannot.
    `episode` names the firing under way, from the first block that left ARMED until cleared;
    `started_unix` is that block's time. `held_blocks` counts consecutive blocks at or above trip.
    `tripped_unix` is when it last tripped, and outlives the episode; `said_unix` when the firing
    under way was last announced; `escalated` how many values beyond trip were told of it;
    `is_muted`: its last announcement went to nobody, for the breaker was silenced; `is_unheard`: so
    did all of them; `is_blindness_unheard`: nobody was told of the blindness.
    `value` is of its first measure, `also` are those of the others, as text; None: unknown.
    """

    phase: BreakerPhase = BreakerPhase.ARMED
    held_blocks: int = 0
    episode: str | None = None
    episode_block_hash: BlockHash | None = None
    started_unix: int | None = None
    blind: bool = False
    blind_block_hash: BlockHash | None = None
    blind_unix: int | None = None
    value: str | None = None
    tripped_unix: int | None = None
    said_unix: int | None = None
    escalated: int = 0
    is_muted: bool = False
    is_unheard: bool = False
    is_blindness_unheard: bool = False
    also: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Alert:
    """One event, once written never changed: `body` is sent byte for byte, however often."""

    id: str
    fingerprint: str
    episode: str
    breaker: str
    type: AlertType
    block: BlockRef
    body: str
    silenced: str = ""
    """Why it goes to nobody: the reason somebody gave with `silence`."""
    severity: Severity = Severity.CRITICAL
    is_first: bool = True
    """Whether nobody was told before its block of what it tells: taken back, that is over."""

    @property
    def is_of_chain(self) -> bool:
        """Whether a block caused it: if not, no reorganisation takes it back."""
        return not self.breaker.startswith(MONITOR)


@dataclass(frozen=True, slots=True)
class Silence:
    """Somebody wants to hear nothing of a breaker for a while. Its states go on."""

    breaker: str
    since_unix: int
    until_unix: int
    why: str


@dataclass(frozen=True, slots=True)
class ConditionState:
    """Whether the monitor is blind in one way: since when, for which reasons.

    `serial` counts the times it was: two in one block are two episodes. `block_hash`: the newest
    judged block when it began; empty before the first.
    """

    is_blind: bool = False
    serial: int = 0
    since_unix: int | None = None
    block_hash: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was decided about one block: breaker states after it, and the alerts it raised."""

    block: BlockRef
    breakers: tuple[tuple[str, BreakerState], ...]
    alerts: tuple[Alert, ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One alert on its way to one receiver."""

    alert_id: str
    webhook: str
    body: str
    attempts: int
    due_unix: float
    created_unix: float


def digest(*parts: str) -> str:
    """A name for a tuple of strings: hex SHA-256 of their lengths and contents, cut to 128 bit."""
    hasher = hashlib.sha256()
    for part in parts:
        data = part.encode()
        hasher.update(len(data).to_bytes(8, "big"))
        hasher.update(data)
    return hasher.hexdigest()[:32]


def retraction_id(alert_id: str) -> str:
    """Of the alert that takes this one back."""
    return digest(AlertType.RETRACTED.value, alert_id)


def alert_id(
    *,
    namespace: str,
    genesis: str,
    breaker: str,
    type: AlertType,
    episode_block_hash: str,
    block_hash: str,
) -> str:
    """The identity of contract section 6: the same event has the same id, after any crash."""
    return digest(namespace, genesis, breaker, type.value, episode_block_hash, block_hash)
