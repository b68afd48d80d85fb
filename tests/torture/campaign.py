"""One run: a world, disasters until there were enough, everything healed, and the proof."""

import asyncio
import random
import shutil
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from daemon_process import DaemonProcess
from devnet import World, make_borrowers, new_world
from devnet.receiver import Receiver
from fault_proxy import FaultProxy
from stage import BORROWERS, Stage

from torture.actor import Actor
from torture.disasters import DISASTERS, MOODS, ON_A_SMALL_DISK, Disaster, Scene
from torture.disk import small_disk
from torture.mailbox import Mailbox
from torture.outcome import Options, Outcome, summary
from torture.reference import (
    canonical_hashes,
    contradictions,
    divergence,
    ending_of,
    replayed,
    unseen,
)
from torture.verdict import GivenUpError, judge
from torture.victims import UNAVAILABLE, Victims

CATCH_UP_SECONDS = 90.0
DRAIN_SECONDS = 300.0
POPULATION = 7
MOOD_CHANCE = 0.35
CATCH_UP_CHANCE = 0.65
SMALL_DISK_CHANCE = 0.6
PROGRESS_SECONDS = 15.0

Say = Callable[[str], None]


async def run(options: Options, say: Say) -> Outcome:
    """The whole run. Faults are said when all is over; nothing keeps running, whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="torture-"))
    outcome = Outcome(options.kills)
    try:
        rng = random.Random(options.seed)
        async with _scene(folder, rng, outcome) as (stage, config, scene, start):
            await Campaign(stage, config, scene, outcome, say).run(start)
    except asyncio.CancelledError:
        shutil.rmtree(folder)
        raise
    if outcome.is_clean:
        shutil.rmtree(folder)
    else:
        outcome.log = folder / "monitor.log"
        for line in outcome.explanation():
            say(line)
    return outcome


@asynccontextmanager
async def _scene(
    folder: Path, rng: random.Random, outcome: Outcome
) -> AsyncIterator[tuple[Stage, Path, Scene, int]]:
    """Everything there is, and the block the daemon begins at, which is final."""
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(new_world())
        receiver = await stack.enter_async_context(Receiver())
        borrowers = await make_borrowers(world, BORROWERS, POPULATION)
        actor = Actor(world, rng, [borrower.account for borrower in borrowers])
        await actor.settle()
        # On a disk an fsync takes its time; a small disk can be full. Each has its turn.
        wants_small = rng.random() < SMALL_DISK_CHANCE
        disk = stack.enter_context(small_disk(folder / "disk")) if wants_small else None
        if wants_small and disk is None:
            outcome.not_run.append("full disks: this user may not mount a tmpfs")
        proxy = await stack.enter_async_context(
            FaultProxy(world.anvil.http_url, world.anvil.ws_url)
        )
        stage = Stage(world, receiver, folder)
        state_dir = folder / "state" if disk is None else disk.folder / "state"
        config, port = stage.config(
            state_dir=state_dir, endpoints=(proxy.http_url, proxy.ws_url), hold_blocks=2
        )
        victims = Victims(DaemonProcess(config, port), state_dir)
        stack.push_async_callback(victims.bury)
        mailbox = Mailbox(receiver, random.Random(rng.random()))
        start = (await world.block_at("finalized")).number
        yield stage, config, Scene(rng, actor, victims, mailbox, proxy, disk), start


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
        scene.mailbox.calm()
        if scene.rng.random() < MOOD_CHANCE:
            scene.mailbox.upset(scene.rng.choice(MOODS), scene.rng.randint(1, 2))
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
        if disaster.excuses:
            async with victims.interrupted(disaster.name):
                await disaster.strike(self._scene)
        else:
            await disaster.strike(self._scene)
        self._scene.proxy.heal()
        if self._scene.disk is not None:
            self._scene.disk.free()
        if victims.daemon.exit_code is not None:
            await victims.revive()

    def _draw(self) -> Disaster:
        """Each kind once, then by weight."""
        kinds = DISASTERS if self._scene.disk is None else (*DISASTERS, *ON_A_SMALL_DISK)
        if not self._outcome.kills:
            self._deck.extend(self._scene.rng.sample(kinds, len(kinds)))
        if self._deck:
            return self._deck.popleft()
        [kind] = self._scene.rng.choices(kinds, [kind.weight for kind in kinds])
        return kind

    async def _caught_up(self) -> None:
        """Until the head is judged. A daemon that could not begin amid a disaster begins again."""
        victims, daemon = self._scene.victims, self._scene.victims.daemon
        for _ in range(3):
            head = (await self._world.head()).hash
            try:
                await daemon.reached(head, CATCH_UP_SECONDS)
            except AssertionError:
                if daemon.exit_code != UNAVAILABLE:
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
        self._scene.mailbox.calm()
        await self._world.mine(2)
        await self._caught_up()
        deadline = time.monotonic() + DRAIN_SECONDS
        while True:
            await self._drained(deadline)
            await self._scene.victims.stop()
            left = (await ending_of(self._config)).pending
            if not left:
                return
            if time.monotonic() > deadline:
                raise GivenUpError(f"{left} deliveries pend {DRAIN_SECONDS:g} s after all was well")
            await self._scene.victims.start()
            await self._caught_up()

    async def _drained(self, deadline: float) -> None:
        """Until the outbox is said to be empty. The figure may be a second old."""
        daemon = self._scene.victims.daemon
        await asyncio.sleep(1.5)
        while time.monotonic() < deadline:
            _, metrics = await daemon.get("/metrics")
            if "\ncascade_monitor_outbox_pending 0.0\n" in metrics:
                return
            await asyncio.sleep(0.2)

    async def _prove(self, start: int) -> None:
        world, victims = self._world, self._scene.victims
        self._say("replaying the final chain, undisturbed")
        found, expected = await ending_of(self._config), await replayed(self._stage)
        # What an alert tells of loops was seen on the way, and is in its snapshot: so its words
        # are those of a daemon that began where this one did.
        twin = await replayed(self._stage, start + 1)
        owed = {
            event.id: twin.events.get(event.id, event)
            for event in expected.events.values()
            if event.block_number > start
        }
        verdict = judge(
            self._scene.mailbox.arrivals(),
            owed,
            await canonical_hashes(world),
            victims.interruptions,
        )
        verdict.diverged += divergence(found, expected, (await world.head()).hash)
        verdict.diverged += unseen(found, twin)
        verdict.diverged += await contradictions(world, self._config, self._scene.actor.accounts)
        if refused := self._scene.mailbox.refused:
            verdict.diverged.append(f"{refused} signatures were wrong")
        self._outcome.verdict = verdict
        self._say(summary(owed, self._scene.mailbox.arrivals(), verdict))
        self._say(f"{victims.lives} lives")

    # -- words ------------------------------------------------------------------------------------

    def _count(self) -> None:
        scene, struck = self._scene, self._outcome.struck
        struck |= scene.mailbox.counts
        struck |= scene.actor.counts

    def _progress(self) -> None:
        now = time.monotonic()
        if now - self._said >= PROGRESS_SECONDS:
            self._said = now
            self._say(
                f"{now - self._began:5.0f} s  {self._outcome.kills}/{self._outcome.wanted} kills, "
                f"{len(self._scene.mailbox.arrivals())} letters, "
                f"{self._scene.actor.counts['blocks']} blocks"
            )
