"""Reorganisations that take the cause of an alert away, keep it, or bring it back.

Each finds the alert in another state: still queued, on its way, or delivered. Which blocks there
are depends on the seed alone; what is counted is in which state each alert really was.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from devnet import World

from torture.actor import Actor
from torture.letterbox import Mood
from torture.receivers import Receiver, Standing
from torture.victims import Victims

PATIENCE_SECONDS = 6.0
EVERY_ALERT_OF_LATE = "/api/v1/alerts?limit=40"


class Manner(StrEnum):
    """What becomes of the cause."""

    REMOVED = "removed"
    KEPT = "kept"
    RE_ADDED = "re-added"


class Sight(StrEnum):
    """What its receivers do when the alert comes."""

    WELL = "well"
    HOLDING = "holding it back"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Raised:
    """The alerts of a block, with the instant receivers each goes to."""

    block_hash: str
    alerts: dict[str, tuple[Receiver, ...]]

    def standings(self) -> Counter[Standing]:
        return Counter(
            receiver.standing(alert) for alert, tos in self.alerts.items() for receiver in tos
        )


class Upheavals:
    """Makes them. `counts`: (manner, standing) of every alert and receiver met."""

    def __init__(
        self, world: World, actor: Actor, victims: Victims, receivers: tuple[Receiver, ...]
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._world = world
        self._actor = actor
        self._victims = victims
        self._told = tuple(each for each in receivers if not each.terms.is_final)

    async def strike(self, manner: Manner, sight: Sight) -> None:
        """A calm block, one that alerts, and the change of mind."""
        for receiver in self._told:
            receiver.calm()
        await self._actor.calm_down()
        await self.judged()
        try:
            for receiver in self._told:
                if sight is Sight.HOLDING:
                    receiver.upset(Mood.HOLDS, 1)
                elif sight is Sight.STOPPED:
                    receiver.stop()
            raised = await self.raise_alerts()
            await self._met(raised, sight)
            self._count(manner, raised)
            await self.change(manner)
            await self.judged()
        finally:
            for receiver in self._told:
                receiver.go_on()
                receiver.calm()

    async def raise_alerts(self) -> Raised:
        """A block that alerts, judged; none are known where the daemon does not come to it."""
        await self._actor.alarm()
        block_hash = (await self._world.head()).hash
        return Raised(block_hash, await self._alerts_of(block_hash) if await self.judged() else {})

    async def change(self, manner: Manner) -> None:
        """The newest block is of another branch."""
        match manner:
            case Manner.REMOVED:
                await self._actor.replace_by_calm()
            case Manner.KEPT:
                await self._actor.replace_by_sibling()
            case Manner.RE_ADDED:
                await self._actor.replace_by_calm()
                await self._actor.pause()
                await self._actor.bring_back()

    async def _alerts_of(self, block_hash: str) -> dict[str, tuple[Receiver, ...]]:
        _, answer = await self._victims.daemon.get(EVERY_ALERT_OF_LATE)
        named = {receiver.terms.name: receiver for receiver in self._told}
        return {
            told["data"]["alert"]["id"]: tuple(
                named[name] for name in told["deliveries"] if name in named
            )
            for told in answer["alerts"]
            if told["data"]["block"]["hash"] == block_hash and not told["data"]["alert"]["retracts"]
        }

    async def judged(self) -> bool:
        """Whether the daemon has judged the head, soon."""
        try:
            await self._victims.reached((await self._world.head()).hash, PATIENCE_SECONDS)
        except (TimeoutError, AssertionError):
            return False
        return True

    async def _met(self, raised: Raised, sight: Sight) -> None:
        """Until the alerts are in the state that is wanted, or it takes too long."""
        if sight is Sight.WELL:
            with suppress(TimeoutError):
                await eventually(lambda: set(raised.standings()) <= {Standing.DELIVERED})
        elif sight is Sight.HOLDING:
            with suppress(TimeoutError):
                await eventually(
                    lambda: not raised.alerts or Standing.UNDER_WAY in raised.standings(), 2.0
                )

    def _count(self, manner: Manner, raised: Raised) -> None:
        for standing, count in raised.standings().items():
            self.counts[f"cause {manner}, alert {standing}"] += count


async def eventually(is_so: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for something that is seen from outside. Raises TimeoutError."""
    until = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > until:
            raise TimeoutError
        await asyncio.sleep(0.02)
