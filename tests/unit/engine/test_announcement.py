import json
from dataclasses import replace
from decimal import Decimal

import pytest
from builders import a_block
from unit.engine.breakers import MILLIONS, a_rule, an_event, lived

from monitor.core.alerts import AlertType
from monitor.engine.announcement import Evidence, announcement, retraction_of, silenced_for
from monitor.engine.measures import Measure

EVIDENCE = Evidence({"amplification": 1.8}, reproduce="cascade-monitor project --shock WETH=-0.3")


def test_announcement__of_a_warning__has_the_contracts_shape() -> None:
    rule, block = a_rule(), a_block(number=1_700_000)
    alert = announcement(rule, an_event(rule, 5, block), block, EVIDENCE)
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
    event = an_event(rule, 5, block)
    assert announcement(rule, event, block, EVIDENCE) == announcement(rule, event, block, EVIDENCE)


def test_announcement__same_event_on_a_sibling_block__has_another_id() -> None:
    rule = a_rule()
    left, right = a_block(fork="left"), a_block(fork="right")
    ids = {
        announcement(rule, an_event(rule, 5, block), block, EVIDENCE).id for block in (left, right)
    }
    assert len(ids) == 2


def test_announcement__projection_with_infinity__is_refused() -> None:
    rule, block = a_rule(), a_block()
    evidence = Evidence({"amplification": float("inf")}, reproduce="")
    with pytest.raises(ValueError, match="JSON"):
        announcement(rule, an_event(rule, 5, block), block, evidence)


def test_retraction__of_a_firing__resolves_it_under_an_id_of_its_own() -> None:
    rule, block = a_rule(), a_block()
    alert = announcement(rule, an_event(rule, 5, block), block, EVIDENCE)
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
    _, (_, (event,)), block = lived(rule, [5, 0])
    told = json.loads(retraction_of(announcement(rule, event, block, EVIDENCE)).body)
    assert told["data"]["alert"]["status"] == "firing"
    assert told["data"]["alert"]["ends_at"] is None


@pytest.mark.parametrize(
    ("history", "silenced", "status"),
    [
        pytest.param([20], [], ["resolved"], id="a trip alone"),
        pytest.param([20, 20], [], ["firing"], id="a trip after a warning"),
        pytest.param([60, 60], [], ["firing", "firing"], id="with an escalation"),
        pytest.param([20, 20, 20], [], ["firing"], id="a reminder"),
        pytest.param([20, 20, 60], [0, 1], ["resolved", "resolved"], id="nobody heard before"),
        pytest.param([5, 5, 5], [0, 1], ["resolved"], id="said first after a silence"),
    ],
)
def test_retraction__of_what_more_was_said_of_a_firing__leaves_it_firing(
    history: list[int], silenced: list[int], status: list[str]
) -> None:
    rule = a_rule(hold_blocks=2 if len(history) > 1 else 1, escalate=[50], remind_seconds=12)
    if silenced:
        rule = replace(rule, hold_blocks=3)
    _, said, block = lived(rule, history, silenced=silenced)
    alerts = [announcement(rule, event, block, EVIDENCE) for event in said[-1]]
    found = [json.loads(retraction_of(one).body)["data"]["alert"] for one in alerts]
    assert [one["status"] for one in found] == status
    assert [one["retracts_type"] for one in found] == [alert.type for alert in alerts]
    stands = {AlertType.TRIPPED: "warning"} if status[0] == "firing" else {}
    assert [one["severity"] for one in found] == [
        stands.get(alert.type, alert.severity) for alert in alerts
    ]
    assert all((one["ends_at"] is None) == (one["status"] == "firing") for one in found)


def test_announcement__all_that_can_be_said_at_one_block__has_ids_of_its_own() -> None:
    rule, block = a_rule(), a_block()
    event = an_event(rule, 5, block)
    alerts = [announcement(rule, replace(event, type=one), block, EVIDENCE) for one in AlertType]
    assert len({alert.id for alert in alerts}) == len(AlertType)
    assert len({alert.fingerprint for alert in alerts}) == 1


def test_announcement__of_several_measures__lists_them_and_tells_the_one_that_decides() -> None:
    rule = a_rule(measures=2)
    share = replace(
        MILLIONS,
        measure=Measure.SHARE_OF_MARKET,
        warn=Decimal("0.1"),
        trip=Decimal("0.2"),
        clear=Decimal("0.05"),
        scenario="other",
        markets=("aave-core",),
    )
    rule = replace(rule, limits=(MILLIONS, share))
    event = replace(
        an_event(a_rule(), 5, a_block()),
        decides=1,
        value=Decimal("0.15"),
        values=(None, Decimal("0.15")),
        threshold=Decimal("0.1"),
    )
    data = json.loads(announcement(rule, event, a_block(), EVIDENCE).body)["data"]
    assert (data["measure"], data["value"], data["threshold"]) == ("share_of_market", "0.15", "0.1")
    first, second = data["measures"]
    assert (first["value"], first["scenario"], first["markets"]) == (None, "eth-crash", ["*"])
    assert second == {
        "scenario": "other",
        "measure": "share_of_market",
        "markets": ["aave-core"],
        "value": "0.15",
        "warn": "0.1",
        "trip": "0.2",
        "clear": "0.05",
    }


def test_retraction__of_what_could_be_done__proposes_nothing() -> None:
    rule, block = a_rule(), a_block()
    evidence = replace(EVIDENCE, actions=({"calldata": "0x", "simulated": "ok"},))
    alert = announcement(rule, an_event(rule, 20, block), block, evidence)
    assert len(json.loads(alert.body)["data"]["actions"]) == 1
    assert json.loads(retraction_of(alert).body)["data"]["actions"] == []


def test_retraction__of_what_nobody_heard__is_silenced_too() -> None:
    rule, block = a_rule(), a_block()
    alert = silenced_for(announcement(rule, an_event(rule, 5, block), block, EVIDENCE), "known")
    assert retraction_of(alert).silenced == "known"
