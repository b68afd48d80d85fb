"""What every queue does with what is final, fresh, too much or of the monitor itself."""

import json
from dataclasses import replace

import pytest
from builders import a_block, a_delta, a_judgement, an_alert
from redis.asyncio import Redis
from store_subject import BASE, FIRST, SECOND, Subject, a_retraction, a_subject

from monitor.core.alerts import Alert, AlertType, ConditionState, Delivery
from monitor.core.blocks import BlockRef
from monitor.core.delivery import FURTHEST_SECONDS
from monitor.store.identity import Identity

DAY = 86_400.0
BLIND = ConditionState(True, 1, 1_763_550_000, "0xabc", ("no block for 200 s",))


@pytest.fixture(params=["memory", "redis"])
async def subject(request: pytest.FixtureRequest, client: Redis, identity: Identity) -> Subject:
    return await a_subject(request.param, client, identity)


def a_condition(block: BlockRef, type: AlertType = AlertType.BLIND) -> Alert:
    return an_alert(block, "monitor.head", type)


async def final(subject: Subject, webhook: str) -> Delivery | None:
    return await subject.queue.due(webhook, subject.clock(), final_only=True)


async def taken(subject: Subject, webhook: str, *, final_only: bool = False) -> list[str]:
    """The ids of all that is delivered, one after the other."""
    found: list[str] = []
    done = None
    while True:
        done = await subject.queue.take(webhook, subject.clock(), final_only=final_only, done=done)
        if done is None:
            return found
        found.append(done.alert_id)


async def test_take__one_after_the_other__delivers_all_in_order(subject: Subject) -> None:
    await subject.begin(FIRST, SECOND)
    wanted = [(await subject.raise_alert(block, "ops")).id for block in (FIRST, SECOND)]
    assert await taken(subject, "ops") == wanted
    assert await subject.outcomes() == [{"ops": "delivered"}, {"ops": "delivered"}]
    assert await subject.queue.pending() == 0


async def test_take__fresh_alert__is_begun(subject: Subject) -> None:
    await subject.begin(FIRST)
    await subject.raise_alert(FIRST, "ops")
    delivery = await subject.queue.take("ops", subject.clock())
    assert delivery is not None
    assert delivery.attempts == 0
    assert (await subject.due("ops")).attempts == 1
    # Bytes may have left: what it says has to be taken back.
    assert await subject.revert(FIRST, "ops") == (a_retraction(FIRST),)


async def test_take__the_same_done_twice__is_delivered_once(subject: Subject) -> None:
    await subject.begin(FIRST, SECOND)
    await subject.raise_alert(FIRST, "ops")
    second = await subject.raise_alert(SECOND, "ops")
    first = await subject.queue.take("ops", subject.clock())
    for _ in range(2):
        delivery = await subject.queue.take("ops", subject.clock(), done=first)
        assert delivery is not None
        assert delivery.alert_id == second.id
    assert await subject.outcomes() == [{"ops": "pending"}, {"ops": "delivered"}]


async def test_take__done_went_and_came_back_meanwhile__is_told_once(subject: Subject) -> None:
    await subject.begin(FIRST)
    await subject.raise_alert(FIRST, "ops")
    before = await subject.queue.take("ops", subject.clock())
    await subject.revert(FIRST, "ops")
    await subject.store.commit(a_delta(FIRST))
    subject.clock.now_unix += 1
    await subject.raise_alert(FIRST, "ops")
    assert await subject.queue.take("ops", subject.clock(), done=before) is None
    assert (await subject.outcomes())[0] == {"ops": "delivered"}


async def test_take__done_retraction_of_what_came_back_meanwhile__is_told_again(
    subject: Subject,
) -> None:
    await subject.begin(FIRST)
    alert = await subject.raise_alert(FIRST, "ops")
    await taken(subject, "ops")
    await subject.revert(FIRST, "ops")
    retraction = await subject.queue.take("ops", subject.clock())
    assert retraction is not None
    assert retraction.alert_id == a_retraction(FIRST).id
    await subject.store.commit(a_delta(FIRST))
    await subject.raise_alert(FIRST, "ops")
    again = await subject.queue.take("ops", subject.clock(), done=retraction)
    assert again is not None
    assert again.alert_id == alert.id


async def test_take__head_put_off__gives_nothing(subject: Subject) -> None:
    await subject.begin(FIRST, SECOND)
    await subject.raise_alert(FIRST, "ops")
    await subject.raise_alert(SECOND, "ops")
    head = await subject.queue.take("ops", subject.clock())
    assert head is not None
    await subject.queue.postpone(head, subject.clock() + 5)
    assert await subject.queue.take("ops", subject.clock() + 4) is None
    assert await subject.queue.take("ops", subject.clock() + 5) is not None


@pytest.mark.parametrize("moved_seconds", [-400 * DAY, -DAY, -FURTHEST_SECONDS, DAY])
async def test_take__clock_was_set_between_two_lives__gives_what_is_fresh(
    subject: Subject, moved_seconds: float
) -> None:
    await subject.begin(FIRST)
    await subject.raise_alert(FIRST, "ops")
    assert await subject.queue.take("ops", subject.clock() + moved_seconds) is not None


async def test_take__put_off_by_a_clock_that_was_a_day_ahead__is_due(subject: Subject) -> None:
    await subject.begin(FIRST)
    await subject.raise_alert(FIRST, "ops")
    head = await subject.queue.take("ops", subject.clock())
    assert head is not None
    await subject.queue.postpone(head, subject.clock() + 30)
    assert await subject.queue.take("ops", subject.clock()) is None
    assert await subject.queue.take("ops", subject.clock() - DAY) is not None


async def test_due__final_only__waits_for_the_base(subject: Subject) -> None:
    await subject.begin(FIRST, SECOND)
    first = await subject.raise_alert(FIRST, "dao")
    second = await subject.raise_alert(SECOND, "dao")
    assert await final(subject, "dao") is None
    assert await taken(subject, "dao", final_only=True) == []
    await subject.store.forget(FIRST.number)
    assert await taken(subject, "dao", final_only=True) == [first.id]
    await subject.store.forget(SECOND.number)
    assert await taken(subject, "dao", final_only=True) == [second.id]


async def test_due__final_only_and_block_gone__is_never_sent(subject: Subject) -> None:
    await subject.begin(FIRST)
    await subject.raise_alert(FIRST, "dao")
    assert await taken(subject, "dao", final_only=True) == []
    assert await subject.revert(FIRST, "dao") == ()
    sibling = a_block(BASE, fork="b")
    await subject.store.commit(a_delta(sibling))
    await subject.store.forget(sibling.number)
    assert await taken(subject, "dao", final_only=True) == []
    assert await subject.outcomes() == [{"dao": "dropped"}]


async def test_due__final_only__lets_conditions_by(subject: Subject) -> None:
    await subject.begin(FIRST)
    held = await subject.raise_alert(FIRST, "dao")
    said = [a_condition(FIRST), a_condition(FIRST, AlertType.RECOVERED)]
    await subject.store.announce({}, said, {alert.id: ["dao"] for alert in said})
    assert await taken(subject, "dao", final_only=True) == [alert.id for alert in said]
    await subject.store.forget(FIRST.number)
    assert await taken(subject, "dao", final_only=True) == [held.id]


async def test_due__final_only__a_retraction_does_not_wait(subject: Subject) -> None:
    """Of what was told while the webhook was still an instant one."""
    await subject.begin(FIRST)
    await subject.raise_alert(FIRST, "dao")
    await taken(subject, "dao")
    await subject.revert(FIRST, "dao")
    assert await taken(subject, "dao", final_only=True) == [a_retraction(FIRST).id]


async def test_due__final_only_behind_many_that_are_held__is_found(subject: Subject) -> None:
    await subject.begin(FIRST)
    many = [an_alert(FIRST, str(number)) for number in range(250)]
    await subject.store.judge(a_judgement(FIRST, *many), {alert.id: ["dao"] for alert in many})
    blind = a_condition(FIRST)
    await subject.store.announce({}, [blind], {blind.id: ["dao"]})
    found = await final(subject, "dao")
    assert found is not None
    assert found.alert_id == blind.id
    assert await taken(subject, "dao", final_only=True) == [blind.id]


async def test_announce__again_after_a_lost_answer__says_it_once(subject: Subject) -> None:
    blind = a_condition(FIRST)
    for _ in range(2):
        await subject.store.announce({"monitor.head": BLIND}, [blind], {blind.id: ["ops"]})
    assert await subject.store.conditions() == {"monitor.head": BLIND}
    assert await subject.queue.pending() == 1
    assert [stored.alert for stored in await subject.store.recent_alerts(9)] == [blind]


async def test_announce__one_condition__leaves_the_others(subject: Subject) -> None:
    over = replace(BLIND, is_blind=False, reasons=())
    await subject.store.announce({"monitor.head": BLIND, "monitor.lag": BLIND}, [], {})
    await subject.store.announce({"monitor.lag": over}, [], {})
    assert await subject.store.conditions() == {"monitor.head": BLIND, "monitor.lag": over}


async def test_recent_alerts__silenced_one__keeps_why(subject: Subject) -> None:
    await subject.begin(FIRST)
    alert = replace(an_alert(FIRST), silenced='maintenance of "feed" é')
    await subject.store.judge(a_judgement(FIRST, alert), {alert.id: ()})
    [stored] = await subject.store.recent_alerts(9)
    assert (stored.alert, dict(stored.deliveries)) == (alert, {})
    assert await subject.queue.pending() == 0


async def test_silences__none_asked_for__are_none(subject: Subject) -> None:
    assert await subject.store.silences() == {}


async def test_cut__queue_too_long__buries_the_oldest(subject: Subject) -> None:
    await subject.begin(FIRST)
    alerts = [an_alert(FIRST, str(number)) for number in range(350)]
    await subject.store.judge(a_judgement(FIRST, *alerts), {a.id: ["ops", "dao"] for a in alerts})
    assert await subject.queue.cut("ops", 20, "queue full") == 330
    assert await subject.queue.cut("ops", 20, "queue full") == 0
    assert await subject.queue.pending() == 350 + 20
    assert await taken(subject, "ops") == [alert.id for alert in alerts[330:]]
    oldest = (await subject.store.recent_alerts(999))[-1]
    assert dict(oldest.deliveries) == {"ops": "dead", "dao": "pending"}


async def test_cut__never_begun__needs_no_retraction(subject: Subject) -> None:
    await subject.begin(FIRST)
    await subject.raise_alert(FIRST, "ops")
    await subject.queue.cut("ops", 0, "queue full")
    assert await subject.revert(FIRST, "ops") == ()


async def test_overdue_seconds__oldest_of_each__is_counted(subject: Subject) -> None:
    await subject.begin(FIRST, SECOND)
    await subject.raise_alert(FIRST, "ops", "dao")
    subject.clock.now_unix += 100
    await subject.raise_alert(SECOND, "ops")
    now = subject.clock() + 10
    assert await subject.queue.overdue_seconds(now) == {"ops": 110, "dao": 110}
    assert await subject.queue.overdue_seconds(now - DAY) == {"ops": 0, "dao": 0}
    held = frozenset({"dao"})
    assert await subject.queue.overdue_seconds(now, finalized=held) == {"ops": 110}
    await taken(subject, "ops")
    assert await subject.queue.overdue_seconds(now) == {"dao": 110}


async def test_delivered_bodies__taken_back_and_raised_anew__ends_with_what_holds(
    subject: Subject,
) -> None:
    await subject.begin(FIRST)
    alert = await subject.raise_alert(FIRST, "ops", "dao")
    assert await subject.queue.delivered_bodies("ops") == []
    await taken(subject, "ops")
    assert await subject.queue.delivered_bodies("ops") == [alert.body]
    await subject.revert(FIRST, "ops", "dao")
    await taken(subject, "ops")
    assert await subject.queue.delivered_bodies("ops") == [alert.body, a_retraction(FIRST).body]
    await subject.store.commit(a_delta(FIRST))
    await subject.raise_alert(FIRST, "ops", "dao")
    assert await subject.queue.delivered_bodies("ops") == [a_retraction(FIRST).body]
    await taken(subject, "ops")
    assert await subject.queue.delivered_bodies("ops") == [a_retraction(FIRST).body, alert.body]
    assert await subject.queue.delivered_bodies("dao") == []


async def test_judge__block_came_back__the_alert_says_what_it_said(subject: Subject) -> None:
    """One id, one body: what could be done was simulated again, and may have come out otherwise."""
    await subject.begin(FIRST)
    alert = await subject.raise_alert(FIRST, "ops")
    await taken(subject, "ops")
    await subject.revert(FIRST, "ops")
    await subject.store.commit(a_delta(FIRST))
    other = replace(alert, body='{"actions": ["unknown: the node hung"]}', is_first=False)
    judgement = a_judgement(FIRST, other)
    await subject.store.judge(judgement, {alert.id: ["ops"]})
    await taken(subject, "ops")
    assert await subject.queue.delivered_bodies("ops") == [a_retraction(FIRST).body, alert.body]
    undo = await subject.store.undo_record(FIRST.hash)
    assert undo.judgement == a_judgement(FIRST, alert)


async def test_delivered_bodies__raised_anew_to_nobody__is_left_out(subject: Subject) -> None:
    await subject.begin(FIRST)
    alert = await subject.raise_alert(FIRST, "ops")
    await taken(subject, "ops")
    await subject.revert(FIRST, "ops")
    await taken(subject, "ops")
    await subject.store.commit(a_delta(FIRST))
    silent = replace(alert, silenced="a drill")
    await subject.store.judge(a_judgement(FIRST, silent), {alert.id: []})
    assert await subject.queue.delivered_bodies("ops") == [a_retraction(FIRST).body]


async def test_revert__several_alerts_of_a_block__are_taken_back_the_last_first(
    subject: Subject,
) -> None:
    await subject.begin(FIRST)
    tripped, escalated = an_alert(FIRST), an_alert(FIRST, type=AlertType.ESCALATED)
    judgement = a_judgement(FIRST, tripped, escalated)
    await subject.store.judge(judgement, {tripped.id: ["ops"], escalated.id: ["ops"]})
    await taken(subject, "ops")
    undo = await subject.store.undo_record(FIRST.hash)
    back = {one.id: replace(a_retraction(FIRST), id=f"no {one.type}") for one in judgement.alerts}
    retractions = {dead: (retraction, ["ops"]) for dead, retraction in back.items()}
    await subject.store.revert(undo, retractions)
    assert await taken(subject, "ops") == ["no breaker.escalated", "no breaker.tripped"]


async def test_take__aside__passes_over_it_and_what_takes_it_back(subject: Subject) -> None:
    await subject.begin(FIRST)
    alert = await subject.raise_alert(FIRST, "ops")
    assert await subject.queue.take("ops", subject.clock()) is not None
    undo = await subject.store.undo_record(FIRST.hash)
    body = json.dumps({"data": {"alert": {"retracts": alert.id}}})
    back = replace(a_retraction(FIRST), body=body)
    assert await subject.store.revert(undo, {alert.id: (back, ["ops"])}) == (back,)
    head = a_condition(FIRST)
    await subject.store.announce({"monitor.head": BLIND}, [head], {head.id: ["ops"]})
    now = subject.clock()
    found = await subject.queue.take("ops", now, aside=[alert.id])
    assert found is not None
    assert found.alert_id == head.id
    assert await subject.queue.take("ops", now, done=found, aside=[alert.id]) is None
    assert await taken(subject, "ops") == [alert.id, back.id]


async def test_take__aside__holds_back_what_was_said_later_of_the_same_breaker(
    subject: Subject,
) -> None:
    """Its all-clear before its trip would leave a firing that nobody ends."""
    await subject.begin(FIRST, SECOND)
    tripped = await subject.raise_alert(FIRST, "ops")
    cleared, other = an_alert(SECOND, type=AlertType.CLEARED), an_alert(SECOND, "other")
    judgement = a_judgement(SECOND, cleared, other)
    await subject.store.judge(judgement, {cleared.id: ["ops"], other.id: ["ops"]})
    now = subject.clock()
    found = await subject.queue.take("ops", now, aside=[tripped.id])
    assert found is not None
    assert found.alert_id == other.id
    assert await subject.queue.take("ops", now, done=found, aside=[tripped.id]) is None
    assert await taken(subject, "ops") == [tripped.id, cleared.id]


async def test_delivered_bodies__end_that_was_given_up__is_among_them(subject: Subject) -> None:
    """Else Alertmanager would be kept firing what was over, once it is back."""
    await subject.begin(FIRST, SECOND)
    alert = await subject.raise_alert(FIRST, "ops")
    await taken(subject, "ops")
    cleared = an_alert(SECOND, type=AlertType.CLEARED)
    await subject.store.judge(a_judgement(SECOND, cleared), {cleared.id: ["ops"]})
    assert await subject.queue.cut("ops", 0, "queue full") == 1
    assert await subject.queue.delivered_bodies("ops") == [alert.body, cleared.body]


async def test_delivered_bodies__firing_that_was_given_up__is_not(subject: Subject) -> None:
    await subject.begin(FIRST)
    await subject.raise_alert(FIRST, "ops")
    assert await subject.queue.cut("ops", 0, "queue full") == 1
    assert await subject.queue.delivered_bodies("ops") == []
