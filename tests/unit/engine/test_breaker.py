"""The breaker step by step. In the tables a letter is an event: see `breakers.LETTERS`."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from builders import a_block
from unit.engine.breakers import ORIGIN, Values, a_rule, lived, readings, words

from monitor.core.alerts import AlertStatus, AlertType, BreakerPhase, BreakerState, Severity
from monitor.engine.breaker import BreakerRule, step
from monitor.engine.measures import NOTHING_CRITICAL, Limits, Measure, Reading, When
from monitor.store.codec import decode_breaker

ARMED, WARNED, PENDING = BreakerPhase.ARMED, BreakerPhase.WARNED, BreakerPhase.PENDING
TRIPPED, RECOVERING = BreakerPhase.TRIPPED, BreakerPhase.RECOVERING


@pytest.mark.parametrize(
    ("history", "phase", "said"),
    [
        ([], ARMED, []),
        ([4], ARMED, [""]),
        ([5], WARNED, ["w"]),
        ([5, 5], WARNED, ["w", ""]),
        ([20], PENDING, ["w"]),
        ([5, 20], PENDING, ["w", ""]),
        ([20, 19], WARNED, ["w", ""]),
        ([20, 19, 20], PENDING, ["w", "", ""]),
        ([20, 20], TRIPPED, ["w", "t"]),
        ([20, None, None, 20], TRIPPED, ["w", "b", "", "st"]),
        ([20, 20, 19], RECOVERING, ["w", "t", ""]),
        ([20, 20, 19, 20], TRIPPED, ["w", "t", "", ""]),
        ([20, 20, 4], ARMED, ["w", "t", "c"]),
        ([5, 4], ARMED, ["w", "c"]),
        ([20, 4], ARMED, ["w", "c"]),
        ([None, None], ARMED, ["b", ""]),
        ([5, None, 4], ARMED, ["w", "b", "sc"]),
    ],
)
def test_step__held_for_two_blocks__phase_and_events(
    history: list[Values], phase: BreakerPhase, said: list[str]
) -> None:
    state, events, _ = lived(a_rule(hold_blocks=2), history)
    assert (state.phase, words(events)) == (phase, said)


def test_step__no_hold__trips_at_once_and_says_only_that() -> None:
    state, events, _ = lived(a_rule(), [20])
    assert (state.phase, words(events)) == (TRIPPED, ["t"])


def test_step__unknown__keeps_phase_and_hold_but_is_blind() -> None:
    state, _, _ = lived(a_rule(hold_blocks=3), [20, 20, None])
    assert (state.phase, state.held_blocks, state.blind) == (PENDING, 2, True)


def test_step__blind_for_a_while__is_one_episode_with_a_beginning_and_an_end() -> None:
    first = a_block(a_block())
    _, ((begun,), (over,)), last = lived(a_rule(), [None, 0])
    assert begun.episode == over.episode
    assert (begun.status, over.status) == (AlertStatus.FIRING, AlertStatus.RESOLVED)
    assert (over.started_unix, over.ended_unix) == (first.timestamp, last.timestamp)
    assert (begun.value, begun.threshold) == (None, None)


def test_step__cleared_and_fired_again__is_another_episode() -> None:
    _, ((first,), _, (second,)), _ = lived(a_rule(), [5, 0, 5])
    assert first.episode != second.episode


def test_step__cleared_after_a_trip__resolves_at_the_severity_that_fired() -> None:
    _, ((tripped,), (cleared,)), block = lived(a_rule(), [20, 0])
    assert cleared.severity is Severity.CRITICAL
    assert cleared.ended_unix == block.timestamp
    assert cleared.started_unix == tripped.started_unix == block.timestamp - 12


@pytest.mark.parametrize(
    ("value", "phase"),
    [("0.1", TRIPPED), ("0.3", WARNED), ("0.35", ARMED), ("Infinity", ARMED)],
)
def test_step__critical_shock__lower_is_worse(value: str, phase: BreakerPhase) -> None:
    state, _ = step(a_shock_rule(), BreakerState(), [Reading(Decimal(value))], a_block())
    assert state.phase is phase


def test_step__no_critical_shock_any_more__clears() -> None:
    warned, _ = step(a_shock_rule(), BreakerState(), [Reading(Decimal("0.2"))], a_block())
    _, (event,) = step(a_shock_rule(), warned, [Reading(NOTHING_CRITICAL)], a_block(a_block()))
    assert event.type is AlertType.CLEARED


def a_shock_rule() -> BreakerRule:
    limits = Limits(Measure.CRITICAL_SHOCK, Decimal("0.3"), Decimal("0.1"), clear=Decimal("0.4"))
    return BreakerRule(ORIGIN, "near", (limits,))


@pytest.mark.parametrize(
    ("apart_seconds", "hold_blocks", "history", "said"),
    [
        pytest.param(48, 1, [20, 4, 20, 20, 20], ["t", "c", "w", "", "t"], id="at the second"),
        pytest.param(49, 1, [20, 4, 20, 20, 20], ["t", "c", "w", "", ""], id="a second early"),
        pytest.param(48, 1, [20, 4, 20, 19, 19], ["t", "c", "w", "", ""], id="eased meanwhile"),
        pytest.param(24, 3, [20, 20, 20, 4, 20, 20], ["w", "", "t", "c", "w", ""], id="held less"),
        pytest.param(48, 1, [20, 4, 20, None, 20], ["t", "c", "w", "b", "st"], id="blind between"),
        pytest.param(48, 1, [20, 4, 20, None, None], ["t", "c", "w", "b", ""], id="blind then"),
        pytest.param(999, 1, [20, 5, 20], ["t", "", ""], id="same episode"),
        pytest.param(36, 1, [20, 4, 5, 4, 20], ["t", "c", "w", "c", "t"], id="another between"),
    ],
)
def test_step__trips_that_must_be_apart__waits_pending_and_trips_as_soon_as_it_may(
    apart_seconds: int, hold_blocks: int, history: list[Values], said: list[str]
) -> None:
    rule = a_rule(apart_seconds=apart_seconds, hold_blocks=hold_blocks)
    assert words(lived(rule, history)[1]) == said


@pytest.mark.parametrize(
    ("hold_blocks", "history", "said"),
    [
        pytest.param(1, [20, 50, 50, 100], ["t", "e", "", "e"], id="each once"),
        pytest.param(1, [100], ["te"], id="at once, both passed"),
        pytest.param(1, [20, 100, 50], ["t", "e", ""], id="over both"),
        pytest.param(1, [50, 19, 50, 100], ["te", "", "", "e"], id="recovering between"),
        pytest.param(1, [50, 4, 50], ["te", "c", "te"], id="anew in a new episode"),
        pytest.param(2, [50, 50], ["w", "te"], id="not before it trips"),
        pytest.param(1, [20, None, 50], ["t", "b", "se"], id="blind between"),
    ],
)
def test_step__values_beyond_trip__are_each_told_once_an_episode(
    hold_blocks: int, history: list[Values], said: list[str]
) -> None:
    rule = a_rule(hold_blocks=hold_blocks, escalate=[50, 100])
    assert words(lived(rule, history)[1]) == said


def test_step__over_two_values_at_once__tells_the_farther_one() -> None:
    _, ((_,), (event,)), _ = lived(a_rule(escalate=[50, 100]), [20, 120])
    assert (event.value, event.threshold) == (Decimal(120_000_000), Decimal(100_000_000))
    assert event.severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("remind_seconds", "history", "said"),
    [
        pytest.param(24, [5, 5, 5, 5, 5], ["w", "", "r", "", "r"], id="warned"),
        pytest.param(25, [5, 5, 5, 5], ["w", "", "", "r"], id="the first block after"),
        pytest.param(24, [20, 19, 19, 4], ["t", "", "r", "c"], id="recovering"),
        pytest.param(24, [20, 20, 50, 50, 50], ["t", "", "e", "", "r"], id="since the last word"),
        pytest.param(24, [20, None, None, None], ["t", "b", "r", ""], id="while blind"),
        pytest.param(12, [None, None, None], ["b", "", ""], id="blind alone is no firing"),
        pytest.param(24, [5, 5, 4], ["w", "", "c"], id="over instead"),
        pytest.param(12, [4, 4, 4], ["", "", ""], id="armed"),
    ],
)
def test_step__reminders__come_so_long_after_the_last_announcement(
    remind_seconds: int, history: list[Values], said: list[str]
) -> None:
    rule = a_rule(remind_seconds=remind_seconds, escalate=[50])
    assert words(lived(rule, history)[1]) == said


@pytest.mark.parametrize(
    ("history", "severity", "threshold", "value"),
    [
        ([5, 6], Severity.WARNING, 5, 6),
        ([20, 21], Severity.CRITICAL, 20, 21),
        ([20, 6], Severity.CRITICAL, 20, 6),
        ([20, None], Severity.CRITICAL, 20, None),
    ],
)
def test_step__reminder__is_as_bad_as_its_phase_and_tells_the_value_of_now(
    history: list[Values], severity: Severity, threshold: int, value: int | None
) -> None:
    *_, event = lived(a_rule(remind_seconds=12), history)[1][-1]
    assert event.type is AlertType.REMINDED
    assert (event.severity, event.threshold) == (severity, Decimal(threshold * 10**6))
    assert event.value == (None if value is None else Decimal(value * 10**6))


ANY, ALL = When.ANY, When.ALL


@pytest.mark.parametrize(
    ("when", "history", "phase", "said"),
    [
        pytest.param(ANY, [(5, 0)], WARNED, ["w"], id="one warns"),
        pytest.param(ALL, [(5, 0)], ARMED, [""], id="one warns, all must"),
        pytest.param(ALL, [(5, 20)], WARNED, ["w"], id="as bad as the best"),
        pytest.param(ANY, [(20, 0), (0, 4)], ARMED, ["t", "c"], id="clear in all"),
        pytest.param(ANY, [(20, 0), (0, 19)], RECOVERING, ["t", ""], id="clear in one"),
        pytest.param(ALL, [(20, 20), (20, 4)], ARMED, ["t", "c"], id="clear in one, all must"),
        pytest.param(ANY, [(5, None)], WARNED, ["bw"], id="warns by what is known"),
        pytest.param(ANY, [(20, None)], TRIPPED, ["t"], id="the unknown does not matter"),
        pytest.param(ANY, [(20, 0), (0, None)], TRIPPED, ["t", "b"], id="no clear when blind"),
        pytest.param(ALL, [(20, None)], ARMED, ["b"], id="no trip when blind"),
        pytest.param(ALL, [(20, 20), (0, None)], ARMED, ["t", "c"], id="one is safe: not blind"),
        pytest.param(ALL, [(20, 20), (19, None)], RECOVERING, ["t", "b"], id="surely not beyond"),
        pytest.param(ANY, [(20, 0), (19, None)], TRIPPED, ["t", "b"], id="perhaps beyond"),
        pytest.param(ANY, [(None, None)], ARMED, ["b"], id="nothing known"),
        pytest.param(
            ANY, [(None, 5), (5, None), (5, 5)], WARNED, ["bw", "", "s"], id="blind in turns"
        ),
    ],
)
def test_step__two_measures__are_as_bad_together_as_is_surely_known(
    when: When, history: list[Values], phase: BreakerPhase, said: list[str]
) -> None:
    state, events, _ = lived(a_rule(measures=2, when=when), history)
    assert (state.phase, words(events)) == (phase, said)


def test_step__surely_not_beyond_trip_though_blind__breaks_the_hold() -> None:
    rule = a_rule(measures=2, when=ALL, hold_blocks=2)
    history: list[Values] = [(20, 20), (19, None), (20, 20), (20, 20)]
    assert words(lived(rule, history)[1]) == ["w", "b", "s", "t"]


def test_step__several_measures__tell_the_value_of_the_one_that_decides() -> None:
    for when, values, decides in ((ANY, (5, 20), 1), (ALL, (20, 5), 1), (ANY, (20, 20), 0)):
        (event,) = lived(a_rule(measures=2, when=when), [values])[1][0]
        assert event.decides == decides
        assert event.value == event.values[decides]


def test_step__escalation__is_of_the_first_measure_alone() -> None:
    rule = a_rule(measures=2, escalate=[50])
    assert words(lived(rule, [(20, 60), (60, 20)])[1]) == ["t", "e"]
    held_back = a_rule(measures=2, when=ALL, escalate=[50])
    assert words(lived(held_back, [(20, 20), (60, 19), (60, 20)])[1]) == ["t", "", "e"]


def test_step__another_number_of_readings_than_measures__is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        step(a_rule(measures=2), BreakerState(), readings(5), a_block())


@pytest.mark.parametrize(
    ("silenced", "history", "said"),
    [
        pytest.param([0, 1], [20, 20], ["(t)", ""], id="unheard"),
        pytest.param([0, 1], [20, 20, 20, 20], ["(t)", "", "r", ""], id="said once it is over"),
        pytest.param([0, 1], [20, 20, None], ["(t)", "", "br"], id="though it is blind by then"),
        pytest.param([0, 1], [20, 20, 4], ["(t)", "", "(c)"], id="over before anybody heard"),
        pytest.param([0, 1], [20, 4], ["(t)", "(c)"], id="over within"),
        pytest.param([1, 2], [20, 20, 4], ["t", "", "c"], id="heard before: told that it is over"),
        pytest.param([1], [5, 20, 20], ["w", "(t)", "r"], id="worse meanwhile"),
        pytest.param([1], [20, 50, 50], ["t", "(e)", "r"], id="escalated meanwhile"),
        pytest.param([0], [5, 20, 20], ["(w)", "t", ""], id="worse after: no reminder beside it"),
        pytest.param([1], [20, 20, 20], ["t", "", ""], id="nothing happened"),
        pytest.param([0, 2], [20, 20, 4], ["(t)", "r", "c"], id="heard between two silences"),
        pytest.param([0], [None, None, 0], ["(b)", "b", "s"], id="blind after"),
        pytest.param([0, 1], [None, 0], ["(b)", "(s)"], id="blind within"),
        pytest.param([0], [None, 0], ["(b)", "(s)"], id="sees once it is over"),
        pytest.param([1], [None, 0], ["b", "s"], id="sees within"),
        pytest.param([0], [4, 20], ["", "t"], id="nothing to silence"),
    ],
)
def test_step__silenced__tells_nobody_and_says_again_what_still_holds(
    silenced: Sequence[int], history: list[Values], said: list[str]
) -> None:
    rule = a_rule(escalate=[50])
    assert words(lived(rule, history, silenced=silenced)[1]) == said


def test_step__silenced__goes_on_all_the_same() -> None:
    rule = a_rule(hold_blocks=2, escalate=[50], remind_seconds=24)
    history: list[Values] = [20, 60, None, 19, 19, 4]
    loud, heard, _ = lived(rule, history)
    quiet, unheard, _ = lived(rule, history, silenced=range(len(history)))
    assert loud == quiet
    assert [[e.type for e in said] for said in heard] == [[e.type for e in s] for s in unheard]
    assert all(event.is_silenced for said in unheard for event in said)


def test_step__thresholds_changed_between_runs__go_by_the_new_ones() -> None:
    tripped, _, block = lived(a_rule(escalate=[50, 100]), [60])
    wider = replace(a_rule().limits[0], warn=Decimal(90_000_000), trip=Decimal(100_000_000))
    rule = replace(a_rule(), limits=(replace(wider, clear=Decimal(80_000_000)),))
    state, said, _ = lived(rule, [95, 80], state=tripped, block=block)
    assert (words(said), state.phase) == (["", "c"], ARMED)
    more = a_rule(escalate=[50, 70, 100])
    assert words(lived(more, [60, 70], state=tripped, block=block)[1]) == ["", "e"]
    fewer = a_rule(escalate=[])
    assert words(lived(fewer, [200], state=tripped, block=block)[1]) == [""]


def test_step__measure_added_between_runs__is_judged_with_the_phase_it_had() -> None:
    warned, _, block = lived(a_rule(), [5])
    state, said, _ = lived(a_rule(measures=2), [(0, None), (0, 0)], state=warned, block=block)
    assert words(said) == ["b", "sc"]
    assert len(state.also) == 1


OLD = (
    '{"phase":3,"held_blocks":2,"episode":"e","episode_block_hash":"0x1","started_unix":1200,'
    '"blind":false,"blind_block_hash":null,"blind_unix":null,"value":"20000000"}'
)


def test_step__state_of_before_silences_and_reminders__goes_on_as_heard() -> None:
    state = decode_breaker("eth-cascade", OLD)
    rule = a_rule(remind_seconds=24, apart_seconds=600)
    _, said, _ = lived(rule, [20, 20, 4, 20], state=state, silenced=[2], block=a_block(number=100))
    assert words(said) == ["", "r", "c", "t"]
