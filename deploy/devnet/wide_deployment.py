"""The wide world: two Aave markets, Morpho Blue and a vault over the same tokens and feeds.

One asset has three prices. wstETH is a double whose rate to ether grows by the second; Aave 3.6
asks a capped adapter for ETH / USD times that rate, Aave 3.0.2 a feed of the market's price, and
Morpho the bare rate. The adapters and Morpho's composed oracle are doubles too.
"""

from devnet.aave_3_0_deployment import deploy_aave_3_0
from devnet.abi import ZERO_ADDRESS, Address
from devnet.addresses import Addresses, WideAddresses
from devnet.chain import Chain
from devnet.deployer import Deployer
from devnet.deployment import deploy_world
from devnet.feed_deployment import REPORT
from devnet.morpho_deployment import deploy_morpho
from devnet.oracle_deployment import (
    SNAPSHOT_DELAY_SECONDS,
    OracleSide,
    RatioCap,
    deploy_composed_oracle,
    deploy_ratio_cap,
    deploy_staked_ether,
)
from devnet.wide_terms import StakingTerms, WideTerms

STAKED, ETHER = "wstETH", "WETH"


async def deploy_wide_world(chain: Chain, terms: WideTerms) -> WideAddresses:
    deployer, staking = Deployer(chain), terms.staking
    staked = await deploy_staked_ether(deployer, staking.rate_wad, staking.growth_per_second_wad)
    narrow = await deploy_world(chain, terms, {STAKED: staked.wrapped})
    cap = await _cap(chain, staking)
    capped = await deploy_ratio_cap(deployer, narrow.feeds[ETHER], staked.rebasing, cap)
    signature = "setAssetSources(address[],address[])"
    await deployer.send(narrow.oracle, signature, [staked.wrapped], [capped])
    aave_3_0 = await deploy_aave_3_0(deployer, terms, narrow.tokens, narrow.feeds)
    oracles = await _deploy_oracles(deployer, terms, narrow, staked.rebasing)
    morpho = await deploy_morpho(deployer, terms, narrow.tokens, oracles)
    # The vault's timelock took a day: no feed is that old.
    for asset in terms.assets:
        aggregator = narrow.aggregators[asset.symbol]
        await deployer.send(narrow.reporter, REPORT, aggregator, asset.price_e8)
    return WideAddresses(
        **vars(narrow),
        aave_3_0=aave_3_0,
        morpho=morpho,
        staked_ether=staked.rebasing,
        capped_wsteth=capped,
    )


async def _cap(chain: Chain, staking: StakingTerms) -> RatioCap:
    """A line from where the rate was as long ago as the adapter wants a snapshot to be."""
    taken_unix = (await chain.head()).timestamp - SNAPSHOT_DELAY_SECONDS
    ratio_wad = staking.rate_wad - staking.growth_per_second_wad * SNAPSHOT_DELAY_SECONDS
    return RatioCap(ratio_wad, taken_unix, staking.cap_growth_per_year_bps)


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
        oracles[pair.name] = await deploy_composed_oracle(
            deployer,
            OracleSide(terms.asset(pair.collateral).decimals, feed_1=base),
            OracleSide(terms.asset(pair.loan).decimals, feed_1=quote),
        )
    return oracles
