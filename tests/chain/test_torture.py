"""The torture as a test, and its judge shown to see."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from steady_proxy import Gate
from torture.campaign import run
from torture.conditions import judge_conditions
from torture.letters import Arrival, Interruption, Owed, Resumed
from torture.outcome import Options, is_for_a_pair
from torture.verdict import FULL_DISK, Verdict, judge, judge_final, judge_resumed, says

KILLS = 20
SEED_OF_TODAY = int(datetime.now(UTC).strftime("%Y%m%d"))
OWED = Owed("tripped-1", "breaker.tripped", "eth", 7, "0x07", "the body")
TOLD = Arrival(
    "tripped-1", "breaker.tripped", "eth", "0x07", None, "the body", 1.0, acknowledged=True
)
TAKEN_BACK = replace(TOLD, id="retraction-1", retracts="tripped-1", raw="sorry", at_monotonic=2.0)
GONE = replace(TOLD, id="warned-1", block_hash="0x06b")
GONE_TAKEN_BACK = replace(TAKEN_BACK, retracts="warned-1", block_hash="0x06b")
KILL = Interruption("kill -9", 1.5, 1.6)


def judged(
    said: Sequence[Arrival], *owed: Owed, interruptions: Sequence[Interruption] = ()
) -> Verdict:
    return judge(said, {event.id: event for event in owed}, frozenset({"0x07"}), interruptions)


def counts(verdict: Verdict) -> tuple[int, int, int]:
    return len(verdict.lost), len(verdict.duplicated), len(verdict.diverged)


@pytest.mark.timeout(300)
async def test_torture__random_disasters__loses_doubles_and_diverges_in_nothing() -> None:
    said: list[str] = [f"reproduce: make torture KILLS={KILLS} SEED={SEED_OF_TODAY}"]
    options = Options(KILLS, SEED_OF_TODAY, is_for_a_pair(SEED_OF_TODAY))
    outcome = await run(options, said.append)
    said += [*outcome.table(), f"the log: {outcome.log}", outcome.last_line()]
    sys.stdout.write("\n".join(said))
    assert outcome.last_line() == f"kills={KILLS} lost=0 duplicated=0 diverged=0"


def test_judge__told_once_or_taken_back_in_order__finds_nothing() -> None:
    assert judged([TOLD, GONE, GONE_TAKEN_BACK], OWED).is_clean


@pytest.mark.parametrize(
    "said",
    [
        pytest.param([], id="never came"),
        pytest.param([replace(TOLD, acknowledged=False)], id="read and never acknowledged"),
        pytest.param([TOLD, TAKEN_BACK], id="taken back though it stands"),
    ],
)
def test_judge__owed_and_not_told__is_lost(said: Sequence[Arrival]) -> None:
    assert counts(judged(said, OWED)) == (1, 0, 0)


@pytest.mark.parametrize(
    "said",
    [
        pytest.param([GONE], id="no retraction"),
        pytest.param([replace(GONE, acknowledged=False)], id="read, unacknowledged, no retraction"),
        pytest.param(
            [GONE, replace(GONE_TAKEN_BACK, acknowledged=False)], id="retraction unacknowledged"
        ),
        pytest.param(
            [GONE, GONE_TAKEN_BACK, replace(GONE, at_monotonic=3.0)], id="said again afterwards"
        ),
    ],
)
def test_judge__block_gone_and_not_taken_back__is_lost(said: Sequence[Arrival]) -> None:
    assert counts(judged(said)) == (1, 0, 0)


def test_judge__same_transition_under_two_ids__is_duplicated() -> None:
    assert counts(judged([TOLD, replace(TOLD, id="tripped-2")], OWED)) == (0, 1, 0)


def test_judge__again_after_its_2xx__is_duplicated_unless_something_died_between() -> None:
    again = [TOLD, replace(TOLD, at_monotonic=2.0)]
    assert counts(judged(again, OWED)) == (0, 1, 0)
    assert judged(again, OWED, interruptions=[KILL]).is_clean
    late = Interruption("kill -9", 2.5, 2.6)
    assert counts(judged(again, OWED, interruptions=[late])) == (0, 1, 0)


def test_judge__raised_again_after_its_retraction__is_the_same_event_live_again() -> None:
    verdict = judged([TOLD, TAKEN_BACK, replace(TOLD, at_monotonic=3.0)], OWED)
    assert verdict.is_clean
    assert verdict.raised_again == 1


def test_judge__another_body_under_one_id__is_duplicated_and_diverged() -> None:
    unheard = replace(TOLD, acknowledged=False, raw="other words")
    assert counts(judged([unheard, replace(TOLD, at_monotonic=2.0)], OWED)) == (0, 1, 1)


def test_judge__retraction_of_what_never_came__is_diverged() -> None:
    assert counts(judged([GONE_TAKEN_BACK])) == (0, 0, 1)


CLEARED = Owed("cleared-1", "breaker.cleared", "eth", 9, "0x09", "all is well")
TOLD_CLEAR = replace(
    TOLD, id="cleared-1", type="breaker.cleared", block_hash="0x09", raw=CLEARED.raw, at_monotonic=5
)
UNHEARD = replace(TOLD, acknowledged=False)


def test_judge__again_after_an_answer_in_doubt__is_no_duplicate() -> None:
    in_doubt = replace(TOLD, doubtful=True)
    assert judged([in_doubt, replace(TOLD, at_monotonic=2.0)], OWED).is_clean


@pytest.mark.parametrize(
    ("said", "faults"),
    [
        pytest.param([TOLD_CLEAR, replace(TOLD, at_monotonic=6.0)], 1, id="backwards"),
        pytest.param(
            [UNHEARD, TOLD_CLEAR, replace(TOLD, at_monotonic=6.0)], 2, id="before it was taken"
        ),
        pytest.param(
            [replace(TOLD, answered_monotonic=5.5), TOLD_CLEAR], 1, id="while it was answered"
        ),
        pytest.param(
            [UNHEARD, GONE, GONE_TAKEN_BACK, replace(TOLD, at_monotonic=3.0), TOLD_CLEAR],
            1,
            id="one that is gone, before it was taken",
        ),
    ],
)
def test_judge__an_earlier_letter_not_settled__is_out_of_order(
    said: Sequence[Arrival], faults: int
) -> None:
    assert counts(judged(said, OWED, CLEARED)) == (0, 0, faults)


@pytest.mark.parametrize(
    ("alert_id", "by", "faults"),
    [
        pytest.param(TOLD.id, "other", 0, id="what the first had begun"),
        pytest.param(TOLD.id, "one", 1, id="by itself"),
        pytest.param(TOLD_CLEAR.id, "other", 1, id="something else"),
    ],
)
def test_judge__another_daemon_while_a_letter_is_answered__sends_it_once_more(
    alert_id: str, by: str, faults: int
) -> None:
    first = replace(TOLD, by="one", answered_monotonic=3.0)
    second = TOLD if alert_id == TOLD.id else TOLD_CLEAR
    after = replace(second, by=by, at_monotonic=2.0)
    verdict = judged([first, after], OWED, CLEARED, interruptions=[KILL])
    assert len(verdict.diverged) == faults


def test_judge__went_and_came_back_while_unheard__keeps_its_place() -> None:
    others = [replace(GONE, at_monotonic=3.0), replace(GONE_TAKEN_BACK, at_monotonic=4.0)]
    again = replace(TOLD, at_monotonic=2.0)
    assert judged([UNHEARD, again, *others, TOLD_CLEAR], OWED, CLEARED).is_clean
    back = replace(TAKEN_BACK, at_monotonic=3.0)
    again = replace(TOLD, at_monotonic=4.0)
    assert counts(judged([UNHEARD, GONE, GONE_TAKEN_BACK, back, again], OWED)) == (0, 0, 1)


def test_judge__retraction_before_its_alert__is_diverged() -> None:
    early = replace(TAKEN_BACK, at_monotonic=0.5)
    assert counts(judged([early, TOLD], OWED)) == (0, 0, 1)


def test_judge__retraction_not_taken_at_once__comes_again_before_all_else() -> None:
    unheard = replace(GONE_TAKEN_BACK, acknowledged=False)
    again = replace(GONE_TAKEN_BACK, at_monotonic=3.0)
    back_once_more = replace(GONE, at_monotonic=4.0)
    last = replace(GONE_TAKEN_BACK, at_monotonic=5.0)
    verdict = judged([GONE, unheard, again, back_once_more, last])
    assert verdict.is_clean
    assert verdict.raised_again == 1
    # Never taken, and the alert again: its retraction was overtaken.
    assert counts(judged([GONE, unheard, back_once_more, last]))[2] == 1


def body(snapshot: str | None, *unknown: str, value: str = "7") -> str:
    projection = {"snapshot": snapshot, "unknown": [*unknown], "liquidated_usd": value}
    return json.dumps({"data": {"projection": projection, "reproduce": f"from {snapshot}"}})


def test_says__no_snapshot_for_want_of_room__differs_in_nothing_else() -> None:
    owed = body("some-file")
    assert says(body(None, FULL_DISK), owed)
    assert not says(body(None), owed)
    assert not says(body("another-file"), owed)
    assert not says(body(None, FULL_DISK, "something else"), owed)
    assert not says(body(None, FULL_DISK, value="8"), owed)


def judged_final(said: Sequence[Arrival], final_block: int = 8) -> Verdict:
    return judge_final(said, {"tripped-1": OWED, "cleared-1": CLEARED}, final_block, ())


def test_judge_final__what_is_final_and_nothing_else__finds_nothing() -> None:
    assert judged_final([TOLD]).is_clean
    assert judged_final([TOLD, TOLD_CLEAR], 9).is_clean


@pytest.mark.parametrize(
    ("said", "found"),
    [
        pytest.param([], (1, 0, 0), id="never came"),
        pytest.param([TOLD, TOLD_CLEAR], (0, 0, 1), id="not yet final"),
        pytest.param([TOLD, GONE], (0, 0, 1), id="of a block that is gone"),
        pytest.param([TOLD, TAKEN_BACK, replace(TOLD, at_monotonic=3.0)], (0, 0, 1), id="back"),
        pytest.param([replace(TOLD, raw="other words")], (0, 0, 1), id="other words"),
        pytest.param([TOLD, replace(TOLD, at_monotonic=2.0)], (0, 1, 0), id="twice"),
    ],
)
def test_judge_final__anything_else__is_a_fault(
    said: Sequence[Arrival], found: tuple[int, int, int]
) -> None:
    assert counts(judged_final(said)) == found


@pytest.mark.parametrize(
    ("by", "at", "faults"),
    [
        pytest.param("one", 2.0, 1, id="awake beside another leader"),
        pytest.param("one", 0.9, 0, id="before it went on"),
        pytest.param("one", 3.1, 0, id="begun anew"),
        pytest.param("other", 2.0, 0, id="the leader"),
    ],
)
def test_judge_resumed__letter_by_who_was_replaced__is_diverged(
    by: str, at: float, faults: int
) -> None:
    verdict = Verdict()
    judge_resumed([replace(TOLD, by=by, at_monotonic=at)], [Resumed("one", 1.0, 3.0)], verdict)
    assert counts(verdict) == (0, 0, faults)


def of_head(alert_id: str, type: str, at: float) -> Arrival:
    return Arrival(alert_id, type, "monitor.head", "0x07", None, alert_id, at, acknowledged=True)


BLIND = of_head("blind-1", "monitor.blind", 1.0)
SEES = of_head("sees-1", "monitor.recovered", 2.0)
BLIND_AGAIN = of_head("blind-2", "monitor.blind", 3.0)


def judged_conditions(
    said: Sequence[Arrival], *, written: Sequence[Arrival] = (BLIND, SEES), cuts: bool = False
) -> Verdict:
    known = {a.id: Owed(a.id, a.type, a.breaker, 7, a.block_hash, a.raw) for a in (*written,)}
    return judge_conditions({"on-call": said}, known, [KILL] if cuts else ())


def test_judge_conditions__blind_and_then_not__finds_nothing() -> None:
    assert judged_conditions([BLIND, SEES]).is_clean


@pytest.mark.parametrize(
    ("said", "written", "found"),
    [
        pytest.param([BLIND], (BLIND, SEES), (1, 0, 1), id="its end never came"),
        pytest.param([SEES], (SEES,), (0, 0, 1), id="an end without a beginning"),
        pytest.param([BLIND, BLIND_AGAIN, SEES], (BLIND, BLIND_AGAIN, SEES), (0, 0, 1), id="twice"),
        pytest.param([BLIND], (BLIND,), (0, 0, 1), id="blind at the end"),
        pytest.param(
            [BLIND, SEES, replace(SEES, at_monotonic=4.0)], (BLIND, SEES), (0, 1, 0), id="repeated"
        ),
        pytest.param(
            [BLIND, SEES, replace(BLIND, id="back", retracts="blind-1", raw="back")],
            (BLIND, SEES),
            (0, 0, 2),
            id="taken back, and written nowhere",
        ),
        pytest.param(
            [replace(BLIND, raw="other words"), SEES], (BLIND, SEES), (0, 1, 0), id="other words"
        ),
    ],
)
def test_judge_conditions__anything_else__is_a_fault(
    said: Sequence[Arrival], written: Sequence[Arrival], found: tuple[int, int, int]
) -> None:
    assert counts(judged_conditions(said, written=written)) == found


def test_judge_conditions__a_store_that_forgot__is_asked_only_for_what_it_remembers() -> None:
    known = {SEES.id: Owed(SEES.id, SEES.type, SEES.breaker, 7, SEES.block_hash, SEES.raw)}
    said = {"on-call": [BLIND, SEES]}
    assert judge_conditions(said, known, (), is_whole=False).is_clean
    assert counts(judge_conditions(said, known, ())) == (0, 0, 2)


def test_judge_conditions__said_before_a_kill_and_written_nowhere__is_excused() -> None:
    assert judged_conditions([BLIND, SEES, BLIND_AGAIN], cuts=False).diverged
    early = replace(BLIND_AGAIN, at_monotonic=1.0)
    assert judged_conditions([BLIND, SEES, early], cuts=True).is_clean


async def test_gate__chain_about_to_change__waits_for_who_asks_and_lets_nobody_in() -> None:
    gate, done = Gate(), list[str]()

    async def change() -> None:
        async with gate.changing():
            done.append("changed")

    async def ask() -> None:
        async with gate.asking():
            done.append("asked")

    async with asyncio.TaskGroup() as group, gate.asking(), gate.asking():
        group.create_task(change())
        await asyncio.sleep(0)
        group.create_task(ask())
        await asyncio.sleep(0)
        done.append("answered")
    assert done == ["answered", "changed", "asked"]
