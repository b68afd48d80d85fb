import pytest

from monitor.chain.budget import TokenBucket


def test_bucket__full__lets_a_second_of_calls_out_at_once() -> None:
    bucket = TokenBucket(5)
    assert [bucket.take(1, now=100.0) for _ in range(5)] == [0.0] * 5


def test_bucket__empty__makes_each_wait_its_turn() -> None:
    bucket = TokenBucket(5)
    bucket.take(5, now=100.0)
    waits = [bucket.take(1, now=100.0) for _ in range(3)]
    assert waits == pytest.approx([0.2, 0.4, 0.6])


def test_bucket__a_batch__costs_its_calls() -> None:
    bucket = TokenBucket(10)
    assert bucket.take(8, now=0.0) == 0.0
    assert bucket.take(8, now=0.0) == pytest.approx(0.6)


def test_bucket__after_a_pause__holds_no_more_than_a_second() -> None:
    bucket = TokenBucket(4)
    bucket.take(4, now=0.0)
    assert bucket.take(4, now=1000.0) == 0.0
    assert bucket.take(1, now=1000.0) == pytest.approx(0.25)


def test_bucket__less_than_one_a_second__still_lets_one_out() -> None:
    bucket = TokenBucket(0.5)
    assert bucket.most == 1
    assert bucket.take(1, now=0.0) == 0.0
    assert bucket.take(1, now=0.0) == pytest.approx(2.0)


def test_bucket__asked_how_long__takes_nothing() -> None:
    bucket = TokenBucket(2)
    bucket.take(2, now=0.0)
    assert [bucket.wait_seconds(1, now=0.0) for _ in range(2)] == pytest.approx([0.5, 0.5])
    assert bucket.wait_seconds(1, now=0.5) == 0.0


@pytest.mark.parametrize("rate", [0.3, 1, 7, 25.5])
def test_bucket__over_a_minute__lets_out_what_is_allowed(rate: float) -> None:
    bucket = TokenBucket(rate)
    now, made = 0.0, 0
    while True:
        now += bucket.take(1, now)
        if now > 60:
            break
        made += 1
    assert made <= 60 * rate + bucket.most + 1
    assert made >= 60 * rate - 1
