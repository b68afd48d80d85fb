"""What a trade does to a pool, whatever its curve, and by which pools a trade goes.

Amounts are raw token units as floats. A pool is a value: what a trade leaves of it is another.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from monitor.core.units import AssetId


class Joins(Protocol):
    """Whatever trades one token for another: each of `tokens` for each other."""

    @property
    def tokens(self) -> tuple[AssetId, ...]: ...


class Pool(Joins, Protocol):
    """One pool as it stands. `inward`, `outward`: places among its tokens."""

    def sold(self, amount: float, inward: int, outward: int) -> tuple[float, "Pool"]:
        """Proceeds of an amount put in, fee included, and the pool after it."""
        ...

    def mid(self, inward: int, outward: int) -> float:
        """The price at the margin, before the fee: raw units that one raw unit brings."""
        ...

    def kept(self, inward: int, outward: int) -> float:
        """What the fee leaves of a sale, at most."""
        ...

    def moved(self, factors: Sequence[float]) -> "Pool":
        """After arbitrage: each token's price so many times what it was here."""
        ...

    def scaled(self, factor: float) -> "Pool":
        """So many times as deep, at the same mids."""
        ...


class Hop(NamedTuple):
    """One pool of a route: which of its tokens goes in, and which comes out."""

    pool: int
    inward: int
    outward: int


Route = tuple[Hop, ...]


def route(
    pools: Sequence[Joins], start: AssetId, is_goal: Callable[[AssetId], bool]
) -> Route | None:
    """The first route by fewest pools, then by pool order, then by the order of a pool's tokens;
    empty where the start is a goal.
    """
    if is_goal(start):
        return ()
    reached = {start}
    waiting: deque[tuple[AssetId, Route]] = deque([(start, ())])
    while waiting:
        asset, so_far = waiting.popleft()
        for number, pool in enumerate(pools):
            if asset not in pool.tokens:
                continue
            inward = pool.tokens.index(asset)
            for outward, other in enumerate(pool.tokens):
                if other in reached:
                    continue
                found = (*so_far, Hop(number, inward, outward))
                if is_goal(other):
                    return found
                reached.add(other)
                waiting.append((other, found))
    return None


def mid_along(pools: Sequence[Pool], hops: Route) -> float:
    """Raw units of the last token per raw unit of the first, at the mids."""
    product = 1.0
    for number, inward, outward in hops:
        product *= pools[number].mid(inward, outward)
    return product


def sold_along(
    pools: Sequence[Pool], hops: Route, amount: float
) -> tuple[float, list[tuple[int, Pool]]]:
    """Proceeds at the end of a route, and each pool on it as the sale leaves it."""
    after: list[tuple[int, Pool]] = []
    for number, inward, outward in hops:
        amount, pool = pools[number].sold(amount, inward, outward)
        after.append((number, pool))
    return amount, after
