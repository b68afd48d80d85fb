"""Asking for much in pieces a node will serve: no limit is known before it is met."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, Generic, TypeVar

from monitor.chain.faults import RateLimited, RpcRefused, RpcTimeout
from monitor.errors import RpcUnavailable

T = TypeVar("T")
MOST_DOUBTS = 2
"""Failures in a row that may be for want of a narrower question. The next is the node's own."""
PATIENCE = 50
"""How often a limit is kept to before it is tried again: it may have been one of dense blocks."""


class Width:
    """How much is asked at once. Kept between questions: a provider's limit stays what it is."""

    def __init__(self, widest: int) -> None:
        self._widest = widest
        self._refused = widest + 1
        self._served = 0
        self._in_a_row = 0
        self._doubted: int | None = None
        self._handy = widest
        self.now = widest

    @property
    def served(self) -> int:
        """So much was served at once, and not refused since; 0: nothing yet."""
        return self._served

    def refuse(self, asked: int, suggested: int | None = None) -> None:
        """So much was refused. `suggested`: what the node says it would serve."""
        self._refused, self._in_a_row = asked, 0
        if self._served >= asked:
            self._served = 0
        self.now = max(1, asked // 2, self._served)
        if suggested is not None and 0 < suggested < asked:
            self.now = suggested

    def doubt(self, asked: int) -> None:
        """So much failed, and nobody said why. When half of it works next, it was too much."""
        self._doubted, self._in_a_row = asked, 0
        self.now = max(1, asked // 2)

    def forgive(self) -> None:
        """It was not for want of a narrower question: the node is away."""
        self._doubted = None

    def weigh(self, asked: int, items: int, most_items: int) -> None:
        """So much held so many items. What would hold more than `most_items` is not asked for."""
        self._handy = max(1, asked * most_items // items) if items else self._widest
        self.now = min(self.now, self._handy)

    def serve(self, asked: int) -> None:
        """So much was served. What was less than could be asked says nothing."""
        if asked < self.now:
            return
        if self._doubted is not None:
            self._refused, self._doubted = self._doubted, None
        self._served, self._in_a_row = asked, self._in_a_row + 1
        if self._in_a_row >= PATIENCE and self._refused <= self._widest:
            self._refused, self._in_a_row = min(4 * self._refused, self._widest + 1), 0
        # Without a limit in sight the width doubles, as after an outage.
        step = self.now if self._refused > self._widest else max(1, self.now // 4)
        self.now = min(self._refused - 1, self._handy, self.now + step)


async def in_slices(
    start: int, stop: int, width: Width, ask: Callable[[int, int], Coroutine[Any, Any, T]]
) -> AsyncGenerator[T, None]:
    """`ask(first, end)` over the half-open range, in order, in slices of at most `width`.

    While a slice is waited for and read, the next is already asked for, unless it is wider than
    what was served before: that is tried alone. A slice that is refused, times out or (twice in a
    row) fails is asked for again, narrower. Raises what `ask` raises for a single one.
    """
    doubts = 0
    ahead = _Ahead(stop, width, ask)
    try:
        while start < stop:
            end, answering = ahead.take(start)
            try:
                answer = await answering
            except (RpcRefused, RpcTimeout) as refusal:
                await ahead.drop()
                if end - start == 1:
                    raise
                width.refuse(end - start, suggested_by(refusal, start, end))
                continue
            except RateLimited:
                raise
            except RpcUnavailable:
                # A gateway that cuts long answers off, or gives up on them, does not say so.
                await ahead.drop()
                doubts += 1
                width.doubt(end - start)
                if doubts > MOST_DOUBTS or end - start == 1:
                    width.forgive()
                    raise
                continue
            doubts = 0
            yield answer
            width.serve(end - start)
            start = end
    finally:
        await ahead.drop()


class _Ahead(Generic[T]):
    """The slice after the one that is waited for."""

    def __init__(
        self, stop: int, width: Width, ask: Callable[[int, int], Coroutine[Any, Any, T]]
    ) -> None:
        self._stop = stop
        self._width = width
        self._ask = ask
        self._next: tuple[int, asyncio.Task[T]] | None = None

    def take(self, start: int) -> tuple[int, asyncio.Task[T]]:
        """The slice from `start`: its end and its answer. The one behind it is asked for."""
        taken, self._next = self._next or self._asked(start), None
        if taken[0] < self._stop and self._width.now <= self._width.served:
            self._next = self._asked(taken[0])
        return taken

    async def drop(self) -> None:
        """Nobody waits for it any more."""
        dropped, self._next = self._next, None
        if dropped is not None:
            dropped[1].cancel()
            await asyncio.gather(dropped[1], return_exceptions=True)

    def _asked(self, start: int) -> tuple[int, asyncio.Task[T]]:
        end = min(start + self._width.now, self._stop)
        return end, asyncio.create_task(self._ask(start, end))


def suggested_by(refusal: RpcUnavailable, start: int, end: int) -> int | None:
    """How much of `start` to `end` a node offers to serve, if it offers any of that."""
    offer = refusal.offered if isinstance(refusal, RpcRefused) else None
    if offer is None:
        return None
    first, last = offer
    return last + 1 - start if first == start and start <= last < end else None
