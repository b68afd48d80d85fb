"""The dead man's switch: a ping while all is well, and only then. Its absence is the alarm."""

import asyncio
import logging
from collections.abc import Callable
from typing import NoReturn

from monitor.alerts.post import Post
from monitor.errors import DeliveryFailed
from monitor.metrics import PingOutcome

LOGGER = logging.getLogger(__name__)


class Deadman:
    """Asks one URL with GET, over a `post` that is open. That it fails is logged, and no alert."""

    def __init__(
        self,
        post: Post,
        every_seconds: float,
        is_well: Callable[[], bool],
        observe: Callable[[PingOutcome], None],
    ) -> None:
        """`is_well`: whether the monitor can be trusted now."""
        self._post = post
        self._every_seconds = every_seconds
        self._is_well = is_well
        self._observe = observe

    async def run(self) -> NoReturn:
        while True:
            self._observe(await self.ping())
            await asyncio.sleep(self._every_seconds)

    async def ping(self) -> PingOutcome:
        """One ping, or none where all is not well."""
        if not self._is_well():
            return PingOutcome.WITHHELD
        try:
            await self._post.request("GET")
        except DeliveryFailed as failure:
            LOGGER.warning("the dead man's switch was not reached: %s", failure)
            return PingOutcome.FAILED
        return PingOutcome.OK
