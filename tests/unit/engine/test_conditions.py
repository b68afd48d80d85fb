"""A condition begins once, ends once, and says so in the shape of the contract."""

import json

import pytest
from builders import a_block

from monitor.core.alerts import Alert, AlertType, ConditionState
from monitor.core.blocks import BlockRef
from monitor.core.conditions import Condition
from monitor.engine.breaker import Origin
from monitor.engine.conditions import LONGEST_REASON, MOST_REASONS, Sight, blind_json, told, turn

ORIGIN = Origin("default", "0x01")
BLOCK = a_block(number=7)
NOW = 1_700_000_000.9
HOLD = 10.0
CALM = ConditionState(serial=3)
BLIND = ConditionState(True, 3, 1_699_999_000, BLOCK.hash, ("no node answers",))
WHY = ("no newer block",)


def turned(
    state: ConditionState, sight: Sight, block: BlockRef | None = BLOCK, now: float = NOW
) -> tuple[ConditionState, Alert | None]:
    return turn(ORIGIN, Condition.HEAD, state, sight, block, now, HOLD)


@pytest.mark.parametrize(
    ("state", "sight"),
    [
        (CALM, Sight(())),
        (CALM, Sight((), 1e9)),
        (CALM, Sight(WHY, 9.9)),
        (CALM, Sight(None)),
        (BLIND, Sight(WHY, 1e9)),
        (BLIND, Sight((), 9.9)),
        (BLIND, Sight(None)),
    ],
)
def test_turn__nothing_new_or_not_long_enough__says_nothing(
    state: ConditionState, sight: Sight
) -> None:
    assert turned(state, sight) == (state, None)


def test_turn__held_long_enough__is_blind_since_the_first_reason() -> None:
    after, alert = turned(CALM, Sight(WHY, 12.0))
    assert after == ConditionState(True, 4, 1_699_999_988, BLOCK.hash, WHY)
    assert alert is not None
    assert (alert.type, alert.breaker, alert.block) == (AlertType.BLIND, Condition.HEAD, BLOCK)
    assert not alert.is_of_chain
    assert json.loads(alert.body) == {
        "type": "monitor.blind",
        "timestamp": "2023-11-14T22:13:20Z",
        "data": {
            "alert": {
                "id": alert.id,
                "fingerprint": alert.fingerprint,
                "episode": alert.episode,
                "retracts": None,
                "breaker": "monitor.head",
                "severity": "critical",
                "status": "firing",
                "starts_at": "2023-11-14T22:13:08Z",
                "ends_at": None,
            },
            "block": {"number": 7, "hash": BLOCK.hash, "timestamp": BLOCK.timestamp},
            "measure": None,
            "value": None,
            "threshold": None,
            "projection": {},
            "loops": [],
            "actions": [],
            "reproduce": "cascade-monitor status",
            "reasons": ["no newer block"],
        },
    }


def test_turn__over_long_enough__recovers_in_the_same_episode() -> None:
    blind, begun = turned(CALM, Sight(WHY, HOLD))
    after, ended = turned(blind, Sight((), HOLD), a_block(BLOCK), NOW + 60)
    assert after == ConditionState(serial=4)
    assert begun is not None
    assert ended is not None
    told_body = json.loads(ended.body)
    alert = told_body["data"]["alert"]
    assert ended.type is AlertType.RECOVERED
    assert (alert["status"], alert["ends_at"]) == ("resolved", "2023-11-14T22:14:20Z")
    assert alert["starts_at"] == json.loads(begun.body)["data"]["alert"]["starts_at"]
    assert (ended.episode, ended.fingerprint) == (begun.episode, begun.fingerprint)
    assert ended.id != begun.id
    assert told_body["data"]["reasons"] == list(WHY)


def test_turn__before_the_first_judged_block__names_none() -> None:
    _, alert = turned(CALM, Sight(WHY, HOLD), None)
    assert alert is not None
    found = json.loads(alert.body)["data"]["block"]
    assert found == {"number": None, "hash": None, "timestamp": None}


def test_turn__decided_again_after_a_crash__has_the_same_ids_whatever_the_time() -> None:
    _, first = turned(CALM, Sight(WHY, HOLD))
    _, again = turned(CALM, Sight(("other words",), 99.0), now=NOW + 1_000)
    assert first is not None
    assert again is not None
    assert (first.id, first.episode) == (again.id, again.episode)


def test_turn__two_episodes_at_one_block__share_no_id() -> None:
    state, ids = CALM, []
    for _ in range(2):
        state, begun = turned(state, Sight(WHY, HOLD))
        state, ended = turned(state, Sight((), HOLD))
        ids += [alert.id for alert in (begun, ended) if alert is not None]
    assert len(set(ids)) == 4


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        (
            "see https://user:secret@node.example/key?a=1, it is away",
            "see (URL), it is away",
        ),
        ("rediss://:pw@host:6379/0", "(URL)"),
        ("unix:///run/redis.sock, refused", "(URL), refused"),
        ("x" * 400, "x" * (LONGEST_REASON - 1) + "…"),
        ("x" * LONGEST_REASON, "x" * LONGEST_REASON),
    ],
)
def test_told__a_reason__has_no_url_and_a_bound(reason: str, shown: str) -> None:
    assert told((reason,)) == (shown,)


def test_told__more_than_ten_reasons__says_how_many_are_left_out() -> None:
    shown = told([f"price {number}" for number in range(25)])
    assert len(shown) == MOST_REASONS
    assert shown[-1] == "and 16 more"
    assert told(["twice", "twice"]) == ("twice",)


def test_blind_json__of_the_api__tells_since_when_and_why() -> None:
    assert blind_json({"monitor.head": BLIND}) == {
        "monitor.head": {"since": "2023-11-14T21:56:40Z", "reasons": ["no node answers"]}
    }
