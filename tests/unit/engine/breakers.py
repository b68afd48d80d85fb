"""Breakers for tests, and what they say, block by block."""

from collections.abc import Sequence
from decimal import Decimal

from builders import a_block

from monitor.core.alerts import AlertType, BreakerState
from monitor.core.blocks import BlockRef
from monitor.engine.breaker import BreakerRule, Origin, Transition, step
from monitor.engine.measures import Limits, Measure, Reading, When

NEW = BreakerState()
ORIGIN = Origin("default", "0xgenesis")
MILLIONS = Limits(
    Measure.LIQUIDATED_USD,
    warn=Decimal(5_000_000),
    trip=Decimal(20_000_000),
    clear=Decimal(4_000_000),
    scenario="eth-crash",
)
LETTERS = {
    AlertType.WARNED: "w",
    AlertType.TRIPPED: "t",
    AlertType.ESCALATED: "e",
    AlertType.REMINDED: "r",
    AlertType.CLEARED: "c",
    AlertType.BLIND: "b",
    AlertType.RECOVERED: "s",
}
Values = int | None | Sequence[int | None]
"""Of one measure, or of several; in millions of USD."""


def a_rule(
    *,
    measures: int = 1,
    when: When = When.ANY,
    hold_blocks: int = 1,
    apart_seconds: int = 0,
    escalate: Sequence[int] = (),
    remind_seconds: int | None = None,
) -> BreakerRule:
    """Warns at 5 million, trips at 20, clears at 4."""
    return BreakerRule(
        origin=ORIGIN,
        name="eth-cascade",
        limits=(MILLIONS,) * measures,
        when=when,
        hold_blocks=hold_blocks,
        min_seconds_between_trips=apart_seconds,
        escalate=tuple(Decimal(value * 10**6) for value in escalate),
        remind_seconds=remind_seconds,
    )


def readings(values: Values) -> list[Reading]:
    each = values if isinstance(values, Sequence) else [values]
    return [Reading(None if value is None else Decimal(value * 10**6)) for value in each]


def lived(
    rule: BreakerRule,
    history: Sequence[Values],
    *,
    silenced: Sequence[int] = (),
    state: BreakerState = NEW,
    block: BlockRef | None = None,
) -> tuple[BreakerState, list[tuple[Transition, ...]], BlockRef]:
    """State, events and last block of a block each 12 s. `silenced`: the places of blocks."""
    block, said = block or a_block(), []
    for at, values in enumerate(history):
        block = a_block(block)
        state, events = step(rule, state, readings(values), block, is_silenced=at in silenced)
        said.append(events)
    return state, said, block


def words(said: Sequence[tuple[Transition, ...]]) -> list[str]:
    """A letter for each event, block by block; in brackets what nobody hears."""
    return ["".join(_word(event) for event in events) for events in said]


def _word(event: Transition) -> str:
    letter = LETTERS[event.type]
    return f"({letter})" if event.is_silenced else letter


def an_event(rule: BreakerRule, millions: int, block: BlockRef) -> Transition:
    """The first of a breaker that was armed."""
    _, (event, *_) = step(rule, BreakerState(), readings(millions), block)
    return event
