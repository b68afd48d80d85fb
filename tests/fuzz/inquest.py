"""After a failure: the shortest script that shows it, said and written down."""

from collections.abc import Callable, Sequence

from fuzz import recording
from fuzz.failure import Failure
from fuzz.rehearsal import Rehearsal, rehearsal
from fuzz.script import Script, Step, acts_in
from fuzz.shrinking import Shrinking
from fuzz.wording import Wording

Say = Callable[[str], None]
BUDGET_SECONDS = 300.0
LAST_LINES = 120
"""What a person may want to read; all of it is in the recording."""


async def inquire(
    seed: int, script: Script, found: Failure, say: Say, budget_seconds: float = BUDGET_SECONDS
) -> Sequence[Step]:
    """Says the shortest failing script and where it is recorded; returns it."""
    say(f"the failing prefix has {_size(script)}; looking for a shorter one ...")
    async with rehearsal(seed) as stage:
        shortest = await _shortest(stage, script, found, say, budget_seconds)
        path = recording.write(seed, found.kind, shortest)
        say(
            f"the shortest failing prefix found, {_size(shortest)} after the set-up of seed {seed}:"
        )
        lines = Wording(stage.cast).lines(shortest)
        if len(lines) > LAST_LINES:
            say(f"  … the last {LAST_LINES} of {len(lines)} lines:")
        for line in lines[-LAST_LINES:]:
            say(line)
    say(f"to play it again: PYTHONPATH=deploy:tests .venv/bin/python -m fuzz --replay {path}")
    return shortest


async def _shortest(
    stage: Rehearsal, script: Script, found: Failure, say: Say, budget_seconds: float
) -> Sequence[Step]:
    async def fails(steps: Sequence[Step]) -> bool:
        return await stage.play(steps, found.kind) is not None

    if not await fails(script):
        say("played again as it was, it does not fail: it depends on timing, and stays as it is")
        return script
    shrinking = Shrinking(fails, say, budget_seconds)
    return await shrinking.shrink(script)


def _size(script: Script) -> str:
    return f"{len(script)} steps with {acts_in(script)} actions"
