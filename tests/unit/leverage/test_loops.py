"""Loops by structure: what hangs together, in which order, of what kind."""

from fractions import Fraction
from time import process_time

import pytest
from builders import USDC, WETH, an_address
from unit.leverage.looped import (
    AAVE,
    ASHARE,
    CLAIMS,
    DAI,
    FIRST,
    MORPHO,
    OWNER,
    SECOND,
    SHARE,
    SPARK,
    WSTETH,
    category,
    found,
    has,
    hop,
    legs,
    side,
    trail,
)

from monitor.core.loops import Built, LoopKind, Loops
from monitor.core.trails import Trail
from monitor.core.units import AssetId
from monitor.leverage.arcs import MOST_EVIDENCE
from monitor.leverage.concentration import Worths, counted
from monitor.leverage.ties import Ties


def test_loop__of_borrowed_money_pledged_where_it_was_borrowed__is_one_by_flow() -> None:
    money = hop(side(AAVE, USDC), side(AAVE, WETH), 100, "0xa")
    more = hop(side(AAVE, USDC), side(AAVE, WETH), 60, "0xb")
    (loop,) = found(has(AAVE, [WETH], {USDC: 160}), seen=trail(money, more))
    assert loop.kind is LoopKind.DIRECTIONAL
    assert legs(loop) == [(AAVE, WETH, USDC)]
    assert (loop.hops, loop.built, loop.evidence) == (2, Built.STEPWISE, ("0xa", "0xb"))


def test_loop__built_in_one_transaction__counts_one_hop() -> None:
    money = hop(side(AAVE, USDC), side(AAVE, WETH), flash=True)
    (loop,) = found(has(AAVE, [WETH], {USDC: 100}), seen=trail(money))
    assert (loop.hops, loop.built) == (1, Built.FLASH)


def test_hops__of_one_pledge_fed_by_two_debts__are_one() -> None:
    hops = [hop(side(AAVE, asset), side(AAVE, WETH), 100, "0xa") for asset in (USDC, DAI)]
    (loop,) = found(has(AAVE, [WETH], {USDC: 100, DAI: 100}), seen=trail(*hops))
    assert loop.hops == 1


def test_hops__of_several_steps_in_one_transaction__are_all_counted() -> None:
    hops = [hop(side(AAVE, DAI), side(AAVE, WETH), 100, "0xa") for _ in range(4)]
    (loop,) = found(has(AAVE, [WETH], {DAI: 400}), seen=trail(*hops))
    assert (loop.hops, loop.evidence) == (4, ("0xa",))


def test_debt__seen_whole_and_spent__is_no_loop() -> None:
    unseen = found(has(AAVE, [DAI], {USDC: 100}))
    assert [loop.kind for loop in unseen] == [LoopKind.CORRELATED]
    assert not found(has(AAVE, [DAI], {USDC: 100}), seen=trail(seen=[side(AAVE, USDC)]))


def test_hop__whose_debt_is_repaid_or_pledge_withdrawn__makes_no_loop() -> None:
    money = trail(hop(side(AAVE, USDC), side(AAVE, WETH)))
    assert not found(has(AAVE, [WETH]), seen=money)
    assert not found(has(AAVE, [WSTETH], {USDC: 100}), seen=money)
    assert not found(seen=money)


def test_hops__worth_dust_beside_the_debt__make_no_loop() -> None:
    standing = has(AAVE, [WETH], {USDC: 2_000})
    crumbs = [hop(side(AAVE, USDC), side(AAVE, WETH), 33) for _ in range(3)]
    assert not found(standing, seen=trail(*crumbs))
    assert found(standing, seen=trail(*crumbs, hop(side(AAVE, USDC), side(AAVE, WETH), 1)))


def test_way__that_took_crumbs_of_a_debt__does_not_tell_its_kind() -> None:
    standing = has(AAVE, [WETH, WSTETH], {WETH: 1_000})
    wide = hop(side(AAVE, WETH), side(AAVE, WSTETH), 900)
    crumb = hop(side(AAVE, WETH), side(AAVE, WETH), 44)
    (loop,) = found(standing, seen=trail(wide, crumb))
    assert (loop.kind, loop.hops) == (LoopKind.CORRELATED, 1)


def test_loop__over_two_markets_and_back__is_one_in_the_order_of_the_money() -> None:
    out = hop(side(SPARK, USDC), side(AAVE, USDC), tx="0xa")
    back = hop(side(AAVE, WETH), side(SPARK, WETH), tx="0xb")
    owed = has(AAVE, [USDC], {WETH: 100}), has(SPARK, [WETH], {USDC: 100})
    (loop,) = found(*owed, seen=trail(out, back))
    assert loop.kind is LoopKind.CROSS_PROTOCOL
    assert legs(loop) == [(SPARK, WETH, USDC), (AAVE, USDC, WETH)]
    assert (loop.hops, loop.evidence) == (2, ("0xa", "0xb"))


def test_chain__at_its_end__has_a_leg_without_debt() -> None:
    money = hop(side(AAVE, USDC), side(SPARK, USDC))
    (loop,) = found(has(AAVE, [WETH], {USDC: 100}), has(SPARK, [USDC, DAI]), seen=trail(money))
    assert legs(loop) == [(AAVE, WETH, USDC), (SPARK, USDC, None)]


def test_chain__with_debt_at_its_end__has_that_in_it() -> None:
    money = trail(
        hop(side(AAVE, USDC), side(SPARK, USDC)), seen=[side(AAVE, USDC), side(SPARK, WETH)]
    )
    standings = has(AAVE, [WETH], {USDC: 100}), has(SPARK, [USDC], {WETH: 9})
    (loop,) = found(*standings, seen=money)
    assert legs(loop) == [(AAVE, WETH, USDC), (SPARK, USDC, WETH)]
    assert loop.hops == 1


def test_chain__that_ends_in_a_fortune__does_not_take_its_debts_for_looped() -> None:
    standings = has(AAVE, [WETH], {USDC: 100}), has(SPARK, [USDC, WETH], {DAI: 10**9})
    seen = [side(AAVE, USDC), side(SPARK, DAI)]
    money = trail(hop(side(AAVE, USDC), side(SPARK, USDC)), seen=seen)
    (loop,) = found(*standings, seen=money)
    assert legs(loop) == [(AAVE, WETH, USDC), (SPARK, USDC, None)]


def test_collateral__that_secures_the_debt_of_a_loop__belongs_to_it() -> None:
    money = hop(side(AAVE, USDC), side(AAVE, WETH))
    (loop,) = found(has(AAVE, [WETH, WSTETH], {USDC: 100, DAI: 100}), seen=trail(money))
    assert legs(loop) == [(AAVE, WSTETH, USDC), (AAVE, WETH, USDC)]


def test_accounts__of_one_owner__are_looked_at_together() -> None:
    other = an_address("other account")
    money = hop(side(AAVE, USDC), side(AAVE, WETH, other))
    standings = has(AAVE, [WETH], {USDC: 100}), has(AAVE, [WETH], account=other)
    (loop,) = found(*standings, seen=trail(money))
    assert [leg.account for leg in loop.path] == [OWNER, other]
    assert not found(standings[0], seen=trail(money))


def test_debt__on_anothers_credit__has_no_leg_and_makes_no_loop_alone() -> None:
    assert not found(
        has(AAVE, [], {USDC: 100}),
        has(SPARK, [USDC]),
        seen=trail(hop(side(AAVE, USDC), side(SPARK, USDC))),
    )


def test_two_loops__that_share_no_account__stay_two() -> None:
    hops = [hop(side(market, USDC), side(market, WETH)) for market in (AAVE, SPARK)]
    standings = [has(market, [WETH], {USDC: 100}) for market in (AAVE, SPARK)]
    loops = found(*standings, seen=trail(*hops))
    assert {loop.path[0].market for loop in loops} == {AAVE, SPARK}
    assert [loop.id for loop in loops] == sorted(loop.id for loop in loops)


@pytest.mark.parametrize(
    ("owed", "pledged", "kind"),
    [
        (WETH, WETH, LoopKind.SAME_ASSET),
        (WETH, WSTETH, LoopKind.CORRELATED),
        (USDC, DAI, LoopKind.CORRELATED),
        (USDC, WETH, LoopKind.DIRECTIONAL),
        (USDC, SHARE, LoopKind.REHYPOTHECATED),
        (DAI, SHARE, LoopKind.REHYPOTHECATED),
        (WETH, ASHARE, LoopKind.REHYPOTHECATED),
    ],
)
def test_kind__by_flow__is_the_first_that_fits(
    owed: AssetId, pledged: AssetId, kind: LoopKind
) -> None:
    origin, pledge = side(MORPHO, owed), side(MORPHO, pledged)
    standing = has(MORPHO, [pledge.asset], {origin.asset: 100})
    (loop,) = found(standing, seen=trail(hop(origin, pledge)))
    assert loop.kind is kind


def test_kind__of_a_claim_on_a_market_of_the_loop__is_rehypothecated() -> None:
    money = hop(side(MORPHO, USDC), side(AAVE, DAI))
    standings = has(MORPHO, [ASHARE], {USDC: 100}), has(AAVE, [DAI])
    (loop,) = found(*standings, seen=trail(money))
    assert loop.kind is LoopKind.REHYPOTHECATED
    (loop,) = found(has(MORPHO, [WSTETH], {USDC: 100}), standings[1], seen=trail(money))
    assert loop.kind is LoopKind.CROSS_PROTOCOL


def test_kind__of_an_e_mode_pair__is_correlated() -> None:
    other = an_address("other")
    money = trail(hop(side(AAVE, other), side(AAVE, WETH)))
    paired = has(AAVE, [WETH], {other: 100}, category=category([WETH], [other]))
    assert found(paired, seen=money)[0].kind is LoopKind.CORRELATED
    turned = has(AAVE, [WETH], {other: 100}, category=category([other], [WETH]))
    assert found(turned, seen=money)[0].kind is LoopKind.DIRECTIONAL


def test_kind__where_the_pairs_own_oracle_pegs_it__is_correlated_there_alone() -> None:
    other = an_address("other")
    ties = Ties({}, frozenset({(MORPHO, FIRST)}))
    kinds = {}
    for sub_market in (FIRST, SECOND):
        origin, pledge = (side(MORPHO, a, sub_market=sub_market) for a in (WETH, other))
        standing = has(MORPHO, [other], {WETH: 100}, sub_market=sub_market)
        (loop,) = found(standing, seen=trail(hop(origin, pledge)), ties=ties)
        kinds[sub_market] = loop.kind
    assert kinds == {FIRST: LoopKind.CORRELATED, SECOND: LoopKind.DIRECTIONAL}


def test_flow__not_seen_whole__has_no_number_of_hops() -> None:
    money = trail(hop(side(AAVE, USDC), side(AAVE, WETH)), seen=[])
    (loop,) = found(has(AAVE, [WETH], {USDC: 100}), seen=money)
    assert (loop.hops, loop.built, loop.evidence) == (None, Built.UNKNOWN, ("0xa",))


def test_evidence__of_many_transactions__is_bounded_and_oldest_first() -> None:
    hops = [hop(side(AAVE, USDC), side(AAVE, WETH), tx=f"0x{at:03}") for at in range(100)]
    (loop,) = found(has(AAVE, [WETH], {USDC: 10_000}), seen=trail(*hops))
    assert loop.evidence == tuple(f"0x{at:03}" for at in range(MOST_EVIDENCE))
    assert loop.hops == 100


def test_state__of_pegged_collateral_and_debt__is_a_loop_of_these_alone() -> None:
    (loop,) = found(has(AAVE, [WSTETH, USDC], {WETH: 100}))
    assert legs(loop) == [(AAVE, WSTETH, WETH)]
    assert (loop.kind, loop.hops, loop.built) == (LoopKind.CORRELATED, None, Built.UNKNOWN)
    assert not loop.evidence


def test_state__of_two_families_at_one_account__is_two_loops() -> None:
    loops = found(has(AAVE, [WSTETH, DAI], {WETH: 100, USDC: 100}))
    assert {tuple(legs(loop)) for loop in loops} == {
        ((AAVE, WSTETH, WETH),),
        ((AAVE, DAI, USDC),),
    }


@pytest.mark.parametrize(
    ("pledged", "owed", "kind"),
    [
        (WETH, WETH, LoopKind.SAME_ASSET),
        (SHARE, USDC, LoopKind.REHYPOTHECATED),
        (SHARE, DAI, None),
        (WSTETH, WETH, LoopKind.CORRELATED),
        (WETH, USDC, None),
    ],
)
def test_kind__by_state__is_the_first_that_fits(
    pledged: AssetId, owed: AssetId, kind: LoopKind | None
) -> None:
    ties = Ties({WETH: "eth", WSTETH: "eth", USDC: "share", SHARE: "share"})
    loops = found(has(AAVE, [pledged], {owed: 100}), ties=ties)
    assert [loop.kind for loop in loops] == ([] if kind is None else [kind])


def test_state__of_an_e_mode_pair__is_correlated() -> None:
    other = an_address("other")
    chosen = category([other], [WETH])
    (loop,) = found(has(AAVE, [other, USDC], {WETH: 100}, category=chosen))
    assert (loop.kind, legs(loop)) == (LoopKind.CORRELATED, [(AAVE, other, WETH)])
    assert not found(has(AAVE, [other, USDC], {WETH: 100}))


def test_state__where_the_pairs_own_oracle_pegs_it__is_correlated() -> None:
    ties = Ties({}, frozenset({(MORPHO, FIRST)}))
    standing = has(MORPHO, [DAI], {WETH: 100}, sub_market=FIRST)
    assert [loop.kind for loop in found(standing, ties=ties)] == [LoopKind.CORRELATED]
    assert not found(standing, ties=Ties())


def test_state__owed_in_one_market_and_pledged_in_another__is_cross_protocol() -> None:
    (loop,) = found(has(AAVE, [WETH], {USDC: 100}), has(SPARK, [USDC], {DAI: 100}), ties=Ties())
    assert loop.kind is LoopKind.CROSS_PROTOCOL
    assert legs(loop) == [(AAVE, WETH, USDC), (SPARK, USDC, DAI)]


def test_state__a_claim_on_what_is_owed_pledged_elsewhere__is_found() -> None:
    standings = has(AAVE, [WETH], {USDC: 100}), has(SPARK, [SHARE])
    (loop,) = found(*standings, ties=Ties())
    assert loop.kind is LoopKind.REHYPOTHECATED
    assert legs(loop) == [(AAVE, WETH, USDC), (SPARK, SHARE, None)]


def test_state__over_two_markets_of_one_protocol__is_not_cross_protocol() -> None:
    standings = (
        has(MORPHO, [WETH], {USDC: 100}, sub_market=FIRST),
        has(MORPHO, [USDC], {DAI: 100}, sub_market=SECOND),
    )
    (loop,) = found(*standings, ties=Ties())
    assert loop.kind is LoopKind.SAME_ASSET


def test_state__owed_and_pledged_by_two_accounts_in_one_market__is_no_loop() -> None:
    other = an_address("other account")
    standings = has(AAVE, [WETH], {USDC: 100}), has(AAVE, [USDC], account=other)
    assert not found(*standings, ties=Ties())


def test_state__of_debts_seen_whole__is_not_asked() -> None:
    standings = has(AAVE, [WETH], {USDC: 100}), has(SPARK, [USDC])
    assert not found(*standings, seen=Trail(seen=(side(AAVE, USDC),)))


def test_debt__looped_by_flow__is_not_found_by_state_again() -> None:
    money = trail(hop(side(AAVE, WETH), side(AAVE, WSTETH)), seen=[])
    (loop,) = found(has(AAVE, [WSTETH], {WETH: 100}), seen=money)
    assert loop.evidence


def test_id__while_amounts_and_other_collateral_change__is_the_same() -> None:
    money = hop(side(AAVE, USDC), side(AAVE, WETH), 100, "0xa")
    more = hop(side(AAVE, USDC), side(AAVE, WETH), 300, "0xb")
    (small,) = found(has(AAVE, [WETH], {USDC: 100}), seen=trail(money))
    (large,) = found(has(AAVE, [WETH, DAI], {USDC: 400}), seen=trail(money, more))
    assert small.id == large.id
    assert small.path != large.path


def test_id__of_another_account_market_or_debt__is_another() -> None:
    other = an_address("other account")
    loops = [
        *found(has(AAVE, [WSTETH], {WETH: 1})),
        *found(has(SPARK, [WSTETH], {WETH: 1})),
        *found(has(AAVE, [USDC], {DAI: 1})),
        *found(has(AAVE, [WSTETH], {WETH: 1}, account=other), owner=other),
    ]
    assert len({loop.id for loop in loops}) == 4


def test_id__by_state__stays_when_the_flow_is_seen_later() -> None:
    (before,) = found(has(AAVE, [WSTETH], {WETH: 100}))
    money = trail(hop(side(AAVE, WETH), side(AAVE, WSTETH)), seen=[])
    (after,) = found(has(AAVE, [WSTETH], {WETH: 200}), seen=money)
    assert before.id == after.id


def test_order__of_the_standings_handed_in__decides_nothing() -> None:
    hops = trail(hop(side(AAVE, USDC), side(SPARK, USDC)), hop(side(SPARK, WETH), side(AAVE, WETH)))
    standings = [
        has(AAVE, [WETH], {USDC: 100}),
        has(SPARK, [USDC], {WETH: 100}),
        has(MORPHO, [DAI], {USDC: 1}),
    ]
    assert found(*standings, seen=hops) == found(*reversed(standings), seen=hops)


def test_owner__of_ten_thousand_accounts__takes_time_in_proportion() -> None:
    """Each owes USDC here and pledges it there, each levered once more: every pair would be 1e8."""
    accounts = [an_address(f"account {number}") for number in range(10_000)]
    standings = [has(AAVE, [WETH], {USDC: 100, WETH: 100}, account=one) for one in accounts]
    standings += [has(SPARK, [USDC], {DAI: 100}, account=one) for one in accounts]
    hops = [hop(side(AAVE, WETH, one), side(AAVE, WETH, one)) for one in accounts]
    began = process_time()
    loops = found(*standings, seen=trail(*hops))
    many = Loops(loops)
    assert len(loops) == 20_001
    worths = Worths(
        {pledge: Fraction(100) for one in standings for pledge in one.pledges()},
        {debt: Fraction(90) for one in standings for debt, _ in one.debts()},
    )
    kept = counted(many, worths, CLAIMS, Fraction(1, 2))
    assert process_time() - began < 20
    (wide,) = (loop for loop in kept if not loop.evidence)
    assert wide.kind is LoopKind.CROSS_PROTOCOL
    assert len(wide.path) == 20_000
