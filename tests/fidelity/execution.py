"""The same for real: pools and feeds are moved, liquidators come, and then all of it is undone.

Blocks have one timestamp, so that no interest lies between them and the projected block.
"""

from devnet import Executed, WideWorld, crash

from fidelity.question import Question


async def executed(world: WideWorld, question: Question) -> Executed:
    """What came of it; the world is as it was."""
    before = await world.snapshot()
    done = await crash(
        world,
        question.changes(),
        gas_usd=question.gas_usd * question.gas,
        deviation=question.deviation,
        max_rounds=question.max_rounds,
        seconds=0,
    )
    await world.revert(before)
    return done
