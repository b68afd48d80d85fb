"""Pools of other families instead of Uniswap V3's: a real V2 pair, and doubles of StableSwap pools.

Facades (`contracts/PoolFacades.sol`) let them look like V3's to everything else here, so that a
crash is executed through them as through any pool.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from devnet.abi import ZERO_ADDRESS, Address
from devnet.deployer import ADMIN, Deployer
from devnet.terms import USD, PoolTerms
from devnet.transactions import Tx
from devnet.wide_terms import WAD
from devnet.world import World

PAIR = "WETH/USDC"


@dataclass(frozen=True, slots=True)
class StableTerms:
    """`rates`: raw units to 1e36ths of a worth. They are told only where no decimals tell them."""

    rates: tuple[int, int]
    tells_rates: bool
    amplification: int
    fee_e10: int


STABLE = {
    "wstETH/WETH": StableTerms((12 * 10**17, 10**18), True, 50, 4 * 10**6),
    "DAI/USDC": StableTerms((10**18, 10**30), False, 500, 10**6),
}


@dataclass(frozen=True, slots=True)
class Families:
    """The pools themselves, by name, and the world in which they stand for V3's."""

    world: World
    pair: Address
    stable: Mapping[str, Address]

    def liquidity(self) -> str:
        """The [[liquidity]] entries of a monitor's configuration, in the world's order."""
        return "\n".join(self._entry(pool) for pool in self.world.terms.pools)

    async def leave(self, pool: str, factor: Fraction) -> list[Tx]:
        """Who provides a pair or a StableSwap pool keeps so much of it in there."""
        leaving = 1 - factor
        if pool in self.stable:
            part_wad = int(leaving * WAD)
            return [self.world.tx(ADMIN, self.stable[pool], "leave(uint256)", part_wad)]
        shares = int(leaving * await self.world.balance_of(self.pair, ADMIN))
        return [
            self.world.tx(ADMIN, self.pair, "transfer(address,uint256)", self.pair, shares),
            self.world.tx(ADMIN, self.pair, "burn(address)", ADMIN),
        ]

    def _entry(self, pool: PoolTerms) -> str:
        if pool.name == PAIR:
            kind, address = "uniswap_v2", self.pair
        elif pool.name in self.stable:
            kind, address = "stableswap", self.stable[pool.name]
        else:
            kind, address = "uniswap_v3", self.world.addresses.pools[pool.name]
        return f'[[liquidity]]  # {pool.name}\nkind = "{kind}"\npool = "{address}"\n'


async def open_families(world: World) -> Families:
    """As deep as the pools they stand for, at the first prices; Uniswap V3 keeps WBTC/WETH."""
    deployer = Deployer(world)
    pair = await _deploy_pair(deployer, world)
    stable = {
        name: await _deploy_stable(deployer, world, name, terms) for name, terms in STABLE.items()
    }
    facades = {PAIR: await deployer.deploy("PairFacade", pair)}
    for name, pool in stable.items():
        facades[name] = await deployer.deploy("StableSwapFacade", pool)
    router = await deployer.deploy("FamilyRouter", world.addresses.router)
    for facade in facades.values():
        await deployer.send(router, "add(address)", facade)
    addresses = replace(world.addresses, router=router, pools={**world.addresses.pools, **facades})
    return Families(type(world)(world.anvil, addresses, world.terms), pair, stable)


def side_raw(world: World, pool: str, symbol: str) -> int:
    """Half of a pool's value, in one of its tokens."""
    asset = world.terms.asset(symbol)
    depth_usd = world.terms.pool(pool).depth_usd
    amount: int = depth_usd * USD * 10**asset.decimals // (2 * asset.price_e8)
    return amount


async def _deploy_pair(deployer: Deployer, world: World) -> Address:
    factory = await deployer.deploy("UniswapV2Factory", deployer.admin)
    tokens = [world.token(symbol) for symbol in PAIR.split("/")]
    await deployer.send(factory, "createPair(address,address)", *tokens)
    pair: Address = await world.call(factory, "getPair(address,address)(address)", *tokens)
    assert pair != ZERO_ADDRESS
    for symbol in PAIR.split("/"):
        amount = side_raw(world, PAIR, symbol)
        await deployer.send(world.token(symbol), "mint(address,uint256)", pair, amount)
    await deployer.send(pair, "mint(address)", deployer.admin)
    return pair


async def _deploy_stable(
    deployer: Deployer, world: World, name: str, terms: StableTerms
) -> Address:
    symbols = name.split("/")
    pool = await deployer.deploy(
        "StableSwapDouble",
        [world.token(symbol) for symbol in symbols],
        terms.rates,
        terms.tells_rates,
        terms.amplification,
        terms.fee_e10,
    )
    amounts = [side_raw(world, name, symbol) for symbol in symbols]
    await deployer.send(pool, "seed(uint256[])", amounts)
    return pool
