"""The wide world: two Aave markets, Morpho Blue and a vault over the same tokens and feeds.

One asset has three prices. wstETH is a double whose rate to ether grows by the second; Aave 3.6
asks a capped adapter for ETH / USD times that rate, Aave 3.0.2 a feed of the market's price, and
Morpho the bare rate. The adapters and Morpho's composed oracle are doubles too.
"""

from eth_abi import abi

from devnet.aave_3_0_deployment import deploy_aave_3_0
from devnet.abi import ZERO_ADDRESS, Address
from devnet.addresses import Addresses, WideAddresses
from devnet.chain import Chain
from devnet.deployer import Deployer
from devnet.deployment import deploy_world
from devnet.feed_deployment import REPORT
from devnet.morpho_deployment import deploy_morpho
from devnet.terms import AssetTerms
from devnet.wide_terms import StakingTerms, WideTerms

STAKED = "wstETH"
ETHER = "WETH"
ORACLE_SIDE = "(address,uint256,address,address,uint256)"
NO_VAULT_SAMPLE = 1


async def deploy_wide_world(chain: Chain, terms: WideTerms) -> WideAddresses:
    deployer, staking = Deployer(chain), terms.staking
    staked_ether = await deployer.deploy(
        "StakedEther", staking.rate_wad, staking.growth_per_second_wad
    )
    wrapped = await deployer.deploy("WrappedStakedEther", staked_ether)
    narrow = await deploy_world(chain, terms, {STAKED: wrapped})
    capped = await _deploy_capped(deployer, narrow.feeds[ETHER], staked_ether, staking)
    signature = "setAssetSources(address[],address[])"
    await deployer.send(narrow.oracle, signature, [wrapped], [capped])
    aave_3_0 = await deploy_aave_3_0(deployer, terms, narrow.tokens, narrow.feeds)
    oracles = await _deploy_oracles(deployer, terms, narrow, staked_ether)
    morpho = await deploy_morpho(deployer, terms, narrow.tokens, oracles)
    # A vault's timelock took a day: no feed is that old.
    for asset in terms.assets:
        aggregator = narrow.aggregators[asset.symbol]
        await deployer.send(narrow.reporter, REPORT, aggregator, asset.price_e8)
    return WideAddresses(
        **vars(narrow),
        aave_3_0=aave_3_0,
        morpho=morpho,
        staked_ether=staked_ether,
        capped_wsteth=capped,
    )


async def _deploy_capped(
    deployer: Deployer, ether_feed: Address, staked_ether: Address, staking: StakingTerms
) -> Address:
    """ETH / USD times the rate, under a line that begins where the rate was a delay ago."""
    delay = staking.snapshot_delay_seconds
    adapter = await deployer.deploy("WstEthPriceCapAdapter", ether_feed, staked_ether, delay)
    taken_unix = (await deployer.chain.head()).timestamp - delay
    ratio_wad = staking.rate_wad - staking.growth_per_second_wad * delay
    parameters = (ratio_wad, taken_unix, staking.cap_growth_per_year_bps)
    await deployer.send(adapter, "setCapParameters((uint104,uint48,uint16))", parameters)
    return adapter


async def _deploy_oracles(
    deployer: Deployer, terms: WideTerms, narrow: Addresses, staked_ether: Address
) -> dict[str, Address]:
    """Morpho's composed oracle for every market whose terms ask for one, by its name."""
    rate = await deployer.deploy("ExchangeRateFeed", staked_ether)
    oracles = {}
    for pair in terms.pairs:
        if pair.oracle == "mock":
            continue
        base, quote = narrow.feeds[pair.collateral], narrow.feeds[pair.loan]
        if pair.oracle == "rate":
            base, quote = rate, ZERO_ADDRESS
        oracles[pair.name] = await deployer.deploy(
            "MorphoChainlinkOracleV2",
            _side(base, terms.asset(pair.collateral)),
            _side(quote, terms.asset(pair.loan)),
        )
    return oracles


def _side(feed: Address, asset: AssetTerms) -> bytes:
    """One feed, no vault, as the composed oracle's constructor wants it."""
    side = (ZERO_ADDRESS, NO_VAULT_SAMPLE, feed, ZERO_ADDRESS, asset.decimals)
    return abi.encode([ORACLE_SIDE], [side])
