"""Flows of somebody who wants a loop overlooked, made up, or dear to follow."""

from dataclasses import replace
from time import process_time

import pytest
from builders import USDC, WETH, an_address
from diary import DAI, PRICELESS, Diary, a_side

from monitor.leverage.arcs import count

OWED, OWED_ELSE = a_side(USDC), a_side(DAI)
PLEDGE = a_side(WETH)
EXOTIC, SPAM = an_address("no market lists it"), an_address("spam")
BOUND_SECONDS = 3.0


def a_loop(turns: int = 1) -> Diary:
    book = Diary()
    book.pledge(PLEDGE, 1_000_000)
    book.end_block()
    for _ in range(turns):
        book.borrow(OWED, 400_000_000)
        book.swap(USDC, 400_000_000, WETH, 200_000)
        book.pledge(PLEDGE, 200_000)
        book.end_block()
    return book


@pytest.mark.parametrize("parts", [10, 100, 300])
def test_flow__of_money_turned_in_many_small_parts__loses_none_of_it(parts: int) -> None:
    """An order that is filled bit by bit: none of the parts is change."""
    book = Diary()
    book.pledge(PLEDGE, 1_000_000)
    book.borrow(OWED, 1_500_000_000)
    book.end_block(seconds=1)
    for _ in range(parts):
        book.swap(USDC, 1_500_000_000 // parts, WETH, 750_000 // parts)
        book.end_block(seconds=1)
    book.pledge(PLEDGE, 750_000)
    [hop] = book.end_block().hops
    # The last few parts are as little as what a swap leaves.
    assert hop.borrowed_raw > 1_500_000_000 * 9 // 10


@pytest.mark.parametrize("turns", [1, 3])
@pytest.mark.parametrize("parts", [1, 2, 10, 40])
def test_flow__of_a_debt_swapped_in_parts__goes_on_under_the_new_one(
    parts: int, turns: int
) -> None:
    book = a_loop(turns)
    owed = book.owed[OWED]
    for _ in range(parts):
        book.repay(OWED, owed // parts, through_wallet=False)
        book.borrow(OWED_ELSE, owed // parts, through_wallet=False)
        book.end_block()
    hops = book.trail.hops
    assert {hop.origin for hop in hops} == {OWED_ELSE}
    assert sum(hop.borrowed_raw for hop in hops) > owed * 9 // 10
    assert sum(hop.pledged_raw for hop in hops) > turns * 200_000 * 9 // 10
    assert count(hops) == turns


def test_flow__of_a_debt_swapped_in_part__is_owed_in_both() -> None:
    book = a_loop()
    book.repay(OWED, 160_000_000, through_wallet=False)
    book.borrow(OWED_ELSE, 160_000_000, through_wallet=False)
    hops = book.end_block().hops
    assert {hop.origin: hop.borrowed_raw for hop in hops} == {
        OWED: 240_000_000,
        OWED_ELSE: 160_000_000,
    }
    assert sum(hop.pledged_raw for hop in hops) == 200_000
    assert count(hops) == 1


def test_flow__of_two_flashes_refinanced_at_once__stay_two() -> None:
    book = Diary()
    for _ in range(2):
        book.pledge(PLEDGE, 300_000, through_wallet=False)
        book.borrow(OWED, 400_000_000, through_wallet=False)
        book.end_block()
    assert count(book.trail.hops) == 2
    book.repay(OWED, 800_000_000, through_wallet=False)
    book.borrow(OWED_ELSE, 800_000_000, through_wallet=False)
    assert count(book.end_block().hops) == 2


def test_flow__of_an_exotic_token_beside_spam__goes_through_the_exotic_one() -> None:
    book = Diary()
    book.pledge(PLEDGE, 1_000_000)
    book.borrow(OWED, 400_000_000)
    book.end_block()
    book.send(USDC, 400_000_000)
    book.receive(SPAM, 10**30)
    book.receive(EXOTIC, 77_777)
    book.end_block()
    book.swap(EXOTIC, 77_777, WETH, 199_000)
    book.pledge(PLEDGE, 199_000)
    assert count(book.end_block().hops) == 1


# --- what it may cost ----------------------------------------------------------------------


def test_flow__of_a_thousand_acts_in_one_transaction__is_bounded() -> None:
    """As many as a block has gas for, of a token that nobody knows the worth of."""
    book = Diary(PRICELESS)
    book.pledge(PLEDGE, 1_000_000)
    book.end_block()
    for _ in range(1_000):
        book.borrow(OWED, 100_000, through_wallet=False)
    for _ in range(1_000):
        book.pledge(PLEDGE, 50, through_wallet=False)
    began = process_time()
    hops = book.end_block().hops
    assert process_time() - began < BOUND_SECONDS
    assert sum(hop.pledged_raw for hop in hops) > 45_000


def test_flow__of_ten_thousand_debts_of_one_owner__is_bounded() -> None:
    book = Diary()
    for number in range(10_000):
        book.borrow(a_side(USDC, account=f"account {number}"), 100_000)
        book.next_transaction()
    began = process_time()
    trail = book.end_block()
    assert process_time() - began < BOUND_SECONDS
    assert len(trail.seen) == 1_024
    assert len(trail.lots) == 64
    assert trail == replace(trail, seen=tuple(sorted(trail.seen)))
