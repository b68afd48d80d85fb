"""What can happen to a monitor, each as a deed that also undoes itself.

`kills` of a run counts the disasters of this list, once each however much they ended: each of them
ended a process, froze one, or cut the daemon off from its node or its disk. What the receivers did
is counted beside, for it depends on what arrived.
"""

import asyncio

import rpc_faults
from fault_proxy import Fault

from torture.ambushes import AMBUSHES
from torture.scene import Disaster, Scene

NODE_FAULTS: tuple[Fault, ...] = (
    rpc_faults.HANG,
    rpc_faults.SLOW,
    rpc_faults.TOO_MANY,
    rpc_faults.TOO_MANY_WITH_RETRY_AFTER,
    rpc_faults.SERVER_ERROR,
    rpc_faults.HTML,
    rpc_faults.TRUNCATED,
    rpc_faults.EMPTY,
    rpc_faults.WRONG_ID,
    rpc_faults.STALE_HEAD,
    rpc_faults.FLAPPING_HEAD,
    rpc_faults.WRONG_BLOCKS_LOGS,
    rpc_faults.MISSING_LOGS,
    rpc_faults.DUPLICATED_LOGS,
    rpc_faults.UNORDERED_LOGS,
    rpc_faults.GARBAGE_FRAME,
)
"""A wrong chain is left out, for it rightly ends a daemon; and one missing log: a block's last one
can hide at a single endpoint, if its address and topics all occur in others."""


async def _kill_daemon(scene: Scene) -> None:
    await scene.victims.kill_daemon()
    await scene.act(0, 3)
    await scene.victims.start()


async def _kill_redis(scene: Scene) -> None:
    if scene.victims.kill_redis():
        await scene.victims.lost_redis()
    else:  # it was about to begin
        await scene.victims.kill_daemon()
    await scene.act(0, 2)
    await scene.victims.start()


async def _kill_both(scene: Scene) -> None:
    redis_first = scene.rng.random() < 0.5
    if redis_first:
        scene.victims.kill_redis()
    await scene.pause(0.01)
    await scene.victims.kill_daemon()
    if not redis_first:
        scene.victims.kill_redis()
    await scene.act(0, 3)
    await scene.victims.start()


async def _kill_in_start(scene: Scene) -> None:
    await scene.victims.kill_daemon()
    await scene.victims.start()
    await asyncio.sleep(scene.span(0.0, 2.5))
    await scene.act(0, 2)
    if scene.rng.random() < 0.5:
        scene.victims.kill_redis()
    await scene.victims.kill_daemon()
    await scene.victims.start()


async def _freeze_daemon(scene: Scene) -> None:
    await scene.meanwhile(scene.victims.freeze(scene.span(0.1, 4.0), redis=False))


async def _freeze_redis(scene: Scene) -> None:
    await scene.meanwhile(scene.victims.freeze(scene.span(0.1, 4.0), redis=True))


async def _kill_beside_frozen_redis(scene: Scene) -> None:
    frozen = scene.victims.freeze_redis()
    try:
        await scene.act(0, 2)
        await scene.pause(1.0)
        await scene.victims.kill_daemon()
        await scene.victims.start()
        await asyncio.sleep(scene.span(0.1, 4.0))
    finally:
        scene.victims.thaw(frozen)


async def _stop_and_start(scene: Scene) -> None:
    await scene.victims.stop()
    await scene.act(0, 3)
    await scene.victims.start()


async def _drop_sockets(scene: Scene) -> None:
    for _ in range(scene.rng.randint(1, 4)):
        scene.proxy.drop_connections()
        await scene.act(0, 1)
        await scene.pause(0.3)


async def _half_open(scene: Scene) -> None:
    scene.proxy.inject(rpc_faults.SILENT)
    await scene.meanwhile(asyncio.sleep(scene.span(0.3, 4.0)))


async def _refuse(scene: Scene) -> None:
    await scene.proxy.stop()
    try:
        await scene.meanwhile(asyncio.sleep(scene.span(0.1, 3.0)))
    finally:
        await scene.proxy.start()


async def _node_fault(scene: Scene) -> None:
    scene.proxy.inject(scene.rng.choice(NODE_FAULTS))
    await scene.meanwhile(asyncio.sleep(scene.span(0.2, 3.0)))


async def _node_fault_in_start(scene: Scene) -> None:
    await scene.victims.kill_daemon()
    scene.proxy.inject(scene.rng.choice(NODE_FAULTS))
    await scene.victims.start()
    await scene.meanwhile(asyncio.sleep(scene.span(0.5, 4.0)))


async def _fill_disk(scene: Scene) -> None:
    assert scene.disk is not None
    scene.disk.fill()
    await scene.act(1, 3)
    await asyncio.sleep(scene.span(0.2, 3.0))


async def _kill_on_full_disk(scene: Scene) -> None:
    await _fill_disk(scene)
    if scene.rng.random() < 0.5 and scene.victims.kill_redis():
        await scene.victims.lost_redis()
    else:
        await scene.victims.kill_daemon()
    await scene.victims.start()
    await scene.act(0, 2)
    await asyncio.sleep(scene.span(0.2, 3.0))


NODE_DISASTERS = (
    Disaster("sockets dropped", 2, _drop_sockets, excuses=False),
    Disaster("sockets half-open", 1, _half_open, excuses=False),
    Disaster("endpoint refuses", 1, _refuse, excuses=False),
    Disaster("endpoint fault", 3, _node_fault, excuses=False),
    Disaster("endpoint fault in the start", 2, _node_fault_in_start),
)
DISASTERS = (
    Disaster("kill -9 of the daemon", 6, _kill_daemon),
    Disaster("kill -9 of the Redis", 4, _kill_redis),
    Disaster("kill -9 of both", 3, _kill_both),
    Disaster("kill -9 in the start", 3, _kill_in_start),
    Disaster("SIGSTOP of the daemon", 2, _freeze_daemon),
    Disaster("SIGSTOP of the Redis", 2, _freeze_redis),
    Disaster("kill -9 beside a stopped Redis", 1, _kill_beside_frozen_redis),
    Disaster("SIGTERM and start", 2, _stop_and_start, excuses=False),
    *NODE_DISASTERS,
    *AMBUSHES,
)
ON_A_SMALL_DISK = (
    Disaster("disk full", 2, _fill_disk, excuses=False),
    Disaster("kill -9 on a full disk", 2, _kill_on_full_disk),
)
