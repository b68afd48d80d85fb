"""The way of a price where a contract on it is sick, hostile or not what it seems."""

from pathlib import Path

import pytest
from devnet import ADMIN, USD, Deployer, World
from devnet.abi import Address as Hex
from devnet.oracle_deployment import (
    BEHAVE,
    SET_ANSWER,
    Mode,
    OracleSide,
    RatioCap,
    deploy_composed_oracle,
    deploy_dual_feed,
    deploy_ratio_cap,
    deploy_sick_feed,
    deploy_staked_ether,
    phase_switch,
)
from following import followed, following
from fuzz.monitored import MARKET, Monitored

from monitor.core.keys import price_key
from monitor.core.prices import Edge, Price, PriceKind
from monitor.core.units import Address, AssetId

WAD = 10**18
WEEK = 7 * 86_400
ETHER = 2_000 * USD


async def priced(world: World, monitored: Monitored, symbol: str = "WETH") -> Price:
    """The price at the head, of a ledger that equals what the contracts alone tell."""
    records = await followed(world, monitored)
    found = records[price_key(MARKET, AssetId(Address(world.token(symbol))))]
    assert isinstance(found, Price)
    return found


def edge_of(price: Price, contract: Hex) -> Edge:
    (found,) = (edge for edge in price.path if edge.source == contract)
    return found


@pytest.mark.parametrize("mode", Mode)
async def test_way__of_a_hostile_source__is_that_source_not_recognised(
    world: World, tmp_path: Path, mode: Mode
) -> None:
    hostile = await Deployer(world).deploy("HostileSource", ETHER)
    await world.tx(ADMIN, hostile, BEHAVE, mode, ETHER)
    async with following(world, tmp_path) as monitored:
        await world.replace_source("WETH", hostile)
        found = await priced(world, monitored)
        assert [edge.source for edge in found.path] == [hostile]
        assert (found.kind, found.path[0].kind) == (None, None)


async def test_way__of_a_proxy__names_the_phase_and_the_aggregator_of_its_block(
    world: World, tmp_path: Path
) -> None:
    proxy, old = world.addresses.feeds["WETH"], world.addresses.aggregators["WETH"]
    _, new = await deploy_sick_feed(Deployer(world), "ETH / USD", 8, 1_234 * USD)
    async with following(world, tmp_path) as monitored:
        propose, confirm = phase_switch(world, proxy, new)
        await propose
        before = await priced(world, monitored)
        await confirm
        after = await priced(world, monitored)
    assert [edge.source for edge in before.path] == [proxy, old]
    assert [edge.source for edge in after.path] == [proxy, new]
    assert ("phase 1" in before.path[0].what, "phase 2" in after.path[0].what) == (True, True)
    assert before.kind is after.kind is PriceKind.MARKET


async def test_way__aggregator_shared_by_two_proxies__moves_each_as_it_answers_it(
    world: World, tmp_path: Path
) -> None:
    """WETH asks the primary, wstETH the secondary, which sees the report once it is old."""
    primary, secondary, aggregator = await deploy_dual_feed(Deployer(world), "ETH / USD", 40, ETHER)
    await world.jump(100)
    async with following(world, tmp_path) as monitored:
        await world.replace_source("WETH", primary)
        await world.replace_source("wstETH", secondary)
        await world.tx(ADMIN, aggregator, "transmit(int192)", ETHER - USD)
        values = []
        for _ in range(5):
            prices = [await priced(world, monitored, symbol) for symbol in ("WETH", "wstETH")]
            assert all(price.path[-1].source == aggregator for price in prices)
            values.append([price.value for price in prices])
            await world.mine()
    assert {value for value, _ in values} == {ETHER - USD}
    assert [value for _, value in values] == [ETHER] * 4 + [ETHER - USD]


@pytest.mark.parametrize("answer", [0, -1])
async def test_way__a_leaf_answers_nothing__the_adapter_on_it_is_unknown_and_still_recognised(
    world: World, tmp_path: Path, answer: int
) -> None:
    deployer = Deployer(world)
    proxy, aggregator = await deploy_sick_feed(deployer, "ETH / USD", 8, ETHER)
    staked = await deploy_staked_ether(deployer)
    cap = RatioCap(2 * WAD, (await world.head()).timestamp - WEEK)
    adapter = await deploy_ratio_cap(deployer, proxy, staked.rebasing, cap)
    async with following(world, tmp_path) as monitored:
        await world.replace_source("wstETH", adapter)
        await world.tx(ADMIN, aggregator, SET_ANSWER, answer, 1)
        found = await priced(world, monitored, "wstETH")
        assert (found.value, bool(found.reason)) == (None, True)
        assert found.kind is PriceKind.CAPPED
        await world.tx(ADMIN, aggregator, SET_ANSWER, ETHER, 1)
        found = await priced(world, monitored, "wstETH")
        assert found.value is not None
        assert edge_of(found, adapter).fault == ""


async def test_way__caps_on_caps__names_every_contract_and_the_lowest_cap(
    world: World, tmp_path: Path
) -> None:
    deployer, feed = Deployer(world), world.addresses.feeds["WETH"]
    inner = await deployer.deploy("StableCapAdapter", feed, 2_100 * USD, "inner")
    outer = await deployer.deploy("StableCapAdapter", inner, 2_050 * USD, "outer")
    async with following(world, tmp_path) as monitored:
        await world.replace_source("WETH", outer)
        found = await priced(world, monitored)
        assert [edge.source for edge in found.path[:3]] == [outer, inner, feed]
        assert (found.kind, found.cap_value) == (PriceKind.CAPPED, 2_050 * USD)
        await world.move_feed("WETH", 2_200 * USD)
        found = await priced(world, monitored)
        assert found.value == found.cap_value == 2_050 * USD
        assert edge_of(found, inner).answer == 2_100 * USD


async def test_way__a_description_without_sense__does_not_reach_the_ledger_raw(
    world: World, tmp_path: Path
) -> None:
    proxy, _ = await deploy_sick_feed(
        Deployer(world), b"\xff\x00\x1b[31mETH\n/ USD" * 500, 8, ETHER
    )
    async with following(world, tmp_path) as monitored:
        await world.replace_source("WETH", proxy)
        found = await priced(world, monitored)
        assert found.value == ETHER
        assert all(edge.what.isprintable() and len(edge.what) < 200 for edge in found.path)


async def test_way__a_pyramid_of_sources__ends_and_says_so(world: World, tmp_path: Path) -> None:
    deployer, source = Deployer(world), world.addresses.feeds["WETH"]
    for _ in range(10):
        source = await deployer.deploy("PyramidSource", source)
    async with following(world, tmp_path) as monitored:
        await world.replace_source("WETH", source)
        found = await priced(world, monitored)
        assert found.value == 1
        assert 10 < len(found.path) < 200
        assert any("not followed" in edge.what for edge in found.path)
        assert found.kind is None


async def test_way__a_source_replaced_mid_stream__forgets_the_old_and_knows_the_new(
    world: World, tmp_path: Path
) -> None:
    deployer, feed = Deployer(world), world.addresses.feeds["WETH"]
    base, quote = OracleSide(18, feed_1=feed), OracleSide(6, feed_1=world.addresses.feeds["USDC"])
    composed = await deploy_composed_oracle(deployer, base, quote)
    fixed = await deployer.deploy("FixedPriceAdapter", 8, USD, "fixed")
    async with following(world, tmp_path) as monitored:
        await world.replace_source("DAI", fixed)
        assert (await priced(world, monitored, "DAI")).kind is PriceKind.FIXED
        await world.replace_source("DAI", composed)  # it has no latestAnswer: Aave cannot read it
        found = await priced(world, monitored, "DAI")
        assert (found.value, bool(found.reason)) == (None, True)
        await world.replace_source("DAI", world.addresses.feeds["DAI"])
        found = await priced(world, monitored, "DAI")
        assert (found.value, found.kind) == (USD, PriceKind.MARKET)
