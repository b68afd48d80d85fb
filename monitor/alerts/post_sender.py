"""What senders that speak HTTP themselves have in common: one way out, open as long as they are."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from monitor.alerts.post import TIMEOUT_SECONDS, MaySend, Post
from monitor.alerts.target import Target


class PostSender:
    """Open to one receiver within an `async with`. `url`: where, if not at the target's own."""

    def __init__(
        self,
        target: Target,
        may_send: MaySend,
        *,
        url: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._target = target
        self._may_send = may_send
        self._clock = clock
        self._post = Post(
            target.destination(url), may_send, timeout_seconds=timeout_seconds, clock=clock
        )

    async def __aenter__(self) -> Self:
        """Raises ConfigError for a ca_file that cannot be read."""
        await self._post.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._post.__aexit__(kind, error, traceback)
