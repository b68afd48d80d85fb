"""World after world: played on real contracts, followed by the daemon, held against the truth."""

import asyncio
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon_process import DaemonProcess, daemon_process
from stage import free_port

from loops.answer import PATIENCE_SECONDS, Row, rows, stored_rows, write_config
from loops.part import Part
from loops.performance import Witness, admit, aftermath, perform
from loops.programme import draw
from loops.scene import Scene, new_scene
from loops.truth import weigh
from loops.verdict import Score, judge

KILL_CHANCE = 0.3
AT_ONCE = (6, 40)
"""How many parts are played side by side."""

FINAL_BLOCKS = 80
"""So many blocks later a block is final, and a monitor that begins does not read it any more."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    worlds: int
    seed: int


async def run(options: Options, say: Say) -> Score:
    """All worlds; what was wrong is said as it is found."""
    total = Score()
    for number in range(options.worlds):
        started = time.monotonic()
        folder = Path(tempfile.mkdtemp(prefix="loops-"))
        try:
            score = await play_world(f"{options.seed}-{number}", folder)
        except asyncio.CancelledError:
            shutil.rmtree(folder)
            raise
        for fault in score.faults:
            say(f"world {number}: {fault}")
        if score.faults:
            say(f"world {number}: the log: {folder / 'monitor.log'}")
        else:
            shutil.rmtree(folder)
        total.add(score)
        seconds = time.monotonic() - started
        say(f"world {number}: {score.remarks()} {score.last_line()}, {seconds:.0f} s")
    return total


async def play_world(seed: str, folder: Path) -> Score:
    """One world. The monitor follows as it happens, or comes when all is over and reads it up."""
    rng = random.Random(seed)
    async with new_scene(rng) as scene:
        before, after = draw(scene)
        wallets = await admit(scene, [*before, *after])
        await perform(scene, before, rng.randint(*AT_ONCE))
        await scene.world.mine(FINAL_BLOCKS)
        told = await _followed(scene, folder, after, wallets.account_code)
        head = (await scene.world.head()).hash
        parts = [*before, *after]
        truths = [truth for part in parts for truth in part.truths]
        weights = {truth: await weigh(scene, truth, head) for truth in truths}
        return judge(parts, told, weights, scene.tokens)


async def _followed(
    scene: Scene, folder: Path, parts: Sequence[Part], account_code: Mapping[str, str]
) -> list[Row]:
    """Plays the parts; what the daemon tells at their end."""
    at_once, port = scene.rng.randint(*AT_ONCE), free_port()
    start = await scene.world.head()
    if scene.rng.random() < 0.5:
        config = write_config(scene, folder, port, "snapshot", account_code)
        async with daemon_process(config, port) as daemon:
            await daemon.reached(start.hash, PATIENCE_SECONDS)
            await perform(scene, parts, at_once, _witness(scene.rng, daemon))
            await aftermath(scene)
            told = await _told(scene, daemon)
    else:
        await perform(scene, parts, at_once)
        await aftermath(scene)
        config = write_config(scene, folder, port, start.number, account_code)
        async with daemon_process(config, port) as daemon:
            told = await _told(scene, daemon)
    stored = await stored_rows(config)
    if stored != told:
        raise AssertionError(f"the command says {stored}\nthe daemon said {told}")
    return told


async def _told(scene: Scene, daemon: DaemonProcess) -> list[Row]:
    await daemon.reached((await scene.world.head()).hash, PATIENCE_SECONDS)
    return await rows(daemon)


def _witness(rng: random.Random, daemon: DaemonProcess) -> Witness:
    """The daemon takes in a block that will be gone; now and then it is killed on top of it."""

    async def sees(block_hash: str) -> None:
        await daemon.reached(block_hash, PATIENCE_SECONDS)
        if rng.random() < KILL_CHANCE:
            await daemon.kill()
            await daemon.start()

    return sees
