"""One real Chainlink feed per asset: an aggregator with a single oracle node, behind its proxy."""

from devnet.abi import ZERO_ADDRESS, Address
from devnet.addresses import FeedAddresses
from devnet.deployer import Deployer
from devnet.terms import AssetTerms, WorldTerms

DECIMALS = 8
# The aggregator rejects submissions outside of its bounds; wide enough to submit 0 and below.
ANSWER_BOUND = 2**191
REPORT = "report(address,int256)"


async def deploy_feeds(deployer: Deployer, terms: WorldTerms) -> FeedAddresses:
    reporter = await deployer.deploy("FeedReporter")
    feeds, aggregators = {}, {}
    for asset in terms.assets:
        proxy, aggregator = await deploy_feed(deployer, asset, reporter)
        feeds[asset.symbol], aggregators[asset.symbol] = proxy, aggregator
    return FeedAddresses(reporter, feeds, aggregators)


async def deploy_feed(
    deployer: Deployer, asset: AssetTerms, reporter: Address
) -> tuple[Address, Address]:
    """A feed's proxy and its aggregator, which has answered the asset's initial price."""
    aggregator = await _deploy_aggregator(deployer, asset, reporter)
    proxy = await deployer.deploy("EACAggregatorProxy", aggregator, ZERO_ADDRESS)
    # Contracts may only read an aggregator they were admitted to.
    for reader in (proxy, reporter):
        await deployer.send(aggregator, "addAccess(address)", reader)
    await deployer.send(reporter, REPORT, aggregator, asset.price_e8)
    return proxy, aggregator


async def _deploy_aggregator(deployer: Deployer, asset: AssetTerms, reporter: str) -> str:
    payment, timeout_seconds = 0, 1800
    aggregator = await deployer.deploy(
        "AccessControlledAggregator",
        ZERO_ADDRESS,  # LINK, which a payment of 0 never touches
        payment,
        timeout_seconds,
        ZERO_ADDRESS,
        -ANSWER_BOUND,
        ANSWER_BOUND,
        DECIMALS,
        f"{asset.symbol} / USD",
    )
    await deployer.send(
        aggregator,
        "changeOracles(address[],address[],address[],uint32,uint32,uint32)",
        *([], [reporter], [deployer.admin]),
        *(1, 1, 0),
    )
    return aggregator
