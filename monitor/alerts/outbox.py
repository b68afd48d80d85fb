"""Empties the outbox: one task per receiver, so that a slow one delays nobody; order kept."""

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from monitor.core.alerts import Delivery
from monitor.core.delivery import AlertSender, DeliveryQueue
from monitor.errors import DeliveryFailed, StoreUnavailable
from monitor.metrics import DeliveryOutcome

LOGGER = logging.getLogger(__name__)


Attempt = Callable[[Delivery], Awaitable[None]]
GRACE_SECONDS = 1.0
"""How long an attempt under way may take to end when we are told to stop."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often. Delays are drawn evenly from 0 to a bound that doubles.

    The bound ends at a minute: order is kept, so later alerts wait behind the first, and must not
    wait long for a receiver that is back.
    """

    first_seconds: float = 1.0
    most_seconds: float = 60.0
    give_up_seconds: float = 24 * 3600.0
    poll_seconds: float = 1.0

    def bound_seconds(self, attempts: int) -> float:
        """The longest delay after so many attempts."""
        # 2**30 is beyond any bound; larger powers would overflow a float.
        return min(self.most_seconds, self.first_seconds * 2.0 ** min(attempts, 30))


class Outbox:
    """Delivers what the queue holds, each receiver's alerts in their order.

    A receiver that fails holds back its own later alerts until it takes the first, or until that
    one is buried.
    """

    def __init__(
        self,
        queue: DeliveryQueue,
        senders: Mapping[str, AlertSender],
        observe: Callable[[str, DeliveryOutcome], None],
        *,
        patience: Patience = Patience(),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._queue = queue
        self._senders = senders
        self._observe = observe
        self._patience = patience
        self._clock = clock
        self._news = {webhook: asyncio.Event() for webhook in senders}

    @property
    def webhooks(self) -> tuple[str, ...]:
        return tuple(self._senders)

    def notify(self) -> None:
        """There may be something new: wakes every receiver's task."""
        for news in self._news.values():
            news.set()

    async def retire(self) -> None:
        """Bury what waits for webhooks that are no longer configured: nobody would ever send it.

        Raises StoreUnavailable.
        """
        for webhook in sorted(await self._queue.webhooks() - set(self._senders)):
            buried = 0
            while (delivery := await self._queue.due(webhook, math.inf)) is not None:
                await self._queue.bury(delivery, "its webhook is no longer configured")
                buried += 1
            if buried:
                LOGGER.warning(
                    "webhook %s is no longer configured: its %d pending deliveries are dead "
                    "letters now. Configure it again under this name, if it is to get later ones",
                    webhook,
                    buried,
                )

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with asyncio.TaskGroup() as group:
            for webhook in self._senders:
                group.create_task(self._serve(webhook), name=f"outbox-{webhook}")

    async def flush(self, timeout_seconds: float = 5.0) -> int:
        """Try what is due once more, for a bounded time; returns what stays pending.

        To be called after `run` was cancelled. Raises StoreUnavailable.
        """
        try:
            async with asyncio.timeout(timeout_seconds), asyncio.TaskGroup() as group:
                for webhook in self._senders:
                    group.create_task(self._try(webhook, self._attempt))
        except TimeoutError:
            LOGGER.warning("flush of the outbox cut short after %s s", timeout_seconds)
        return await self._queue.pending()

    async def _serve(self, webhook: str) -> None:
        news = self._news[webhook]
        while True:
            news.clear()
            await self._try(webhook, self._attempt_whole)
            try:
                async with asyncio.timeout(self._patience.poll_seconds):
                    await news.wait()
            except TimeoutError:
                continue

    async def _try(self, webhook: str, attempt: Attempt) -> None:
        try:
            await self._drain(webhook, attempt)
        except StoreUnavailable as error:
            LOGGER.warning("outbox of webhook %s cannot be read: %s", webhook, error)

    async def _drain(self, webhook: str, attempt: Attempt) -> None:
        """Deliver one after the other until none is due."""
        while (delivery := await self._queue.due(webhook, self._clock())) is not None:
            if await self._queue.begin_attempt(delivery):
                await attempt(delivery)

    async def _attempt_whole(self, delivery: Delivery) -> None:
        """An attempt, brought to its end when we are told to stop amid it: half of one would have
        to be made again, though the receiver may have taken it."""
        attempt = asyncio.create_task(self._attempt(delivery))
        try:
            await asyncio.shield(attempt)
        except asyncio.CancelledError:
            await asyncio.wait([attempt], timeout=GRACE_SECONDS)
            attempt.cancel()
            raise

    async def _attempt(self, delivery: Delivery) -> None:
        try:
            await self._senders[delivery.webhook].send(delivery)
        except DeliveryFailed as failure:
            await self._failed(delivery, failure)
        else:
            self._observe(delivery.webhook, DeliveryOutcome.DELIVERED)
            await self._recorded(lambda: self._queue.delivered(delivery))

    async def _failed(self, delivery: Delivery, failure: DeliveryFailed) -> None:
        now = self._clock()
        given_up_unix = delivery.created_unix + self._patience.give_up_seconds
        if now >= given_up_unix:
            LOGGER.error("alert %s given up: %s", delivery.alert_id, failure)
            self._observe(delivery.webhook, DeliveryOutcome.DEAD)
            await self._recorded(lambda: self._queue.bury(delivery, str(failure)))
            return
        jitter_seconds = random.uniform(0, self._patience.bound_seconds(delivery.attempts))
        delay_seconds = max(jitter_seconds, failure.retry_after_seconds or 0)
        # Never past the end, whatever the receiver asks for: a last attempt is made there.
        due_unix = min(now + delay_seconds, given_up_unix)
        LOGGER.warning(
            "alert %s not delivered, again in %.1f s: %s",
            delivery.alert_id,
            due_unix - now,
            failure,
        )
        self._observe(delivery.webhook, DeliveryOutcome.FAILED)
        await self._recorded(lambda: self._queue.postpone(delivery, due_unix))

    async def _recorded(self, write: Callable[[], Awaitable[None]]) -> None:
        """Write down what became of a delivery, however long the store is away.

        To forget it would send the same alert again at once.
        """
        while True:
            try:
                await write()
            except StoreUnavailable as error:
                LOGGER.warning("outbox cannot be written, trying again: %s", error)
                await asyncio.sleep(self._patience.poll_seconds)
            else:
                return
