"""One run: a world, disasters until there were enough, everything healed, and the proof."""

import asyncio
import itertools
import random
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from devnet import World
from stage import Stage

from torture.arrangement import FINAL_ONLY
from torture.conditions import PREFIX, judge_conditions
from torture.finale import Finale
from torture.letters import Owed
from torture.outcome import Options, Outcome, summary
from torture.pair import MEMBERS
from torture.receivers import Receiver, draw_mood
from torture.reference import (
    Ending,
    canonical_hashes,
    contradictions,
    divergence,
    drained,
    ending_of,
    replayed,
    unseen,
)
from torture.scene import Disaster, Scene
from torture.theatre import theatre
from torture.upheavals import Manner, Sight
from torture.verdict import GivenUpError, Verdict, judge, judge_final, judge_resumed

CATCH_UP_SECONDS = 90.0
DRAIN_SECONDS = 300.0
MOOD_CHANCE = 0.35
UPHEAVAL_CHANCE = 0.45
CATCH_UP_CHANCE = 0.65
PROGRESS_SECONDS = 15.0

Say = Callable[[str], None]


async def run(options: Options, say: Say) -> Outcome:
    """The whole run. Faults are said when all is over; nothing keeps running, whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    outcome = Outcome(options.kills)
    try:
        rng = random.Random(options.seed)
        async with theatre(folder, rng, outcome, is_pair=options.has_pair) as (
            stage,
            config,
            scene,
            start,
        ):
            await Campaign(stage, config, scene, outcome, say).run(start)
    except asyncio.CancelledError:
        shutil.rmtree(folder)
        raise
    if outcome.is_clean:
        shutil.rmtree(folder)
    else:
        outcome.log = folder / f"{MEMBERS[0] if options.has_pair else 'monitor'}.log"
        for line in outcome.explanation():
            say(line)
    return outcome


class Campaign:
    """Strikes, heals, and judges."""

    def __init__(
        self, stage: Stage, config: Path, scene: Scene, outcome: Outcome, say: Say
    ) -> None:
        self._stage = stage
        self._config = config
        self._scene = scene
        self._outcome = outcome
        self._say = say
        self._deck: deque[Disaster] = deque()
        self._upheavals: deque[tuple[Manner, Sight]] = deque()
        self._slow: list[str] = []
        self._began = time.monotonic()
        self._said = self._began

    @property
    def _world(self) -> World:
        return self._stage.world

    async def run(self, start: int) -> None:
        """`start`: the block the daemon begins at."""
        try:
            await self._scene.victims.start()
            await self._caught_up()
            while self._outcome.kills < self._outcome.wanted:
                await self._round()
                self._progress()
            await self._settle()
            await self._prove(start)
        except GivenUpError as fault:
            self._outcome.verdict.diverged.append(str(fault))
        self._outcome.verdict.diverged.extend(self._scene.victims.faults)
        self._count()

    # -- torture ----------------------------------------------------------------------------------

    async def _round(self) -> None:
        scene = self._scene
        # A mood lasts no longer than a round: else pauses grow, and nothing is sent any more.
        for receiver in scene.receivers:
            receiver.calm()
            if scene.rng.random() < MOOD_CHANCE:
                draw_mood(receiver, scene.rng)
        if scene.rng.random() < UPHEAVAL_CHANCE:
            await scene.upheavals.strike(*self._draw_upheaval())
        await scene.act(2, 5)
        await scene.pause(0.8)
        disaster = self._draw()
        begun = time.monotonic()
        await self._strike(disaster)
        ended = time.monotonic()
        self._outcome.schedule.append(
            f"{begun - self._began:8.3f} s  {disaster.name}, for {ended - begun:.3f} s"
        )
        self._outcome.kills += 1
        self._outcome.struck[disaster.name] += 1
        if scene.rng.random() < CATCH_UP_CHANCE:
            await self._caught_up()

    async def _strike(self, disaster: Disaster) -> None:
        victims = self._scene.victims
        await victims.look()
        async with victims.troubled(disaster.name, is_excused=disaster.excuses):
            await disaster.strike(self._scene)
        self._scene.proxy.heal()
        if self._scene.disk is not None:
            self._scene.disk.free()
        await victims.revive()

    def _draw(self) -> Disaster:
        """Each kind once, then by weight."""
        kinds = self._scene.disasters
        if not self._outcome.kills:
            self._deck.extend(self._scene.rng.sample(kinds, len(kinds)))
        if self._deck:
            return self._deck.popleft()
        [kind] = self._scene.rng.choices(kinds, [kind.weight for kind in kinds])
        return kind

    def _draw_upheaval(self) -> tuple[Manner, Sight]:
        """Each in turn, in an order of this run's own."""
        if not self._upheavals:
            every = list(itertools.product(Manner, Sight))
            self._upheavals.extend(self._scene.rng.sample(every, len(every)))
        return self._upheavals.popleft()

    async def _caught_up(self) -> None:
        """Until the head is judged. A daemon that could not begin amid a disaster begins again."""
        victims = self._scene.victims
        for _ in range(3):
            head = (await self._world.head()).hash
            try:
                await victims.reached(head, CATCH_UP_SECONDS)
            except AssertionError:
                if not victims.is_unavailable:
                    victims.check_alive()
                    raise GivenUpError("it does not come back: see the end of its log") from None
                await victims.revive()
            except TimeoutError:
                raise GivenUpError(
                    f"it has not judged the head {head} {CATCH_UP_SECONDS:g} s after all was well"
                ) from None
            else:
                return
        raise GivenUpError("it ended again and again though all was well: see its log")

    # -- the end ----------------------------------------------------------------------------------

    async def _settle(self) -> None:
        """All is well again; what is due is done and delivered."""
        for receiver in self._scene.receivers:
            receiver.calm()
        await self._world.mine(2)
        await self._caught_up()
        await self._measured()
        deadline = time.monotonic() + DRAIN_SECONDS
        while True:
            with suppress(TimeoutError):
                left_seconds = deadline - time.monotonic()
                final = (await self._world.block_at("finalized")).number
                await drained(self._scene.victims.daemon, left_seconds, FINAL_ONLY, final)
            await self._scene.victims.stop()
            left = (await ending_of(self._config, FINAL_ONLY)).pending
            if not left:
                return
            if time.monotonic() > deadline:
                raise GivenUpError(f"{left} deliveries pend {DRAIN_SECONDS:g} s after all was well")
            await self._scene.victims.start()
            await self._caught_up()

    async def _measured(self) -> None:
        """What must be prompt when nothing is broken any more; as soon as all is delivered."""
        final = (await self._world.block_at("finalized")).number
        with suppress(TimeoutError):
            await drained(self._scene.victims.daemon, DRAIN_SECONDS, FINAL_ONLY, final)
        finale = Finale(self._scene.actor, self._scene.upheavals, self._scene.told_at_once)
        await finale.play()
        self._outcome.struck.update(finale.counts)
        self._slow = finale.faults

    async def _prove(self, start: int) -> None:
        world, victims = self._world, self._scene.victims
        self._say("replaying the final chain, undisturbed")
        found = await ending_of(self._config, FINAL_ONLY)
        # What an alert tells of loops was seen on the way, and is in its snapshot: so its words
        # are those of a daemon that began where this one did.
        expected, twin = await asyncio.gather(
            replayed(self._stage), replayed(self._stage, start + 1)
        )
        owed = {
            event.id: twin.events.get(event.id, event)
            for event in expected.events.values()
            if event.block_number > start
        }
        canonical = await canonical_hashes(world)
        verdict = Verdict()
        for receiver in self._scene.receivers:
            verdict.add(receiver.terms.name, self._judged(receiver, owed, canonical, found))
        read = {each.terms.name: each.arrivals() for each in self._scene.receivers}
        said = {a: owed for a, owed in found.events.items() if owed.breaker.startswith(PREFIX)}
        blindness = judge_conditions(read, said, victims.troubles, is_whole=found.is_whole)
        verdict.add("conditions", blindness)
        verdict.diverged += self._slow
        verdict.diverged += divergence(found, expected, (await world.head()).hash)
        verdict.diverged += unseen(found, twin)
        verdict.diverged += await contradictions(world, self._config, self._scene.actor.accounts)
        self._outcome.verdict = verdict
        self._say(summary(owed, read, said, verdict))
        lives = ", ".join(f"{each.lives} of {each.terms.name}" for each in self._scene.receivers)
        self._say(f"{victims.lives} lives; {lives}")

    def _judged(
        self, receiver: Receiver, owed: Mapping[str, Owed], canonical: frozenset[str], end: Ending
    ) -> Verdict:
        """One receiver, by what it is owed."""
        terms, interruptions = receiver.terms, self._scene.victims.interruptions
        wanted = {name: event for name, event in owed.items() if terms.wants(event.breaker)}
        read = [each for each in receiver.arrivals() if not each.breaker.startswith(PREFIX)]
        if terms.is_final:
            verdict = judge_final(read, wanted, end.final_block, interruptions)
        else:
            verdict = judge(read, wanted, canonical, interruptions)
        judge_resumed(receiver.arrivals(), self._scene.victims.resumed, verdict)
        if forged := receiver.forged():
            verdict.diverged.append(f"{forged} signatures were wrong")
        return verdict

    # -- words ------------------------------------------------------------------------------------

    def _count(self) -> None:
        scene, struck = self._scene, self._outcome.struck
        for receiver in scene.receivers:
            struck.update(receiver.moods())
        struck.update(scene.counts)
        struck.update(scene.upheavals.counts)
        struck.update(scene.actor.counts)
        struck.update(scene.victims.counts)

    def _progress(self) -> None:
        now = time.monotonic()
        if now - self._said >= PROGRESS_SECONDS:
            self._said = now
            self._say(
                f"{now - self._began:5.0f} s  {self._outcome.kills}/{self._outcome.wanted} kills, "
                f"{sum(len(each.arrivals()) for each in self._scene.receivers)} letters, "
                f"{self._scene.actor.counts['blocks']} blocks"
            )
