"""Depth of pools, by family of curve, in exact ints. Whose contract it is, nobody asks beyond here.

A curve says which tokens it trades, and at what price one raw unit of one is worth in another at
the margin, before any fee.
"""

from dataclasses import dataclass
from fractions import Fraction

from monitor.core.stable_swap import NoConvergenceError, Swap
from monitor.core.units import Address, AssetId


@dataclass(frozen=True, slots=True)
class TickCurve:
    """Depth of a concentrated-liquidity pool (Uniswap V3). `ticks`: (tick, net liquidity)."""

    pool: Address
    token0: AssetId
    token1: AssetId
    fee_ppm: int
    sqrt_price_x96: int
    tick: int
    liquidity: int
    ticks: tuple[tuple[int, int], ...]

    @property
    def tokens(self) -> tuple[AssetId, ...]:
        return self.token0, self.token1

    def mid(self, inward: int, outward: int) -> Fraction | None:
        """None while it has no price."""
        if not self.sqrt_price_x96:
            return None
        square, unit = self.sqrt_price_x96**2, 2**192
        return Fraction(square, unit) if inward < outward else Fraction(unit, square)


@dataclass(frozen=True, slots=True)
class ConstantProductCurve:
    """Depth of a pool that keeps the product of its two reserves (Uniswap V2)."""

    pool: Address
    token0: AssetId
    token1: AssetId
    reserve0: int
    reserve1: int
    fee_ppm: int

    @property
    def tokens(self) -> tuple[AssetId, ...]:
        return self.token0, self.token1

    def mid(self, inward: int, outward: int) -> Fraction | None:
        """None where there is nothing on a side."""
        reserves = self.reserve0, self.reserve1
        return Fraction(reserves[outward], reserves[inward]) if all(reserves) else None


@dataclass(frozen=True, slots=True)
class StableSwapCurve:
    """Depth of a pool of two or more coins that keeps the StableSwap invariant.

    `balances` are raw. `admin_fee_e10`: the share of the fee that leaves the pool.
    """

    pool: Address
    tokens: tuple[AssetId, ...]
    balances: tuple[int, ...]
    swap: Swap
    admin_fee_e10: int

    def mid(self, inward: int, outward: int) -> Fraction | None:
        """None where a coin is used up, or the invariant is not found."""
        swap, held = self.swap, self.swap.scaled(self.balances)
        if not all(held):
            return None
        try:
            invariant = swap.invariant(held)
        except NoConvergenceError:
            return None
        count = len(held)
        pull = Fraction(invariant)
        for balance in held:
            pull *= Fraction(invariant, count * balance)
        strength = Fraction(swap.amplification * count, swap.precision)
        worth, per = (
            (strength + Fraction(pull, held[place])) * swap.rates[place]
            for place in (inward, outward)
        )
        return Fraction(worth, per)


@dataclass(frozen=True, slots=True)
class ParametricCurve:
    """Depth off chain, as its user states it: selling `sale_usd` worth of `asset` lets its
    price in `quote` fall by 2 %. Its mid is what oracles say, so it tells nothing of them.
    """

    asset: AssetId
    quote: AssetId
    sale_usd: Fraction

    @property
    def pool(self) -> str:
        return f"of {self.asset} in {self.quote} off chain"

    @property
    def tokens(self) -> tuple[AssetId, ...]:
        return self.asset, self.quote

    def mid(self, inward: int, outward: int) -> Fraction | None:
        return None


@dataclass(frozen=True, slots=True)
class UnknownCurve:
    """A pool of which is not known what it would take: the reason, in words."""

    pool: Address
    reason: str
    tokens: tuple[AssetId, ...] = ()

    def mid(self, inward: int, outward: int) -> Fraction | None:
        return None


DepthCurve = TickCurve | ConstantProductCurve | StableSwapCurve | ParametricCurve | UnknownCurve
