"""One real Chainlink feed per asset: an aggregator with a single oracle node, behind its proxy."""

from devnet.abi import ZERO_ADDRESS
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
        aggregator = await _deploy_aggregator(deployer, asset, reporter)
        proxy = await deployer.deploy("EACAggregatorProxy", aggregator, ZERO_ADDRESS)
        # Contracts may only read an aggregator they were admitted to.
        for reader in (proxy, reporter):
            await deployer.send(aggregator, "addAccess(address)", reader)
        await deployer.send(reporter, REPORT, aggregator, asset.price_e8)
        feeds[asset.symbol], aggregators[asset.symbol] = proxy, aggregator
    return FeedAddresses(reporter, feeds, aggregators)


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
