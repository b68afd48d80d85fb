"""The shrinker by itself: against a failure that is made up, without a chain."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
from devnet import Tx, World
from fuzz.script import Act, Die, Mine, Reorg, Resume, Rollback, Step, from_json, to_json
from fuzz.shrinking import Shrinking

NOWHERE = cast(World, None)


def act(verb: str) -> Act:
    return Act(verb, Tx(NOWHERE, "0x01", "0x02", b"\x12\x34", verb, 21_000))


def verbs_in(script: Sequence[Step]) -> list[str]:
    found: list[str] = []
    for step in script:
        match step:
            case Mine(_, acts):
                found += [act.verb for act in acts]
            case Reorg(_, placed):
                found += [act.verb for _, act in placed]
            case _:
                found.append(type(step).__name__)
    return found


LONG: list[Step] = [
    *(Mine(n, (act(f"a{n}"), act(f"b{n}"), act(f"c{n}"))) for n in range(40)),
    Rollback(3, awaited=True),
    Reorg(2, ((0, act("x")), (1, act("y")))),
    Die(),
    *(Mine(n, ()) for n in range(50, 60)),
    Resume(),
    Mine(99, (act("last"),)),
]


@pytest.mark.parametrize(
    "needed",
    [
        {"last"},
        {"a3", "c3"},
        {"b0", "b20", "last"},
        {"y", "Die", "Resume", "last"},
        {"a0", "Rollback", "b39"},
    ],
)
async def test_shrink__some_parts_are_needed__exactly_they_are_left(needed: set[str]) -> None:
    async def fails(script: Sequence[Step]) -> bool:
        return needed <= set(verbs_in(script))

    shortest = await Shrinking(fails, print, budget_seconds=60).shrink(LONG)
    assert set(verbs_in(shortest)) == needed
    assert not any(isinstance(step, Mine) and not step.acts for step in shortest)


async def test_shrink__no_time__script_stays_and_still_fails() -> None:
    plays = 0

    async def fails(script: Sequence[Step]) -> bool:
        nonlocal plays
        plays += 1
        return True

    assert await Shrinking(fails, print, budget_seconds=0).shrink(LONG) == LONG
    assert plays == 0


def test_script__to_json_and_back__equal() -> None:
    assert from_json(NOWHERE, to_json(LONG)) == LONG


def test_from_json__unknown_step__refused() -> None:
    told: list[dict[str, Any]] = [{"do": "dance"}]
    with pytest.raises(KeyError):
        from_json(NOWHERE, told)
