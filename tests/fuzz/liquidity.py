"""What moves the pools: trades, and liquidity that comes and goes."""

from devnet import Tx

from fuzz.scene import Scene

SHARES = (1_000_000, 1_000, 50, 3)
"""Of the liquidity in use, what is added: one part in so many."""


def trade(scene: Scene) -> Tx | None:
    rng, world = scene.rng, scene.world
    if rng.random() < 0.25:
        pool = rng.choice(world.terms.pools)
        prices = scene.prices
        price = prices[pool.base] / prices[pool.quote]
        return world.move_pool_to(pool.name, f"{price:.9f}")
    who = scene.actor()
    assert who is not None
    traded = sorted({symbol for pool in world.terms.pools for symbol in (pool.base, pool.quote)})
    token_in, token_out = rng.sample(traded, 2)
    return world.trade(who, token_in, token_out, scene.raw_of_usd(token_in, 0.01, 2_000_000))


def liquidity(scene: Scene) -> Tx | None:
    """More between two ticks, less, none at all again, or a burn of nothing."""
    rng, world, provider = scene.rng, scene.world, scene.props.liquidity_provider
    name = rng.choice(list(scene.sight.pools))
    pool, address = scene.sight.pools[name], world.addresses.pools[name]
    (lower, upper), held = rng.choice(list(pool.own.items()))
    if held and rng.random() < 0.55:
        less = rng.choice([held, held, scene.amount(held), 0])
        signature = "remove(address,int24,int24,uint128)"
        return world.tx(scene.actors[0], provider, signature, address, lower, upper, less)
    more = max(1, pool.liquidity // rng.choice(SHARES))
    signature = "add(address,int24,int24,uint128)"
    return world.tx(scene.actors[0], provider, signature, address, lower, upper, more)
