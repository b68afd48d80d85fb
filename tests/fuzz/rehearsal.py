"""A script played again, as often as wanted, always from the same beginning."""

import random
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from devnet import RevertError, RpcError, new_wide_world

from fuzz import failure
from fuzz.cast import Cast, settle
from fuzz.failure import Failure, Kind
from fuzz.people import STATES_IN_MEMORY
from fuzz.performance import Performance
from fuzz.script import Script
from monitor.store.embedded import EmbeddedRedis


class Rehearsal:
    """A world that is set back to where its set-up phase ended before every play."""

    def __init__(self, cast: Cast, redis_url: str, snapshot: str) -> None:
        self.cast = cast
        self.world = cast.world
        self._redis_url = redis_url
        self._snapshot = snapshot
        self._plays = 0

    async def play(self, script: Script, kind: Kind) -> Failure | None:
        """What goes wrong by the end of a script, if anything does.

        Only what is there after the last step is looked at: a script that shows a failure is cut
        off where it shows.
        """
        await self.world.revert(self._snapshot)
        self._snapshot = await self.world.snapshot()
        self._plays += 1
        namespace = f"rehearsal-{self._plays}"
        performance = Performance(self.cast, self._redis_url, namespace)
        try:
            return await failure.watched_for(
                performance, lambda: _played(performance, script, kind)
            )
        except (RpcError, RevertError):
            return None  # what was left out made the rest impossible
        finally:
            await performance.end()


async def _played(performance: Performance, script: Script, kind: Kind) -> Failure | None:
    await performance.begin()
    for step in script:
        await performance.keep_up()
        await performance.do(step)
    found = await failure.facts(performance)
    if found is None and kind == "snapshot":
        return await failure.snapshot(performance)
    if found is None and kind == "loops":
        return await failure.loops(performance)
    if found is None and kind == "replay":
        return await failure.replay(performance)
    return found


@asynccontextmanager
async def rehearsal(seed: int) -> AsyncIterator[Rehearsal]:
    """The world in which a run of that seed began."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        async with (
            new_wide_world(states_in_memory=STATES_IN_MEMORY) as world,
            EmbeddedRedis(Path(folder)) as redis,
        ):
            cast = await settle(world, random.Random(seed))
            yield Rehearsal(cast, redis.url, await world.snapshot())
