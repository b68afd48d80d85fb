"""What a world is made of: mainnet-like parameters, in one place."""

import math
from dataclasses import dataclass
from fractions import Fraction

USD = 10**8
"""Feeds and AaveOracle answer in US dollars with eight decimals: `1_800 * USD`."""


@dataclass(frozen=True, slots=True)
class RateTerms:
    optimal_usage_bps: int
    base_bps: int
    slope1_bps: int
    slope2_bps: int


VOLATILE_RATES = RateTerms(8000, 0, 350, 8000)
WETH_RATES = RateTerms(9000, 0, 270, 4000)
STABLE_RATES = RateTerms(9000, 0, 550, 3500)


@dataclass(frozen=True, slots=True)
class AssetTerms:
    symbol: str
    decimals: int
    price_e8: int
    ltv_bps: int
    threshold_bps: int
    bonus_bps: int
    reserve_factor_bps: int
    rates: RateTerms
    protocol_fee_bps: int = 1000


@dataclass(frozen=True, slots=True)
class EModeTerms:
    category: int
    label: str
    ltv_bps: int
    threshold_bps: int
    bonus_bps: int
    collateral: tuple[str, ...]
    borrowable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RangeTerms:
    """A share of a pool's depth; between mid/(1+w) and mid*(1+w), or everywhere without width."""

    share_percent: int
    half_width_bps: int | None


@dataclass(frozen=True, slots=True)
class PoolTerms:
    base: str
    quote: str
    fee_ppm: int
    tick_spacing: int
    depth_usd: int
    ranges: tuple[RangeTerms, ...]

    @property
    def name(self) -> str:
        return f"{self.base}/{self.quote}"


VOLATILE_RANGES = (
    RangeTerms(20, None),
    RangeTerms(30, 5000),
    RangeTerms(30, 1500),
    RangeTerms(20, 400),
)
CORRELATED_RANGES = (RangeTerms(20, None), RangeTerms(40, 500), RangeTerms(40, 100))

ASSETS = (
    AssetTerms("WETH", 18, 2_000 * USD, 8050, 8300, 10500, 1500, WETH_RATES),
    AssetTerms("wstETH", 18, 2_400 * USD, 7850, 8100, 10600, 1500, VOLATILE_RATES),
    AssetTerms("WBTC", 8, 60_000 * USD, 7300, 7800, 10500, 1500, VOLATILE_RATES),
    AssetTerms("USDC", 6, 1 * USD, 7500, 7800, 10450, 1000, STABLE_RATES),
    AssetTerms("DAI", 18, 1 * USD, 6300, 7700, 10500, 1000, STABLE_RATES),
)
POOLS = (
    PoolTerms("WETH", "USDC", 500, 10, 30_000_000, VOLATILE_RANGES),
    PoolTerms("wstETH", "WETH", 100, 1, 30_000_000, CORRELATED_RANGES),
    PoolTerms("WBTC", "WETH", 3000, 60, 30_000_000, VOLATILE_RANGES),
    PoolTerms("DAI", "USDC", 100, 1, 20_000_000, CORRELATED_RANGES),
)
ETH_CORRELATED = EModeTerms(
    1, "ETH correlated", 9300, 9500, 10100, collateral=("WETH", "wstETH"), borrowable=("WETH",)
)


@dataclass(frozen=True, slots=True)
class WorldTerms:
    assets: tuple[AssetTerms, ...] = ASSETS
    pools: tuple[PoolTerms, ...] = POOLS
    e_modes: tuple[EModeTerms, ...] = (ETH_CORRELATED,)
    borrowers: int = 0
    seed: int = 1
    # How much less than usual borrowers take who would lose by a fall of their collateral.
    caution_bps: int = 0

    def asset(self, symbol: str) -> AssetTerms:
        return next(asset for asset in self.assets if asset.symbol == symbol)

    def pool(self, name: str) -> PoolTerms:
        return next(pool for pool in self.pools if pool.name == name)

    def mid(self, pool: PoolTerms) -> Fraction:
        """Quote tokens per base token at the initial feed prices."""
        return Fraction(self.asset(pool.base).price_e8, self.asset(pool.quote).price_e8)

    def path(self, token_in: str, *tokens_out: str) -> list[str | PoolTerms]:
        """Fewest pools to any of `tokens_out`, then pool order: symbol, pool, symbol, …, symbol.

        Raises ValueError where no pools lead there.
        """
        ways: list[list[str | PoolTerms]] = [[token_in]]
        for way in ways:
            if way[-1] in tokens_out:
                return way
            for pool in self.pools:
                ends = {pool.base: pool.quote, pool.quote: pool.base}
                other = ends.get(str(way[-1]))
                if other is not None and other not in way:
                    ways.append([*way, pool, other])
        raise ValueError(f"no pools lead from {token_in} to {' or '.join(tokens_out)}")


def sqrt_price_x96(raw_price: Fraction) -> int:
    """Uniswap's square root of token1 per token0, both in raw units, rounded down."""
    return math.isqrt((raw_price.numerator << 192) // raw_price.denominator)
