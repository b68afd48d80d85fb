"""Pools whose liquidity lies between ticks (Uniswap V3), their fee put aside.

Amounts are raw token units as floats; a mid is raw token1 per raw token0. The formulas are those
of SqrtPriceMath and SwapMath without their rounding to whole units, written so that a small trade
in a deep pool does not lose its digits in a difference of nearly equal numbers.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from monitor.core.curves import TickCurve
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


class Mark(NamedTuple):
    """Where a pool stands: the square root of its mid, and the segment of its liquidity."""

    sqrt: float
    segment: int


@dataclass(frozen=True, slots=True)
class TickPool:
    """A pool and where it stands."""

    depth: Depth
    mark: Mark

    @property
    def tokens(self) -> tuple[AssetId, ...]:
        return self.depth.token0, self.depth.token1

    def sold(self, amount: float, inward: int, outward: int) -> tuple[float, "TickPool"]:
        """Proceeds of an amount put in, and the pool after it."""
        proceeds, mark = sold(self.depth, self.mark, amount, inward < outward)
        return proceeds, TickPool(self.depth, mark)

    def mid(self, inward: int, outward: int) -> float:
        """Raw units of one token per raw unit of the other, before the fee."""
        price = self.mark.sqrt**2
        return price if inward < outward else 1 / price

    def kept(self, inward: int, outward: int) -> float:
        """What the fee leaves of a sale."""
        return self.depth.kept

    def moved(self, factors: Sequence[float]) -> "TickPool":
        """After arbitrage to the mid of these prices."""
        return TickPool(self.depth, moved(self.depth, self.mark, factors[0] / factors[1]))

    def scaled(self, factor: float) -> "TickPool":
        """So many times as deep, everywhere, at the same mid."""
        liquidity = tuple(value * factor for value in self.depth.liquidity)
        return TickPool(replace(self.depth, liquidity=liquidity), self.mark)


def depth_of(curve: TickCurve) -> tuple[Depth, Mark]:
    """A pool as floats. Raises ValueError where its ticks contradict its liquidity; it says of the
    pool what it has."""
    at = bisect_right(curve.ticks, curve.tick, key=lambda entry: entry[0])
    liquidity = [curve.liquidity] * (len(curve.ticks) + 1)
    for above in range(at, len(curve.ticks)):
        liquidity[above + 1] = liquidity[above] + curve.ticks[above][1]
    for below in range(at - 1, -1, -1):
        liquidity[below] = liquidity[below + 1] - curve.ticks[below][1]
    if min(liquidity) < 0:
        raise ValueError("has ticks that do not add up to its liquidity")
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
