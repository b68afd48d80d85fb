"""Liquidity providers who leave: a part of every position in some pools is taken out.

Of Uniswap V3, by its position manager, in which all of the world's positions lie.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction

from devnet.abi import MAX_UINT256, Address
from devnet.chain import View
from devnet.terms import PoolTerms
from devnet.transactions import Tx
from devnet.world import World

EVERYTHING = "*"
POSITION = (
    "positions(uint256)(uint96,address,address,address,uint24,int24,int24,uint128,uint256,uint256,"
    "uint128,uint128)"
)
GET_POOL = "getPool(address,address,uint24)(address)"
LEAVE = "decreaseLiquidity((uint256,uint128,uint256,uint256,uint256))"
COLLECT = "collect((uint256,address,uint128,uint128))"
MAX_UINT128 = 2**128 - 1
Place = tuple[Address, Address, int]
"""What tells a pool: its tokens, in order, and its fee."""


async def leave(world: World, factors: Mapping[str, Fraction]) -> list[Tx]:
    """So that of each pool's liquidity, at every price, the factor stays; rounded up a position.

    `factors`: at most 1, by symbol, or "*" for every pool. A pool that several name is left with
    their product. Raises ValueError for a pool of another family.
    """
    if not factors:
        return []
    if more := [name for name, factor in factors.items() if not 0 <= factor <= 1]:
        raise ValueError(f"{', '.join(more)}: providers who leave keep a share from 0 to 1")
    staying = {
        _place(world, pool): factor
        for pool in world.terms.pools
        if (factor := _factor(pool, factors)) < 1
    }
    await _check_family(world, staying)
    manager = world.addresses.position_manager
    (count,) = await world.read([View(manager, "totalSupply()(uint256)")])
    tokens = await world.read(
        [View(manager, "tokenByIndex(uint256)(uint256)", (n,)) for n in range(count)]
    )
    positions = await world.read([View(manager, POSITION, (token,)) for token in tokens])
    owners = await world.read([View(manager, "ownerOf(uint256)(address)", (t,)) for t in tokens])
    txs: list[Tx] = []
    for token, position, owner in zip(tokens, positions, owners, strict=True):
        _, _, token0, token1, fee_ppm, _, _, liquidity, *_ = position
        leaving = int(liquidity * (1 - staying.get((token0, token1, fee_ppm), Fraction(1))))
        if leaving:
            taken = (token, leaving, 0, 0, MAX_UINT256)
            txs += [
                world.tx(owner, manager, LEAVE, taken),
                world.tx(owner, manager, COLLECT, (token, owner, MAX_UINT128, MAX_UINT128)),
            ]
    return txs


async def _check_family(world: World, places: Iterable[Place]) -> None:
    views = [View(world.addresses.uniswap_factory, GET_POOL, place) for place in places]
    if others := set(await world.read(views)) - set(world.addresses.pools.values()):
        raise ValueError(f"{', '.join(others)}: in this world another pool stands for it")


def _place(world: World, pool: PoolTerms) -> Place:
    one, other = sorted(
        (world.token(symbol) for symbol in (pool.base, pool.quote)), key=lambda at: int(at, 16)
    )
    return one, other, pool.fee_ppm


def _factor(pool: PoolTerms, factors: Mapping[str, Fraction]) -> Fraction:
    factor = Fraction(1)
    for name in (EVERYTHING, pool.base, pool.quote):
        factor *= factors.get(name, Fraction(1))
    return factor
