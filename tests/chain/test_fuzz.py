"""The fuzz as a test: one seed that stays, one that is new every day, and a planted fault."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from devnet.abi import function
from fuzz import recording
from fuzz.campaign import Options, run
from fuzz.inquest import inquire
from fuzz.script import Mine

from monitor.core.blocks import RawLog
from monitor.library import abi_library
from monitor.protocols.aave_v3.events import AaveDecoder

ACTIONS = 400
FIXED_SEED = 1
SEED_OF_TODAY = int(datetime.now(UTC).strftime("%Y%m%d"))
FACTOR_CHANGED = abi_library("aave_v3/PoolConfigurator").event("ReserveFactorChanged").topic0
FACTOR_SETTER = function("setReserveFactor(address,uint256)").selector


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "seed", [pytest.param(FIXED_SEED, id="fixed"), pytest.param(SEED_OF_TODAY, id="today")]
)
async def test_fuzz__random_actions__every_fact_equals_the_contracts(seed: int) -> None:
    said: list[str] = [f"reproduce: make fuzz ACTIONS={ACTIONS} SEED={seed}"]
    tally = (await run(Options(ACTIONS, seed), said.append)).tally
    said += [*tally.table(), *tally.broken_promises(), tally.last_line()]
    sys.stdout.write("\n".join(said))
    assert tally.mismatches == 0
    assert not tally.broken_promises()


@pytest.fixture
def deaf_to_factors() -> Iterator[pytest.MonkeyPatch]:
    """A decoder that ignores one kind of event, until it is undone."""
    decode = AaveDecoder.decode

    def ignoring(decoder: AaveDecoder, log: RawLog) -> Any:
        return () if log.topics[:1] == (FACTOR_CHANGED,) else decode(decoder, log)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AaveDecoder, "decode", ignoring)
        yield patch


@pytest.mark.timeout(600)
async def test_shrinker__decoder_ignores_an_event__one_action_is_left_that_fails(
    deaf_to_factors: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    result = await run(Options(ACTIONS, FIXED_SEED), said.append)
    assert result.failure is not None
    assert len(result.script) > 1
    [step] = await inquire(FIXED_SEED, result.script, result.failure, said.append, 120)
    assert isinstance(step, Mine)
    [act] = step.acts
    assert FACTOR_SETTER in act.tx.data
    assert any("setReserveFactor" in line for line in said)

    recorded = _taken(Path(said[-1].split()[-1]))
    found, _ = await recording.replay(recorded)
    assert found is not None
    deaf_to_factors.undo()
    found, _ = await recording.replay(recorded)
    assert found is None


def _taken(path: Path) -> recording.Recording:
    """What was written there, which nobody else will look for."""
    recorded = recording.read(path)
    path.unlink()
    return recorded
