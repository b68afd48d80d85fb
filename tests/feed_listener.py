"""Follows a chain in the background and hands out what came, one event at a time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from monitor.core.blocks import BlockAdded, BlockFinalized, BlockRef, BlocksReverted, ChainEvent
from monitor.core.ports import ChainFeed
from monitor.core.units import Address

PATIENCE_SECONDS = 20


@dataclass
class FeedListener:
    """Events in order. What became final is kept apart: it comes with any block."""

    events: asyncio.Queue[BlockAdded | BlocksReverted] = field(default_factory=asyncio.Queue)
    finalized: list[int] = field(default_factory=list)
    task: "asyncio.Task[None] | None" = None

    async def take(self, count: int) -> list[BlockAdded | BlocksReverted]:
        """The next events; fails when the feed does."""
        return [await self._one() for _ in range(count)]

    async def blocks(self, count: int) -> list[BlockRef]:
        """The next events, which must all be blocks added."""
        events = await self.take(count)
        assert all(isinstance(event, BlockAdded) for event in events), events
        return [event.block for event in events if isinstance(event, BlockAdded)]

    async def quiet(self, seconds: float) -> bool:
        """Whether nothing comes for a while, though the feed goes on."""
        assert self.task is not None
        await asyncio.sleep(seconds)
        return self.events.empty() and not self.task.done()

    async def _one(self) -> BlockAdded | BlocksReverted:
        assert self.task is not None
        getting = asyncio.ensure_future(self.events.get())
        waiting = {getting, self.task}
        await asyncio.wait(waiting, timeout=PATIENCE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if getting.done():
            return getting.result()
        getting.cancel()
        if self.task.done():
            self.task.result()
        raise AssertionError(f"nothing came within {PATIENCE_SECONDS} s")

    def hear(self, event: ChainEvent) -> None:
        if isinstance(event, BlockFinalized):
            self.finalized.append(event.number)
        else:
            self.events.put_nowait(event)


@asynccontextmanager
async def listening(
    feed: ChainFeed, tail: Sequence[BlockRef], addresses: Callable[[], frozenset[Address]]
) -> AsyncIterator[FeedListener]:
    """Follow from a tail until the block ends."""
    listener = FeedListener()

    async def follow() -> None:
        async for event in feed.follow(tail, addresses):
            listener.hear(event)

    listener.task = asyncio.create_task(follow())
    try:
        yield listener
    finally:
        listener.task.cancel()
        await asyncio.wait([listener.task])
        if not listener.task.cancelled():
            listener.task.exception()
