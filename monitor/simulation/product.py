"""Pools that keep the product of their two reserves (Uniswap V2), their fee staying inside.

Source: v2-core 1.0.1 UniswapV2Pair.sol, v2-periphery UniswapV2Library.getAmountOut; without their
rounding to whole units.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from monitor.core.units import AssetId


@dataclass(frozen=True, slots=True)
class ProductPool:
    """`reserves` in raw units; `share` of what is put in is traded, the rest is the fee."""

    tokens: tuple[AssetId, ...]
    reserves: tuple[float, float]
    share: float

    def sold(self, amount: float, inward: int, outward: int) -> tuple[float, "ProductPool"]:
        """Proceeds of an amount put in, and the pool after it."""
        if amount <= 0:
            return 0.0, self
        held, paid = self.reserves[inward], self.reserves[outward]
        traded = amount * self.share
        left = paid * (held / (held + traded))
        return paid * (traded / (held + traded)), self._at(inward, held + amount, left)

    def mid(self, inward: int, outward: int) -> float:
        """Raw units of one token per raw unit of the other, before the fee."""
        return self.reserves[outward] / self.reserves[inward]

    def kept(self, inward: int, outward: int) -> float:
        """What the fee leaves of a sale."""
        return self.share

    def moved(self, factors: Sequence[float]) -> "ProductPool":
        """After arbitrage by which the token that fell came in, and its fee stayed."""
        ratio = factors[0] / factors[1]
        inward, fall = (0, ratio) if ratio < 1 else (1, 1 / ratio)
        # (1 + share t) (1 + t) = 1 / fall, where t is put in per unit of the reserve.
        gap, both = 1 / fall - 1, 1 + self.share
        put_in = 2 * gap / (both + math.sqrt(both * both + 4 * self.share * gap))
        held, paid = self.reserves[inward], self.reserves[1 - inward]
        return self._at(inward, held * (1 + put_in), paid / (1 + self.share * put_in))

    def scaled(self, factor: float) -> "ProductPool":
        """So many times as deep, at the same mid."""
        reserve0, reserve1 = self.reserves
        return replace(self, reserves=(reserve0 * factor, reserve1 * factor))

    def _at(self, inward: int, held: float, left: float) -> "ProductPool":
        return ProductPool(self.tokens, (held, left) if inward == 0 else (left, held), self.share)
