"""Disasters at the receivers, and those that strike amid a delivery: a receiver lies in wait."""

import asyncio
import signal

from torture.letterbox import Trap
from torture.receivers import Receiver
from torture.scene import Disaster, Scene

PATIENCE_SECONDS = 8.0
LONGEST_STOP_SECONDS = 7.0
"""Longer than the daemon waits for an answer."""


async def _kill_receivers(scene: Scene) -> None:
    """Their ports refuse; what they have read, they remember."""
    doomed = scene.rng.sample(scene.receivers, scene.rng.randint(1, len(scene.receivers)))
    for receiver in doomed:
        await receiver.kill()
    await scene.act(1, 3)
    await scene.pause(3.0)
    for receiver in doomed:
        await receiver.start()


async def _kill_receiver_reading(scene: Scene) -> None:
    """It is killed by itself, a letter read and nobody told."""
    await _kill_receiver_at(scene, Trap.READ)


async def _kill_receiver_answering(scene: Scene) -> None:
    await _kill_receiver_at(scene, Trap.ANSWERED)


async def _kill_receiver_at(scene: Scene, at: Trap) -> None:
    receiver = ambusher(scene)
    if await sprung(scene, receiver, at, receiver.pid, signal.SIGKILL):
        scene.counts[f"receiver killed, letter {at}"] += 1
    await receiver.kill()
    await scene.pause(2.0)
    await receiver.start()


async def _stop_receivers(scene: Scene) -> None:
    """Connections are taken, and hang."""
    frozen = scene.rng.sample(scene.receivers, scene.rng.randint(1, len(scene.receivers)))
    for receiver in frozen:
        receiver.stop()
    try:
        await scene.act(1, 3)
        await asyncio.sleep(scene.span(0.1, LONGEST_STOP_SECONDS))
    finally:
        for receiver in frozen:
            receiver.go_on()


async def _kill_reading(scene: Scene) -> None:
    await _kill_daemon_at(scene, Trap.READ)


async def _kill_answered(scene: Scene) -> None:
    await _kill_daemon_at(scene, Trap.ANSWERED)


async def _kill_daemon_at(scene: Scene, at: Trap) -> None:
    receiver = ambusher(scene)
    if await sprung(scene, receiver, at, scene.victims.daemon.pid, signal.SIGKILL):
        scene.counts[f"daemon killed, letter {at}"] += 1
        await scene.victims.daemon.ended()
    else:
        await scene.victims.kill_daemon()
    await scene.act(0, 2)
    await scene.victims.start()


async def _stop_amid_letter(scene: Scene) -> None:
    at = scene.rng.choice(tuple(Trap))
    lasts_seconds = scene.span(0.1, LONGEST_STOP_SECONDS)
    receiver = ambusher(scene)
    if await sprung(scene, receiver, at, scene.victims.daemon.pid, signal.SIGSTOP):
        scene.counts[f"daemon stopped, letter {at}"] += 1
        await asyncio.sleep(lasts_seconds)
    scene.victims.go_on()


async def _kill_redis_amid_letter(scene: Scene) -> None:
    at = scene.rng.choice(tuple(Trap))
    receiver = ambusher(scene)
    pid = scene.victims.own_redis_pid
    if pid is not None and await sprung(scene, receiver, at, pid, signal.SIGKILL):
        scene.counts[f"Redis killed, letter {at}"] += 1
        await scene.victims.lost_redis()
    else:
        await scene.victims.kill_daemon()
    await scene.victims.start()


def ambusher(scene: Scene) -> Receiver:
    receiver = scene.rng.choice(scene.told_at_once)
    receiver.calm()
    return receiver


async def sprung(
    scene: Scene, receiver: Receiver, at: Trap, pid: int, number: signal.Signals
) -> bool:
    """Whether the trap has struck; the chain gives everybody something to say."""
    receiver.set_trap(at, pid, number)
    await scene.actor.alarm()
    await scene.actor.calm_down()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await receiver.sprung()
    except TimeoutError:
        scene.counts["nobody walked into the trap"] += 1
        return False
    finally:
        receiver.disarm()
    return True


AT_RECEIVERS = (
    Disaster("kill -9 of receivers", 3, _kill_receivers, excuses=False),
    Disaster("kill -9 of a receiver that read", 1, _kill_receiver_reading, excuses=False),
    Disaster("kill -9 of a receiver, answered", 1, _kill_receiver_answering, excuses=False),
    Disaster("SIGSTOP of receivers", 2, _stop_receivers, excuses=False),
)
AT_LETTERS = (
    Disaster("kill -9 of the daemon, letter read", 2, _kill_reading),
    Disaster("kill -9 of the daemon, letter taken", 2, _kill_answered),
)
AMBUSHES = (
    *AT_RECEIVERS,
    *AT_LETTERS,
    Disaster("SIGSTOP of the daemon amid a letter", 1, _stop_amid_letter),
    Disaster("kill -9 of the Redis amid a letter", 1, _kill_redis_amid_letter),
)
