"""The circuit breaker as a function: rule, state and one block's reading give the next state."""

from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Context, Decimal
from enum import StrEnum

from monitor.core.alerts import AlertType, BreakerPhase, BreakerState, digest
from monitor.core.blocks import BlockRef

NOTHING_CRITICAL = Decimal("Infinity")
"""The `critical_shock` of a curve on which no shock is critical: known, and as safe as can be."""


_CENT = Decimal("0.01")
# The default 28 digits would refuse the largest figure a projection can hold.
_WIDE = Context(prec=330)


class Measure(StrEnum):
    """What a breaker compares with its thresholds."""

    LIQUIDATED_USD = "liquidated_usd"
    BAD_DEBT_USD = "bad_debt_usd"
    UNLIQUIDATED_USD = "unliquidated_usd"
    AMPLIFICATION = "amplification"
    CRITICAL_SHOCK = "critical_shock"
    SHARE_OF_MARKET = "share_of_market"

    @property
    def lower_is_worse(self) -> bool:
        return self is Measure.CRITICAL_SHOCK

    def at_or_beyond(self, value: Decimal, limit: Decimal) -> bool:
        """Whether `value` is as bad as `limit` or worse."""
        return value <= limit if self.lower_is_worse else value >= limit

    def at_or_safer(self, value: Decimal, limit: Decimal) -> bool:
        """Whether `value` is as good as `limit` or better."""
        return value >= limit if self.lower_is_worse else value <= limit

    def shown(self, value: Decimal | None) -> str | None:
        """The contract's text of a value: USD with 2 decimals, half-up; None for no number."""
        if value is None or not value.is_finite():
            return None
        if self.value.endswith("_usd"):
            return f"{value.quantize(_CENT, ROUND_HALF_UP, context=_WIDE):f}"
        return f"{value:f}"


class Severity(StrEnum):
    WARNING = "warning"
    CRITICAL = "critical"


class AlertStatus(StrEnum):
    FIRING = "firing"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose alerts these are: it goes into every id."""

    namespace: str
    genesis: str


@dataclass(frozen=True, slots=True)
class BreakerRule:
    """One `[[breakers]]` entry. From safe to bad: clear, warn, trip, each apart from the next."""

    origin: Origin
    name: str
    measure: Measure
    warn: Decimal
    trip: Decimal
    clear: Decimal
    hold_blocks: int


@dataclass(frozen=True, slots=True)
class Reading:
    """The measure at one block. None: it could not be known (or the projection did not converge).

    Raises ValueError for NaN, which no threshold can judge.
    """

    value: Decimal | None

    def __post_init__(self) -> None:
        if self.value is not None and self.value.is_nan():
            raise ValueError("a reading is NaN: expected a number, or None when it is unknown")


@dataclass(frozen=True, slots=True)
class Transition:
    """An event of a breaker, before it is put into words."""

    type: AlertType
    severity: Severity
    status: AlertStatus
    episode: str
    episode_block_hash: str
    started_unix: int
    ended_unix: int | None
    value: Decimal | None
    threshold: Decimal | None


def step(
    rule: BreakerRule, state: BreakerState, reading: Reading, block: BlockRef
) -> tuple[BreakerState, tuple[Transition, ...]]:
    """The breaker after one evaluated block, and what it has to say.

    A breaker that cannot see says so once, and keeps its phase and its hold: nothing is extended,
    nothing broken. One that sees again says that, and then what it sees.
    """
    if reading.value is None:
        return _blinded(rule, state, block)
    if not state.blind:
        return _seeing(rule, state, reading.value, block)
    sighted = replace(state, blind=False, blind_block_hash=None, blind_unix=None)
    after, events = _seeing(rule, sighted, reading.value, block)
    return after, (_sight(AlertType.RECOVERED, rule, state, block), *events)


def _blinded(
    rule: BreakerRule, state: BreakerState, block: BlockRef
) -> tuple[BreakerState, tuple[Transition, ...]]:
    if state.blind:
        return state, ()
    blind = replace(
        state, blind=True, blind_block_hash=block.hash, blind_unix=block.timestamp, value=None
    )
    return blind, (_sight(AlertType.BLIND, rule, blind, block),)


def _sight(type: AlertType, rule: BreakerRule, blind: BreakerState, block: BlockRef) -> Transition:
    """Blindness begins or ends. It is an episode of its own, named by its first block."""
    if blind.blind_block_hash is None or blind.blind_unix is None:
        raise ValueError(f"a breaker is blind since no block: {blind}")
    origin = rule.origin
    is_over = type is AlertType.RECOVERED
    return Transition(
        type=type,
        severity=Severity.CRITICAL,
        status=AlertStatus.RESOLVED if is_over else AlertStatus.FIRING,
        episode=digest(
            origin.namespace, origin.genesis, rule.name, "blind", blind.blind_block_hash
        ),
        episode_block_hash=blind.blind_block_hash,
        started_unix=blind.blind_unix,
        ended_unix=block.timestamp if is_over else None,
        value=None,
        threshold=None,
    )


def _seeing(
    rule: BreakerRule, state: BreakerState, value: Decimal, block: BlockRef
) -> tuple[BreakerState, tuple[Transition, ...]]:
    armed = state.phase is BreakerPhase.ARMED
    seen = replace(state, value=str(value))
    if rule.measure.at_or_safer(value, rule.clear):
        return _cleared(rule, state, value, block)
    if rule.measure.at_or_beyond(value, rule.trip):
        return _beyond_trip(rule, _begun(rule, seen, block), value, was_armed=armed)
    if armed and rule.measure.at_or_beyond(value, rule.warn):
        begun = _begun(rule, seen, block)
        warned = replace(begun, phase=BreakerPhase.WARNED)
        return warned, (_firing(AlertType.WARNED, warned, value, rule.warn),)
    return replace(seen, phase=_eased(state.phase), held_blocks=0), ()


def _begun(rule: BreakerRule, state: BreakerState, block: BlockRef) -> BreakerState:
    """The state within an episode: the one under way, else one that starts at this block."""
    if state.phase is not BreakerPhase.ARMED:
        return state
    return replace(
        state,
        held_blocks=0,
        episode=digest(rule.origin.namespace, rule.origin.genesis, rule.name, block.hash),
        episode_block_hash=block.hash,
        started_unix=block.timestamp,
    )


def _beyond_trip(
    rule: BreakerRule, state: BreakerState, value: Decimal, *, was_armed: bool
) -> tuple[BreakerState, tuple[Transition, ...]]:
    held = replace(state, held_blocks=state.held_blocks + 1)
    if state.phase in (BreakerPhase.TRIPPED, BreakerPhase.RECOVERING):
        return replace(held, phase=BreakerPhase.TRIPPED), ()
    if held.held_blocks >= rule.hold_blocks:
        tripped = replace(held, phase=BreakerPhase.TRIPPED)
        return tripped, (_firing(AlertType.TRIPPED, tripped, value, rule.trip),)
    pending = replace(held, phase=BreakerPhase.PENDING)
    if was_armed:
        return pending, (_firing(AlertType.WARNED, pending, value, rule.warn),)
    return pending, ()


def _eased(phase: BreakerPhase) -> BreakerPhase:
    """The phase on the safe side of trip, but not yet at clear."""
    match phase:
        case BreakerPhase.PENDING:
            return BreakerPhase.WARNED
        case BreakerPhase.TRIPPED:
            return BreakerPhase.RECOVERING
        case _:
            return phase


def _cleared(
    rule: BreakerRule, state: BreakerState, value: Decimal, block: BlockRef
) -> tuple[BreakerState, tuple[Transition, ...]]:
    armed = BreakerState(value=str(value))
    if state.phase is BreakerPhase.ARMED:
        return armed, ()
    tripped = state.phase in (BreakerPhase.TRIPPED, BreakerPhase.RECOVERING)
    episode, block_hash, started_unix = _episode(state)
    event = Transition(
        type=AlertType.CLEARED,
        severity=Severity.CRITICAL if tripped else Severity.WARNING,
        status=AlertStatus.RESOLVED,
        episode=episode,
        episode_block_hash=block_hash,
        started_unix=started_unix,
        ended_unix=block.timestamp,
        value=value,
        threshold=rule.clear,
    )
    return armed, (event,)


def _firing(type: AlertType, state: BreakerState, value: Decimal, threshold: Decimal) -> Transition:
    episode, block_hash, started_unix = _episode(state)
    return Transition(
        type=type,
        severity=Severity.CRITICAL if type is AlertType.TRIPPED else Severity.WARNING,
        status=AlertStatus.FIRING,
        episode=episode,
        episode_block_hash=block_hash,
        started_unix=started_unix,
        ended_unix=None,
        value=value,
        threshold=threshold,
    )


def _episode(state: BreakerState) -> tuple[str, str, int]:
    if state.episode is None or state.episode_block_hash is None or state.started_unix is None:
        raise ValueError(f"a breaker left ARMED without an episode: {state}")
    return state.episode, state.episode_block_hash, state.started_unix
