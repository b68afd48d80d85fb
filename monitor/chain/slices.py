"""Asking for much in pieces a node will serve: no limit is known before it is met."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TypeVar

from monitor.chain.faults import RpcRefused, RpcTimeout

T = TypeVar("T")


async def in_slices(
    start: int, stop: int, widest: int, ask: Callable[[int, int], Awaitable[T]]
) -> AsyncGenerator[T, None]:
    """`ask(first, end)` over the half-open range, in order, in slices of at most `widest`.

    A slice that is refused or times out is halved; after a success the width grows by a quarter.
    Raises what `ask` raises for a single one.
    """
    width = widest
    while start < stop:
        end = min(start + width, stop)
        try:
            answer = await ask(start, end)
        except (RpcRefused, RpcTimeout):
            if end - start == 1:
                raise
            width = (end - start) // 2
            continue
        yield answer
        start = end
        width = min(widest, width + max(1, width // 4))
