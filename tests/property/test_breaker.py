"""The breaker under any readings, against what contract sections 2 and 6 promise.

Its words are held against an oracle that tells them from the whole history.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

from builders import a_block
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from property.breaker_oracle import SAFE, TRIP, Moment, Word, expected, level_of, possible

from monitor.core.alerts import AlertType, BreakerPhase, BreakerState
from monitor.core.blocks import BlockRef
from monitor.engine.announcement import Evidence, announcement
from monitor.engine.breaker import BreakerRule, Origin, Transition, step
from monitor.engine.measures import Limits, Measure, Reading, When
from monitor.store.codec import decode_breaker, encode_text

CLEAR, WARN, TRIP_AT = Decimal(4), Decimal(5), Decimal(20)
ESCALATE = (Decimal(50), Decimal(100))
FIRING = {AlertType.WARNED, AlertType.TRIPPED, AlertType.ESCALATED, AlertType.REMINDED}
A_VALUE = (
    st.none()
    | st.sampled_from([CLEAR, WARN, TRIP_AT, *ESCALATE])
    | st.decimals(0, 120, places=2, allow_nan=False)
)
Block = tuple[BlockRef, tuple[Decimal | None, ...], bool]
"""A block, what was read of it, and whether the breaker was silenced."""


def limits_of(measure: Measure) -> Limits:
    """Thresholds 4, 5 and 20, mirrored at 0 where lower is worse."""
    sign = -1 if measure.lower_is_worse else 1
    return Limits(measure, warn=sign * WARN, trip=sign * TRIP_AT, clear=sign * CLEAR)


def mirrored(breaker: BreakerRule) -> BreakerRule:
    """The same rule upside down."""
    limits = tuple(limits_of(Measure.CRITICAL_SHOCK) for _ in breaker.limits)
    return replace(breaker, limits=limits, escalate=tuple(-one for one in breaker.escalate))


def stepped(
    breaker: BreakerRule, state: BreakerState, blocks: Sequence[Block]
) -> tuple[BreakerState, list[tuple[BlockRef, Transition]]]:
    events = []
    for block, values, is_silenced in blocks:
        readings = list(map(Reading, values))
        state, said = step(breaker, state, readings, block, is_silenced=is_silenced)
        events += [(block, event) for event in said]
    return state, events


def ids(breaker: BreakerRule, events: Sequence[tuple[BlockRef, Transition]]) -> list[str]:
    evidence = Evidence({}, reproduce="")
    return [announcement(breaker, event, block, evidence).id for block, event in events]


class BreakerMachine(RuleBasedStateMachine):
    """Feeds one breaker and its mirror, and keeps the history for the oracle."""

    @initialize(
        measures=st.integers(1, 3),
        when=st.sampled_from(When),
        hold_blocks=st.integers(1, 4),
        min_seconds=st.sampled_from([0, 24, 120, 260]),
        escalate=st.sampled_from([(), ESCALATE[:1], ESCALATE]),
        remind=st.none() | st.sampled_from([1, 24, 120]),
    )
    def begin(
        self,
        measures: int,
        when: When,
        hold_blocks: int,
        min_seconds: int,
        escalate: tuple[Decimal, ...],
        remind: int | None,
    ) -> None:
        self.breaker = BreakerRule(
            origin=Origin("default", "0xgenesis"),
            name="eth-cascade",
            limits=(limits_of(Measure.LIQUIDATED_USD),) * measures,
            when=when,
            hold_blocks=hold_blocks,
            min_seconds_between_trips=min_seconds,
            escalate=escalate,
            remind_seconds=remind,
        )
        self.mirror = mirrored(self.breaker)
        self.states, self.mirrored = [BreakerState()], BreakerState()
        self.blocks: list[Block] = []
        self.events: list[tuple[BlockRef, Transition]] = []

    @rule(
        values=st.tuples(A_VALUE, A_VALUE, A_VALUE),
        seconds=st.sampled_from([0, 1, 12, 60, 200]),
        is_silenced=st.booleans(),
    )
    def read(self, values: tuple[Decimal | None, ...], seconds: int, is_silenced: bool) -> None:
        values = values[: len(self.breaker.limits)]
        child = a_block(self.blocks[-1][0] if self.blocks else None)
        block = replace(child, timestamp=child.timestamp - 12 + seconds)
        self.blocks.append((block, values, is_silenced))
        after, said = stepped(self.breaker, self.states[-1], self.blocks[-1:])
        opposite = tuple(None if value is None else -value for value in values)
        self.mirrored, echoed = stepped(
            self.mirror, self.mirrored, [(block, opposite, is_silenced)]
        )
        assert [event.type for _, event in echoed] == [event.type for _, event in said]
        assert self.mirrored.phase is after.phase
        self.states.append(after)
        self.events += said

    @rule(seconds=st.sampled_from([12, 60]), values=st.tuples(A_VALUE, A_VALUE, A_VALUE))
    def read_twice(self, seconds: int, values: tuple[Decimal | None, ...]) -> None:
        """A level is held for a while more often than by chance."""
        for _ in range(2):
            self.read(values, seconds, False)

    def moments(self) -> list[Moment]:
        return [Moment(block.timestamp, values, quiet) for block, values, quiet in self.blocks]

    @invariant()
    def it_rises_and_clears_only_on_what_is_known(self) -> None:
        if not getattr(self, "blocks", []):
            return
        before, after, (_, values, _) = self.states[-2], self.states[-1], self.blocks[-1]
        levels = possible(self.breaker, Moment(0, values))
        assert after.blind is (len(levels) > 1)
        if after.phase is BreakerPhase.ARMED and before.phase is not BreakerPhase.ARMED:
            assert levels == {SAFE}
        if after.phase > before.phase and after.phase is BreakerPhase.TRIPPED:
            assert levels == {TRIP}
        if None not in values:
            known = [level_of(self.breaker, n, v) for n, v in enumerate(values) if v is not None]
            extreme = max(known) if self.breaker.when is When.ANY else min(known)
            assert levels == {extreme}
        if set(values) == {None}:
            assert (after.phase, after.held_blocks) == (before.phase, before.held_blocks)

    @invariant()
    def trips_and_reminders_keep_their_distance(self) -> None:
        said = getattr(self, "events", [])
        trips = [block.timestamp for block, event in said if event.type is AlertType.TRIPPED]
        for first, second in pairwise(trips):
            assert second - first >= self.breaker.min_seconds_between_trips
        spoken = [(b.timestamp, e) for b, e in said if e.type in FIRING]
        for (first, one), (second, other) in pairwise(spoken):
            is_repeated = one.episode == other.episode and other.type is AlertType.REMINDED
            if is_repeated and not (one.is_silenced and not other.is_silenced):
                assert self.breaker.remind_seconds is not None
                assert second - first >= self.breaker.remind_seconds

    @invariant()
    def escalations_of_an_episode_go_up(self) -> None:
        told: dict[str, list[Decimal]] = {}
        for _, event in getattr(self, "events", []):
            if event.type is AlertType.ESCALATED and event.threshold is not None:
                assert event.value is not None
                assert event.value >= event.threshold
                told.setdefault(event.episode, []).append(event.threshold)
        assert all(limits == sorted(set(limits)) for limits in told.values())

    @invariant()
    def an_episode_is_named_exactly_while_not_armed(self) -> None:
        if hasattr(self, "states"):
            is_armed = self.states[-1].phase is BreakerPhase.ARMED
            assert is_armed == (self.states[-1].episode is None)

    def teardown(self) -> None:
        if not hasattr(self, "breaker"):
            return
        self.says_what_the_history_says()
        self.goes_on_from_any_stored_state()
        named = ids(self.breaker, self.events)
        assert len(set(named)) == len(named)

    def says_what_the_history_says(self) -> None:
        places = {block.hash: at for at, (block, _, _) in enumerate(self.blocks)}
        said = [Word(places[b.hash], e.type, e.is_silenced) for b, e in self.events]
        assert said == expected(self.breaker, self.moments())

    def goes_on_from_any_stored_state(self) -> None:
        for at in range(len(self.blocks) + 1):
            stored = decode_breaker("eth-cascade", encode_text(self.states[at]))
            assert stored == self.states[at]
            state, events = stepped(self.breaker, stored, self.blocks[at:])
            rest = {block.hash for block, _, _ in self.blocks[at:]}
            assert state == self.states[-1]
            assert events == [(b, e) for b, e in self.events if b.hash in rest]


TestBreaker = BreakerMachine.TestCase
TestBreaker.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
