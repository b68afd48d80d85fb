"""Beside a living leader: all is warm, nothing written, nothing said, until its place is free."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from monitor.chain.node import Node
from monitor.leadership import Leadership
from monitor.standing import Standing
from monitor.store.lease import Lease
from monitor.systemd import Notifier

BEAT_SECONDS = 1.0


class Standby:
    """Waits for the lease. The node is followed meanwhile, and systemd is fed."""

    def __init__(
        self, lease: Lease, node: Node, leadership: Leadership, standing: Standing
    ) -> None:
        self._lease = lease
        self._node = node
        self._leadership = leadership
        self._standing = standing

    async def wait(
        self, stopping: asyncio.Event, notifier: Notifier, show: Callable[[], Awaitable[None]]
    ) -> bool:
        """True with the lease, False when told to stop before. `show`: tells how we are.

        Raises what the store has to say that does not pass by itself.
        """
        async with asyncio.TaskGroup() as group:
            turn = group.create_task(self._lease.wait(self._told))
            stop = group.create_task(stopping.wait())
            beside = [self._follow(), self._beat(notifier, show)]
            tasks = [turn, stop, *(group.create_task(task) for task in beside)]
            await asyncio.wait((turn, stop), return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
        return not turn.cancelled()

    def _told(self, holder: str, fault: str) -> None:
        self._standing.store_fault = fault
        if not fault:
            self._leadership.see(holder)

    async def _follow(self) -> None:
        """Know the newest head, over a connection that is there when it is needed."""
        async with aclosing(self._node.clock.heads()) as heads:
            async for _ in heads:
                continue

    async def _beat(self, notifier: Notifier, show: Callable[[], Awaitable[None]]) -> None:
        """A standby is ready for systemd when it waits with node and store at hand."""
        while True:
            await show()
            if self._standing.head is not None and self._leadership.leader:
                notifier.ready()
            if self._standing.alive().ok:
                notifier.alive()
            await asyncio.sleep(BEAT_SECONDS)
