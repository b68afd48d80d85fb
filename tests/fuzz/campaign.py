"""One run: set up, act and compare block after block, break things in the middle, add up."""

import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from devnet import Block, Receipt, World, event_topic, new_world

from fuzz.catalogue import TIME_JUMP
from fuzz.comparison import Mismatch, MonitorFacts, compare
from fuzz.generator import Generator, Plan
from fuzz.monitored import Monitored, Records
from fuzz.people import settle, watched
from fuzz.sight import Sight, see
from fuzz.tally import Tally
from monitor.errors import MonitorError
from monitor.store.codec import digest
from monitor.store.embedded import EmbeddedRedis

REORG_DEPTH = 3
BLOCKS_WHILE_AWAY = 4
REORG_DEPTH_WHILE_AWAY = 2
DEFICIT_CREATED = event_topic("DeficitCreated(address,address,uint256)")

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    actions: int
    seed: int


async def run(options: Options, say: Say) -> Tally:
    """The whole run. Mismatches are said as they are found, and counted in the tally."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        async with new_world() as world, EmbeddedRedis(Path(folder)) as redis:
            campaign = Campaign(world, redis.url, options, say)
            await campaign.run()
            return campaign.tally


class Campaign:
    """The chain, the generator that acts on it, and the monitor that must keep up."""

    def __init__(self, world: World, redis_url: str, options: Options, say: Say) -> None:
        self.tally = Tally(accounts=len(watched()))
        self._world = world
        self._redis_url = redis_url
        self._options = options
        self._say = say
        self._rng = random.Random(options.seed)
        self._generator = Generator(world, self._rng, self.tally)
        self._monitored = Monitored(world, redis_url)
        self._facts = MonitorFacts(world, self._monitored.market, watched())
        self._began_unix = 0

    async def run(self) -> None:
        try:
            await self._play()
        except (MonitorError, TimeoutError) as fault:
            self.tally.mismatches += 1
            self._say(f"mismatch: the monitor gave up: {type(fault).__name__}: {fault}")
        finally:
            await self._monitored.end()

    async def _play(self) -> None:
        start = await self._world.head()
        await settle(self._world, self._rng)
        sight = await see(self._world, watched(), await self._world.head())
        self._began_unix = sight.block.timestamp
        await self._monitored.begin(start.number)
        await self._check(sight)
        sight = await self._act_until(self._options.actions // 2, sight)
        sight = await self._reorganise()
        sight = await self._restart(sight)
        sight = await self._act_until(self._options.actions, sight)
        await self._check_ledgers(sight)

    # -- acting ---------------------------------------------------------------------------------

    async def _act_until(self, actions: int, sight: Sight) -> Sight:
        while self.tally.tried.total() < actions:
            sight = await self._checked(await self._mine(sight))
        return sight

    async def _mine(self, sight: Sight) -> Block:
        """One drawn block, counted; empty when all actions are done."""
        room = self._options.actions - self.tally.tried.total()
        plan = self._generator.plan(sight, room)
        receipts = await self._world.block(
            *(tx for _, tx in plan.actions), timestamp=plan.at_unix, check=False
        )
        self._count(plan, receipts)
        self.tally.seconds = plan.at_unix - self._began_unix
        return await self._world.head()

    def _count(self, plan: Plan, receipts: Sequence[Receipt]) -> None:
        if plan.is_jump:
            self.tally.count(TIME_JUMP.name, None)
        for (verb, _), receipt in zip(plan.actions, receipts, strict=True):
            self.tally.count(verb.name, receipt.revert_reason)
            deficits = receipt.logs_of(self._world.addresses.pool, DEFICIT_CREATED)
            self.tally.notes["deficits"] += len(deficits)
        self.tally.notes["blocks"] += 1
        self.tally.notes["empty blocks"] += not (plan.actions or plan.is_jump)

    # -- breaking things ------------------------------------------------------------------------

    async def _reorganise(self) -> Sight:
        """Three blocks are replaced by four others, under the monitor's eyes."""
        base = await self._world.rollback(REORG_DEPTH)
        sight = await see(self._world, watched(), base)
        for _ in range(REORG_DEPTH + 1):
            sight = await self._checked(await self._mine(sight))
        self._say(f"reorganised: {self._monitored.reverted} blocks from {base.number + 1} on")
        return sight

    async def _restart(self, sight: Sight) -> Sight:
        """The monitor dies with a block before it, and finds another chain when it is back."""
        await self._checked(await self._mine(sight))
        await self._world.mine()
        await self._monitored.end()
        base = await self._world.rollback(REORG_DEPTH_WHILE_AWAY)
        sight = await see(self._world, watched(), base)
        missed = []
        for _ in range(BLOCKS_WHILE_AWAY):
            sight = await see(self._world, watched(), await self._mine(sight))
            missed.append(sight)
        self._monitored = Monitored(self._world, self._redis_url)
        await self._monitored.resume()
        for sight in missed:
            await self._check(sight)
        self._say(
            f"restarted from the store: {self._monitored.reverted} blocks after {base.number} were "
            f"gone, {len(missed)} new"
        )
        return sight

    # -- comparing ------------------------------------------------------------------------------

    async def _checked(self, block: Block) -> Sight:
        sight = await see(self._world, watched(), block)
        await self._check(sight)
        return sight

    async def _check(self, sight: Sight) -> None:
        ledger = await self._monitored.ledger_at(sight.block.hash)
        told = self._facts.at(ledger, sight.block.timestamp)
        compared, mismatches = compare(sight, told)
        self.tally.comparisons += compared
        self._report(mismatches)
        if self.tally.tried.total():
            share = min(self.tally.lowest_solvent_share, sight.solvent_share)
            self.tally.lowest_solvent_share = share

    async def _check_ledgers(self, sight: Sight) -> None:
        """Three ways to the same head must end in the same ledger, record for record."""
        number = sight.block.number
        stored = await self._monitored.stored()
        self._compare_ledgers(stored, "a snapshot", await self._monitored.snapshot(number))
        self._compare_ledgers(stored, "a replay", await self._replay(sight))
        self._say(f"ledger at block {number}: {digest(stored)}")

    def _compare_ledgers(self, stored: Records, way: str, other: Records) -> None:
        self.tally.comparisons += 1
        if digest(stored) == digest(other):
            return
        self.tally.mismatches += 1
        self._say(f"mismatch: the ledger digest is {digest(stored)}, by {way} {digest(other)}")
        for key in sorted(stored.keys() | other.keys()):
            if stored.get(key) != other.get(key):
                self._say(f"  {key}: {stored.get(key)}, by {way} {other.get(key)}")

    async def _replay(self, sight: Sight) -> Records:
        """The whole chain again, from before there was a market."""
        replay = Monitored(self._world, self._redis_url, "replay")
        try:
            await replay.begin(0)
            await replay.ledger_at(sight.block.hash)
            return await replay.stored()
        finally:
            await replay.end()

    def _report(self, mismatches: Sequence[Mismatch]) -> None:
        self.tally.mismatches += len(mismatches)
        for mismatch in mismatches:
            self._say(str(mismatch))
