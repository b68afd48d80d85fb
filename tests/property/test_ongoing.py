"""What fires, against a model that looks at everything that was ever told."""

import json
from collections.abc import Sequence
from typing import Any

from alert_bodies import a_body, taken_back
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerts.notice import Kind, Notice, notice_of
from monitor.alerts.ongoing import Ongoing, subject_of

TYPES = {
    "breaker.warned": ("warning", True),
    "breaker.tripped": ("critical", True),
    "breaker.escalated": ("critical", True),
    "breaker.reminded": ("critical", True),
    "breaker.cleared": ("critical", False),
    "monitor.blind": ("critical", True),
    "monitor.recovered": ("critical", False),
}
SIGHT: dict[str, Any] = {"measure": None, "value": None, "threshold": None}


def a_notice(type: str, breaker: str, block: int) -> str:
    severity, firing = TYPES[type]
    data: dict[str, Any] = SIGHT if type.startswith("monitor.") else {}
    return a_body(type, breaker=breaker, severity=severity, firing=firing, block=block, **data)


def fires(told: Sequence[Notice]) -> set[str]:
    """By definition: of each subject the newest by block, of those nobody took back since."""
    last = {notice.retracts or notice.id: notice for notice in told}
    newest: dict[object, Notice] = {}
    for notice in told:
        if notice.retracts or last[notice.id].retracts:
            continue
        held = newest.get(subject_of(notice))
        if held is None or (notice.block or 0) > (held.block or 0):
            newest[subject_of(notice)] = notice
    return {notice.id for notice in newest.values() if notice.is_firing}


def folded(told: Sequence[Notice]) -> set[str]:
    ongoing = Ongoing()
    for notice in told:
        ongoing = ongoing.taken(notice)
    return {notice.id for notice in ongoing.firing()}


@st.composite
def stories(draw: st.DrawFn) -> list[Notice]:
    """Alerts of two breakers, one a block, some told twice, some taken back before or after."""
    bodies = []
    for block in range(1, draw(st.integers(1, 12)) + 1):
        breaker = draw(st.sampled_from(["a", "b"]))
        bodies.append(a_notice(draw(st.sampled_from(sorted(TYPES))), breaker, block))
    chosen = draw(st.lists(st.sampled_from(bodies), max_size=6))
    bodies += [taken_back(body, firing=draw(st.booleans())) for body in chosen]
    bodies += draw(st.lists(st.sampled_from(bodies), max_size=4))
    if draw(st.booleans()):
        bodies = draw(st.permutations(bodies))
    return [notice_of(body) for body in bodies]


@given(stories())
def test_ongoing__any_story__fires_what_the_definition_says(told: list[Notice]) -> None:
    assert folded(told) == fires(told)


@given(stories(), st.data())
def test_ongoing__told_again_of_what_stands_or_is_gone__stays_as_it_is(
    told: list[Notice], data: st.DataObject
) -> None:
    last = {notice.retracts or notice.id: notice for notice in told}
    again = data.draw(st.lists(st.sampled_from(list(last.values())), max_size=5))
    assert folded([*told, *again]) == folded(told)


@given(stories(), st.integers(0, 12), st.integers(0, 12))
def test_ongoing__two_memories_that_overlap__are_as_one(
    told: list[Notice], until: int, since: int
) -> None:
    earlier, later = Ongoing(), Ongoing()
    for notice in told[: max(until, since)]:
        earlier = earlier.taken(notice)
    for notice in told[min(until, since) :]:
        later = later.taken(notice)
    both = {notice.id for notice in earlier.and_then(later).firing()}
    assert both == fires(told)


def test_ongoing__trip_taken_back__uncovers_the_warning() -> None:
    warned = a_body("breaker.warned", severity="warning", block=10)
    tripped = a_body("breaker.tripped", block=12, starts=10)
    told = [notice_of(body) for body in (warned, tripped, taken_back(tripped, firing=True))]
    assert folded(told[:2]) == {told[1].id}
    assert folded(told) == {told[0].id}


def test_ongoing__block_of_a_trip_goes_and_comes_back__fires() -> None:
    body = a_body("breaker.tripped", block=12)
    tripped, retraction = notice_of(body), notice_of(taken_back(body, firing=False))
    assert folded([tripped, retraction, tripped]) == {tripped.id}
    assert folded([tripped, retraction, tripped, retraction]) == set()
    # After a restart the queue tells it in this order: what is raised again was last said then.
    assert folded([retraction, tripped]) == {tripped.id}


def test_ongoing__blind_and_tripped__fire_side_by_side() -> None:
    tripped = notice_of(a_notice("breaker.tripped", "a", 1))
    blind = notice_of(a_notice("monitor.blind", "a", 2))
    sees = notice_of(a_notice("monitor.recovered", "a", 3))
    assert folded([tripped, blind]) == {tripped.id, blind.id}
    assert folded([tripped, blind, sees]) == {tripped.id}


def test_ongoing__blindness_of_a_breaker_taken_back__is_not_taken_for_its_trip() -> None:
    body = a_notice("monitor.blind", "a", 2)
    retraction = notice_of(taken_back(body, firing=False))
    assert retraction.kind is Kind.BLINDNESS
    assert folded([notice_of(body), retraction]) == set()


def test_ongoing__end_of_what_was_unconfigured_taken_back__is_not_taken_for_blindness() -> None:
    """It has no threshold either, for nothing was measured."""
    told = json.loads(taken_back(a_body("breaker.cleared", firing=False, **SIGHT), firing=True))
    told["data"]["alert"]["retracts_type"] = "breaker.cleared"
    assert notice_of(json.dumps(told)).kind is Kind.BREAKER


def test_ongoing__condition_that_passes_at_a_lower_block__fires_no_more() -> None:
    blind = a_body("monitor.blind", breaker="monitor.head", block=105, **SIGHT)
    sees = a_body("monitor.recovered", breaker="monitor.head", block=104, firing=False, **SIGHT)
    assert folded([notice_of(blind), notice_of(sees)]) == set()


def test_ongoing__a_thousand_episodes__keeps_a_bounded_memory() -> None:
    ongoing = Ongoing()
    for block in range(0, 2_000, 2):
        ongoing = ongoing.taken(notice_of(a_notice("breaker.tripped", "a", block)))
        ongoing = ongoing.taken(notice_of(a_notice("breaker.cleared", "a", block + 1)))
    (thread,) = ongoing.threads.values()
    assert len(thread.standing) == 64
    assert "by_market" not in thread.standing[0].data["projection"]
    assert json.dumps(dict(thread.standing[0].data["projection"]))
