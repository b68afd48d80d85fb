"""Which loops count, given what they are worth."""

from collections.abc import Mapping
from fractions import Fraction

from builders import USDC, WETH
from unit.leverage.looped import (
    AAVE,
    CLAIMS,
    DAI,
    SPARK,
    TIES,
    WSTETH,
    found,
    has,
    hop,
    side,
    trail,
)

from monitor.core.loops import Loop, LoopKind, Loops
from monitor.core.trails import Side
from monitor.leverage.concentration import Worths, counted, is_concentrated

LEAST = Fraction(4, 5)


def worths(pledged: Mapping[Side, int | None], owed: Mapping[Side, int | None]) -> Worths:
    return Worths(_exact(pledged), _exact(owed))


def _exact(values: Mapping[Side, int | None]) -> dict[Side, Fraction | None]:
    return {name: None if value is None else Fraction(value) for name, value in values.items()}


def a_staker() -> Loop:
    """wstETH against WETH by state, beside other things."""
    loops = found(has(AAVE, [WSTETH, WETH, USDC], {WETH: 1, USDC: 1}))
    return next(loop for loop in loops if loop.path[0].collateral == WETH)


def judged(steth: int, weth: int, usdc: int, owed_weth: int, owed_usdc: int) -> bool | None:
    held = {side(AAVE, WSTETH): steth, side(AAVE, WETH): weth, side(AAVE, USDC): usdc}
    owed = {side(AAVE, WETH): owed_weth, side(AAVE, USDC): owed_usdc}
    return is_concentrated(a_staker(), worths(held, owed), CLAIMS, LEAST)


def test_concentration__of_both_sides_from_80_percent_on__counts() -> None:
    assert judged(79, 1, 20, 40, 10) is True
    assert judged(78, 1, 21, 40, 10) is False
    assert judged(79, 1, 20, 39, 10) is False


def test_concentration__of_debts_worth_nothing__is_none() -> None:
    assert judged(100, 0, 0, 0, 0) is False


def test_concentration__where_a_worth_is_unknown__is_unknown_and_counts() -> None:
    held: dict[Side, int | None] = {side(AAVE, WSTETH): 100}
    (loop,) = found(has(AAVE, [WSTETH], {WETH: 1}))
    for known in (
        worths(held, {side(AAVE, WETH): None}),
        worths(held | {side(AAVE, USDC): None}, {side(AAVE, WETH): 50}),
        worths(held, {}),
    ):
        assert is_concentrated(loop, known, CLAIMS, LEAST) is None
        assert counted(Loops((loop,)), known, CLAIMS, LEAST) == (loop,)


def test_loop__seen_by_flow__counts_whatever_it_is_worth() -> None:
    money = trail(hop(side(AAVE, USDC), side(AAVE, WETH)))
    loops = found(has(AAVE, [WETH], {USDC: 100}), seen=money)
    values = worths({side(AAVE, WETH): 100}, {side(AAVE, USDC): 50, side(AAVE, DAI): 5_000})
    assert counted(Loops(loops), values, CLAIMS, LEAST) == loops


def test_loop__over_markets_and_one_within__are_counted_once() -> None:
    """What is owed could be looped within, or over there: the wider takes it, if it counts."""
    loops = Loops(found(has(AAVE, [WSTETH], {WETH: 1}), has(SPARK, [WETH])))
    assert len(loops.loops) == 2
    held = {side(AAVE, WSTETH): 100, side(SPARK, WETH): 40}
    (wide,) = counted(loops, worths(held, {side(AAVE, WETH): 50}), CLAIMS, LEAST)
    assert wide.kind is LoopKind.CROSS_PROTOCOL
    crumbs = worths(held | {side(SPARK, WETH): 2}, {side(AAVE, WETH): 50})
    (narrow,) = counted(loops, crumbs, CLAIMS, LEAST)
    assert narrow.kind is LoopKind.CORRELATED


def test_concentration__over_markets__asks_what_was_owed_here_and_is_pledged_there() -> None:
    loops = found(
        has(AAVE, [DAI], {WETH: 1, USDC: 1}), has(SPARK, [WSTETH, DAI], {USDC: 1}), ties=TIES
    )
    (loop,) = (loop for loop in loops if loop.kind is LoopKind.CROSS_PROTOCOL)

    def is_counted(owed_usdc: int, pledged_dai: int) -> bool | None:
        held = {side(AAVE, DAI): 200, side(SPARK, WSTETH): 80, side(SPARK, DAI): pledged_dai}
        owed = {side(AAVE, WETH): 80, side(AAVE, USDC): owed_usdc, side(SPARK, USDC): 60}
        return is_concentrated(loop, worths(held, owed), CLAIMS, LEAST)

    assert is_counted(20, 20) is True
    assert is_counted(21, 20) is False
    assert is_counted(20, 21) is False
