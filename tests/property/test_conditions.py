"""Whatever is seen, and whenever the daemon crashes: beginnings and ends take turns, each once."""

from itertools import pairwise

from builders import a_block
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.alerts import Alert, AlertType, ConditionState
from monitor.core.blocks import BlockRef
from monitor.core.conditions import Condition
from monitor.engine.breaker import Origin
from monitor.engine.conditions import Sight, turn

ORIGIN = Origin("default", "0x01")
HOLD = 5.0
BLOCKS = [a_block(number=number) for number in range(3)]

reasons = st.one_of(
    st.none(), st.just(()), st.lists(st.text(max_size=3), min_size=1, max_size=3).map(tuple)
)
looks = st.lists(
    st.tuples(
        reasons,
        st.floats(0, 20),
        st.sampled_from([None, *BLOCKS]),
        st.floats(0, 2e9),
        st.sampled_from(["written", "lost"]),
    ),
    max_size=40,
)
"""What is seen for how long, the newest judged block, a clock that goes anywhere, and whether the
daemon crashes before it has written."""


@given(looks)
def test_turn__over_any_course_and_any_crash__alternates_under_ids_of_its_own(
    course: list[tuple[tuple[str, ...] | None, float, BlockRef | None, float, str]],
) -> None:
    state, said = ConditionState(), list[Alert]()
    for seen, for_seconds, block, now_unix, fate in course:
        after, alert = turn(
            ORIGIN, Condition.STORE, state, Sight(seen, for_seconds), block, now_unix, HOLD
        )
        assert (alert is None) == (after == state)
        if fate == "written":
            state = after
            said += [] if alert is None else [alert]
        else:
            # Lost with the process: the next decides from what is stored, to the same id.
            _, again = turn(
                ORIGIN, Condition.STORE, state, Sight(seen, for_seconds), block, now_unix, HOLD
            )
            assert again == alert
    assert len({alert.id for alert in said}) == len(said)
    kinds = [alert.type for alert in said]
    assert kinds[::2] == [AlertType.BLIND] * len(kinds[::2])
    assert kinds[1::2] == [AlertType.RECOVERED] * len(kinds[1::2])
    episodes = [alert.episode for alert in said]
    assert episodes[1::2] == episodes[::2][: len(episodes[1::2])]
    assert len(set(episodes)) == len(episodes[::2])
    assert all(one.fingerprint == other.fingerprint for one, other in pairwise(said))


@given(st.floats(0, 4.99), st.floats(0, 2e9))
def test_turn__not_held__never_says_anything(for_seconds: float, now_unix: float) -> None:
    for state in (ConditionState(), ConditionState(True, 1, 5, "0x", ("why",))):
        for seen in (None, (), ("why",)):
            sight = Sight(seen, for_seconds)
            found = turn(ORIGIN, Condition.LAG, state, sight, BLOCKS[0], now_unix, HOLD)
            assert found == (state, None)
