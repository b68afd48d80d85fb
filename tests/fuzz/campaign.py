"""One run: set up, act and compare block after block, break things in the middle, add up."""

import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from devnet import Receipt, event_topic, new_wide_world

from fuzz import failure
from fuzz.breaks import Break, schedule
from fuzz.cast import settle
from fuzz.failure import Failure
from fuzz.generator import Generator, Plan
from fuzz.people import STATES_IN_MEMORY
from fuzz.performance import Performance
from fuzz.script import Act, Die, Mine, Reorg, Resume, Rollback, Step
from fuzz.sight import Sight
from fuzz.tally import Tally
from fuzz.verb import TIME_JUMP
from monitor.store.embedded import EmbeddedRedis

BLOCKS_WHILE_AWAY = (0, 1, 4)
MOST_ACTS_OF_A_REORG = 6
ACTIONS_PER_REPLAY = 200
"""A replay takes as long as all that was before it. In 2,000 actions there is one of each kind."""
DEFICIT_CREATED = event_topic("DeficitCreated(address,address,uint256)")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    actions: int
    seed: int


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended. After a failure, `script` is all that led to it."""

    tally: Tally
    script: Sequence[Step]
    failure: Failure | None


async def run(options: Options, say: Say) -> Result:
    """The whole run, up to its first mismatch."""
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        async with (
            new_wide_world(states_in_memory=STATES_IN_MEMORY) as world,
            EmbeddedRedis(Path(folder)) as redis,
        ):
            cast = await settle(world, rng)
            performance = Performance(cast, redis.url)
            tally = Tally(cast.verbs, len(cast.holders))
            campaign = Campaign(performance, Generator(cast, rng, tally), tally, say)
            try:
                found = await campaign.run(options.actions, schedule(rng, options.actions), rng)
            finally:
                await performance.end()
            return Result(tally, campaign.script, found)


@dataclass(slots=True)
class Campaign:
    """The performance, and the generator that writes its script on the way."""

    performance: Performance
    generator: Generator
    tally: Tally
    say: Say
    script: list[Step] = field(default_factory=list)
    _sight: Sight | None = None
    _began_unix: int = 0
    _replayed: set[tuple[str, int]] = field(default_factory=set)

    async def run(
        self, actions: int, breaks: list[tuple[int, Break]], rng: random.Random
    ) -> Failure | None:
        found = await failure.watched_for(
            self.performance, lambda: self._play(actions, breaks, rng)
        )
        self.tally.comparisons = self.performance.compared
        if found is not None:
            self.tally.mismatches += sum(line.startswith("mismatch") for line in found.lines)
            for line in failure.shown(found):
                self.say(line)
        return found

    async def _play(
        self, actions: int, breaks: list[tuple[int, Break]], rng: random.Random
    ) -> Failure | None:
        self._look(await self.performance.begin())
        self._began_unix = self._seen.block.timestamp
        if found := await failure.facts(self.performance):
            return found
        while self.tally.tried.total() < actions:
            if breaks and breaks[0][0] <= self.tally.tried.total():
                found = await self._turn(breaks.pop(0)[1], actions, rng)
            else:
                found = await self._mine(actions)
            if found:
                return found
        return await self._finish()

    async def _finish(self) -> Failure | None:
        """Three ways to the same head must end in the same ledger, record for record; and loops
        kept block by block must be those found anew.
        """
        for way in (failure.snapshot, failure.loops, failure.replay):
            if found := await way(self.performance):
                return found
        number = self._seen.block.number
        self.say(f"ledger at block {number}: {await self.performance.digest()}")
        return None

    # -- acting ---------------------------------------------------------------------------------

    async def _mine(self, actions: int) -> Failure | None:
        """One drawn block, counted; empty when all actions are done."""
        plan = await self.generator.plan(self._seen, actions - self.tally.tried.total())
        receipts, found = await self._do(Mine(plan.at_unix, plan.acts))
        self._count_block(plan)
        self._count(plan.acts, receipts)
        return found

    async def _do(self, step: Step) -> tuple[list[Receipt], Failure | None]:
        self.script.append(step)
        receipts = await self.performance.do(step)
        self._look(await self.performance.look())
        return receipts, await failure.facts(self.performance)

    @property
    def _seen(self) -> Sight:
        assert self._sight is not None
        return self._sight

    def _look(self, sight: Sight) -> None:
        self._sight = sight
        if self.tally.tried.total() and not sight.is_dark:
            share = min(self.tally.lowest_solvent_share, sight.solvent_share)
            self.tally.lowest_solvent_share = share

    def _count_block(self, plan: Plan) -> None:
        if plan.is_jump:
            self.tally.count(TIME_JUMP.name, None)
        self.tally.seconds = plan.at_unix - self._began_unix
        self.tally.notes["blocks"] += 1
        self.tally.notes["empty blocks"] += not (plan.acts or plan.is_jump)

    def _count(self, acts: Sequence[Act], receipts: Sequence[Receipt]) -> None:
        for act, receipt in zip(acts, receipts, strict=True):
            self.tally.count(act.verb, receipt.revert_reason)
            deficits = [log for log in receipt.logs if log.topics[0] == DEFICIT_CREATED]
            self.tally.notes["deficits"] += len(deficits)

    # -- breaking things ------------------------------------------------------------------------

    async def _turn(self, turn: Break, actions: int, rng: random.Random) -> Failure | None:
        """The chain turns; then all of the ledger is compared, not only what is displayed."""
        self.say(f"reorganised at block {self._seen.block.number}: {turn}")
        found = await (self._away(turn, actions, rng) if turn.is_away else self._here(turn, rng))
        if found is None and turn.way == "rollback":
            found = await self._mine(actions)  # only now is there another chain to go to
        if found is None:
            # Ticks are displayed, and were compared with the facts.
            found = await failure.snapshot(self.performance, with_pools=False)
            found = found or await failure.loops(self.performance)
            kind, most = (turn.way, turn.depth), (actions - 1) // ACTIONS_PER_REPLAY
            if found is None and kind not in self._replayed and len(self._replayed) < most:
                self._replayed.add(kind)
                found = await failure.replay(self.performance)
        self.tally.breaks[turn] += 1
        return found

    async def _here(self, turn: Break, rng: random.Random) -> Failure | None:
        if turn.way != "anvil_reorg":
            is_bare = turn.way == "bare rollback"
            return (await self._do(Rollback(turn.depth, awaited=is_bare)))[1]
        base = await self.performance.look_below(turn.depth)
        acts = self.generator.acts(base, rng.randint(0, MOST_ACTS_OF_A_REORG))
        places = sorted(rng.randrange(turn.depth) for _ in acts)
        step = Reorg(turn.depth, tuple(zip(places, acts, strict=True)))
        receipts, found = await self._do(step)
        self._count(acts, receipts)
        return found

    async def _away(self, turn: Break, actions: int, rng: random.Random) -> Failure | None:
        """The monitor dies with a block before it, and finds another chain when it is back."""
        await self._do(Die())
        await self._here(turn, rng)
        blocks = rng.choice(BLOCKS_WHILE_AWAY)
        for _ in range(max(blocks, turn.way == "rollback")):
            await self._mine(actions)
        return (await self._do(Resume()))[1]
