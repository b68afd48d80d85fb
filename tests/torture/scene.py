"""All that disasters happen to, and what a disaster is."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from fault_proxy import FaultProxy

from torture.actor import Actor
from torture.disk import SmallDisk
from torture.receivers import Receiver
from torture.upheavals import Upheavals
from torture.victims import Victims

SHORTEST_SECONDS = 1e-5


@dataclass(frozen=True, slots=True)
class Scene:
    """`counts`: what happened beside the disasters."""

    rng: random.Random
    actor: Actor
    victims: Victims
    receivers: tuple[Receiver, ...]
    upheavals: Upheavals
    proxy: FaultProxy
    disk: SmallDisk | None
    disasters: tuple["Disaster", ...]
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def told_at_once(self) -> tuple[Receiver, ...]:
        return tuple(receiver for receiver in self.receivers if not receiver.terms.is_final)

    async def act(self, least: int, most: int) -> None:
        """The chain goes on."""
        for _ in range(self.rng.randint(least, most)):
            await self.actor.step()

    async def meanwhile(self, lasts: Awaitable[None]) -> None:
        """The same, as long as something lasts."""
        acting = asyncio.create_task(self.act(0, 3))
        try:
            await lasts
        finally:
            await acting

    async def pause(self, longest_seconds: float) -> None:
        """Any order of magnitude alike: so every phase of a block is hit."""
        low = SHORTEST_SECONDS
        await asyncio.sleep(low * (longest_seconds / low) ** self.rng.random())

    def span(self, least: float, most: float) -> float:
        return self.rng.uniform(least, most)


@dataclass(frozen=True, slots=True)
class Disaster:
    """`excuses`: the daemon cannot know what became of a delivery that was under way."""

    name: str
    weight: int
    strike: Callable[[Scene], Awaitable[None]]
    excuses: bool = True
