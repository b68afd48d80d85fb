"""What a trade does to a pool, and by which pools a trade goes.

Amounts are raw token units as floats; a mid is raw token1 per raw token0. The formulas are those
of Uniswap V3 (SqrtPriceMath, SwapMath) without its rounding to whole units, written so that a
small trade in a deep pool does not lose its digits in a difference of nearly equal numbers.
"""

import math
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from monitor.core.risk import DepthCurve
from monitor.core.units import AssetId

HALF_LOG_TICK = math.log1p(1e-4) / 2
"""ln(sqrt(1.0001)): the step of one tick. Powers of 1.0001 itself lose five digits."""
MIN_SQRT, MAX_SQRT = 4295128739 / 2**96, 1461446703485210103287273052203988822378723970342 / 2**96
"""TickMath.MIN_SQRT_RATIO and MAX_SQRT_RATIO: where an exhausted pool comes to rest."""


@dataclass(frozen=True, slots=True)
class Depth:
    """What of a pool no trade changes.

    `bounds`: square roots of the mids at its ticks, ascending. `liquidity[k]` is active between
    `bounds[k - 1]` and `bounds[k]`, so there is one more of it.
    """

    token0: AssetId
    token1: AssetId
    kept: float
    bounds: tuple[float, ...]
    liquidity: tuple[float, ...]


class Joins(Protocol):
    """Whatever trades one token for another."""

    @property
    def token0(self) -> AssetId: ...

    @property
    def token1(self) -> AssetId: ...


class Mark(NamedTuple):
    """Where a pool stands: the square root of its mid, and the segment of its liquidity."""

    sqrt: float
    segment: int


class Hop(NamedTuple):
    """One pool of a route, and whether token0 is what goes in."""

    pool: int
    zero_for_one: bool


Route = tuple[Hop, ...]


def depth_of(curve: DepthCurve) -> tuple[Depth, Mark]:
    """A pool as floats. Raises ValueError where its ticks contradict its liquidity."""
    at = bisect_right(curve.ticks, curve.tick, key=lambda entry: entry[0])
    liquidity = [curve.liquidity] * (len(curve.ticks) + 1)
    for above in range(at, len(curve.ticks)):
        liquidity[above + 1] = liquidity[above] + curve.ticks[above][1]
    for below in range(at - 1, -1, -1):
        liquidity[below] = liquidity[below + 1] - curve.ticks[below][1]
    if min(liquidity) < 0:
        raise ValueError(f"the ticks of pool {curve.pool} do not add up to its liquidity")
    depth = Depth(
        token0=curve.token0,
        token1=curve.token1,
        kept=1 - curve.fee_ppm / 1e6,
        bounds=tuple(math.exp(tick * HALF_LOG_TICK) for tick, _ in curve.ticks),
        liquidity=tuple(float(value) for value in liquidity),
    )
    return depth, Mark(curve.sqrt_price_x96 / 2**96, at)


def sold(depth: Depth, mark: Mark, amount: float, zero_for_one: bool) -> tuple[float, Mark]:
    """Proceeds of an amount put in, fee included, and where the pool stands then.

    Where the ticks run out the rest is not taken, and the pool comes to rest at its limit: what a
    swap without a price limit experiences.
    """
    rest = amount * depth.kept
    if rest <= 0:
        return 0.0, mark
    return _fall(depth, mark, rest) if zero_for_one else _rise(depth, mark, rest)


def _fall(depth: Depth, mark: Mark, rest: float) -> tuple[float, Mark]:
    sqrt, segment = mark
    proceeds = 0.0
    while True:
        active = depth.liquidity[segment]
        bound = depth.bounds[segment - 1] if segment else MIN_SQRT
        capacity = active * (sqrt - bound) / (sqrt * bound)
        if rest < capacity:
            after = sqrt / (1 + rest * sqrt / active)
            return proceeds + rest * sqrt * after, Mark(after, segment)
        proceeds += active * (sqrt - bound)
        rest -= capacity
        sqrt = bound
        if segment == 0:
            return proceeds, Mark(sqrt, 0)
        segment -= 1


def _rise(depth: Depth, mark: Mark, rest: float) -> tuple[float, Mark]:
    sqrt, segment = mark
    proceeds = 0.0
    last = len(depth.bounds)
    while True:
        active = depth.liquidity[segment]
        bound = depth.bounds[segment] if segment < last else MAX_SQRT
        capacity = active * (bound - sqrt)
        if rest < capacity:
            after = sqrt + rest / active
            return proceeds + rest / (sqrt * after), Mark(after, segment)
        proceeds += active * (bound - sqrt) / (sqrt * bound)
        rest -= capacity
        sqrt = bound
        if segment == last:
            return proceeds, Mark(sqrt, last)
        segment += 1


def moved(depth: Depth, mark: Mark, factor: float) -> Mark:
    """The pool after arbitrage to its mid times factor."""
    sqrt = min(max(mark.sqrt * math.sqrt(factor), MIN_SQRT), MAX_SQRT)
    return Mark(sqrt, bisect_right(depth.bounds, sqrt))


def route(
    depths: Sequence[Joins], start: AssetId, is_goal: Callable[[AssetId], bool]
) -> Route | None:
    """The first route by fewest pools, then by pool order; empty where the start is a goal."""
    if is_goal(start):
        return ()
    reached = {start}
    waiting: deque[tuple[AssetId, Route]] = deque([(start, ())])
    while waiting:
        asset, so_far = waiting.popleft()
        for pool, depth in enumerate(depths):
            if asset not in (depth.token0, depth.token1):
                continue
            zero_for_one = asset == depth.token0
            other = depth.token1 if zero_for_one else depth.token0
            if other in reached:
                continue
            found = (*so_far, Hop(pool, zero_for_one))
            if is_goal(other):
                return found
            reached.add(other)
            waiting.append((other, found))
    return None


def mid_along(marks: Sequence[Mark], hops: Route) -> float:
    """Raw units of the last token per raw unit of the first, at the mids."""
    product = 1.0
    for pool, zero_for_one in hops:
        mid = marks[pool].sqrt ** 2
        product *= mid if zero_for_one else 1 / mid
    return product


def sold_along(
    depths: Sequence[Depth], marks: Sequence[Mark], hops: Route, amount: float
) -> tuple[float, list[tuple[int, Mark]]]:
    """Proceeds at the end of a route, and the new mark of each pool on it."""
    after: list[tuple[int, Mark]] = []
    for pool, zero_for_one in hops:
        amount, mark = sold(depths[pool], marks[pool], amount, zero_for_one)
        after.append((pool, mark))
    return amount, after
