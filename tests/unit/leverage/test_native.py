"""Native coins that no log tells of: what balances say of a block, as steps of the wrapped coin.

Units are whole: a coin, its wrapped form and staked ether are worth 1 USD each, and gas takes 1.
"""

from collections.abc import Sequence
from fractions import Fraction

import pytest
from builders import USDC, WETH, a_hash, an_address
from diary import WSTETH, a_side

from monitor.core.trails import Lot, Side, Trail
from monitor.core.units import AssetId, RawAmount
from monitor.leverage.flows import follow
from monitor.leverage.native import Coins, Terms, is_concerned, unseen_steps
from monitor.leverage.steps import Act, FlowTerms, Step

OWED, PLEDGED, STAKED = a_side(WETH), a_side(WETH, "spark"), a_side(WSTETH)
SPAM, STETH = an_address("spam"), an_address("stETH")
PRICES = {WETH: 1, USDC: 1, WSTETH: 1}
GAS = 1
PLENTY = 10**6
Did = tuple[int, Act, AssetId, int]
"""Number of the transaction, act, asset, raw."""
SIDES = {Act.BORROWED: OWED, Act.REPAID: OWED}


def lot(raw: int, asset: AssetId = WETH) -> Lot:
    return Lot(asset, RawAmount(raw), OWED, RawAmount(raw), 0, (a_hash("tx 0"),))


def steps_of(*did: Did) -> list[Step]:
    found = []
    for index, (number, act, asset, raw) in enumerate(did):
        side: Side | None = SIDES.get(act, PLEDGED if asset == WETH else STAKED)
        side = None if act in (Act.SENT, Act.RECEIVED) else side
        found.append(Step(a_hash(f"tx {number}"), index, act, asset, raw, side))
    return found


def unseen(
    gained: int, *did: Did, lots: Sequence[Lot] = (), held: int = PLENTY
) -> list[tuple[int | None, Act, int]]:
    """The transaction by its number, None for one of its own."""

    def worth(asset: AssetId, raw: int) -> Fraction | None:
        return Fraction(PRICES[asset] * raw) if asset in PRICES else None

    numbers: dict[str, int] = {a_hash(f"tx {number}"): number for number, *_ in did}
    terms = Terms(WETH, worth, Fraction(1, 20))
    steps = steps_of(*did)
    found = unseen_steps(lots, steps, Coins(held, gained), terms)
    assert all(step.asset == WETH and step.side is None for step in found)
    last = max((step.log_index for step in steps), default=0)
    assert all(step.log_index <= last for step in found)
    return [(numbers.get(step.tx_hash), step.act, step.raw) for step in found]


BORROW = (1, Act.BORROWED, WETH, 100)
STAKE = (2, Act.RECEIVED, WSTETH, 100)


def test_gateway__pays_out_what_is_borrowed__coins_are_received() -> None:
    assert unseen(100 - GAS, BORROW) == [(1, Act.RECEIVED, 100)]


def test_borrowed__as_a_token__moves_no_coins() -> None:
    assert unseen(100 - GAS, BORROW, (1, Act.RECEIVED, WETH, 100)) == []


def test_released__by_a_gateway__coins_are_received() -> None:
    assert unseen(100 - GAS, (1, Act.RELEASED, WETH, 100)) == [(1, Act.RECEIVED, 100)]


def test_coins__that_buy_something__are_sent_at_its_worth() -> None:
    assert unseen(-100 - GAS, STAKE, lots=[lot(100)]) == [(2, Act.SENT, 100)]


def test_coins__that_buy_what_has_no_price__are_sent_with_the_gas() -> None:
    bought = (2, Act.RECEIVED, STETH, 100)
    assert unseen(-100 - GAS, bought, lots=[lot(100)]) == [(2, Act.SENT, 100 + GAS)]


def test_coins__that_a_router_stakes_and_pledges__are_sent() -> None:
    pledged = (2, Act.PLEDGED, WSTETH, 100)
    assert unseen(-100 - GAS, pledged, lots=[lot(100)]) == [(2, Act.SENT, 100)]


def test_coins__that_a_gateway_pledges_or_repays__are_sent() -> None:
    for act in (Act.PLEDGED, Act.REPAID):
        found = unseen(-100 - GAS, (1, act, WETH, 100), lots=[lot(100)])
        assert found == [(1, Act.SENT, 100)]


def test_borrow_and_purchase__in_one_block__are_both_told() -> None:
    assert unseen(-GAS, BORROW, STAKE) == [(1, Act.RECEIVED, 100), (2, Act.SENT, 100)]


def test_borrow_and_purchase__in_one_transaction__need_no_coins() -> None:
    assert unseen(-GAS, BORROW, (1, Act.RECEIVED, WSTETH, 100)) == []


def test_gas__alone__is_no_step() -> None:
    assert unseen(-GAS, lots=[lot(100)]) == []
    assert unseen(-GAS, (2, Act.RECEIVED, WSTETH, 500), lots=[lot(100)]) == []
    assert unseen(-GAS, (1, Act.SENT, WSTETH, 500), lots=[lot(100)]) == []


def test_coins__paid_away__are_sent_in_a_transaction_of_their_own() -> None:
    assert unseen(-50, lots=[lot(100)]) == [(None, Act.SENT, 50)]
    pledge = (1, Act.SENT, WSTETH, 500), (1, Act.PLEDGED, WSTETH, 500)
    assert unseen(-50, *pledge, lots=[lot(100)]) == [(None, Act.SENT, 50)]


def test_coins__paid_away_beside_a_purchase__are_sent_apart() -> None:
    found = unseen(-150 - GAS, STAKE, lots=[lot(150)])
    assert found == [(2, Act.SENT, 100), (None, Act.SENT, 50 + GAS)]


def test_coins__paid_away_little_by_little__are_spent_once_the_wallets_have_less() -> None:
    assert unseen(-2, lots=[lot(100)], held=96) == []
    assert unseen(-2, lots=[lot(100)], held=94) == [(None, Act.SENT, 6)]


def test_token__sent_in_the_block__is_not_missed_twice() -> None:
    sold = (1, Act.SENT, WETH, 100), (1, Act.RECEIVED, USDC, 100)
    assert unseen(-100 - GAS, *sold, lots=[lot(100)], held=0) == []
    assert unseen(-100 - GAS, sold[0], lots=[lot(100)], held=0) == []


def test_wrapping__is_no_movement() -> None:
    assert unseen(0, lots=[lot(100)]) == []


def test_coins__of_one_s_own_that_come__are_no_step() -> None:
    assert unseen(70, lots=[lot(100)]) == []


def test_borrowed__for_somebody_else__never_came() -> None:
    assert unseen(-GAS, BORROW, lots=[lot(100)]) == []


def test_pledged__by_somebody_else__took_no_coins() -> None:
    """Else a stranger could wear down what is followed, or make a loop of it."""
    assert unseen(-GAS, (1, Act.PLEDGED, WETH, 100), lots=[lot(100)]) == []


def test_token__sold_for_coins__is_paid_at_its_worth() -> None:
    found = unseen(98 - GAS, (1, Act.SENT, USDC, 100), lots=[lot(100, USDC)])
    assert found == [(1, Act.RECEIVED, 97)]
    found = unseen(170, (1, Act.SENT, USDC, 100), lots=[lot(100, USDC)])
    assert found == [(1, Act.RECEIVED, 100)]


def test_wrapped_coin__handed_in_for_coins__stays_what_it_is() -> None:
    assert unseen(-GAS, (1, Act.SENT, WETH, 100), lots=[lot(100)]) == [(1, Act.RECEIVED, 99)]


def test_coins__that_may_have_bought_several__bought_what_fits() -> None:
    own = (1, Act.RECEIVED, WSTETH, 700)
    assert unseen(-100 - GAS, own, STAKE, lots=[lot(100)]) == [(2, Act.SENT, 100)]
    found = unseen(-300 - GAS, STAKE, (3, Act.RECEIVED, WSTETH, 200), lots=[lot(300)])
    assert found == [(2, Act.SENT, 100), (3, Act.SENT, 200)]


def test_coins__beside_spam__still_bought_what_was_bought() -> None:
    spam = (1, Act.RECEIVED, SPAM, 10**30)
    assert unseen(-100 - GAS, spam, STAKE, lots=[lot(100)]) == [(2, Act.SENT, 100)]
    found = unseen(-100, spam, (2, Act.RECEIVED, STETH, 100), lots=[lot(100)])
    assert found == [(1, Act.SENT, 50), (2, Act.SENT, 50)]


@pytest.mark.parametrize(
    ("lots", "did", "expected"),
    [
        ([], [], False),
        ([lot(1)], [], True),
        ([lot(1, USDC)], [], False),
        ([], [BORROW], True),
        ([], [(1, Act.RECEIVED, WETH, 5)], True),
        ([], [(1, Act.PLEDGED, WETH, 5)], False),
        ([lot(1, USDC)], [(1, Act.SENT, USDC, 5)], True),
        ([lot(1, USDC)], [(1, Act.SENT, USDC, 5), (1, Act.RECEIVED, WSTETH, 5)], False),
        ([], [(1, Act.BORROWED, USDC, 5), (1, Act.RECEIVED, USDC, 5)], False),
        ([], [(1, Act.BORROWED, USDC, 5)], True),
        ([], [(1, Act.SENT, WSTETH, 5)], False),
    ],
)
def test_owner__whose_borrowed_money_may_be_coins__is_looked_at(
    lots: list[Lot], did: list[Did], expected: bool
) -> None:
    assert is_concerned(Trail(tuple(lots)), steps_of(*did), WETH) is expected


def test_loop__over_a_staking_token_that_nobody_prices__is_a_hop() -> None:
    """Borrowed through a gateway, staked, wrapped, pledged: a block each."""
    bought = (2, Act.RECEIVED, STETH, 90)
    wrapped = (3, Act.SENT, STETH, 90), (3, Act.RECEIVED, WSTETH, 80)
    pledged = (4, Act.SENT, WSTETH, 80), (4, Act.PLEDGED, WSTETH, 80)
    trail, prices = Trail(), {WETH: 1}
    flows = FlowTerms(3600, Fraction(1, 20))

    def worth(asset: AssetId, raw: int) -> Fraction | None:
        return Fraction(prices[asset] * raw) if asset in prices else None

    for gained, *did in ((99, BORROW), (-101, bought), (-GAS, *wrapped), (-GAS, *pledged)):
        steps, coins = steps_of(*did), Coins(PLENTY, gained)
        coined = unseen_steps(trail.lots, steps, coins, Terms(WETH, worth, flows.tolerance))
        trail = follow(trail, [*steps, *coined], frozenset({OWED}), worth, 0, flows)
    [hop] = trail.hops
    assert (hop.origin, hop.pledge) == (OWED, STAKED)
    assert 79 <= hop.pledged_raw <= 80
    assert hop.transactions == tuple(a_hash(f"tx {number}") for number in (1, 2, 3, 4))
    assert (hop.is_flash, trail.lots) == (False, ())
