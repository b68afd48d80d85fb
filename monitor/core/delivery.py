"""The ways of an alert to its receivers: the outbox, and who hands a letter over."""

from collections.abc import Collection, Mapping
from typing import Protocol

from monitor.core.alerts import Delivery

FURTHEST_SECONDS = 900.0
"""No delivery is put off further, whatever its receiver asks for. A due time that lies further
ahead was written by a clock that was wrong: it counts as come."""


class DeliveryQueue(Protocol):
    """The outbox as its sender sees it; kept in the same store as the state."""

    async def due(
        self, webhook: str, now_unix: float, *, final_only: bool = False
    ) -> Delivery | None:
        """The oldest delivery of a webhook, if it is due: order is kept per receiver.

        `final_only`: what is of a block that can still be taken back is passed over, as if it were
        not there yet.
        """
        ...

    async def take(
        self,
        webhook: str,
        now_unix: float,
        *,
        final_only: bool = False,
        done: Delivery | None = None,
        aside: Collection[str] = (),
    ) -> Delivery | None:
        """Note that `done` was delivered, and begin an attempt of the next, as `due` finds it: at
        once, and in one round trip. Its `attempts` are those before.

        `aside`: alerts that are passed over, with all that was said later of the same breaker.
        """
        ...

    async def begin_attempt(self, delivery: Delivery) -> bool:
        """Note that bytes are about to leave. False: it was dropped meanwhile, do not send."""
        ...

    async def delivered(self, delivery: Delivery) -> None: ...

    async def postpone(self, delivery: Delivery, due_unix: float) -> None: ...

    async def bury(self, delivery: Delivery, reason: str) -> None:
        """Given up: a dead letter."""
        ...

    async def cut(self, webhook: str, most: int, reason: str) -> int:
        """Bury the oldest deliveries of a webhook that has more than `most`; returns how many."""
        ...

    async def delivered_bodies(self, webhook: str) -> list[str]:
        """The alerts a webhook took and that are still kept, in the order they were said in.

        One that was replayed stands where it was first said. Ends that were given up are among
        them: what they end does not fire, though the webhook was not told.
        """
        ...

    async def overdue_seconds(
        self, now_unix: float, *, finalized: frozenset[str] = frozenset()
    ) -> Mapping[str, float]:
        """By webhook how long its oldest pending delivery waits, of those it may have.

        `finalized`: webhooks that get only what can no longer be taken back.
        """
        ...

    async def pending(self) -> int:
        """Deliveries not yet made, over all webhooks."""
        ...

    async def webhooks(self) -> frozenset[str]:
        """The webhooks that ever had a delivery, configured or not."""
        ...


class AlertSender(Protocol):
    """Hands one delivery to one receiver. Raises DeliveryFailed."""

    async def send(self, delivery: Delivery) -> None: ...
