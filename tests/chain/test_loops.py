"""Two worlds of loops and decoys, and the judge of them shown to see."""

import ast
import random
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest
from devnet import account
from loops.answer import Row
from loops.campaign import Options, run
from loops.part import Acts, Part
from loops.places import Aave
from loops.scene import Scene, new_scene
from loops.truth import DIRECTIONAL, STEPWISE, Line, Truth, Weight, weigh
from loops.verdict import Score, judge

WORLDS = 2
SEED_OF_TODAY = int(datetime.now(UTC).strftime("%Y%m%d"))
LOOPS = Path(__file__).resolve().parents[1] / "loops"
ALICE, MALLORY = account("alice"), account("mallory")
TOKENS = {"WETH": account("WETH"), "USDC": account("USDC")}
WEIGHT = Weight(Fraction(300), Fraction(200))


@pytest.mark.timeout(600)
async def test_loops__mixed_with_decoys__are_told_from_them() -> None:
    said: list[str] = [f"reproduce: make loops WORLDS={WORLDS} SEED={SEED_OF_TODAY}"]
    score = await run(Options(WORLDS, SEED_OF_TODAY), said.append)
    sys.stdout.write("\n".join([*said, score.remarks(), score.last_line()]))
    assert score.is_good
    assert score.decoys == 5 * score.loops


def test_labels__of_loops__share_no_code_with_the_detector() -> None:
    wrong = []
    for path in sorted(LOOPS.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{each.name}" for each in node.names]
            wrong += [f"{path.name} imports {name}" for name in names if name.startswith("monitor")]
    assert not wrong


# The judge


async def nothing(scene: Scene, part: Part) -> Acts:
    return
    yield


def a_place() -> Aave:
    return Aave("aave-core", None)  # type: ignore[arg-type]


def a_loop() -> Part:
    place = a_place()
    lines = frozenset([Line(place, ALICE, "WETH")]), frozenset([Line(place, ALICE, "USDC")])
    truth = Truth(DIRECTIONAL, STEPWISE, 2, ALICE, *lines)
    return Part("loop: one", nothing, (ALICE,), [truth], ["block 1 borrow 0x01"])


def a_decoy() -> Part:
    return Part("decoy: one", nothing, (MALLORY,))


TOLD = Row(
    id="1",
    kind=DIRECTIONAL,
    built=STEPWISE,
    hops=2,
    owner=ALICE,
    accounts=frozenset([ALICE]),
    markets=frozenset(["aave-core"]),
    debts=frozenset([TOKENS["USDC"]]),
    leverage=3.0,
    collateral_usd="300.00",
    debt_usd="200.00",
    evidence=("0x01",),
    path="",
)


def judged(*rows: Row) -> Score:
    loop = a_loop()
    return judge([loop, a_decoy()], rows, {loop.truths[0]: WEIGHT}, TOKENS)


def test_judge__told_as_built__finds_nothing() -> None:
    score = judged(TOLD)
    assert score.is_good
    assert not score.faults
    assert score.last_line() == (
        "worlds=1 loops=1 precision=1.0000 recall=1.0000 worst_leverage_error=0.0e+00"
    )


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param([], id="missed"),
        pytest.param([TOLD, TOLD], id="told twice"),
        pytest.param([TOLD, replace(TOLD, owner=MALLORY, accounts=frozenset())], id="a decoy"),
        pytest.param([TOLD, replace(TOLD, owner=TOKENS["WETH"], accounts=frozenset())], id="who?"),
        pytest.param([replace(TOLD, markets=frozenset(["morpho"]))], id="on another market"),
        pytest.param([replace(TOLD, debts=frozenset())], id="of another debt"),
        pytest.param([replace(TOLD, kind="correlated")], id="of another kind"),
        pytest.param([replace(TOLD, hops=3)], id="a hop too many"),
        pytest.param([replace(TOLD, leverage=3.00000001)], id="leverage a little off"),
        pytest.param([replace(TOLD, leverage=None)], id="leverage unknown"),
    ],
)
def test_judge__told_otherwise__is_not_content(rows: Sequence[Row]) -> None:
    score = judged(*rows)
    assert not score.is_good
    assert score.faults


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(replace(TOLD, debt_usd="200.01"), id="a cent"),
        pytest.param(replace(TOLD, evidence=("0x02",)), id="somebody else's transaction"),
        pytest.param(replace(TOLD, evidence=()), id="no evidence"),
        pytest.param(replace(TOLD, built="flash"), id="built otherwise"),
    ],
)
def test_judge__a_detail_that_is_wrong__is_said(row: Row) -> None:
    assert judged(row).faults


# The truth


async def test_truth__of_a_position__is_what_the_contracts_say() -> None:
    async with new_scene(random.Random(3)) as scene:
        world, place = scene.world, scene.core
        await world.fund(ALICE, WETH=scene.raw("WETH", 3_000))
        await place.pledge(ALICE, "WETH", scene.raw("WETH", 3_000))
        await place.borrow(ALICE, "USDC", scene.raw("USDC", 2_000))
        block = (await world.jump(86_400)).hash
        lines = frozenset([Line(place, ALICE, "WETH")]), frozenset([Line(place, ALICE, "USDC")])
        weight = await weigh(scene, Truth(DIRECTIONAL, STEPWISE, 0, ALICE, *lines), block)
        data = await world.user_account_data(ALICE, block)
    assert int(weight.collateral_usd * 10**8) == data.collateral_e8
    # Aave rounds a debt's worth up.
    assert -int(-weight.debt_usd * 10**8 // 1) == data.debt_e8
