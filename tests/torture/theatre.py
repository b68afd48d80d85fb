"""Everything there is in a run: the chain, the daemon or two, and all who are told."""

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from daemon_process import DaemonProcess
from devnet import make_borrowers, new_world
from devnet.receiver import Receiver as SecretKeeper
from redis_server import RedisServer
from stage import BORROWERS, Stage
from steady_proxy import Gate, SteadyProxy

from torture.actor import Actor
from torture.arrangement import RECEIVERS, arranged, arranged_pair
from torture.disasters import DISASTERS, ON_A_SMALL_DISK
from torture.disk import SmallDisk, small_disk
from torture.outcome import Outcome
from torture.pair import MEMBERS, Pair
from torture.pair_disasters import PAIR_DISASTERS
from torture.receivers import Receiver, receivers
from torture.scene import Scene
from torture.upheavals import Upheavals
from torture.victims import Victims

POPULATION = 7
SMALL_DISK_CHANCE = 0.6
STATES_IN_MEMORY = 10_000
"""Of the node, as for the longest fuzz: one that spilled some to disk came back from a rollback
without any code at the contracts, after 1,400 blocks.
"""


@asynccontextmanager
async def theatre(
    folder: Path, rng: random.Random, outcome: Outcome, *, is_pair: bool
) -> AsyncIterator[tuple[Stage, Path, Scene, int]]:
    """With a configuration, and the block the daemon begins at, which is final."""
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(new_world(states_in_memory=STATES_IN_MEMORY))
        stage = Stage(world, SecretKeeper(), folder)
        told = await stack.enter_async_context(receivers(RECEIVERS, folder, stage.receiver.secret))
        borrowers = await make_borrowers(world, BORROWERS, POPULATION)
        gate = Gate()
        actor = Actor(world, gate, rng, [borrower.account for borrower in borrowers])
        await actor.settle()
        disk = None if is_pair else _disk(stack, folder, rng, outcome)
        proxy = await stack.enter_async_context(
            SteadyProxy(world.anvil.http_url, world.anvil.ws_url, gate)
        )
        endpoints = (proxy.http_url, proxy.ws_url)
        victims, config = (
            _pair(stage, told, endpoints) if is_pair else _single(stage, told, endpoints, disk)
        )
        stack.push_async_callback(victims.bury)
        upheavals = Upheavals(world, actor, victims, told)
        start = (await world.block_at("finalized")).number
        alone = DISASTERS if disk is None else (*DISASTERS, *ON_A_SMALL_DISK)
        disasters = PAIR_DISASTERS if is_pair else alone
        scene = Scene(rng, actor, victims, told, upheavals, proxy, disk, disasters)
        yield stage, config, scene, start


def _disk(
    stack: AsyncExitStack, folder: Path, rng: random.Random, outcome: Outcome
) -> SmallDisk | None:
    """On a disk an fsync takes its time; a small disk can be full. Each has its turn."""
    wants_small = rng.random() < SMALL_DISK_CHANCE
    disk = stack.enter_context(small_disk(folder / "disk")) if wants_small else None
    if wants_small and disk is None:
        outcome.not_run.append("full disks: this user may not mount a tmpfs")
    return disk


def _single(
    stage: Stage, told: tuple[Receiver, ...], endpoints: tuple[str, str], disk: SmallDisk | None
) -> tuple[Victims, Path]:
    state_dir = stage.folder / "state" if disk is None else disk.folder / "state"
    config, port = arranged(stage, told, state_dir=state_dir, endpoints=endpoints)
    return Victims(DaemonProcess(config, port), state_dir), config


def _pair(
    stage: Stage, told: tuple[Receiver, ...], endpoints: tuple[str, str]
) -> tuple[Victims, Path]:
    folder = stage.folder / "redis"
    folder.mkdir()
    server = RedisServer(folder)
    made = [arranged_pair(stage, told, name, server.url, endpoints) for name in MEMBERS]
    daemons = tuple(DaemonProcess(config, port) for config, port in made)
    return Pair(daemons, server, folder), made[0][0]
