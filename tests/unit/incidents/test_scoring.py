"""Lead time, false alarms and misses, by hand: blocks 12 s apart, a horizon of two minutes."""

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from builders import a_block

from monitor.incidents.course import Course, Happened, Moment, Standing, Told, Ward
from monitor.incidents.scoring import Meeting, Score, scores_of, waves_of

HORIZON = 120
BLOCKS = 40
FIRST = 100


def moments(
    repaid: Mapping[int, int], trips: tuple[int, ...] = (), firing: range = range(0)
) -> list[Moment]:
    """`repaid`: USD by block after the first one; `trips`, `firing`: such blocks too."""
    found = []
    for number in range(BLOCKS):
        told = Told(f"id {number}", "breaker.tripped", "eth", "critical", "1")
        happened = Happened("aave", "0x1", "0x2", Fraction(repaid.get(number, 0)))
        found.append(
            Moment(
                block=a_block(number=FIRST + number),
                scenarios={},
                breakers={"eth": Standing("armed", number in firing, "1")},
                alerts=(told,) if number in trips else (),
                liquidations=(happened,) if number in repaid else (),
                prices={},
            )
        )
    return found


def score(measure: str = "liquidated_usd", trip: str = "100", **course: object) -> Score:
    ward = Ward("eth", "crash", measure, Decimal(50), Decimal(trip), Decimal(20))
    row = moments(**course)  # type: ignore[arg-type]
    (found,) = scores_of(Course(row, (ward,)), HORIZON)
    return found


def met(found: Score) -> Meeting:
    (meeting,) = found.meetings
    return meeting


def test_lead__of_a_trip_before_the_first_liquidation__is_the_time_between() -> None:
    found = score(repaid={15: 300, 16: 500, 18: 200}, trips=(10,), firing=range(10, 40))
    assert (met(found).verdict, met(found).lead_seconds, met(found).lead_blocks) == ("led", 60, 5)
    assert met(found).peak_lead_seconds == 72
    assert met(found).wave.repaid_usd == 1_000
    assert [trip.verdict for trip in found.trips] == ["right"]
    assert (found.false_alarms, found.misses) == (0, 0)


def test_lead__of_two_trips_before__is_of_the_newest() -> None:
    found = score(repaid={15: 300}, trips=(1, 12), firing=range(12, 40))
    assert (met(found).lead_seconds, found.false_alarms) == (36, 1)


def test_lead__of_a_breaker_that_fired_since_before_the_first_block__is_unknown() -> None:
    found = score(repaid={15: 300}, firing=range(40))
    assert (met(found).verdict, met(found).lead_seconds) == ("led", None)


def test_trip__within_the_wave__is_late_and_its_lead_negative() -> None:
    found = score(repaid={15: 300, 20: 10}, trips=(17,), firing=range(17, 40))
    assert (met(found).verdict, met(found).lead_seconds) == ("late", -24)


def test_trip__in_the_block_of_the_first_liquidation__is_late_with_no_lead() -> None:
    found = score(repaid={15: 300}, trips=(15,), firing=range(15, 40))
    assert (met(found).verdict, met(found).lead_seconds) == ("late", 0)
    assert found.trips[0].seconds == 0


def test_trip__that_cleared_before_the_wave__did_not_lead_it() -> None:
    found = score(repaid={20: 300}, trips=(11,), firing=range(11, 15))
    assert (met(found).verdict, met(found).tripped) == ("missed", None)
    assert [(trip.verdict, trip.seconds) for trip in found.trips] == [("right", 108)]


def test_trip__with_nothing_within_the_horizon__is_a_false_alarm() -> None:
    found = score(repaid={20: 300}, trips=(9,), firing=range(9, 12))
    assert [(trip.verdict, trip.seconds) for trip in found.trips] == [("false", 132)]
    assert found.false_alarms == 1


def test_trip__a_horizon_before_the_liquidation__is_right() -> None:
    assert score(repaid={20: 300}, trips=(10,)).trips[0].verdict == "right"


def test_trip__less_than_a_horizon_before_the_last_block__is_open() -> None:
    trips = score(repaid={}, trips=(29, 30)).trips
    assert [(trip.verdict, trip.seconds) for trip in trips] == [("false", None), ("open", None)]


def test_wave__without_a_trip__is_missed_unless_it_is_small() -> None:
    assert met(score(repaid={15: 100})).verdict == "missed"
    assert met(score(repaid={15: 99})).verdict == "small"
    assert met(score(repaid={15: 99}, measure="bad_debt_usd")).verdict == "missed"


def test_score__of_waves_that_are_small__has_nothing_to_lead() -> None:
    found = score(repaid={15: 1})
    assert (found.lead, found.misses) == (None, 0)


def test_waves__a_horizon_apart__are_two() -> None:
    row = moments({5: 10, 14: 20, 24: 5})
    found = [(wave.first.number - FIRST, wave.last.number - FIRST) for wave in waves_of(row, 120)]
    assert found == [(5, 14), (24, 24)]
    assert [wave.peak.number - FIRST for wave in waves_of(row, 120)] == [14, 24]
    assert len(waves_of(row, 121)) == 1


def test_waves__of_debt_without_a_price__count_it_and_sum_the_rest() -> None:
    row = moments({5: 10})
    unpriced = Happened("aave", "0x1", "0x2", None)
    row[6] = Moment(row[6].block, {}, row[6].breakers, (), (unpriced,), {})
    (wave,) = waves_of(row, 120)
    assert (int(wave.repaid_usd), wave.count) == (10, 2)
