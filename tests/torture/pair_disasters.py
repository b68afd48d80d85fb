"""What can happen to two daemons and the Redis they share."""

import asyncio
import signal

from torture.ambushes import AT_LETTERS, AT_RECEIVERS, ambusher, sprung
from torture.disasters import NODE_DISASTERS
from torture.letterbox import Trap
from torture.pair import Pair
from torture.scene import Disaster, Scene


def _pair(scene: Scene) -> Pair:
    assert isinstance(scene.victims, Pair)
    return scene.victims


async def _kill_leader(scene: Scene) -> None:
    await _pair(scene).kill_daemon()
    await scene.act(0, 3)
    await scene.pause(4.0)
    await scene.victims.start()


async def _replace_leader(scene: Scene) -> None:
    await scene.meanwhile(_pair(scene).replace())
    await scene.victims.start()


async def _freeze_leader(scene: Scene) -> None:
    """Shorter than its lease."""
    await scene.meanwhile(scene.victims.freeze(scene.span(0.1, 1.2), redis=False))


async def _hand_over(scene: Scene) -> None:
    await _pair(scene).hand_over()
    await scene.act(0, 3)
    await scene.victims.start()


async def _kill_standby(scene: Scene) -> None:
    await _pair(scene).standby.kill()
    await scene.act(0, 3)
    await scene.victims.start()


async def _freeze_standby(scene: Scene) -> None:
    standby = _pair(scene).standby
    standby.send(signal.SIGSTOP)
    try:
        await scene.meanwhile(asyncio.sleep(scene.span(0.1, 4.0)))
    finally:
        standby.send(signal.SIGCONT)


async def _kill_both(scene: Scene) -> None:
    await _pair(scene).kill_both()
    await scene.act(0, 3)
    await scene.victims.start()


async def _kill_redis(scene: Scene) -> None:
    _pair(scene).server.kill()
    await scene.meanwhile(asyncio.sleep(scene.span(0.05, 4.0)))
    _pair(scene).server.start(wait=False)


async def _restart_redis(scene: Scene) -> None:
    """In order, as for an update."""
    _pair(scene).server.stop()
    await scene.pause(1.0)
    _pair(scene).server.start(wait=False)


async def _freeze_redis(scene: Scene) -> None:
    _pair(scene).server.signal(signal.SIGSTOP)
    try:
        await scene.meanwhile(asyncio.sleep(scene.span(0.1, 5.0)))
    finally:
        _pair(scene).server.signal(signal.SIGCONT)


async def _kill_all(scene: Scene) -> None:
    _pair(scene).server.kill()
    await scene.pause(0.3)
    await _pair(scene).kill_both()
    _pair(scene).server.start(wait=False)
    await scene.act(0, 3)
    await scene.victims.start()


async def _replace_amid_letter(scene: Scene) -> None:
    """The leader stops with a letter on its way; another sends it, and the first one wakes up."""
    at, pair, receiver = scene.rng.choice(tuple(Trap)), _pair(scene), ambusher(scene)
    if await sprung(scene, receiver, at, pair.daemon.pid, signal.SIGSTOP):
        scene.counts[f"leader replaced, letter {at}"] += 1
    await pair.replace()
    await pair.start()


async def _kill_redis_amid_letter(scene: Scene) -> None:
    at, pair, receiver = scene.rng.choice(tuple(Trap)), _pair(scene), ambusher(scene)
    if await sprung(scene, receiver, at, pair.server.pid, signal.SIGKILL):
        scene.counts[f"Redis killed, letter {at}"] += 1
    pair.server.kill()
    await scene.pause(3.0)
    pair.server.start(wait=False)


PAIR_DISASTERS = (
    Disaster("kill -9 of the leader", 5, _kill_leader),
    Disaster("SIGSTOP of the leader, replaced", 4, _replace_leader),
    Disaster("SIGSTOP of the leader, in its lease", 2, _freeze_leader),
    Disaster("SIGTERM of the leader", 3, _hand_over),
    Disaster("kill -9 of the standby", 2, _kill_standby),
    Disaster("SIGSTOP of the standby", 1, _freeze_standby),
    Disaster("kill -9 of both daemons", 2, _kill_both),
    Disaster("kill -9 of the shared Redis", 3, _kill_redis),
    Disaster("restart of the shared Redis", 1, _restart_redis),
    Disaster("SIGSTOP of the shared Redis", 2, _freeze_redis),
    Disaster("kill -9 of both and their Redis", 1, _kill_all),
    Disaster("leader replaced amid a letter", 3, _replace_amid_letter),
    Disaster("shared Redis killed amid a letter", 2, _kill_redis_amid_letter),
    *NODE_DISASTERS,
    *AT_RECEIVERS,
    *AT_LETTERS,
)
