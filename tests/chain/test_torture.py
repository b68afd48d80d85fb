"""The torture as a test, and its judge shown to see."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from torture.campaign import run
from torture.letters import Arrival, Interruption, Owed
from torture.outcome import Options
from torture.verdict import Verdict, judge

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
    outcome = await run(Options(KILLS, SEED_OF_TODAY), said.append)
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
