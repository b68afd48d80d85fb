"""Loops that a stranger would like to be told of somebody else.

Anybody may give an account away (a proxy that obeys the victim from now on), and anybody may pledge
for anybody: so money of such an account's debt may arrive in the victim's own position.
"""

from fractions import Fraction

import pytest
from builders import USDC, WETH, an_address
from unit.leverage.looped import (
    AAVE,
    CLAIMS,
    DAI,
    MORPHO,
    OWNER,
    SHARE,
    SPARK,
    TIES,
    found,
    has,
    hop,
    legs,
    side,
    trail,
)

from monitor.core.loops import LoopKind
from monitor.core.receipts import ReceiptKind
from monitor.core.units import RawAmount
from monitor.leverage.claims import Claim, Claims, Part
from monitor.leverage.concentration import Worths, is_concentrated
from monitor.leverage.loops import loops_of

GIVEN = an_address("a proxy that was given to the owner")
OTHER = an_address("pegged to nothing")
FORTUNE = 10**12


@pytest.mark.parametrize(("gift", "is_told"), [(FORTUNE // 100, False), (FORTUNE, True)])
def test_loop__of_a_given_account_that_pledges_for_its_owner__takes_his_debt_only_with_most_of_it(
    gift: int, is_told: bool
) -> None:
    given = has(SPARK, {DAI: gift * 2}, {WETH: gift}, account=GIVEN)
    rich = has(AAVE, {WETH: FORTUNE + gift}, {USDC: FORTUNE})
    ways = trail(hop(side(SPARK, WETH, GIVEN), side(AAVE, WETH), gift))
    loops = found(given, rich, seen=ways)
    owed = [debt for loop in loops for _, _, debt in legs(loop)]
    assert (USDC in owed) is is_told


def test_loop__of_an_owner_whom_dust_was_pledged_for__stays_what_it_was() -> None:
    own = hop(side(AAVE, USDC), side(AAVE, WETH), FORTUNE)
    rich = has(AAVE, {WETH: 2 * FORTUNE}, {USDC: FORTUNE})
    [before] = found(rich, seen=trail(own))
    given = has(SPARK, {DAI: 20}, {WETH: 10}, account=GIVEN)
    gift = hop(side(SPARK, WETH, GIVEN), side(AAVE, WETH), 10, "0xb")
    assert found(rich, given, seen=trail(own, gift)) == (before,)
    assert before.kind is LoopKind.DIRECTIONAL


def test_loop__of_little_borrowed_on_much__is_one_within_an_account() -> None:
    little = hop(side(AAVE, USDC), side(AAVE, WETH), FORTUNE // 100)
    [loop] = found(has(AAVE, {WETH: FORTUNE}, {USDC: FORTUNE // 100}), seen=trail(little))
    assert loop.hops == 1


def test_chain__into_an_account_whose_collateral_is_mostly_that__has_its_debts() -> None:
    ways = trail(hop(side(AAVE, USDC), side(SPARK, USDC), 100))
    standings = has(AAVE, {WETH: 1_000}, {USDC: 100}), has(SPARK, {USDC: 150}, {DAI: 50})
    [loop] = found(*standings, seen=ways)
    assert legs(loop) == [(AAVE, WETH, USDC), (SPARK, USDC, DAI)]


@pytest.mark.parametrize(("owed", "is_told"), [(4, False), (5, True)])
def test_state__of_dust_owed_by_a_given_account__makes_no_loop_of_a_fortune(
    owed: int, is_told: bool
) -> None:
    """Nobody saw it borrowed: it looks as if what is owed there were what is pledged here."""
    (loop,) = found(has(SPARK, [OTHER], {USDC: owed}, account=GIVEN), has(AAVE, [USDC], {WETH: 80}))
    worths = Worths(
        {side(SPARK, OTHER, GIVEN): Fraction(10), side(AAVE, USDC): Fraction(100)},
        {side(SPARK, USDC, GIVEN): Fraction(owed), side(AAVE, WETH): Fraction(80)},
    )
    assert is_concentrated(loop, worths, CLAIMS, Fraction(4, 5)) is is_told


@pytest.mark.parametrize(
    ("lent", "kind"),
    [(4, LoopKind.CROSS_PROTOCOL), (5, LoopKind.REHYPOTHECATED), (100, LoopKind.REHYPOTHECATED)],
)
def test_kind__of_a_share_whose_vault_was_lent_a_little_for__stays(
    lent: int, kind: LoopKind
) -> None:
    """Anybody may supply for anybody, and so for a vault: that makes its share no claim on it."""
    parts = Part(DAI, (AAVE, ""), lent), Part(DAI, None, 100 - lent)
    claims = Claims({SHARE: Claim(ReceiptKind.ERC4626, DAI, parts, RawAmount(100))})
    standings = has(MORPHO, [SHARE], {USDC: 100}), has(AAVE, [USDC])
    money = trail(hop(side(MORPHO, USDC), side(AAVE, USDC)))
    loops = loops_of(OWNER, standings, money, TIES, claims)
    assert loops is not None
    assert [loop.kind for loop in loops.loops] == [kind]
