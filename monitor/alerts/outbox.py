"""Empties the outbox: one task per receiver, so that a slow one delays nobody; order kept.

All is counted by a clock that does not jump while we live (`SteadyClock`). Over a restart the times
in the store may be of a clock that was wrong. So nothing is given up before its receiver has failed
for a while in this life, whatever age it seems to have; what seems to be of the future is given up
after as long in this life; and a due time too far ahead counts as come (`FURTHEST_SECONDS`).
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from monitor.alerts.aside import Aside
from monitor.core.alerts import Delivery
from monitor.core.delivery import FURTHEST_SECONDS, AlertSender, DeliveryQueue
from monitor.core.steady import SteadyClock
from monitor.errors import DeliveryFailed, StoreUnavailable
from monitor.metrics import DeliveryOutcome

LOGGER = logging.getLogger(__name__)

T = TypeVar("T")
Attempt = Callable[[Delivery], Awaitable[bool]]
"""Whether the receiver took it."""
HOUR_SECONDS = 3600.0
GRACE_SECONDS = 1.0
"""How long an attempt under way may take to end when we are told to stop."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often. Delays are drawn evenly from 0 to a bound that doubles.

    The bound ends at a minute: order is kept, so later alerts wait behind the first, and must not
    wait long for a receiver that is back. `fair_seconds`: nothing is given up before its receiver
    failed for so long without a success, in this life.
    """

    first_seconds: float = 1.0
    most_seconds: float = 60.0
    give_up_seconds: float = 24 * 3600.0
    fair_seconds: float = 600.0
    poll_seconds: float = 1.0

    def bound_seconds(self, attempts: int) -> float:
        """The longest delay after so many attempts."""
        # 2**30 is beyond any bound; larger powers would overflow a float.
        return min(self.most_seconds, self.first_seconds * 2.0 ** min(attempts, 30))


@dataclass(slots=True)
class _Trouble:
    """A receiver that fails: since when, and which delivery has been tried since when."""

    since_unix: float
    key: tuple[str, float]
    tried_unix: float


class Outbox:
    """Delivers what the queue holds, each receiver's alerts in their order.

    A receiver that fails holds back its own later alerts until it takes the first, or until that
    one is buried; or until it refused the first for what it says and took a later one (`aside`).
    """

    def __init__(
        self,
        queue: DeliveryQueue,
        senders: Mapping[str, AlertSender],
        observe: Callable[[str, DeliveryOutcome], None],
        *,
        patience: Patience = Patience(),
        clock: Callable[[], float] | None = None,
        finalized: frozenset[str] = frozenset(),
        max_pending: int | None = None,
    ) -> None:
        """`clock`: that of the store, which never jumps. `finalized`: webhooks that get only what
        can no longer be taken back. `max_pending`: of each webhook, the oldest go."""
        self._queue = queue
        self._senders = senders
        self._observe = observe
        self._patience = patience
        self._clock = clock or SteadyClock(time.time, time.monotonic)
        self._finalized = finalized
        self._max_pending = max_pending
        self._news = {webhook: asyncio.Event() for webhook in senders}
        self._cut_unix = dict.fromkeys(senders, -math.inf)
        self._trouble: dict[str, _Trouble] = {}
        self._aside = {webhook: Aside() for webhook in senders}
        self._overflows: list[tuple[float, str, int]] = []

    @property
    def webhooks(self) -> tuple[str, ...]:
        return tuple(self._senders)

    def notify(self) -> None:
        """There may be something new: wakes every receiver's task."""
        for news in self._news.values():
            news.set()

    async def overdue_seconds(self) -> Mapping[str, float]:
        """By webhook how long its oldest delivery waits, of those it may have.

        Raises StoreUnavailable.
        """
        return await self._queue.overdue_seconds(self._clock(), finalized=self._finalized)

    def overflowed(self) -> dict[str, int]:
        """By webhook how many deliveries were given up in the last hour for want of room."""
        since_unix = self._clock() - HOUR_SECONDS
        self._overflows = [each for each in self._overflows if each[0] >= since_unix]
        counts: dict[str, int] = {}
        for _, webhook, count in self._overflows:
            counts[webhook] = counts.get(webhook, 0) + count
        return counts

    async def retire(self) -> None:
        """Bury what waits for webhooks that are no longer configured: nobody would ever send it.

        Raises StoreUnavailable.
        """
        for webhook in sorted(await self._queue.webhooks() - set(self._senders)):
            buried = await self._queue.cut(webhook, 0, "its webhook is no longer configured")
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
        done: Delivery | None = None
        while True:
            if self._is_to_be_cut(webhook):
                if done is not None:
                    await self._note(done)
                    done = None
                await self._cut(webhook)
            delivery = await self._next(webhook, done)
            if delivery is None:
                return
            done = delivery if await attempt(delivery) else None

    async def _next(self, webhook: str, done: Delivery | None) -> Delivery | None:
        """What is due now, begun; and `done` is noted, however long the store is away."""

        async def take() -> Delivery | None:
            now = self._clock()
            return await self._queue.take(
                webhook,
                now,
                final_only=webhook in self._finalized,
                done=done,
                aside=self._aside[webhook].ids(now),
            )

        return await (take() if done is None else self._recorded(take))

    def _is_to_be_cut(self, webhook: str) -> bool:
        waited_seconds = self._clock() - self._cut_unix[webhook]
        return self._max_pending is not None and waited_seconds >= self._patience.poll_seconds

    async def _cut(self, webhook: str) -> None:
        """Keep the queue within its bound. Nothing of it is under way."""
        most = self._max_pending or 0
        buried = await self._queue.cut(webhook, most, f"more than {most} waited: queue full")
        self._cut_unix[webhook] = self._clock()
        for _ in range(buried):
            self._observe(webhook, DeliveryOutcome.OVERFLOW)
        if buried:
            self._overflows.append((self._clock(), webhook, buried))
            LOGGER.error(
                "webhook %s has more than outbox.max_pending = %d deliveries to be made: the %d "
                "oldest are dead letters now. Mend the receiver, then: cascade-monitor alerts "
                "--config F --replay-dead",
                webhook,
                most,
                buried,
            )

    async def _attempt_whole(self, delivery: Delivery) -> bool:
        """An attempt, brought to its end when we are told to stop amid it: half of one would have
        to be made again, though the receiver may have taken it."""
        attempt = asyncio.create_task(self._attempt(delivery))
        try:
            return await asyncio.shield(attempt)
        except asyncio.CancelledError:
            ending = asyncio.create_task(self._end(attempt, delivery))
            await asyncio.wait([ending], timeout=GRACE_SECONDS)
            ending.cancel()
            attempt.cancel()
            raise

    async def _end(self, attempt: asyncio.Task[bool], delivery: Delivery) -> None:
        if await attempt:
            await self._note(delivery)

    async def _attempt(self, delivery: Delivery) -> bool:
        try:
            await self._senders[delivery.webhook].send(delivery)
        except DeliveryFailed as failure:
            await self._failed(delivery, failure)
            return False
        self._trouble.pop(delivery.webhook, None)
        self._aside[delivery.webhook].taken(delivery)
        self._observe(delivery.webhook, DeliveryOutcome.DELIVERED)
        return True

    async def _failed(self, delivery: Delivery, failure: DeliveryFailed) -> None:
        now = self._clock()
        left_seconds = self._left_seconds(delivery, now)
        if left_seconds <= 0:
            LOGGER.error("alert %s given up: %s", delivery.alert_id, failure)
            self._observe(delivery.webhook, DeliveryOutcome.DEAD)
            self._aside[delivery.webhook].over(delivery.alert_id)
            await self._recorded(lambda: self._queue.bury(delivery, str(failure)))
            return
        jitter_seconds = random.uniform(0, self._patience.bound_seconds(delivery.attempts))
        asked_seconds = failure.retry_after_seconds or 0.0
        # Not as long as a receiver may ask for; and never past the end: a last attempt is made
        # there. What is no number is less than nothing.
        wanted_seconds = max(jitter_seconds, asked_seconds if asked_seconds > 0 else 0.0)
        delay_seconds = min(wanted_seconds, FURTHEST_SECONDS, left_seconds)
        LOGGER.warning(
            "alert %s not delivered, again in %.1f s: %s",
            delivery.alert_id,
            delay_seconds,
            failure,
        )
        self._observe(delivery.webhook, DeliveryOutcome.FAILED)
        due_unix, is_of_letter = now + delay_seconds, failure.is_of_letter
        aside = self._aside[delivery.webhook]
        if aside.failed(delivery, due_unix, now, is_of_letter=is_of_letter):
            LOGGER.error(
                "alert %s is refused again and again for what it says: later ones are tried before "
                "it from now on. It is tried until it is given up; mend the receiver: %s",
                delivery.alert_id,
                failure,
            )
        await self._recorded(lambda: self._queue.postpone(delivery, due_unix))

    def _left_seconds(self, delivery: Delivery, now_unix: float) -> float:
        """How long a delivery that just failed is still to be tried."""
        key = delivery.alert_id, delivery.created_unix
        trouble = self._trouble.get(delivery.webhook)
        since_unix = now_unix if trouble is None else trouble.since_unix
        if trouble is None or trouble.key != key:
            trouble = self._trouble[delivery.webhook] = _Trouble(since_unix, key, now_unix)
        age_seconds = max(now_unix - delivery.created_unix, now_unix - trouble.tried_unix)
        left_seconds = self._patience.give_up_seconds - age_seconds
        if self._aside[delivery.webhook].holds(delivery.alert_id):
            return left_seconds  # its receiver is well: it takes others
        return max(left_seconds, self._patience.fair_seconds - (now_unix - trouble.since_unix))

    async def _note(self, delivery: Delivery) -> None:
        await self._recorded(lambda: self._queue.delivered(delivery))

    async def _recorded(self, write: Callable[[], Awaitable[T]]) -> T:
        """Write down what became of a delivery, however long the store is away.

        To forget it would send the same alert again at once.
        """
        while True:
            try:
                return await write()
            except StoreUnavailable as error:
                LOGGER.warning("outbox cannot be written, trying again: %s", error)
                await asyncio.sleep(self._patience.poll_seconds)
