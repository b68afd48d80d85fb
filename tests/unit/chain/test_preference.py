import pytest

from monitor.chain.preference import CHANCE_SECONDS, Candidate, Pace, ranked


def test_ranked__all_alike__keeps_the_order_given() -> None:
    assert ranked([Candidate(), Candidate(), Candidate()]) == [0, 1, 2]


def test_ranked__one_rests__goes_last_and_the_longest_rest_at_the_end() -> None:
    assert ranked([Candidate(rest_seconds=5), Candidate(rest_seconds=1), Candidate()]) == [2, 1, 0]


def test_ranked__no_budget__the_next_is_asked_and_the_shortest_wait_first() -> None:
    assert ranked([Candidate(wait_seconds=2), Candidate(wait_seconds=1), Candidate()]) == [2, 1, 0]


def test_ranked__a_rest__is_worse_than_any_wait() -> None:
    assert ranked([Candidate(rest_seconds=0.1), Candidate(wait_seconds=60)]) == [1, 0]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (2.0, 0.05, [1, 0]),  # markedly slower
        (0.3, 0.1, [0, 1]),  # three times as slow, a fifth of a second
        (0.020, 0.0005, [0, 1]),  # forty times as slow, which nobody notices
        (1.4, 0.4, [0, 1]),  # a second slower, but both are far away
        (0.05, 2.0, [0, 1]),  # the slow one was second anyway
        (2.0, None, [0, 1]),  # nothing is known of the other
        (None, 0.05, [0, 1]),  # nothing is known against the first
    ],
)
def test_ranked__by_latency__only_a_marked_difference_counts(
    first: float | None, second: float | None, expected: list[int]
) -> None:
    candidates = [Candidate(answer_seconds=first), Candidate(answer_seconds=second)]
    assert ranked(candidates) == expected


def test_ranked__slow_against_one_that_rests__stays_first() -> None:
    assert ranked([Candidate(answer_seconds=2), Candidate(1, answer_seconds=0.01)]) == [0, 1]


def test_ranked__one_lags__goes_behind_a_slow_one() -> None:
    lagging, slow = Candidate(answer_seconds=0.01, is_behind=True), Candidate(answer_seconds=5.0)
    assert ranked([lagging, slow]) == [1, 0]


def test_pace__one_hiccup__does_not_make_it_markedly_slower() -> None:
    pace = Pace()
    for now in range(5):
        pace.measure(0.05, now)
    pace.measure(0.8, 5)
    assert ranked([Candidate(answer_seconds=pace.seconds(5)), Candidate(answer_seconds=0.05)]) == [
        0,
        1,
    ]


def test_pace__three_slow_answers__make_it_markedly_slower_until_it_recovers() -> None:
    pace, other = Pace(), Candidate(answer_seconds=0.05)
    for now, seconds in enumerate([0.05, 0.8, 0.8, 0.8]):
        pace.measure(seconds, now)
    assert ranked([Candidate(answer_seconds=pace.seconds(4)), other]) == [1, 0]
    for now in range(4, 10):
        pace.measure(0.05, now)
    assert ranked([Candidate(answer_seconds=pace.seconds(10)), other]) == [0, 1]


def test_pace__long_unmeasured__is_unknown_and_begins_anew() -> None:
    pace = Pace()
    pace.measure(9.0, 0)
    assert pace.seconds(CHANCE_SECONDS) == 9.0
    assert pace.seconds(CHANCE_SECONDS + 1) is None
    pace.measure(0.1, CHANCE_SECONDS + 1)
    assert pace.seconds(CHANCE_SECONDS + 1) == 0.1
