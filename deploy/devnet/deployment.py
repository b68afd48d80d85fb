"""Puts the real contracts on a fresh chain."""

from collections.abc import Mapping
from dataclasses import asdict

from devnet.aave_deployment import deploy_aave
from devnet.abi import Address
from devnet.addresses import Addresses
from devnet.chain import MULTICALL3, Chain
from devnet.deployer import Deployer
from devnet.feed_deployment import deploy_feeds
from devnet.terms import WorldTerms
from devnet.uniswap_deployment import deploy_uniswap

# The liquidator pays out of its own pocket, which must never be the limit.
LIQUIDATOR_FLOAT_TOKENS = 10**10


async def deploy_world(
    chain: Chain, terms: WorldTerms, given: Mapping[str, Address] | None = None
) -> Addresses:
    """`given`: tokens that are there already, by symbol; all others are Aave's own test token."""
    deployer = Deployer(chain)
    await deploy_multicall3(deployer)
    given = given or {}
    tokens = {
        asset.symbol: given.get(asset.symbol)
        or await deployer.deploy("MintableERC20", asset.symbol, asset.symbol, asset.decimals)
        for asset in terms.assets
    }
    feeds = await deploy_feeds(deployer, terms)
    aave = await deploy_aave(deployer, terms, tokens, feeds.feeds)
    uniswap = await deploy_uniswap(deployer, terms, tokens)
    liquidator = await deployer.deploy("Liquidator")
    for asset in terms.assets:
        units = LIQUIDATOR_FLOAT_TOKENS * 10**asset.decimals
        await deployer.send(tokens[asset.symbol], "mint(address,uint256)", liquidator, units)
    return Addresses(
        tokens=tokens,
        liquidator=liquidator,
        multicall3=MULTICALL3,
        **asdict(aave),
        **asdict(feeds),
        **asdict(uniswap),
    )


async def deploy_multicall3(deployer: Deployer) -> None:
    """Its keyless deployment transaction is not in any package: deploy it, then move its code."""
    anvil = deployer.chain.anvil
    made = await deployer.deploy("Multicall3")
    await anvil.rpc("anvil_setCode", MULTICALL3, await anvil.rpc("eth_getCode", made, "latest"))
