"""What the ledger holds of pools."""

from dataclasses import dataclass

from monitor.core.units import AssetId


@dataclass(frozen=True, slots=True)
class TickPool:
    """A concentrated-liquidity pool. `ticks`: (tick, net liquidity), ascending, no zeros."""

    token0: AssetId
    token1: AssetId
    fee_ppm: int
    tick_spacing: int
    sqrt_price_x96: int
    tick: int
    liquidity: int
    ticks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ProductPool:
    """A pool that keeps the product of its reserves, in raw units. Both are 0 while it is empty."""

    token0: AssetId
    token1: AssetId
    reserve0: int
    reserve1: int


@dataclass(frozen=True, slots=True)
class StablePool:
    """A StableSwap pool, as its views told it. While `reason` is not empty its depth is unknown.

    `coins` and what `views` it answers are learned once; `is_older`: it counts coins in int128.
    `balances` are raw. A raw unit of a coin times its rate is worth 1e36. `amplification` is in
    units of 1 / `precision`; fees and the off-peg multiplier in 1e-10.
    """

    coins: tuple[AssetId, ...] = ()
    is_older: bool = False
    views: tuple[str, ...] | None = None
    balances: tuple[int, ...] = ()
    rates: tuple[int, ...] = ()
    amplification: int = 0
    precision: int = 1
    fee_e10: int = 0
    offpeg_e10: int = 0
    admin_fee_e10: int = 0
    reason: str = "it was not read yet"
