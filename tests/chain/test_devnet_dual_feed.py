"""The double of an SVR feed answers each proxy by the rules of accounting.md 1.9."""

from devnet import ADMIN, USD, Deployer, World, event_topic
from devnet.abi import Address
from devnet.oracle_deployment import deploy_dual_feed

CUTOFF = 60
PRICE, LATER, LAST = 2_000 * USD, 1_900 * USD, 1_850 * USD
ANSWER_UPDATED = event_topic("AnswerUpdated(int256,uint256,uint256)")
SECONDARY_UPDATED = event_topic("SecondaryRoundIdUpdated(uint32)")
PRIMARY_UNLOCKED = event_topic("PrimaryFeedUnlocked(uint32)")
NEW_TRANSMISSION = event_topic(
    "NewTransmission(uint32,int192,address,uint32,int192[],bytes,int192,bytes32,uint40)"
)
SEEN_BY_ALL, SEEN_BY_SECONDARY = "transmit(int192)", "transmitSecondary(int192)"


async def deployed(world: World) -> tuple[Address, Address, Address]:
    """The two proxies and the aggregator, long after the first answer."""
    made = await deploy_dual_feed(Deployer(world), "ETH / USD", CUTOFF, PRICE)
    await world.jump(2 * CUTOFF)
    return made


async def answers(world: World, *proxies: Address) -> list[int]:
    head = (await world.head()).hash
    return [await world.call(proxy, "latestAnswer()(int256)", block=head) for proxy in proxies]


async def test_report__to_all__the_secondary_sees_it_once_its_cutoff_passed_without_a_log(
    world: World,
) -> None:
    primary, secondary, aggregator = await deployed(world)
    receipt = await world.tx(ADMIN, aggregator, SEEN_BY_ALL, LATER)
    assert len(receipt.logs_of(aggregator, ANSWER_UPDATED)) == 1
    assert len(receipt.logs_of(aggregator, NEW_TRANSMISSION)) == 1
    reported = (await world.head()).timestamp
    assert await answers(world, primary, secondary) == [LATER, PRICE]
    await world.mine(timestamp=reported + CUTOFF)
    assert await answers(world, primary, secondary) == [LATER, PRICE]
    await world.mine(timestamp=reported + CUTOFF + 1)
    assert await answers(world, primary, secondary) == [LATER, LATER]
    assert await world.receipts_of((await world.head()).number) == []


async def test_report__by_the_secondary__others_see_it_a_block_later(world: World) -> None:
    primary, secondary, aggregator = await deployed(world)
    receipt = await world.tx(ADMIN, aggregator, SEEN_BY_SECONDARY, LATER)
    assert len(receipt.logs_of(aggregator, SECONDARY_UPDATED)) == 1
    assert await answers(world, primary, secondary) == [PRICE, LATER]
    await world.mine()
    assert await answers(world, primary, secondary) == [LATER, LATER]


async def test_report__sent_again_the_other_way__is_seen_at_once(world: World) -> None:
    primary, secondary, aggregator = await deployed(world)
    again = world.tx(ADMIN, aggregator, "unlock()")
    _, unlocked = await world.block(world.tx(ADMIN, aggregator, SEEN_BY_SECONDARY, LATER), again)
    assert len(unlocked.logs_of(aggregator, PRIMARY_UNLOCKED)) == 1
    assert await answers(world, primary, secondary) == [LATER, LATER]
    _, live = await world.block(world.tx(ADMIN, aggregator, SEEN_BY_ALL, LAST), again)
    assert len(live.logs_of(aggregator, SECONDARY_UPDATED)) == 1
    assert await answers(world, primary, secondary) == [LAST, LAST]
    assert live.logs_of(aggregator, ANSWER_UPDATED) == ()


async def test_reports__within_one_cutoff__the_secondary_takes_the_newest_that_is_old_enough(
    world: World,
) -> None:
    primary, secondary, aggregator = await deployed(world)
    await world.tx(ADMIN, aggregator, SEEN_BY_ALL, LATER)
    first = (await world.head()).timestamp
    last = world.tx(ADMIN, aggregator, SEEN_BY_ALL, LAST)
    await world.block(last, timestamp=first + CUTOFF // 2)
    await world.mine(timestamp=first + CUTOFF + 1)
    assert await answers(world, primary, secondary) == [LAST, LATER]
    await world.mine(timestamp=first + CUTOFF // 2 + CUTOFF + 1)
    assert await answers(world, primary, secondary) == [LAST, LAST]
