"""Which positions are compared, what counts as a difference, and what is said of it."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from builders import a_block
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.abi import FunctionAbi
from monitor.core.blocks import BlockRef, RawLog
from monitor.core.events import Place
from monitor.core.inspection import Entry, Told
from monitor.core.ledger import Ledger, LedgerView
from monitor.core.ports import ViewCall, ViewFailed, ViewResult
from monitor.core.units import WAD, Address, MarketId, Wad
from monitor.engine import auditor as auditor_module
from monitor.engine.auditor import (
    MOST_TOLD,
    Auditor,
    Candidate,
    Comparison,
    Difference,
    Question,
    chosen_of,
    compared,
    order_of,
    places_named,
    questions_of,
)
from monitor.errors import RpcInconsistent, RpcUnavailable
from monitor.library import abi_library

BALANCE: FunctionAbi = abi_library("erc20/Token").functions["decimals"]
AAVE, MORPHO = MarketId("aave-core"), MarketId("morpho")
BLOCK = a_block(number=7)
PAIR_ID = "0x" + "ab" * 32
EVERY_MARKET = frozenset({AAVE, MORPHO})


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditor_module, "AGAIN_SECONDS", 0)


def a_place(number: int, market: MarketId = AAVE, sub_market: str = "") -> Place:
    return Place(market, Address(f"0x{number:040x}"), sub_market)


def a_call(number: int) -> ViewCall:
    return ViewCall(Address(f"0x{number:040x}"), BALANCE)


@dataclass
class Scripted:
    """A reader. `answers`: of each call, one after the other; the last stays."""

    answers: dict[ViewCall, list[ViewResult]]
    asked: list[list[ViewCall]] = field(default_factory=list)
    fault: Exception | None = None

    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        assert at == BLOCK
        if self.fault is not None:
            raise self.fault
        self.asked.append(list(calls))
        told = [self.answers[call] for call in calls]
        return [answers.pop(0) if len(answers) > 1 else answers[0] for answers in told]

    async def has_code(self, at: BlockRef, contract: Address) -> bool:
        raise NotImplementedError

    async def past_logs(
        self, addresses: Sequence[Address], topics: Sequence[str], from_block: int, to_block: int
    ) -> list[RawLog]:
        raise NotImplementedError


def asked(ours: Told, *, place: Place | None = None, number: int = 1) -> Question:
    entry = Entry("aToken of WETH", ours, (a_call(number),))
    return Question(place or a_place(number), (entry,))


# -- comparing -----------------------------------------------------------------------------------


async def test_compared__equal__counts_and_asks_once_for_what_entries_share() -> None:
    reader = Scripted({a_call(1): [(5, 6)]})
    second: Callable[[Sequence[tuple[int, ...]]], Told] = lambda answers: answers[0][1]  # noqa: E731
    entries = (Entry("one", 5, (a_call(1),)), Entry("two", 6, (a_call(1),), second))
    found = await compared(reader, BLOCK, [Question(a_place(1), entries)])
    assert found == Comparison(BLOCK, (a_place(1),), values=2, unknown=0, differences=())
    assert reader.asked == [[a_call(1)]]


async def test_compared__differs_twice__is_a_difference_in_words() -> None:
    reader = Scripted({a_call(1): [(5,)], a_call(2): [(1,)]})
    found = await compared(reader, BLOCK, [asked(4), asked(1, number=2)])
    assert found.differences == (Difference(a_place(1), "aToken of WETH", "5", "4"),)
    assert found.values == 2
    assert reader.asked == [[a_call(1), a_call(2)], [a_call(1)]]
    assert str(found.differences[0]) == (
        f"aave-core {a_place(1).account}: aToken of WETH: expected 5 (contracts), found 4 (ledger)"
    )


async def test_compared__differs_once__is_none() -> None:
    """A node took the state of a later block, once."""
    found = await compared(Scripted({a_call(1): [(5,), (4,)]}), BLOCK, [asked(4)])
    assert found.differences == ()


async def test_compared__differs_in_another_way_each_time__nothing_is_known() -> None:
    with pytest.raises(RpcInconsistent, match="block 7 was told in two ways"):
        await compared(Scripted({a_call(1): [(5,), (6,)]}), BLOCK, [asked(4)])


async def test_compared__node_fails__is_no_difference() -> None:
    reader = Scripted({}, fault=RpcUnavailable("no answer"))
    with pytest.raises(RpcUnavailable):
        await compared(reader, BLOCK, [asked(4)])


@pytest.mark.parametrize(
    ("ours", "theirs", "expected", "found"),
    [
        (4, ViewFailed("reverted"), "a revert (reverted)", "4"),
        (None, (7,), "7", "none"),
        (0, (None,), "none", "0"),
        ("WETH", ("WETH, USDC",), "WETH, USDC", "WETH"),
    ],
)
async def test_compared__other_kinds_of_values__are_told_as_what_they_are(
    ours: Told, theirs: ViewResult, expected: str, found: str
) -> None:
    [difference] = (
        await compared(Scripted({a_call(1): [theirs]}), BLOCK, [asked(ours)])
    ).differences
    assert (difference.expected, difference.found) == (expected, found)


async def test_compared__what_the_ledger_does_not_know__is_counted_and_not_asked() -> None:
    reader = Scripted({})
    question = Question(a_place(1), (Entry("health factor", unknown="no price"),))
    found = await compared(reader, BLOCK, [question])
    assert (found.values, found.unknown, found.differences) == (0, 1, ())
    assert reader.asked == []


def test_questions_of__place_of_a_market_that_is_not_followed__are_none() -> None:
    class Inspection:
        def entries(self, view: LedgerView, place: Place, at_unix: int) -> tuple[Entry, ...]:
            return (Entry("time", at_unix),)

    @dataclass(frozen=True)
    class Market:
        market: MarketId = AAVE
        inspection: Inspection = field(default_factory=Inspection)

    places = [a_place(1), a_place(2, MORPHO)]
    assert questions_of([Market()], Ledger(), places, 9) == (
        Question(a_place(1), (Entry("time", 9),)),
    )


# -- choosing ------------------------------------------------------------------------------------


def candidates(*healths: int | None) -> list[Candidate]:
    """By number from 0; health in percent."""
    return [
        Candidate(a_place(number), None if health is None else Wad(health * WAD // 100))
        for number, health in enumerate(healths)
    ]


def test_choice__half_is_nearest_to_one__on_either_side() -> None:
    chosen = chosen_of(candidates(500, 103, None, 98, 110, 99), 4, ("", "", ""))
    assert chosen.nearest == (a_place(5), a_place(3))
    assert chosen.in_turn == (a_place(0), a_place(1))


@given(
    st.lists(st.one_of(st.none(), st.integers(1, 500)), max_size=20),
    st.integers(0, 25),
    st.integers(0, 25),
    st.randoms(use_true_random=False),
)
def test_choice__in_whatever_order_they_come__is_the_same_and_no_position_twice(
    healths: list[int | None], count: int, after: int, rng: random.Random
) -> None:
    some = candidates(*healths)
    shuffled = rng.sample(some, len(some))
    chosen = chosen_of(some, count, order_of(a_place(after)))
    assert chosen == chosen_of(shuffled, count, order_of(a_place(after)))
    places = [*chosen.nearest, *chosen.in_turn]
    assert len(places) == len(set(places)) == min(count, len(some))


@given(st.integers(1, 30), st.integers(1, 8), st.integers(0, 2**32))
def test_rounds__one_after_the_other__compare_every_position(
    positions: int, accounts: int, seed: int
) -> None:
    rng = random.Random(seed)
    some = candidates(*(rng.randint(50, 400) for _ in range(positions)))
    auditor, seen = Auditor(accounts), set[Place]()
    auditor.recall((), EVERY_MARKET)
    for _ in range(2 * positions):
        seen.update(auditor.choose(some, a_block(number=rng.randint(1, 10**6))))
    assert seen == {candidate.place for candidate in some}


def test_rounds__after_a_restart__begin_where_the_blocks_hash_says() -> None:
    some = [Candidate(Place(AAVE, Address("0x" + f"{n:x}" * 40)), None) for n in range(16)]
    first = Auditor(1).choose(some, a_block(number=1))
    begun = {Auditor(1).choose(some, a_block(number=number)) for number in range(64)}
    assert first == Auditor(1).choose(some, a_block(number=1))
    assert len(begun) > 8


# -- what was found ------------------------------------------------------------------------------


def found_at(*wrong: Place, right: Sequence[Place] = ()) -> Comparison:
    differences = tuple(Difference(place, "debt", "2", "1") for place in wrong)
    return Comparison(BLOCK, (*wrong, *right), 3, 0, differences)


def an_auditor(accounts: int = 4) -> Auditor:
    auditor = Auditor(accounts)
    auditor.recall((), EVERY_MARKET)
    return auditor


def test_difference__until_equal_again__stands_and_comes_first() -> None:
    auditor = an_auditor()
    assert not auditor.reasons
    assert auditor.take(found_at(a_place(3), right=[a_place(4)])) == (a_place(3),)
    assert auditor.choose(candidates(100, 100), BLOCK)[0] == a_place(3)
    assert auditor.take(found_at(a_place(3))) == ()
    assert auditor.take(found_at(right=[a_place(1)])) == ()
    summary, told = auditor.reasons or ("", "")
    assert summary.startswith("positions on which the ledger differs from the contracts: 1 (block")
    assert "cascade-monitor store rebuild" in summary
    assert told.startswith(f"aave-core {a_place(3).account}: debt: expected 2")
    assert auditor.take(found_at(right=[a_place(3)])) == ()
    assert auditor.reasons == ()
    assert auditor.take(found_at(a_place(3))) == (a_place(3),)


def test_differences__of_many__all_have_their_turn_and_few_are_named() -> None:
    auditor, many = an_auditor(4), [a_place(number) for number in range(MOST_TOLD + 3)]
    auditor.take(found_at(*many))
    assert auditor.reasons is not None
    assert auditor.reasons[-1] == "and 3 positions more: see the log"
    assert len(auditor.reasons) == MOST_TOLD + 2
    seen = set[Place]()
    for _ in range(3):
        chosen = auditor.choose([], BLOCK)
        assert len(chosen) == 4
        auditor.take(found_at(*chosen))
        seen.update(chosen)
    assert seen == set(many)


def test_restart__with_differences_that_were_told__is_not_certain_until_they_are_looked_at() -> (
    None
):
    pair = a_place(9, MORPHO, PAIR_ID)
    before = an_auditor()
    before.take(found_at(a_place(3), pair))
    assert before.reasons is not None
    assert list(places_named(before.reasons)) == [a_place(3), pair]

    auditor = Auditor(1)
    assert auditor.reasons is None
    auditor.recall(before.reasons, EVERY_MARKET)
    assert auditor.reasons is None
    assert auditor.choose([], BLOCK) == (a_place(3),)
    auditor.take(found_at(right=[a_place(3)]))
    assert auditor.reasons is None
    assert auditor.choose([], BLOCK) == (pair,)
    auditor.take(found_at(right=[pair]))
    assert auditor.reasons == ()


def test_restart__named_in_a_market_that_is_followed_no_more__is_forgotten() -> None:
    auditor = Auditor(4)
    auditor.recall([str(Difference(a_place(1, MORPHO), "debt", "2", "1"))], frozenset({AAVE}))
    assert auditor.reasons == ()
    auditor.recall(["2 logs of block 9 were not understood: topic 0x12"], EVERY_MARKET)
    assert auditor.reasons == ()
