"""Where borrowed money went: into a pledge (a hop), or not."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction

import pytest
from builders import USDC, WETH, a_hash, an_address
from diary import DAI, PRICELESS, PRICES, TERMS, WSTETH, Diary, a_side

from monitor.core.trails import Hop, Lot, Side, Trail
from monitor.core.units import AssetId, RawAmount
from monitor.leverage.flows import follow, merged
from monitor.leverage.settlement import settle
from monitor.leverage.steps import Act, Step

OWED = a_side(USDC)
PLEDGE = a_side(WETH)
BOTH_WAYS = pytest.mark.parametrize("prices", [PRICES, PRICELESS], ids=["priced", "unpriced"])


def unwound(book: Diary) -> bool:
    return not book.trail.hops and not book.trail.lots


def levered(book: Diary, turns: int) -> None:
    """Own 1 WETH, then borrow, swap and pledge again: three transactions a turn, a block each."""
    book.pledge(PLEDGE, 1000)
    book.end_block()
    for turn in range(turns):
        weth = 800 >> turn
        book.borrow(OWED, 2000 * weth)
        book.end_block()
        book.swap(USDC, 2000 * weth, WETH, weth)
        book.end_block()
        book.pledge(PLEDGE, weth)
        book.end_block()


# --- loops ---------------------------------------------------------------------------------


@BOTH_WAYS
def test_flow__of_a_loop_over_three_transactions__is_a_hop_with_its_way(
    prices: Mapping[AssetId, int | None],
) -> None:
    book = Diary(prices)
    levered(book, 1)
    [hop] = book.trail.hops
    assert hop == Hop(
        OWED,
        RawAmount(1_600_000),
        PLEDGE,
        RawAmount(800),
        tuple(a_hash(f"tx {n}") for n in (1, 2, 3)),
    )
    assert book.trail.seen == (OWED,)
    assert not book.trail.lots


@BOTH_WAYS
@pytest.mark.parametrize("turns", [2, 5, 9])
def test_flow__of_turns__counts_each(turns: int, prices: Mapping[AssetId, int | None]) -> None:
    book = Diary(prices)
    levered(book, turns)
    assert len(book.trail.hops) == turns
    assert sum(hop.borrowed_raw for hop in book.trail.hops) == book.owed[OWED]


@BOTH_WAYS
@pytest.mark.parametrize("through_wallet", [True, False])
def test_flow__of_a_spiral_in_one_transaction__counts_each_and_is_no_flash(
    through_wallet: bool, prices: Mapping[AssetId, int | None]
) -> None:
    book = Diary(prices)
    book.pledge(PLEDGE, 1000)
    for weth in (800, 640, 512):
        book.borrow(OWED, 2000 * weth, through_wallet=through_wallet)
        if through_wallet:
            book.swap(USDC, 2000 * weth, WETH, weth)
        book.pledge(PLEDGE, weth, through_wallet=through_wallet)
    hops = book.end_block().hops
    assert [(hop.pledged_raw, hop.is_flash) for hop in hops] == [
        (800, False),
        (640, False),
        (512, False),
    ]


def test_flow__of_a_spiral_of_one_asset__takes_own_money_first() -> None:
    book, owed = Diary(), a_side(WETH, "spark")
    book.pledge(PLEDGE, 100_000)
    for raw in (80_000, 64_000, 51_000):
        book.borrow(owed, raw)
        if raw != 51_000:
            book.pledge(PLEDGE, raw)
    trail = book.end_block()
    assert [(hop.pledged_raw, hop.is_flash) for hop in trail.hops] == [
        (80_000, False),
        (64_000, False),
    ]
    assert [lot.raw for lot in trail.lots] == [51_000]


def test_flow__of_a_pledge_before_the_debt__is_one_flash_hop() -> None:
    book = Diary()
    book.send(WETH, 1000)  # own money, to the contract that does it
    book.pledge(PLEDGE, 5000, through_wallet=False)
    book.borrow(OWED, 8_040_000, through_wallet=False)
    [hop] = book.end_block().hops
    assert hop.is_flash
    assert (hop.pledged_raw, hop.borrowed_raw) == (4000, 8_040_000)


def test_flow__of_a_flash_with_own_money_of_the_debts_asset__is_one_flash_hop() -> None:
    book = Diary()
    book.send(USDC, 2_000_000)
    book.pledge(PLEDGE, 5000, through_wallet=False)
    book.borrow(OWED, 8_000_000, through_wallet=False)
    [hop] = book.end_block().hops
    assert hop.is_flash
    assert hop.borrowed_raw == 8_000_000


def test_flow__of_a_flash_without_prices__is_not_guessed() -> None:
    book = Diary(PRICELESS)
    book.pledge(PLEDGE, 5000, through_wallet=False)
    book.borrow(OWED, 8_000_000, through_wallet=False)
    assert not book.end_block().hops


def test_flow__over_two_markets__is_a_hop_from_one_to_the_other() -> None:
    book, elsewhere = Diary(), a_side(USDC, "morpho", "another account of mine")
    book.pledge(PLEDGE, 1000)
    book.borrow(OWED, 1_000_000)
    book.end_block()
    book.pledge(elsewhere, 1_000_000)
    [hop] = book.end_block().hops
    assert (hop.origin, hop.pledge, hop.borrowed_raw) == (OWED, elsewhere, 1_000_000)


@BOTH_WAYS
def test_flow__through_a_vault__is_a_hop(prices: Mapping[AssetId, int | None]) -> None:
    share = an_address("vault share")
    book = Diary({**prices})
    book.borrow(OWED, 1_000_000)
    book.end_block()
    book.swap(USDC, 1_000_000, share, 940_000)
    book.end_block()
    book.pledge(a_side(share, "morpho"), 940_000)
    [hop] = book.end_block().hops
    assert (hop.borrowed_raw, hop.pledged_raw) == (1_000_000, 940_000)


def test_flow__within_the_window__goes_on_and_after_it_ends() -> None:
    for seconds, hops in ((3600, 1), (3601, 0)):
        book = Diary()
        book.borrow(OWED, 2_000_000)
        book.end_block(seconds)
        book.swap(USDC, 2_000_000, WETH, 1000)
        book.pledge(PLEDGE, 1000)
        assert len(book.end_block().hops) == hops


def test_flow__of_a_debt_not_seen_whole__follows_the_new_money() -> None:
    book = Diary()
    book.owed[OWED] = 500_000
    levered(book, 1)
    assert len(book.trail.hops) == 1
    assert book.trail.seen == ()


def test_flow__of_two_pledges_from_one_swap_without_prices__shares_by_amount() -> None:
    book, other = Diary(PRICELESS), a_side(WETH, "spark")
    book.borrow(OWED, 2_000_000)
    book.swap(USDC, 2_000_000, WETH, 1000)
    book.pledge(PLEDGE, 750)
    book.pledge(other, 250)
    hops = book.end_block().hops
    assert {(hop.pledge, hop.borrowed_raw) for hop in hops} == {
        (PLEDGE, 1_500_000),
        (other, 500_000),
    }


def test_flow__of_own_and_borrowed_money_in_one_swap__is_shared() -> None:
    book = Diary()
    book.borrow(OWED, 1_000_000)
    book.end_block()
    book.swap(USDC, 4_000_000, WETH, 2000)
    book.end_block()
    [lot] = book.trail.lots
    assert (lot.raw, lot.borrowed_raw) == (500, 1_000_000)


def test_flow__of_what_a_contract_holds_for_others__is_a_part_of_the_pledge() -> None:
    """Own money 1, borrowed 3: the hop is three quarters of the pledge."""
    book = Diary()
    book.borrow(OWED, 6_000_000, through_wallet=False)
    book.send(WETH, 1000)
    book.pledge(PLEDGE, 4000, through_wallet=False)
    [hop] = book.end_block().hops
    assert (hop.pledged_raw, hop.is_flash) == (3000, False)


# --- decoys --------------------------------------------------------------------------------


def test_flow__of_borrow_and_spend__is_no_hop() -> None:
    book = Diary()
    book.pledge(PLEDGE, 1000)
    book.borrow(OWED, 1_000_000)
    book.end_block()
    book.send(USDC, 1_000_000)
    book.end_block()
    book.pledge(PLEDGE, 500)
    book.end_block()
    assert unwound(book)
    assert book.trail.seen == (OWED,)


def test_flow__of_borrow_and_spend_in_one_transaction_with_an_own_deposit__is_no_hop() -> None:
    """The deposit is worth just what was spent."""
    book = Diary()
    book.borrow(OWED, 1_000_000)
    book.pledge(PLEDGE, 500)
    book.send(USDC, 1_000_000)
    book.end_block()
    assert unwound(book)


@BOTH_WAYS
def test_flow__of_an_unrelated_deposit__is_no_hop(prices: Mapping[AssetId, int | None]) -> None:
    book = Diary(prices)
    book.pledge(PLEDGE, 1000)
    book.borrow(OWED, 1_000_000)
    book.end_block()
    book.pledge(a_side(WSTETH), 435)
    book.end_block()
    assert not book.trail.hops
    assert [lot.raw for lot in book.trail.lots] == [1_000_000]


@BOTH_WAYS
def test_flow__of_an_unrelated_deposit_in_the_same_transaction__is_no_hop(
    prices: Mapping[AssetId, int | None],
) -> None:
    book = Diary(prices)
    book.borrow(OWED, 1_000_000)
    book.pledge(a_side(WSTETH), 435)
    book.end_block()
    assert not book.trail.hops


def test_flow__of_both_sides_lent__is_no_hop() -> None:
    book = Diary()
    book.pledge(PLEDGE, 1000)
    book.pledge(a_side(USDC), 2_000_000)
    book.end_block()
    book.borrow(a_side(DAI), 100_000)
    book.end_block()
    assert not book.trail.hops


@pytest.mark.parametrize("is_flash", [True, False])
def test_flow__of_a_collateral_swap__is_no_hop(is_flash: bool) -> None:
    book, new = Diary(), a_side(WSTETH)
    book.pledge(PLEDGE, 1150)
    book.borrow(OWED, 1_000_000)
    book.end_block()
    book.send(USDC, 1_000_000)
    book.end_block()
    if is_flash:
        book.pledge(new, 1000, through_wallet=False)
        book.release(PLEDGE, 1150, through_wallet=False)
    else:
        book.release(PLEDGE, 1150)
        book.swap(WETH, 1150, WSTETH, 1000)
        book.pledge(new, 1000)
    book.end_block()
    assert unwound(book)


@pytest.mark.parametrize("is_flash", [True, False])
def test_flow__of_a_collateral_swap_of_a_loop__keeps_its_hops(is_flash: bool) -> None:
    book, new = Diary(), a_side(WSTETH)
    levered(book, 2)
    if is_flash:
        book.pledge(new, 1913, through_wallet=False)
        book.release(PLEDGE, 2200, through_wallet=False)
    else:
        book.release(PLEDGE, 2200)
        book.swap(WETH, 2200, WSTETH, 1913)
        book.pledge(new, 1913)
    hops = book.end_block().hops
    assert [hop.pledge for hop in hops] == [new, new]
    assert sum(hop.borrowed_raw for hop in hops) == book.owed[OWED]
    assert not any(hop.is_flash for hop in hops)


def test_flow__of_a_loop_unwound_turn_by_turn__loses_one_hop_a_turn() -> None:
    book = Diary()
    levered(book, 2)
    book.owed[OWED] += 17  # interest
    for weth, hops in ((400, 1), (800, 0)):
        book.release(PLEDGE, weth)
        book.swap(WETH, weth, USDC, 2000 * weth)
        book.repay(OWED, 2000 * weth)
        book.end_block()
        assert len(book.trail.hops) == hops
    assert unwound(book)


def test_flow__of_a_loop_repaid_in_one_flash__is_gone() -> None:
    book = Diary()
    levered(book, 3)
    book.repay(OWED, book.owed[OWED], through_wallet=False)
    book.release(PLEDGE, book.pledged[PLEDGE], through_wallet=False)
    book.receive(WETH, 950)
    trail = book.end_block()
    assert trail == Trail()


def test_flow__of_a_loop_repaid_with_own_money__is_gone() -> None:
    book = Diary()
    levered(book, 2)
    book.repay(OWED, book.owed[OWED])
    assert book.end_block() == Trail()


def test_flow__of_a_debt_repaid_but_for_a_rounding__is_gone() -> None:
    book = Diary()
    levered(book, 2)
    book.repay(OWED, book.owed[OWED] - 1)
    assert book.end_block() == Trail()


def test_flow__of_strangers_whose_transfers_cross__is_no_hop() -> None:
    """Each sends the other what he borrowed, and each pledges what he got."""
    book, his = Diary(), an_address("his token")
    book.borrow(OWED, 1_000_000)
    book.end_block()
    book.send(USDC, 1_000_000)
    book.end_block()
    book.receive(his, 500)
    book.end_block()
    book.pledge(a_side(his), 500)
    book.end_block()
    assert unwound(book)


def test_flow__of_a_liquidation__takes_the_newest_hop_first() -> None:
    book = Diary()
    levered(book, 2)
    book.repay(OWED, 800_000, through_wallet=False)
    book.release(PLEDGE, 420, through_wallet=False)
    [hop] = book.end_block().hops
    assert hop.pledged_raw == 780
    assert not book.trail.lots


def test_flow__of_hardly_anything_that_came_back__is_dropped() -> None:
    """1,000 borrowed and spent, one of it returned: that is no leverage when it is pledged."""
    book = Diary()
    book.borrow(OWED, 1_000_000)
    book.send(USDC, 1_000_000)
    book.receive(USDC, 1_000)
    book.end_block()
    book.pledge(a_side(USDC, "spark"), 100_000)
    book.end_block()
    assert unwound(book)


def test_flow__of_a_bad_exchange__carries_what_came_back() -> None:
    book = Diary()
    book.borrow(OWED, 1_000_000)
    book.swap(USDC, 1_000_000, DAI, 100_000)
    [lot] = book.end_block().lots
    assert (lot.asset, lot.raw, lot.borrowed_raw) == (DAI, 100_000, 100_000)


# --- the edges -----------------------------------------------------------------------------


def test_flow__of_a_pledge_told_one_unit_high__is_no_hop() -> None:
    """Pledges and debts are right to a unit: an own pledge and a borrow do not meet in one."""
    book = Diary()
    book.send(USDC, 1_000_000)
    book.pledge(a_side(USDC), 1_000_001, through_wallet=False)
    book.borrow(a_side(USDC, "spark"), 500_001, through_wallet=False)
    book.receive(USDC, 500_000)
    assert not book.end_block().hops


def test_flow__of_native_money_first__pays_the_first_pledge() -> None:
    """The first pledge came in native ETH, which no log tells of."""
    book = Diary()
    book.pledge(PLEDGE, 1000, through_wallet=False)
    for weth in (800, 640):
        book.borrow(OWED, 2000 * weth, through_wallet=False)
        book.pledge(PLEDGE, weth, through_wallet=False)
    hops = book.end_block().hops
    assert sorted((hop.pledged_raw, hop.is_flash) for hop in hops) == [(640, False), (800, False)]


@pytest.mark.parametrize("through_wallet", [True, False])
def test_flow__of_a_debt_spent_by_a_contract__is_seen_whole(through_wallet: bool) -> None:
    """So that two pegged assets are not taken for a loop by what they are."""
    book, owed = Diary(), a_side(WETH)
    book.pledge(a_side(WSTETH), 1000)
    book.borrow(owed, 900, through_wallet=through_wallet)
    if through_wallet:
        book.send(WETH, 900)
    assert book.end_block() == Trail(seen=(owed,))


def test_flow__of_a_costly_turn_after_native_money__is_not_taken_for_a_flash() -> None:
    book = Diary()
    book.pledge(PLEDGE, 1000, through_wallet=False)
    for weth in (800, 640):
        book.borrow(OWED, 2000 * weth, through_wallet=False)
        book.pledge(PLEDGE, weth * 9 // 10, through_wallet=False)
    hops = book.end_block().hops
    assert sorted((hop.pledged_raw, hop.is_flash) for hop in hops) == [(576, False), (720, False)]


def test_flow__of_a_strangers_token_in_the_same_transaction__changes_nothing() -> None:
    spam = an_address("spam")
    book = Diary()
    book.pledge(PLEDGE, 1000)
    book.end_block()
    book.borrow(OWED, 1_600_000)
    book.receive(spam, 10**30)
    book.send(spam, 10**31)
    book.swap(USDC, 1_600_000, WETH, 800)
    book.pledge(PLEDGE, 800)
    [hop] = book.end_block().hops
    assert (hop.borrowed_raw, hop.pledged_raw) == (1_600_000, 800)
    assert not book.trail.lots


def test_flow__of_ten_thousand_strangers_tokens__costs_no_more_than_their_number() -> None:
    """In a transaction in which the owner has a part: somebody else's liquidation."""
    book = Diary()
    levered(book, 2)
    asked: list[AssetId] = []
    worth, tokens = book.worth, [an_address(f"spam {n}") for n in range(10_000)]
    for n, token in enumerate(tokens):
        (book.send if n % 2 else book.receive)(token, 10**18)
    book.repay(OWED, 800_000, through_wallet=False)
    book.release(PLEDGE, 420, through_wallet=False)

    def counted(asset: AssetId, raw: int) -> Fraction | None:
        asked.append(asset)
        return worth(asset, raw)

    trail = follow(book.trail, book.pending, frozenset(), counted, book.at_unix, TERMS)
    assert [hop.pledged_raw for hop in trail.hops] == [780]
    assert len(asked) < 50_000


def test_flow__of_a_pledge_moved_between_own_accounts__keeps_its_hops() -> None:
    book, other = Diary(), a_side(WETH, "aave", "my other account")
    levered(book, 2)
    book.release(PLEDGE, 2200, through_wallet=False)
    book.pledge(other, 2200, through_wallet=False)
    assert [hop.pledge for hop in book.end_block().hops] == [other, other]


def test_flow__of_a_pledge_given_away__is_no_hop() -> None:
    book = Diary()
    levered(book, 1)
    book.release(PLEDGE, 1800, through_wallet=False)
    assert not book.end_block().hops


def test_flow__of_a_debt_swapped_for_another__keeps_its_hops() -> None:
    book, new = Diary(), a_side(DAI)
    levered(book, 2)
    owed = book.owed[OWED]
    book.borrow(new, owed, through_wallet=False)
    book.repay(OWED, owed, through_wallet=False)
    trail = book.end_block()
    assert [hop.origin for hop in trail.hops] == [new, new]
    assert trail.seen == (new,)


def test_flow__of_a_debt_not_seen_whole_and_swapped__does_not_become_seen() -> None:
    book, new = Diary(), a_side(DAI)
    book.owed[OWED] = 1_000_000
    book.borrow(new, 1_000_000, through_wallet=False)
    book.repay(OWED, 1_000_000, through_wallet=False)
    assert book.end_block().seen == ()


def test_flow__of_little_that_paid_an_old_debt__leaves_the_new_one_seen() -> None:
    book, new = Diary(), a_side(DAI)
    book.owed[OWED] = 1_000_000
    book.borrow(new, 1_000_000)
    book.swap(DAI, 20_000, USDC, 20_000)
    book.repay(OWED, 20_000)
    assert book.end_block().seen == (new,)


def test_flow__of_a_debt_moved_whose_money_is_gone__is_no_hop() -> None:
    """All in one transaction: the loan that repays, the collateral that follows, the new debt."""
    book, there, debt = Diary(), a_side(WETH, "spark"), a_side(USDC, "spark")
    book.pledge(PLEDGE, 1000)
    book.borrow(OWED, 1_000_000)
    book.end_block()
    book.send(USDC, 1_000_000)
    book.end_block()
    book.repay(OWED, 1_000_000, through_wallet=False)
    book.release(PLEDGE, 1000, through_wallet=False)
    book.pledge(there, 1000, through_wallet=False)
    book.borrow(debt, 1_001_000, through_wallet=False)
    assert book.end_block() == Trail(seen=(debt,))


def test_flow__of_a_loop_moved_to_another_market__keeps_its_hops() -> None:
    book = Diary()
    levered(book, 2)
    owed, pledged = book.owed[OWED], book.pledged[PLEDGE]
    there, debt = a_side(WETH, "spark"), a_side(USDC, "spark")
    book.repay(OWED, owed, through_wallet=False)
    book.release(PLEDGE, pledged, through_wallet=False)
    book.pledge(there, pledged, through_wallet=False)
    book.borrow(debt, owed, through_wallet=False)
    hops = book.end_block().hops
    assert [(hop.origin, hop.pledge) for hop in hops] == [(debt, there)] * 2


def test_flow__of_a_debt_repaid_with_its_own_money__leaves_other_money_alone() -> None:
    book, other = Diary(), a_side(USDC, "spark")
    book.borrow(OWED, 1_000_000)
    book.end_block()
    book.borrow(other, 1_000_000)
    book.end_block()
    book.repay(OWED, 1_000_000)
    [lot] = book.end_block().lots
    assert lot.origin == other


def test_flow__of_a_pledge_and_its_release_in_one_transaction__is_nothing() -> None:
    book = Diary()
    levered(book, 1)
    before = book.trail
    book.release(PLEDGE, 300)
    book.pledge(PLEDGE, 300)
    assert book.end_block() == before


def test_flow__of_a_long_way__keeps_its_ends() -> None:
    book = Diary()
    book.borrow(OWED, 1_000_000)
    book.end_block()
    for _ in range(15):
        book.swap(USDC, 1_000_000, DAI, 1_000_000)
        book.end_block()
        book.swap(DAI, 1_000_000, USDC, 1_000_000)
        book.end_block()
    [lot] = book.trail.lots
    assert len(lot.transactions) == 16
    assert (lot.transactions[0], lot.transactions[-1]) == (a_hash("tx 0"), a_hash("tx 30"))
    assert lot.since_unix == book.at_unix - 31 * 12


def test_flow__of_a_hundred_turns__stays_in_bounds_and_loses_no_money() -> None:
    book, other = Diary(), a_side(USDC, "spark")
    for _ in range(100):
        book.borrow(OWED, 1_000_000)
        book.pledge(other, 1_000_000)
        book.end_block()
    assert len(book.trail.hops) == 64
    assert sum(hop.borrowed_raw for hop in book.trail.hops) == 100_000_000


def test_flow__of_many_debts_in_wallets__forgets_the_oldest() -> None:
    book = Diary()
    for number in range(70):
        book.borrow(a_side(USDC, f"market {number}"), 1_000_000)
        book.end_block()
    assert len(book.trail.lots) == 64
    assert book.trail.lots[-1].origin == a_side(USDC, "market 69")


def test_merged__of_two_owners__has_all_of_both() -> None:
    mine, his = Diary(), Diary()
    levered(mine, 2)
    his.borrow(a_side(DAI, account="him"), 1_000_000)
    his.end_block()
    both = merged([mine.trail, his.trail])
    assert both.hops == mine.trail.hops
    assert both.lots == his.trail.lots
    assert set(both.seen) == {OWED, a_side(DAI, account="him")}
    assert merged([]) == Trail()


def test_settle__of_what_was_told_too_high__lowers_the_newest() -> None:
    way = (a_hash("a"),)
    hops = tuple(
        Hop(OWED, RawAmount(1000), PLEDGE, RawAmount(500), way, is_flash)
        for is_flash in (False, True)
    )
    lot = Lot(USDC, RawAmount(300), OWED, RawAmount(300), 0, way)
    owed: dict[Side, int] = {OWED: 1500}
    trail = settle(Trail((lot,), hops), lambda side: owed.get(side, 0), lambda _: 900, 10, TERMS)
    assert trail.hops == (
        hops[0],
        replace(hops[1], borrowed_raw=RawAmount(500), pledged_raw=RawAmount(250)),
    )
    assert not trail.lots


def test_follow__of_a_worth_of_nothing__takes_it_for_unknown() -> None:
    steps = [
        Step("0xa", 0, Act.BORROWED, USDC, 1000, OWED),
        Step("0xa", 1, Act.PLEDGED, WETH, 1000, PLEDGE),
    ]
    trail = follow(Trail(), steps, frozenset(), lambda *_: Fraction(0), 10, TERMS)
    assert [hop.borrowed_raw for hop in trail.hops] == [1000]
