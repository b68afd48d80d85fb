"""Uniswap V3 with liquidity around the initial feed prices."""

import math
from fractions import Fraction

from devnet.abi import MAX_UINT256, ZERO_ADDRESS, Address
from devnet.addresses import UniswapAddresses
from devnet.deployer import Deployer
from devnet.terms import USD, PoolTerms, RangeTerms, WorldTerms, sqrt_price_x96

MAX_TICK = 887_272
MINT_INPUT = "(address,address,uint24,int24,int24,uint256,uint256,uint256,uint256,address,uint256)"


async def deploy_uniswap(
    deployer: Deployer, terms: WorldTerms, tokens: dict[str, Address]
) -> UniswapAddresses:
    factory = await deployer.deploy("UniswapV3Factory")
    # The factory of v3-core 1.0.1 does not know the 0.01 % tier; governance added it later.
    await deployer.send(factory, "enableFeeAmount(uint24,int24)", 100, 1)
    weth = tokens["WETH"]
    router = await deployer.deploy("SwapRouter", factory, weth)
    quoter = await deployer.deploy("QuoterV2", factory, weth)
    manager = await deployer.deploy("NonfungiblePositionManager", factory, weth, ZERO_ADDRESS)
    for token in tokens.values():
        await deployer.send(token, "approve(address,uint256)", manager, MAX_UINT256)
    pools = {
        pool.name: await _deploy_pool(deployer, terms, pool, tokens, (factory, manager))
        for pool in terms.pools
    }
    arbitrageur = await deployer.deploy("Arbitrageur")
    return UniswapAddresses(factory, manager, router, quoter, pools, arbitrageur)


def raw_price(
    terms: WorldTerms, pool: PoolTerms, price: Fraction, base_is_token0: bool
) -> Fraction:
    """Token1 per token0 in raw units, from quote tokens per base token."""
    base, quote = terms.asset(pool.base), terms.asset(pool.quote)
    quote_per_base = price * Fraction(10**quote.decimals, 10**base.decimals)
    return quote_per_base if base_is_token0 else 1 / quote_per_base


async def _deploy_pool(
    deployer: Deployer,
    terms: WorldTerms,
    pool: PoolTerms,
    tokens: dict[str, Address],
    uniswap: tuple[Address, Address],
) -> Address:
    factory, manager = uniswap
    ordered = sorted((pool.base, pool.quote), key=lambda symbol: int(tokens[symbol], 16))
    pair = tuple(tokens[symbol] for symbol in ordered)
    price = raw_price(terms, pool, terms.mid(pool), ordered[0] == pool.base)
    await deployer.send(
        manager,
        "createAndInitializePoolIfNecessary(address,address,uint24,uint160)",
        *(*pair, pool.fee_ppm, sqrt_price_x96(price)),
    )
    for part in pool.ranges:
        # Half of the value on each side: exact for the full range, near enough for the others.
        amounts = tuple(
            pool.depth_usd
            * USD
            * part.share_percent
            * 10 ** terms.asset(symbol).decimals
            // (200 * terms.asset(symbol).price_e8)
            for symbol in ordered
        )
        for token, amount in zip(pair, amounts, strict=True):
            await deployer.send(token, "mint(address,uint256)", deployer.admin, amount)
        position = (*pair, pool.fee_ppm, *tick_range(price, pool.tick_spacing, part), *amounts)
        await deployer.send(
            manager, f"mint({MINT_INPUT})", (*position, 0, 0, deployer.admin, MAX_UINT256)
        )
    found: Address = await deployer.chain.call(
        factory, "getPool(address,address,uint24)(address)", *pair, pool.fee_ppm
    )
    return found


def tick_range(price: Fraction, spacing: int, part: RangeTerms) -> tuple[int, int]:
    """Where liquidity lies is a choice, not an amount of money: floats do."""
    if part.half_width_bps is None:
        highest = MAX_TICK // spacing * spacing
        return -highest, highest
    centre = math.log(price) / math.log(1.0001)
    half_width = math.log(1 + part.half_width_bps / 10_000) / math.log(1.0001)
    return (
        math.floor((centre - half_width) / spacing) * spacing,
        math.ceil((centre + half_width) / spacing) * spacing,
    )
