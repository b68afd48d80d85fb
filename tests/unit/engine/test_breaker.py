import json
from decimal import Decimal

import pytest
from builders import a_block

from monitor.core.alerts import AlertType, BreakerPhase, BreakerState
from monitor.core.blocks import BlockRef
from monitor.engine.announcement import Evidence, announcement, retraction_of
from monitor.engine.breaker import (
    AlertStatus,
    BreakerRule,
    Origin,
    Severity,
    Transition,
    step,
)
from monitor.engine.measures import NOTHING_CRITICAL, Limits, Measure, Reading

EVIDENCE = Evidence({"amplification": 1.8}, reproduce="cascade-monitor project --shock WETH=-0.3")


def a_rule(hold_blocks: int = 2, measure: Measure = Measure.LIQUIDATED_USD) -> BreakerRule:
    return BreakerRule(
        origin=Origin("default", "0xgenesis"),
        name="eth-cascade",
        limits=(
            Limits(measure, Decimal(5_000_000), Decimal(20_000_000), clear=Decimal(4_000_000)),
        ),
        hold_blocks=hold_blocks,
    )


def a_shock_rule() -> BreakerRule:
    return BreakerRule(
        origin=Origin("default", "0xgenesis"),
        name="near",
        limits=(
            Limits(Measure.CRITICAL_SHOCK, Decimal("0.3"), Decimal("0.1"), clear=Decimal("0.4")),
        ),
    )


def after(
    rule: BreakerRule, *millions: int | None
) -> tuple[BreakerState, list[AlertType], BlockRef]:
    """State, events and last block of readings in millions of USD, one a block."""
    state, types, block = BreakerState(), [], a_block()
    for value in millions:
        block = a_block(block)
        reading = Reading(None if value is None else Decimal(value * 10**6))
        state, events = step(rule, state, [reading], block)
        types += [event.type for event in events]
    return state, types, block


def an_event(rule: BreakerRule, value: str, block: BlockRef) -> Transition:
    _, (event,) = step(rule, BreakerState(), [Reading(Decimal(value))], block)
    return event


@pytest.mark.parametrize(
    ("millions", "phase", "types"),
    [
        ([], BreakerPhase.ARMED, []),
        ([4], BreakerPhase.ARMED, []),
        ([5], BreakerPhase.WARNED, [AlertType.WARNED]),
        ([5, 5], BreakerPhase.WARNED, [AlertType.WARNED]),
        ([20], BreakerPhase.PENDING, [AlertType.WARNED]),
        ([5, 20], BreakerPhase.PENDING, [AlertType.WARNED]),
        ([20, 19], BreakerPhase.WARNED, [AlertType.WARNED]),
        ([20, 19, 20], BreakerPhase.PENDING, [AlertType.WARNED]),
        ([20, 20], BreakerPhase.TRIPPED, [AlertType.WARNED, AlertType.TRIPPED]),
        (
            [20, None, None, 20],
            BreakerPhase.TRIPPED,
            [AlertType.WARNED, AlertType.BLIND, AlertType.RECOVERED, AlertType.TRIPPED],
        ),
        ([20, 20, 19], BreakerPhase.RECOVERING, [AlertType.WARNED, AlertType.TRIPPED]),
        ([20, 20, 19, 20], BreakerPhase.TRIPPED, [AlertType.WARNED, AlertType.TRIPPED]),
        (
            [20, 20, 4],
            BreakerPhase.ARMED,
            [AlertType.WARNED, AlertType.TRIPPED, AlertType.CLEARED],
        ),
        ([5, 4], BreakerPhase.ARMED, [AlertType.WARNED, AlertType.CLEARED]),
        ([20, 4], BreakerPhase.ARMED, [AlertType.WARNED, AlertType.CLEARED]),
        ([None, None], BreakerPhase.ARMED, [AlertType.BLIND]),
    ],
)
def test_step__readings_in_a_row__phase_and_events(
    millions: list[int | None], phase: BreakerPhase, types: list[AlertType]
) -> None:
    state, said, _ = after(a_rule(), *millions)
    assert (state.phase, said) == (phase, types)


def test_step__no_hold__trips_at_once_and_says_only_that() -> None:
    state, types, _ = after(a_rule(hold_blocks=1), 20)
    assert (state.phase, types) == (BreakerPhase.TRIPPED, [AlertType.TRIPPED])


def test_step__unknown__keeps_phase_and_hold_but_is_blind() -> None:
    state, _, _ = after(a_rule(hold_blocks=3), 20, 20, None)
    assert (state.phase, state.held_blocks, state.blind) == (BreakerPhase.PENDING, 2, True)


def test_step__seen_again__is_not_blind() -> None:
    assert not after(a_rule(), None, 1)[0].blind


def test_step__blind_for_a_while__is_one_episode_with_a_beginning_and_an_end() -> None:
    rule, first = a_rule(), a_block()
    blind, (begun,) = step(rule, BreakerState(), [Reading(None)], first)
    last = a_block(first)
    _, (over,) = step(rule, blind, [Reading(Decimal(0))], last)
    assert begun.episode == over.episode
    assert (begun.status, over.status) == (AlertStatus.FIRING, AlertStatus.RESOLVED)
    assert (over.started_unix, over.ended_unix) == (first.timestamp, last.timestamp)
    assert (begun.value, begun.threshold) == (None, None)


def test_step__cleared_and_fired_again__is_another_episode() -> None:
    rule = a_rule()
    first, _, block = after(rule, 5)
    armed, _ = step(rule, first, [Reading(Decimal(0))], a_block(block))
    second, _ = step(rule, armed, [Reading(rule.limits[0].warn)], a_block(a_block(block)))
    assert first.episode != second.episode


def test_step__cleared_after_a_trip__resolves_at_the_severity_that_fired() -> None:
    rule = a_rule(hold_blocks=1)
    tripped, _, block = after(rule, 20)
    _, (event,) = step(rule, tripped, [Reading(Decimal(0))], a_block(block))
    assert event.severity is Severity.CRITICAL
    assert event.ended_unix == a_block(block).timestamp
    assert event.started_unix == block.timestamp


@pytest.mark.parametrize(
    ("value", "phase"),
    [
        ("0.1", BreakerPhase.TRIPPED),
        ("0.3", BreakerPhase.WARNED),
        ("0.35", BreakerPhase.ARMED),
        ("Infinity", BreakerPhase.ARMED),
    ],
)
def test_step__critical_shock__lower_is_worse(value: str, phase: BreakerPhase) -> None:
    state, _ = step(a_shock_rule(), BreakerState(), [Reading(Decimal(value))], a_block())
    assert state.phase is phase


def test_step__no_critical_shock_any_more__clears() -> None:
    warned, _ = step(a_shock_rule(), BreakerState(), [Reading(Decimal("0.2"))], a_block())
    _, (event,) = step(a_shock_rule(), warned, [Reading(NOTHING_CRITICAL)], a_block(a_block()))
    assert event.type is AlertType.CLEARED


def test_reading__nan__is_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        Reading(Decimal("NaN"))


@pytest.mark.parametrize(
    ("measure", "value", "shown"),
    [
        (Measure.LIQUIDATED_USD, "1234567.895", "1234567.90"),
        (Measure.BAD_DEBT_USD, "1E+300", "1" + "0" * 300 + ".00"),
        (Measure.AMPLIFICATION, "1E+2", "100"),
        (Measure.CRITICAL_SHOCK, "Infinity", None),
    ],
)
def test_measure__shown__is_the_contracts_text(
    measure: Measure, value: str, shown: str | None
) -> None:
    assert measure.shown(Decimal(value)) == shown


def test_announcement__of_a_warning__has_the_contracts_shape() -> None:
    rule, block = a_rule(), a_block(number=1_700_000)
    alert = announcement(rule, an_event(rule, "5000000", block), block, EVIDENCE)
    assert json.loads(alert.body) == {
        "type": "breaker.warned",
        "timestamp": "1970-08-25T02:40:00Z",
        "data": {
            "alert": {
                "id": alert.id,
                "fingerprint": alert.fingerprint,
                "episode": alert.episode,
                "retracts": None,
                "breaker": "eth-cascade",
                "severity": "warning",
                "status": "firing",
                "starts_at": "1970-08-25T02:40:00Z",
                "ends_at": None,
            },
            "block": {"number": block.number, "hash": block.hash, "timestamp": block.timestamp},
            "measure": "liquidated_usd",
            "value": "5000000.00",
            "threshold": "5000000.00",
            "projection": {"amplification": 1.8},
            "loops": [],
            "actions": [],
            "reproduce": "cascade-monitor project --shock WETH=-0.3",
        },
    }


def test_announcement__same_event_twice__is_the_same_alert() -> None:
    rule, block = a_rule(), a_block()
    event = an_event(rule, "5000000", block)
    assert announcement(rule, event, block, EVIDENCE) == announcement(rule, event, block, EVIDENCE)


def test_announcement__same_event_on_a_sibling_block__has_another_id() -> None:
    rule = a_rule()
    left, right = a_block(fork="left"), a_block(fork="right")
    ids = {
        announcement(rule, an_event(rule, "5000000", block), block, EVIDENCE).id
        for block in (left, right)
    }
    assert len(ids) == 2


def test_announcement__projection_with_infinity__is_refused() -> None:
    rule, block = a_rule(), a_block()
    evidence = Evidence({"amplification": float("inf")}, reproduce="")
    with pytest.raises(ValueError, match="JSON"):
        announcement(rule, an_event(rule, "5000000", block), block, evidence)


def test_retraction__of_a_firing__resolves_it_under_an_id_of_its_own() -> None:
    rule, block = a_rule(), a_block()
    alert = announcement(rule, an_event(rule, "5000000", block), block, EVIDENCE)
    retraction = retraction_of(alert)
    told = json.loads(retraction.body)
    assert told["type"] == "breaker.retracted"
    assert told["data"]["alert"]["retracts"] == alert.id
    assert told["data"]["alert"]["id"] == retraction.id != alert.id
    assert told["data"]["alert"]["status"] == "resolved"
    assert told["data"]["alert"]["ends_at"] is not None
    assert retraction == retraction_of(alert)


def test_retraction__of_an_all_clear__fires_again() -> None:
    rule = a_rule()
    warned, _, block = after(rule, 5)
    child = a_block(block)
    _, (event,) = step(rule, warned, [Reading(Decimal(0))], child)
    told = json.loads(retraction_of(announcement(rule, event, child, EVIDENCE)).body)
    assert told["data"]["alert"]["status"] == "firing"
    assert told["data"]["alert"]["ends_at"] is None
