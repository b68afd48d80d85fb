"""What the demo plays: a market that can bear a slide, but not the crash after it."""

from dataclasses import replace
from fractions import Fraction

from devnet.terms import POOLS, PoolTerms, RangeTerms
from devnet.wide_terms import WideTerms

# All pools of a pair in one: wide enough for a crash to find depth at its bottom too.
DEEP_USD = 100_000_000
SHALLOW_USD = 50_000_000
VOLATILE_RANGES = (RangeTerms(30, None), RangeTerms(50, 10_000), RangeTerms(20, 1_500))
PEGGED_RANGES = (RangeTerms(20, None), RangeTerms(40, 2_000), RangeTerms(40, 200))


def _deepened(pool: PoolTerms) -> PoolTerms:
    if pool.name in ("WETH/USDC", "WBTC/WETH"):
        return replace(pool, depth_usd=DEEP_USD, ranges=VOLATILE_RANGES)
    if pool.name == "wstETH/WETH":
        return replace(pool, depth_usd=SHALLOW_USD, ranges=PEGGED_RANGES)
    return replace(pool, depth_usd=SHALLOW_USD)


DEMO_TERMS = WideTerms(
    pools=tuple(_deepened(pool) for pool in POOLS), borrowers=130, seed=2, caution_bps=500
)
"""130 loans in each of three lending markets, all of them healthy to the end of the slide."""

SLIP = Fraction(-1, 100)
"""Of wstETH in its market, first of all: only Aave 3.0.2 asks that."""

DEPEG = Fraction(-10, 100)
"""Of wstETH too; only projected."""

SLIDE = (Fraction(-2, 100),) * 4
"""Changes of WETH one after the other: 2,000 USD to 1,845 USD."""

CRASH = Fraction(-20, 100)
"""What is projected at every block, and then happens: at first it would liquidate 2.7 M USD, after
the slide nearly twice as much."""
