"""What every StateStore and DeliveryQueue does: the one in memory and the one in Redis."""

import pytest
from builders import a_block, a_delta, a_judgement, a_position, a_price, an_address, an_alert
from redis.asyncio import Redis
from store_subject import (
    ALICE,
    BASE,
    BOB,
    CORE,
    FIRST,
    PRICE,
    RECORDS,
    RESERVE,
    SECOND,
    THIRD,
    Subject,
    a_retraction,
    a_subject,
)

from monitor.core.alerts import BreakerPhase, Delivery
from monitor.core.keys import position_key
from monitor.core.ports import StoredState
from monitor.errors import DeepReorg, LedgerCorrupt
from monitor.store.identity import Identity


@pytest.fixture(params=["memory", "redis"])
async def subject(request: pytest.FixtureRequest, client: Redis, identity: Identity) -> Subject:
    return await a_subject(request.param, client, identity)


async def test_load__empty_store__has_no_cursor(subject: Subject) -> None:
    assert await subject.store.load() == StoredState()


async def test_begin__empty_store__holds_the_records_and_is_judged(subject: Subject) -> None:
    await subject.store.begin(BASE, RECORDS)
    assert await subject.store.load() == StoredState(BASE, BASE, (BASE,), RECORDS, {})


async def test_begin__again__does_nothing(subject: Subject) -> None:
    await subject.store.begin(BASE, RECORDS)
    await subject.store.begin(BASE, RECORDS)
    assert (await subject.store.load()).tail == (BASE,)


async def test_begin__filled_store__is_refused(subject: Subject) -> None:
    await subject.begin(FIRST)
    with pytest.raises(LedgerCorrupt):
        await subject.store.begin(BASE, RECORDS)


async def test_commit__child_of_the_cursor__writes_and_deletes(subject: Subject) -> None:
    await subject.begin()
    change = (ALICE, RECORDS[ALICE], None), (PRICE, None, a_price(None, reason="never answered"))
    await subject.store.commit(a_delta(FIRST, *change))
    state = await subject.store.load()
    assert (state.cursor, state.evaluated, state.tail) == (FIRST, BASE, (BASE, FIRST))
    assert state.records == {RESERVE: RECORDS[RESERVE], PRICE: change[1][2]}


async def test_commit__the_cursor_again__does_nothing(subject: Subject) -> None:
    await subject.begin(FIRST)
    await subject.store.commit(a_delta(FIRST, (BOB, None, a_position())))
    assert BOB not in (await subject.store.load()).records


async def test_commit__not_a_child_of_the_cursor__is_refused_whole(subject: Subject) -> None:
    await subject.begin()
    with pytest.raises(LedgerCorrupt):
        await subject.store.commit(a_delta(SECOND, (BOB, None, a_position())))
    assert await subject.store.load() == StoredState(BASE, BASE, (BASE,), RECORDS, {})


async def test_commit__empty_store__is_refused(subject: Subject) -> None:
    with pytest.raises(LedgerCorrupt):
        await subject.store.commit(a_delta(FIRST))


async def test_commit__ten_thousand_records__are_all_there(subject: Subject) -> None:
    await subject.begin()
    keys = [position_key(CORE, an_address(str(number))) for number in range(10_000)]
    await subject.store.commit(a_delta(FIRST, *((key, None, a_position()) for key in keys)))
    assert len((await subject.store.load()).records) == 10_002


async def test_undo_record__committed_block__is_its_delta(subject: Subject) -> None:
    await subject.begin()
    delta = a_delta(FIRST, (ALICE, RECORDS[ALICE], None), (BOB, None, a_position(2**255, 1)))
    await subject.store.commit(delta)
    undo = await subject.store.undo_record(FIRST.hash)
    assert (undo.delta, undo.judgement, undo.breakers_before) == (delta, None, {})


async def test_undo_record__base__is_a_deep_reorg(subject: Subject) -> None:
    await subject.begin(FIRST)
    with pytest.raises(DeepReorg):
        await subject.store.undo_record(BASE.hash)


async def test_undo_record__judged_block__has_the_breakers_before(subject: Subject) -> None:
    await subject.begin(FIRST, SECOND)
    first = a_judgement(FIRST, phase=BreakerPhase.WARNED)
    second = a_judgement(SECOND, an_alert(SECOND), phase=BreakerPhase.TRIPPED)
    await subject.store.judge(first, {})
    await subject.store.judge(second, {})
    undo = await subject.store.undo_record(SECOND.hash)
    assert (undo.judgement, undo.breakers_before) == (second, dict(first.breakers))


async def test_judge__next_block__moves_evaluated_and_breakers(subject: Subject) -> None:
    await subject.begin(FIRST)
    judgement = a_judgement(FIRST, phase=BreakerPhase.WARNED)
    await subject.store.judge(judgement, {})
    state = await subject.store.load()
    assert (state.evaluated, state.breakers) == (FIRST, dict(judgement.breakers))


async def test_judge__skipping_a_block__is_allowed(subject: Subject) -> None:
    await subject.begin(FIRST, SECOND)
    await subject.store.judge(a_judgement(SECOND), {})
    assert (await subject.store.load()).evaluated == SECOND


async def test_judge__the_judged_block_again__queues_nothing_more(subject: Subject) -> None:
    await subject.begin(FIRST)
    await subject.raise_alert(FIRST, "ops")
    await subject.queue.delivered(await subject.due("ops"))
    await subject.raise_alert(FIRST, "ops")
    assert await subject.queue.pending() == 0


async def test_judge__block_before_evaluated__is_refused(subject: Subject) -> None:
    await subject.begin(FIRST, SECOND)
    await subject.store.judge(a_judgement(SECOND), {})
    with pytest.raises(LedgerCorrupt):
        await subject.store.judge(a_judgement(FIRST), {})


async def test_judge__sibling_of_a_kept_block__is_refused(subject: Subject) -> None:
    await subject.begin(FIRST)
    with pytest.raises(LedgerCorrupt):
        await subject.store.judge(a_judgement(a_block(BASE, fork="b")), {})


async def test_judge__block_above_the_cursor__is_refused(subject: Subject) -> None:
    await subject.begin(FIRST)
    with pytest.raises(LedgerCorrupt):
        await subject.store.judge(a_judgement(SECOND), {})


async def test_judge__block_below_the_base__is_refused(subject: Subject) -> None:
    await subject.begin(FIRST, SECOND)
    await subject.store.forget(SECOND.number)
    with pytest.raises(LedgerCorrupt):
        await subject.store.judge(a_judgement(FIRST), {})


async def test_revert__unjudged_block__restores_the_state_before(subject: Subject) -> None:
    await subject.begin()
    before = await subject.store.load()
    await subject.store.commit(
        a_delta(FIRST, (ALICE, RECORDS[ALICE], None), (BOB, None, a_position()))
    )
    await subject.revert(FIRST)
    assert await subject.store.load() == before


async def test_revert__judged_block__restores_breakers_and_evaluated(subject: Subject) -> None:
    await subject.begin(FIRST, SECOND)
    await subject.store.judge(a_judgement(FIRST, phase=BreakerPhase.WARNED), {})
    before = await subject.store.load()
    await subject.store.judge(a_judgement(SECOND, phase=BreakerPhase.TRIPPED), {})
    await subject.revert(SECOND)
    after = await subject.store.load()
    assert (after.breakers, after.evaluated) == (before.breakers, before.evaluated)


async def test_revert__judged_after_a_gap__evaluated_goes_back_over_it(subject: Subject) -> None:
    await subject.begin(FIRST, SECOND)
    await subject.store.judge(a_judgement(SECOND), {})
    await subject.revert(SECOND)
    state = await subject.store.load()
    assert (state.cursor, state.evaluated) == (FIRST, BASE)


async def test_revert__not_the_newest_block__is_refused(subject: Subject) -> None:
    await subject.begin(FIRST, SECOND, THIRD)
    undo = await subject.store.undo_record(FIRST.hash)
    with pytest.raises(LedgerCorrupt):
        await subject.store.revert(undo, {})


async def test_revert__forgotten_block__is_a_deep_reorg(subject: Subject) -> None:
    await subject.begin(FIRST)
    undo = await subject.store.undo_record(FIRST.hash)
    await subject.store.forget(FIRST.number)
    with pytest.raises(DeepReorg):
        await subject.store.revert(undo, {})


async def test_revert__then_the_sibling__is_a_clean_reorg(subject: Subject) -> None:
    sibling = a_block(BASE, fork="b")
    await subject.begin(FIRST)
    await subject.revert(FIRST)
    await subject.store.commit(a_delta(sibling))
    assert (await subject.store.load()).tail == (BASE, sibling)


async def test_revert__unsent_alert__is_dropped_without_retraction(subject: Subject) -> None:
    await subject.begin(FIRST)
    await subject.raise_alert(FIRST, "ops")
    assert await subject.revert(FIRST, "ops") == ()
    assert await subject.queue.due("ops", subject.clock()) is None
    assert await subject.outcomes() == [{"ops": "dropped"}]


async def test_revert__delivered_alert__queues_its_retraction(subject: Subject) -> None:
    await subject.begin(FIRST)
    await subject.raise_alert(FIRST, "ops")
    await subject.queue.delivered(await subject.due("ops"))
    assert await subject.revert(FIRST, "ops") == (a_retraction(FIRST),)
    assert (await subject.due("ops")).body == a_retraction(FIRST).body
    assert await subject.outcomes() == [{"ops": "pending"}, {"ops": "retracted"}]


async def test_revert__attempt_under_way__sends_the_retraction_after_it(subject: Subject) -> None:
    await subject.begin(FIRST)
    alert = await subject.raise_alert(FIRST, "ops")
    delivery = await subject.due("ops")
    await subject.queue.begin_attempt(delivery)
    await subject.revert(FIRST, "ops")
    assert (await subject.due("ops")).alert_id == alert.id
    await subject.queue.delivered(delivery)
    assert (await subject.due("ops")).alert_id == a_retraction(FIRST).id


async def test_revert__seen_by_one_of_two__retracts_to_that_one_only(subject: Subject) -> None:
    await subject.begin(FIRST)
    await subject.raise_alert(FIRST, "ops", "dao")
    await subject.queue.begin_attempt(await subject.due("ops"))
    await subject.queue.delivered(await subject.due("ops"))
    await subject.revert(FIRST, "ops", "dao")
    assert (await subject.due("ops")).alert_id == a_retraction(FIRST).id
    assert await subject.queue.due("dao", subject.clock()) is None
    assert (await subject.outcomes())[1] == {"ops": "retracted", "dao": "dropped"}


async def test_revert__again_after_a_lost_answer__says_the_same(subject: Subject) -> None:
    await subject.begin(FIRST)
    await subject.raise_alert(FIRST, "ops")
    await subject.queue.delivered(await subject.due("ops"))
    undo = await subject.store.undo_record(FIRST.hash)
    retractions = {an_alert(FIRST).id: (a_retraction(FIRST), ["ops"])}
    once = await subject.store.revert(undo, retractions)
    assert await subject.store.revert(undo, retractions) == once == (a_retraction(FIRST),)
    assert await subject.queue.pending() == 1


async def heard(subject: Subject) -> list[str]:
    """The ids of all that is due, delivered one after the other."""
    found = []
    while (delivery := await subject.queue.due("ops", subject.clock())) is not None:
        found.append(delivery.alert_id)
        await subject.queue.delivered(delivery)
    return found


async def test_judge__block_that_came_back__raises_its_alert_anew(subject: Subject) -> None:
    await subject.begin(FIRST)
    alert = await subject.raise_alert(FIRST, "ops")
    assert await heard(subject) == [alert.id]
    await subject.revert(FIRST, "ops")
    await subject.store.commit(a_delta(FIRST))
    await subject.raise_alert(FIRST, "ops")
    # First what takes it back, then what holds: the last word a receiver hears is the right one.
    assert await heard(subject) == [a_retraction(FIRST).id, alert.id]


@pytest.mark.parametrize("flips", [1, 2, 3])
async def test_judge__block_came_back_before_its_alert_was_taken__is_told_as_if_it_never_went(
    subject: Subject, flips: int
) -> None:
    await subject.begin(FIRST)
    alert = await subject.raise_alert(FIRST, "ops")
    await subject.queue.begin_attempt(await subject.due("ops"))
    for _ in range(flips):
        await subject.revert(FIRST, "ops")
        await subject.store.commit(a_delta(FIRST))
        await subject.raise_alert(FIRST, "ops")
    assert (await subject.due("ops")).attempts == 1
    assert await heard(subject) == [alert.id]


@pytest.mark.parametrize("flips", [1, 2, 3])
async def test_revert__block_came_and_went_while_nobody_heard__alert_before_its_retraction(
    subject: Subject, flips: int
) -> None:
    await subject.begin(FIRST)
    alert = await subject.raise_alert(FIRST, "ops")
    await subject.queue.begin_attempt(await subject.due("ops"))
    for _ in range(flips):
        await subject.revert(FIRST, "ops")
        await subject.store.commit(a_delta(FIRST))
        await subject.raise_alert(FIRST, "ops")
    await subject.revert(FIRST, "ops")
    assert await heard(subject) == [alert.id, a_retraction(FIRST).id]


async def test_judge__block_came_back_amid_an_attempt__counts_what_it_delivers(
    subject: Subject,
) -> None:
    await subject.begin(FIRST)
    await subject.raise_alert(FIRST, "ops")
    before = await subject.due("ops")
    await subject.queue.begin_attempt(before)
    await subject.revert(FIRST, "ops")
    await subject.store.commit(a_delta(FIRST))
    subject.clock.now_unix += 1
    await subject.raise_alert(FIRST, "ops")
    await subject.queue.delivered(before)
    assert await heard(subject) == []
    assert await subject.outcomes() == [{"ops": "delivered"}, {"ops": "dropped"}]
    assert not await subject.queue.begin_attempt(before)


async def test_judge__block_came_back_amid_its_retraction__is_told_after_it(
    subject: Subject,
) -> None:
    await subject.begin(FIRST)
    alert = await subject.raise_alert(FIRST, "ops")
    assert await heard(subject) == [alert.id]
    await subject.revert(FIRST, "ops")
    await subject.queue.begin_attempt(await subject.due("ops"))
    await subject.store.commit(a_delta(FIRST))
    await subject.raise_alert(FIRST, "ops")
    assert await heard(subject) == [a_retraction(FIRST).id, alert.id]


async def test_forget__final_blocks__move_the_base_of_the_tail(subject: Subject) -> None:
    await subject.begin(FIRST, SECOND, THIRD)
    await subject.store.forget(SECOND.number)
    assert (await subject.store.load()).tail == (SECOND, THIRD)
    with pytest.raises(DeepReorg):
        await subject.store.undo_record(SECOND.hash)


async def test_forget__beyond_the_cursor__keeps_the_cursor(subject: Subject) -> None:
    await subject.begin(FIRST)
    await subject.store.forget(THIRD.number)
    assert (await subject.store.load()).tail == (FIRST,)


async def test_forget__below_the_base__does_nothing(subject: Subject) -> None:
    await subject.begin(FIRST)
    await subject.store.forget(BASE.number - 1)
    assert (await subject.store.load()).tail == (BASE, FIRST)


async def test_recent_alerts__more_than_the_limit__are_the_newest_first(subject: Subject) -> None:
    await subject.begin(FIRST, SECOND, THIRD)
    for block in (FIRST, SECOND, THIRD):
        await subject.raise_alert(block)
    recent = await subject.store.recent_alerts(2)
    assert [stored.alert for stored in recent] == [an_alert(THIRD), an_alert(SECOND)]


async def test_recent_alerts__limit_zero__are_none(subject: Subject) -> None:
    await subject.begin(FIRST)
    await subject.raise_alert(FIRST)
    assert await subject.store.recent_alerts(0) == []


async def test_due__fresh_alert__is_due_at_once(subject: Subject) -> None:
    await subject.begin(FIRST)
    alert = await subject.raise_alert(FIRST, "ops")
    now = subject.clock()
    assert await subject.due("ops") == Delivery(alert.id, "ops", alert.body, 0, now, now)


async def test_due__other_webhook__has_nothing(subject: Subject) -> None:
    await subject.begin(FIRST)
    await subject.raise_alert(FIRST, "ops")
    assert await subject.queue.due("dao", subject.clock()) is None


async def test_due__head_postponed__holds_back_the_next(subject: Subject) -> None:
    await subject.begin(FIRST, SECOND)
    first = await subject.raise_alert(FIRST, "ops")
    await subject.raise_alert(SECOND, "ops")
    await subject.queue.postpone(await subject.due("ops"), subject.clock() + 5)
    assert await subject.queue.due("ops", subject.clock()) is None
    subject.clock.now_unix += 5
    assert (await subject.due("ops")).alert_id == first.id


async def test_begin_attempt__then_postponed__counts_the_attempt(subject: Subject) -> None:
    await subject.begin(FIRST)
    await subject.raise_alert(FIRST, "ops")
    delivery = await subject.due("ops")
    assert await subject.queue.begin_attempt(delivery)
    await subject.queue.postpone(delivery, subject.clock())
    assert (await subject.due("ops")).attempts == 1


async def test_begin_attempt__same_delivery_twice__counts_once(subject: Subject) -> None:
    await subject.begin(FIRST)
    await subject.raise_alert(FIRST, "ops")
    delivery = await subject.due("ops")
    await subject.queue.begin_attempt(delivery)
    await subject.queue.begin_attempt(delivery)
    assert (await subject.due("ops")).attempts == 1


async def test_begin_attempt__dropped_meanwhile__is_refused(subject: Subject) -> None:
    await subject.begin(FIRST)
    await subject.raise_alert(FIRST, "ops")
    delivery = await subject.due("ops")
    await subject.revert(FIRST, "ops")
    assert not await subject.queue.begin_attempt(delivery)


async def test_delivered__twice__is_delivered(subject: Subject) -> None:
    await subject.begin(FIRST)
    await subject.raise_alert(FIRST, "ops")
    delivery = await subject.due("ops")
    await subject.queue.delivered(delivery)
    await subject.queue.delivered(delivery)
    assert await subject.outcomes() == [{"ops": "delivered"}]


async def test_bury__head_of_the_queue__lets_the_next_through(subject: Subject) -> None:
    await subject.begin(FIRST, SECOND)
    await subject.raise_alert(FIRST, "ops")
    second = await subject.raise_alert(SECOND, "ops")
    await subject.queue.bury(await subject.due("ops"), "24 h of 500")
    assert (await subject.due("ops")).alert_id == second.id
    assert await subject.outcomes() == [{"ops": "pending"}, {"ops": "dead"}]


async def test_pending__two_webhooks__counts_both(subject: Subject) -> None:
    await subject.begin(FIRST)
    await subject.raise_alert(FIRST, "ops", "dao")
    assert await subject.queue.pending() == 2


async def test_webhooks__delivered_or_not__are_all_remembered(subject: Subject) -> None:
    await subject.begin(FIRST)
    assert await subject.queue.webhooks() == frozenset()
    await subject.raise_alert(FIRST, "ops", "dao")
    delivery = await subject.queue.due("ops", 1e12)
    assert delivery is not None
    await subject.queue.begin_attempt(delivery)
    await subject.queue.delivered(delivery)
    assert await subject.queue.webhooks() == {"ops", "dao"}
