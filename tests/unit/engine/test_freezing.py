"""From a configuration's plans into a snapshot, and back."""

import dataclasses

import pytest
from unit.frozen import DEFAULTS, FRAME, PLANS, a_snapshot
from unit.simulation.worlds import WETH, account_number

from monitor.core.units import AssetId
from monitor.engine.freezing import FrozenAnswers, frame_of
from monitor.errors import QuestionError, SchemaMismatch


def test_frame__through_a_snapshot__asks_the_same() -> None:
    back = frame_of(a_snapshot())
    assert (back.named, back.defaults) == (FRAME.named, DEFAULTS)
    assert back.chain_id == FRAME.chain_id
    crash, steps = back.plans
    assert crash.shocks == {"ETHER": "-0.3", "liquidity:*": "0.5"}
    assert (crash.options, steps.options) == (PLANS[0].options, PLANS[1].options)
    assert steps.curve == PLANS[1].curve


@pytest.mark.parametrize("words", [(("haste", "1"),), (("gas_usd", "-1"),), (("gas_usd", "{"),)])
def test_frame__options_of_another_version__names_the_version(
    words: tuple[tuple[str, str], ...],
) -> None:
    other = dataclasses.replace(a_snapshot(), options=words)
    with pytest.raises(SchemaMismatch, match=r"written by cascade-monitor 9\.8\.7"):
        frame_of(other)


async def test_answers__of_a_snapshot__are_those_of_its_names_and_options() -> None:
    answers = FrozenAnswers("an-id", a_snapshot(), str)
    named = await answers.cascade("crash")
    asked = await answers.project({"ETHER": -0.3, "liquidity:*": 0.5}, {})
    assert named == asked
    assert named["result"]["snapshot"] == "an-id"
    assert named["scenario"]["options"]["gas_usd"] == 12.3
    assert float(named["result"]["liquidated_usd"]) > 1_000
    steps = await answers.cascade("steps")
    assert [step["scenario"]["shocks"] for step in steps["curve"]] == [
        {"WETH": -0.25},
        {"WETH": -0.5},
    ]
    assert {step["result"]["snapshot"] for step in steps["curve"]} == {"an-id"}
    with pytest.raises(QuestionError, match="expected one of crash, steps"):
        await answers.cascade("other")


async def test_answers__of_a_snapshot_that_does_not_hold_together__are_refused() -> None:
    """A market lists an asset under another's address: a checksum says nothing of that."""
    whole = a_snapshot()
    (core,) = whole.world.markets
    misnamed = dataclasses.replace(core.assets[WETH], asset=AssetId(account_number(77)))
    odd = dataclasses.replace(core, assets={**core.assets, WETH: misnamed})
    world = dataclasses.replace(whole.world, markets=(odd,))
    answers = FrozenAnswers("an-id", dataclasses.replace(whole, world=world), str)
    with pytest.raises(QuestionError, match="an-id does not hold together"):
        await answers.project({"ETHER": -0.1}, {})
