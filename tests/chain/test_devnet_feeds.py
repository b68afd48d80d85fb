"""Aggregators behind Chainlink's real proxy: sick ones, switched ones, and an SVR feed's double.

The double answers each proxy by the rules of accounting.md 1.9.
"""

import pytest
from devnet import ADMIN, USD, Deployer, RevertError, RpcError, World, event_topic
from devnet.abi import Address
from devnet.oracle_deployment import (
    BEHAVE,
    SET_ANSWER,
    Mode,
    deploy_dual_feed,
    deploy_sick_feed,
    phase_switch,
)

ANSWER = "latestAnswer()(int256)"
ROUND = "latestRoundData()(uint80,int256,uint256,uint256,uint80)"
PHASE = "phaseId()(uint16)"
AGGREGATOR = "aggregator()(address)"
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
    return [await world.call(proxy, ANSWER, block=head) for proxy in proxies]


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


async def test_hostile_source__in_each_mode__does_its_worst(world: World) -> None:
    source = await Deployer(world).deploy("HostileSource", 2_000 * USD)
    raw = {"to": source, "data": "0x50d25bcd", "gas": hex(10_000_000)}
    sizes = {Mode.ANSWERS: 32, Mode.ANSWERS_SHORT: 5, Mode.ANSWERS_LONG: 500_000}
    for mode in Mode:
        await world.tx(ADMIN, source, BEHAVE, mode, 2_000 * USD)
        if mode in (Mode.BURNS_GAS, Mode.REVERTS_LONG):
            with pytest.raises(RpcError):
                await world.anvil.rpc("eth_call", raw, "latest")
            continue
        told = bytes.fromhex((await world.anvil.rpc("eth_call", raw, "latest"))[2:])
        assert len(told) == sizes.get(mode, 32)
        if mode is Mode.NAMES_ITSELF:
            assert told[-20:].hex() == source[2:]


async def test_sick_aggregator__behind_the_real_proxy__says_what_it_was_told(world: World) -> None:
    proxy, aggregator = await deploy_sick_feed(Deployer(world), "SICK / USD", 8, USD)
    for told, updated in ((0, 1), (-5, 2**40), (2**200, 0)):
        receipt = await world.tx(ADMIN, aggregator, SET_ANSWER, told, updated)
        (log,) = receipt.logs_of(aggregator, ANSWER_UPDATED)
        assert int.from_bytes(log.data) == updated
        assert await world.call(proxy, ANSWER) == told
        _, answered, _, updated_at, _ = await world.call(proxy, ROUND)
        assert (answered, updated_at) == (told, updated)
    await world.tx(ADMIN, aggregator, "setBroken(bool)", True)
    with pytest.raises(RevertError, match="AggregatorBroken"):
        await world.call(proxy, ANSWER)


async def test_phase_switch__real_proxy__answers_from_the_next_aggregator_and_logs_nothing(
    world: World,
) -> None:
    proxy = world.addresses.feeds["WETH"]
    old = world.addresses.aggregators["WETH"]
    assert (await world.call(proxy, PHASE), await world.call(proxy, AGGREGATOR)) == (1, old)
    _, new = await deploy_sick_feed(Deployer(world), "ETH / USD", 8, 1_234 * USD)
    propose, confirm = phase_switch(world, proxy, new)
    assert (await propose).logs == ()
    assert await world.call(proxy, ANSWER) == world.terms.asset("WETH").price_e8
    assert (await confirm).logs == ()
    assert (await world.call(proxy, PHASE), await world.call(proxy, AGGREGATOR)) == (2, new)
    assert await world.call(proxy, ANSWER) == 1_234 * USD
    await world.tx(ADMIN, new, SET_ANSWER, 1_235 * USD, (await world.head()).timestamp)
    await world.move_feed("WETH", 1 * USD)  # the old aggregator, which nobody asks any more
    assert await world.call(proxy, ANSWER) == 1_235 * USD
