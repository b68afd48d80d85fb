"""What moves the pools: trades, and liquidity that comes and goes."""

from devnet import USD, Tx

from fuzz import dice
from fuzz.uniswap_v3.scene import UniswapScene

SHARES = (1_000_000, 1_000, 50, 3)
"""Of the liquidity in use, what is added: one part in so many."""
LEAST_USD, MOST_USD = 0.01, 2_000_000
"""What a trade is worth."""


def trade(scene: UniswapScene) -> Tx | None:
    rng, world = scene.stage.rng, scene.world
    if rng.random() < 0.25:
        pool = rng.choice(world.terms.pools)
        price = scene.price(pool.base) / scene.price(pool.quote)
        return world.move_pool_to(pool.name, f"{price:.9f}")
    who = scene.stage.who or rng.choice(scene.stage.actors)
    traded = sorted({symbol for pool in world.terms.pools for symbol in (pool.base, pool.quote)})
    token_in, token_out = rng.sample(traded, 2)
    value_e8 = USD * dice.between(rng, LEAST_USD, MOST_USD)
    unit = 10 ** world.terms.asset(token_in).decimals
    return world.trade(who, token_in, token_out, int(value_e8 / scene.price(token_in) * unit))


def liquidity(scene: UniswapScene) -> Tx | None:
    """More between two ticks, less, none at all again, or a burn of nothing."""
    rng, world, provider = scene.stage.rng, scene.world, scene.provider
    name = rng.choice(list(scene.sight.pools))
    pool, address = scene.sight.pools[name], world.addresses.pools[name]
    (lower, upper), held = rng.choice(list(pool.own.items()))
    if held and rng.random() < 0.55:
        less = rng.choice([held, held, dice.amount(rng, held), 0])
        signature = "remove(address,int24,int24,uint128)"
        return world.tx(scene.stage.actors[0], provider, signature, address, lower, upper, less)
    more = max(1, pool.liquidity // rng.choice(SHARES))
    signature = "add(address,int24,int24,uint128)"
    return world.tx(scene.stage.actors[0], provider, signature, address, lower, upper, more)
