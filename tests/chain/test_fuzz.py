"""The fuzz as a test: one seed that stays, and one that is new every day."""

import sys
from datetime import UTC, datetime

import pytest
from fuzz.campaign import Options, run

ACTIONS = 200
FIXED_SEED = 1
SEED_OF_TODAY = int(datetime.now(UTC).strftime("%Y%m%d"))


@pytest.mark.timeout(180)
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
