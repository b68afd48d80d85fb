"""A breaker or a watch that is taken out of the configuration while it fires ends, once."""

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from builders import a_block
from unit.engine.breakers import ORIGIN, a_rule, lived
from unit.engine.test_judge import RULE, Runner, answer

from monitor.core.alerts import Alert, AlertType, BreakerPhase, BreakerState, Judgement
from monitor.core.delta import BlockDelta
from monitor.core.ledger import Ledger
from monitor.core.ports import UndoRecord
from monitor.engine.announcement import UNHEARD, Evidence, announcement
from monitor.engine.judge import Judge, Receiver
from monitor.engine.retirement import NO_LONGER

WATCHED = "watch/mine/aave-core//0xabc"
BELOW = BreakerState(
    phase=BreakerPhase.WARNED, episode_block_hash=a_block().hash, started_unix=1_000
)
NEXT = a_block(a_block(number=500))


def a_judge(states: Mapping[str, BreakerState]) -> Judge:
    """It knows no other breaker than `RULE`'s, and no watch."""
    runner = Runner()
    runner.next = replace(answer(NEXT), result=None, fault="not asked")
    receivers = [Receiver("on-call", (RULE.name,))]
    judge = Judge(runner, [RULE], receivers, str, origin=ORIGIN)  # type: ignore[arg-type]
    judge.resume(states)
    return judge


async def ended(judge: Judge) -> tuple[Judgement, list[Alert]]:
    """What the next block says of what is gone; it goes to everybody or is silenced."""
    judgement, webhooks = await judge.judge(Ledger(), NEXT)
    judge.settle(judgement)
    found = [alert for alert in judgement.alerts if alert.breaker != RULE.name]
    assert all(webhooks[a.id] == (() if a.silenced else ("on-call",)) for a in found)
    return judgement, found


async def test_retired__breaker_that_fired__is_cleared_in_the_episode_it_fired_in() -> None:
    rule = replace(a_rule(), name="old")
    state, ((tripped,),), block = lived(rule, [20])
    judge = a_judge({"old": state})
    judgement, (alert,) = await ended(judge)
    assert (alert.type, alert.block, dict(judgement.breakers)["old"].phase) == (
        AlertType.CLEARED,
        NEXT,
        BreakerPhase.ARMED,
    )
    said = announcement(rule, tripped, block, Evidence({}, reproduce=""))
    assert (alert.episode, alert.fingerprint) == (said.episode, said.fingerprint)
    told = json.loads(alert.body)["data"]
    assert (told["alert"]["status"], told["alert"]["severity"]) == ("resolved", "critical")
    assert (told["measure"], told["projection"]["unknown"]) == (None, [NO_LONGER])
    assert (await ended(judge))[1] == []
    assert set(judge.states) == {RULE.name}


@pytest.mark.parametrize(
    ("name", "state", "types"),
    [
        ("old", lived(a_rule(), [20, None])[0], [AlertType.RECOVERED, AlertType.CLEARED]),
        ("old", lived(a_rule(), [None])[0], [AlertType.RECOVERED]),
        ("old", lived(a_rule(), [20, 0])[0], []),
        (WATCHED, BELOW, [AlertType.WATCH_RECOVERED]),
        (WATCHED, BreakerState(held_blocks=2), []),
        (RULE.name, lived(a_rule(), [20])[0], []),
    ],
)
async def test_retired__whatever_it_had_said__is_ended(
    name: str, state: BreakerState, types: list[AlertType]
) -> None:
    _, alerts = await ended(a_judge({name: state}))
    assert [alert.type for alert in alerts] == types
    assert {alert.breaker for alert in alerts} <= {"old", "mine"}


async def test_retired__what_nobody_heard__ends_unheard() -> None:
    (alert,) = (await ended(a_judge({"old": lived(a_rule(), [20], silenced=[0])[0]})))[1]
    assert alert.silenced == UNHEARD


async def test_retired__block_reverted__is_said_again_of_the_next() -> None:
    state, _, _ = lived(a_rule(), [20])
    judge = a_judge({"old": state})
    judgement, (first,) = await ended(judge)
    judge.restore(UndoRecord(BlockDelta(NEXT, ()), judgement, {"old": state}))
    _, (second,) = await ended(judge)
    assert first == second


async def test_retired__as_bad_as_what_was_told_of_it() -> None:
    """A trip that was pending was told as a warning; a watched position is always critical."""
    state, _, _ = lived(replace(a_rule(hold_blocks=2), name="old"), [20])
    assert state.phase is BreakerPhase.PENDING
    _, alerts = await ended(a_judge({"old": state, WATCHED: BELOW}))
    told = {alert.breaker: json.loads(alert.body)["data"]["alert"]["severity"] for alert in alerts}
    assert told == {"old": "warning", "mine": "critical"}
    assert told == {alert.breaker: alert.severity for alert in alerts}
