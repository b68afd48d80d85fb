"""The breaker under any readings, against what contract sections 2 and 6 promise."""

from decimal import Decimal

from builders import a_block
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from monitor.core.alerts import AlertType, BreakerPhase, BreakerState
from monitor.core.blocks import BlockRef
from monitor.engine.announcement import Evidence, announcement
from monitor.engine.breaker import BreakerRule, Origin, Transition, step
from monitor.engine.measures import Limits, Measure, Reading

CLEAR, WARN, TRIP = Decimal(4), Decimal(5), Decimal(20)
SIGHT = {AlertType.BLIND, AlertType.RECOVERED}


def a_rule(measure: Measure, hold_blocks: int) -> BreakerRule:
    """Thresholds 4, 5 and 20, mirrored at 0 where lower is worse."""
    sign = -1 if measure.lower_is_worse else 1
    return BreakerRule(
        origin=Origin("default", "0xgenesis"),
        name="eth-cascade",
        limits=(Limits(measure, sign * WARN, sign * TRIP, sign * CLEAR),),
        hold_blocks=hold_blocks,
    )


def replayed(
    breaker: BreakerRule, readings: list[tuple[BlockRef, Decimal | None]]
) -> tuple[BreakerState, list[tuple[BlockRef, Transition]]]:
    state, events = BreakerState(), []
    for block, value in readings:
        state, said = step(breaker, state, [Reading(value)], block)
        events += [(block, event) for event in said]
    return state, events


class BreakerMachine(RuleBasedStateMachine):
    """Feeds one breaker and its mirror, and keeps a plain history to compare with."""

    @initialize(hold_blocks=st.integers(1, 4))
    def begin(self, hold_blocks: int) -> None:
        self.breaker = a_rule(Measure.LIQUIDATED_USD, hold_blocks)
        self.mirror = a_rule(Measure.CRITICAL_SHOCK, hold_blocks)
        self.state, self.mirrored = BreakerState(), BreakerState()
        self.readings: list[tuple[BlockRef, Decimal | None]] = []
        self.events: list[tuple[BlockRef, Transition]] = []
        self.run_blocks = 0

    @rule(
        value=st.none()
        | st.sampled_from([CLEAR, WARN, TRIP])
        | st.decimals(0, 30, places=2, allow_nan=False)
    )
    def read(self, value: Decimal | None) -> None:
        block = a_block(self.readings[-1][0] if self.readings else None)
        before = self.state
        self.state, everything = step(self.breaker, before, [Reading(value)], block)
        opposite = Reading(None if value is None else -value)
        self.mirrored, echoed = step(self.mirror, self.mirrored, [opposite], block)
        self.readings.append((block, value))
        self.events += [(block, event) for event in everything]
        said = [event for event in everything if event.type not in SIGHT]
        sight = [event.type for event in everything if event.type in SIGHT]
        if value is not None:
            self.run_blocks = self.run_blocks + 1 if value >= TRIP else 0

        assert len(said) <= 1
        assert [event.type for event in echoed] == [event.type for event in everything]
        assert self.mirrored.phase is self.state.phase
        if any(event.type is AlertType.TRIPPED for event in said):
            assert self.run_blocks >= self.breaker.hold_blocks
        if value is None:
            assert said == []
            assert self.state.phase is before.phase
            assert self.state.held_blocks == before.held_blocks

        changed = before.blind != (value is None)
        expected = AlertType.BLIND if value is None else AlertType.RECOVERED
        assert sight == ([expected] if changed else [])

    @invariant()
    def one_warning_and_one_trip_an_episode(self) -> None:
        said = [(event.episode, event.type) for _, event in getattr(self, "events", [])]
        assert len(said) == len(set(said))

    @invariant()
    def cleared_only_what_fired(self) -> None:
        fired: set[str] = set()
        for _, event in getattr(self, "events", []):
            if event.type in (AlertType.CLEARED, AlertType.RECOVERED):
                assert event.episode in fired
            else:
                fired.add(event.episode)

    @invariant()
    def an_episode_is_named_exactly_while_not_armed(self) -> None:
        if hasattr(self, "state"):
            is_armed = self.state.phase is BreakerPhase.ARMED
            assert is_armed == (self.state.episode is None)

    def teardown(self) -> None:
        if not hasattr(self, "breaker"):
            return
        state, events = replayed(self.breaker, self.readings)
        assert state == self.state
        assert ids(self.breaker, events) == ids(self.breaker, self.events)
        assert len(set(ids(self.breaker, events))) == len(events)


def ids(breaker: BreakerRule, events: list[tuple[BlockRef, Transition]]) -> list[str]:
    evidence = Evidence({}, reproduce="")
    return [announcement(breaker, event, block, evidence).id for block, event in events]


TestBreaker = BreakerMachine.TestCase
