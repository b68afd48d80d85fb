"""What assets are worth in the market: by the pools, counted in stablecoins that anchor it."""

import contextlib
from collections.abc import Mapping
from fractions import Fraction
from typing import TypeAlias

from devnet.chain import View
from devnet.terms import USD, PoolTerms
from devnet.world import World

PEG = Fraction(5, 100)
"""A feed this near to 1 USD before the shock makes an anchor, which follows no pool."""
SLOT0 = "slot0()(uint160,int24,uint16,uint16,uint16,uint8,bool)"
ANSWER = "latestAnswer()(int256)"

Path: TypeAlias = list[str | PoolTerms]


async def feed_answers(world: World) -> dict[str, int]:
    """Of each asset's own feed, in US dollars with eight decimals."""
    feeds = world.addresses.feeds
    answers = await world.read([View(feed, ANSWER) for feed in feeds.values()])
    return dict(zip(feeds, answers, strict=True))


def market_paths(world: World, answers_e8: Mapping[str, int]) -> dict[str, Path]:
    """The pools to the nearest anchor, for each asset that has such; an anchor's is itself."""
    anchors = [symbol for symbol, answer in answers_e8.items() if abs(answer - USD) <= PEG * USD]
    paths: dict[str, Path] = {}
    for symbol in answers_e8:
        with contextlib.suppress(ValueError):
            paths[symbol] = world.terms.path(symbol, *anchors)
    return paths


async def market_usd(world: World, paths: Mapping[str, Path]) -> dict[str, Fraction]:
    """What one whole token is worth by the mids on its path, at the anchor's feed."""
    now, answers_e8 = await mids(world), await feed_answers(world)
    market = {}
    for symbol, path in paths.items():
        price = Fraction(answers_e8[str(path[-1])], USD)
        for token_in, pool in zip(path[::2], path[1::2], strict=False):
            assert isinstance(pool, PoolTerms)
            price *= now[pool.name] if token_in == pool.base else 1 / now[pool.name]
        market[symbol] = price
    return market


async def mids(world: World) -> dict[str, Fraction]:
    """Quote tokens per base token of each pool, exactly."""
    pools = world.terms.pools
    slots = await world.read([View(world.addresses.pools[pool.name], SLOT0) for pool in pools])
    return {pool.name: _mid(world, pool, slot[0]) for pool, slot in zip(pools, slots, strict=True)}


def _mid(world: World, pool: PoolTerms, sqrt_price_x96: int) -> Fraction:
    token1_per_token0 = Fraction(sqrt_price_x96**2, 1 << 192)
    base_first = int(world.token(pool.base), 16) < int(world.token(pool.quote), 16)
    per_base = token1_per_token0 if base_first else 1 / token1_per_token0
    base, quote = world.terms.asset(pool.base), world.terms.asset(pool.quote)
    return per_base * Fraction(10**base.decimals, 10**quote.decimals)
