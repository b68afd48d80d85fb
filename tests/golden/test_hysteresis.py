"""The shipped breakers on real prices: in alert at the crash they are for, and how often besides.

Every round of both feeds, at a coarse step of price; `make hysteresis` takes a finer one, tunes and
compares.
"""

import sys
from dataclasses import replace
from decimal import Decimal

import pytest
from hysteresis.cases import Case, ether, staked, unix
from hysteresis.life import Life, bare, lived
from hysteresis.measuring import Observed
from hysteresis.rounds import ETHER_IN_USD, STETH_IN_ETHER, needs_rounds
from lido_book import needs_book

from monitor.core.alerts import BreakerPhase, BreakerState
from monitor.engine.breaker import step
from monitor.engine.measures import Reading

pytestmark = [needs_book, needs_rounds]

LOW, LOWEST = unix("2022-06-18 09:09:38"), Decimal("0.93501933")
CRASH = range(unix("2023-08-17 21:00"), unix("2023-08-17 22:00"))
COARSE = {STETH_IN_ETHER: Decimal("0.002"), ETHER_IN_USD: Decimal(10)}
Lived = tuple[Case, list[Observed]]


def observed(case: Case) -> Lived:
    coarse = replace(case, step=COARSE[case.feed])
    return coarse, coarse.observed(coarse.rounds(), coarse.shipped.shock)


@pytest.fixture(scope="module")
def depeg() -> Lived:
    return observed(staked())


@pytest.fixture(scope="module")
def fall() -> Lived:
    return observed(ether())


def said(name: str, life: Life) -> None:
    sys.stdout.write(f"{name}: {life.fires} fires, {life.flaps} flaps, {life.hours} h in alert\n")


def test_depeg__over_two_years_of_rounds__fires_four_times_and_holds_through_the_low(
    depeg: Lived,
) -> None:
    case, row = depeg
    assert min((each.price, each.unix) for each in row) == (LOWEST, LOW)
    life = lived(case.shipped.rule, row)
    said("steth-depeg", life)
    assert life.fired_at(LOW) == unix("2022-05-12 17:13:09")
    assert (life.fires, life.flaps, life.blind) == (4, 0, 0)
    assert life.hours == 3304


def test_depeg__seen_first_at_the_low__trips_there(
    depeg: Lived,
) -> None:
    case, row = depeg
    life = lived(case.shipped.rule, [each for each in row if each.unix >= LOW])
    assert life.firing[0][0] - LOW == 12 * (case.shipped.rule.hold_blocks - 1)


def test_fall__over_ten_months_of_rounds__fires_twice_once_in_the_crash(
    fall: Lived,
) -> None:
    case, row = fall
    life = lived(case.shipped.rule, row)
    said("eth-fall", life)
    assert [start in CRASH for start, _ in life.firing] == [False, True]
    assert (life.flaps, life.blind) == (0, 0)


def test_fall__without_hysteresis__fires_ten_times_as_often(fall: Lived) -> None:
    case, row = fall
    plain = lived(bare(case.shipped.rule), row)
    said("eth-fall without hysteresis", plain)
    assert plain.fires > 20
    assert plain.flaps > 15


def test_life__of_a_breaker__is_what_its_steps_say(depeg: Lived) -> None:
    """The judge of all this, by hand: two blocks beyond trip, one at clear."""
    rule, shared = depeg[0].shipped.rule, [("0", 0), ("0.5", 100), ("0.003", 200), ("0", 300)]
    row = [Observed(at, Decimal(1), Reading(Decimal(value))) for value, at in (*shared, ("0", 400))]
    assert lived(rule, row) == Life(((112, 300),), 1, 0, 0, 0, 400)
    assert lived(bare(rule), row).firing == ((100, 200),)
    assert step(rule, BreakerState(), [row[0].reading], depeg[0].scene.world.block)[0].phase is (
        BreakerPhase.ARMED
    )
