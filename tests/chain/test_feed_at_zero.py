"""A pool is sold so empty that feeds have to say 0: what the contracts do, and what is projected.

The world is one that tests/fidelity drew, in which the nudge of a shock decided about it.
"""

from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path

import pytest
import pytest_asyncio
from devnet import Executed, WideWorld, new_wide_world
from devnet.transactions import RevertError
from fidelity.campaign import Drawn, draw
from fidelity.comparison import errors_of, first_difference
from fidelity.execution import Stage, executed, set_stage
from fidelity.opening import open_book
from fidelity.projection import projected
from fidelity.question import Question

pytestmark = pytest.mark.asyncio(loop_scope="module")

DRAW = "20261122-21-0"
LARGER = [Fraction(percent, 100) for percent in (2, 4, 32, 1, 3, 5)]
"""Than the shock that was drawn; which of them empties the pools is a knife edge."""
WITHIN = 1e-5
CORE, BITCOIN, BY_WBTC = "aave-core", "WBTC", "WBTC/USDC"


@pytest.fixture(scope="module")
def drawn() -> Drawn:
    return draw(DRAW)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(drawn: Drawn) -> AsyncIterator[Stage]:
    async with new_wide_world(drawn.ground.terms) as world:
        await open_book(world, drawn.ground, drawn.book)
        yield await set_stage(world, None, drawn.question)


async def emptying(drawn: Drawn, stage: Stage) -> tuple[Question, Executed]:
    """The first of the questions that leaves feeds at 0, and what came of it."""
    for more in LARGER:
        question = drawn.question.nudged(more)
        done = await executed(stage, question)
        if done.silent:
            return question, done
    raise AssertionError(f"no shock larger by {LARGER} empties a pool of world {DRAW}")


async def test_cascade__that_empties_a_pool__leaves_what_aave_answers_nothing_of(
    drawn: Drawn, stage: Stage, tmp_path: Path
) -> None:
    question, done = await emptying(drawn, stage)
    told = await projected(stage.world, None, tmp_path, question.asked(stage.uses))
    assert errors_of(told, done).worst < WITHIN, first_difference(told, done)
    assert told["rounds"] == done.rounds
    assert float(told["unliquidated_because"]["no_price"]) > 1_000_000


async def answers(world: WideWorld, drawn: Drawn) -> dict[str, bool]:
    """Of each account of Aave 3.6, whether the market says anything of it."""
    found = {}
    for debtor in drawn.book.debtors:
        if debtor.market == CORE:
            try:
                await world.user_account_data(debtor.account)
                found[debtor.account] = True
            except RevertError:
                found[debtor.account] = False
    return found


async def test_feed__at_0__silences_aave_for_who_has_or_owes_it_and_nobody_else(
    drawn: Drawn, stage: Stage
) -> None:
    world = stage.world
    before = await world.snapshot()
    await world.block(world.move_feed(BITCOIN, 0))
    touched = {
        debtor.account: BITCOIN in {*debtor.pledges_usd, *debtor.debts_usd}
        for debtor in drawn.book.debtors
        if debtor.market == CORE
    }
    assert set(touched.values()) == {True, False}
    assert await answers(world, drawn) == {who: not has for who, has in touched.items()}
    assert await world.morpho.price_e36(BY_WBTC) == 0
    await world.block(world.move_feed("USDC", 0))
    with pytest.raises(RevertError):
        await world.morpho.price_e36(BY_WBTC)
    await world.revert(before)
