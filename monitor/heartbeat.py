"""The daemon's heartbeat: the outbox woken, gauges set, systemd told that we live."""

import asyncio
import math
import time
from contextlib import suppress

import structlog

from monitor.alerts.outbox import Outbox
from monitor.engine.pipeline import Pipeline
from monitor.errors import TransientError
from monitor.leadership import Leadership
from monitor.rim import Rim
from monitor.standing import Standing
from monitor.status_line import StatusLine
from monitor.systemd import Notifier

log = structlog.stdlib.get_logger(__name__)
BEAT_SECONDS = 1.0


class Heartbeat:
    """What is told of the daemon beside its alerts, by metrics and to systemd."""

    def __init__(
        self,
        rim: Rim,
        standing: Standing,
        leadership: Leadership,
        notifier: Notifier,
        line: StatusLine,
    ) -> None:
        self._rim = rim
        self._standing = standing
        self._leadership = leadership
        self._notifier = notifier
        self._line = line

    async def beat(self, pipeline: Pipeline, outbox: Outbox) -> None:
        """After every block, and every second without one; never ends.

        systemd is told that we are ready once the head is judged, whatever is then found wrong:
        a price that nobody knows must not hold a boot up.
        """
        is_ready = False
        while True:
            moved = pipeline.progress.moved
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT_SECONDS):
                    await moved.wait()
            outbox.notify()
            await self.show()
            if self._standing.is_current():
                self._notifier.ready()
            if not is_ready and self._standing.ready().ok:
                is_ready = True
                log.info("ready")
            if self._standing.alive().ok:
                self._notifier.alive()

    async def show(self) -> None:
        """Set the gauges that no block sets, and the status line.

        Notes what is wrong with the store.
        """
        head, node, metrics = self._standing.head, self._rim.node, self._rim.metrics
        metrics.leader.set(self._leadership.may_speak())
        metrics.endpoints_disagree.set(node.agreement.standing is not None)
        for number, seconds in enumerate(node.endpoints.answer_seconds()):
            gauge = metrics.endpoint_answer_seconds.labels(str(number))
            gauge.set(math.nan if seconds is None else seconds)
        if head is not None:
            metrics.head_block.set(head.number)
            metrics.head_age_seconds.set(max(0.0, time.time() - head.timestamp))
        started = time.monotonic()
        try:
            metrics.outbox_pending.set(await self._rim.store.deliveries.pending())
            metrics.store_seconds.observe(time.monotonic() - started)
            self._standing.store_fault = ""
        except TransientError as error:
            metrics.store_failures_total.inc()
            self._standing.store_fault = str(error)
        self._notifier.status(self._line.text())
