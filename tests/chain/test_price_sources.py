"""A market whose price sources are nested, capped, timed, sick or hostile: the ledger has, at every
block, the price that the contracts have; or says that it is unknown."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from devnet import ADMIN, USD, Deployer, RevertError, World
from devnet.abi import Address as Hex
from devnet.oracle_deployment import (
    BEHAVE,
    SET_ANSWER,
    SET_RATE,
    Mode,
    RatioCap,
    deploy_dual_feed,
    deploy_ratio_cap,
    deploy_sick_feed,
    deploy_staked_ether,
    phase_switch,
    set_cap,
)
from following import followed, following
from fuzz.monitored import MARKET, Monitored, Records

from monitor.core.keys import price_key
from monitor.core.prices import Price
from monitor.core.units import Address, AssetId

WAD = 10**18
WEEK, YEAR = 7 * 86_400, 365 * 86_400
ASSET_PRICE = "getAssetPrice(address)(uint256)"
ETHER = 2_000 * USD
HUGE = 2**190
NOT_UTF_8 = b"\xff\xfe / USD"

Deploys = Callable[[World], Awaitable[Hex]]


def price_in(records: Records, world: World, symbol: str = "WETH") -> Price:
    found = records[price_key(MARKET, AssetId(Address(world.token(symbol))))]
    assert isinstance(found, Price)
    return found


async def priced(world: World, monitored: Monitored, symbol: str = "WETH") -> Price:
    """The price at the head, which is the oracle's own there; a revert or 0 is unknown."""
    records = await followed(world, monitored)
    found = price_in(records, world, symbol)
    head = (await world.head()).hash
    try:
        told = await world.call(
            world.addresses.oracle, ASSET_PRICE, world.token(symbol), block=head
        )
    except RevertError:
        told = None
    assert found.value == (told or None)
    assert bool(found.reason) is (found.value is None)
    return found


async def capped_ratio(world: World) -> Hex:
    """Its rate is above the line: the price rises with the line, second by second."""
    deployer = Deployer(world)
    staked = await deploy_staked_ether(deployer, 2 * WAD)
    cap = RatioCap(WAD, (await world.head()).timestamp - WEEK)
    return await deploy_ratio_cap(deployer, world.addresses.feeds["WETH"], staked.rebasing, cap)


async def exchange_rate(world: World) -> Hex:
    staked = await deploy_staked_ether(Deployer(world))
    ether = world.addresses.feeds["WETH"]
    return await Deployer(world).deploy("ExchangeRateOracle", staked.rebasing, ether)


async def discounted(world: World) -> Hex:
    feed, token = world.addresses.feeds["WETH"], world.token("WETH")
    maturity = (await world.head()).timestamp + YEAR
    return await Deployer(world).deploy("DiscountAdapter", feed, token, maturity, WAD, WAD // 5)


async def dual_secondary(world: World) -> Hex:
    """A report is under way that the secondary proxy will see when the cutoff has passed."""
    _, secondary, aggregator = await deploy_dual_feed(Deployer(world), "ETH / USD", 25, ETHER)
    await world.jump(60)
    await world.tx(ADMIN, aggregator, "transmit(int192)", ETHER - USD)
    return secondary


@pytest.mark.parametrize("deploys", [capped_ratio, exchange_rate, discounted, dual_secondary])
async def test_source__moves_by_time_alone__is_the_contracts_at_every_block(
    world: World, tmp_path: Path, deploys: Deploys
) -> None:
    source = await deploys(world)
    async with following(world, tmp_path) as monitored:
        await world.replace_source("WETH", source)
        values = [(await priced(world, monitored)).value]
        for _ in range(4):
            await world.mine()
            values.append((await priced(world, monitored)).value)
        assert len(set(values)) > 1


@pytest.mark.parametrize("mode", Mode)
async def test_source__is_hostile__spoils_no_other_price(
    world: World, tmp_path: Path, mode: Mode
) -> None:
    hostile = await Deployer(world).deploy("HostileSource", ETHER)
    async with following(world, tmp_path) as monitored:
        await world.replace_source("WETH", hostile)
        assert (await priced(world, monitored)).value == ETHER
        await world.tx(ADMIN, hostile, BEHAVE, mode, ETHER)
        if mode is Mode.BURNS_GAS:  # the world's own call has no limit, and takes ten seconds
            assert price_in(await followed(world, monitored), world).value is None
        else:
            await priced(world, monitored)
        records = await followed(world, monitored)
        for asset in world.terms.assets[1:]:
            assert price_in(records, world, asset.symbol).value == asset.price_e8


@pytest.mark.parametrize(
    ("answer", "updated"), [(0, 1), (-1, 0), (1, 2**63), (HUGE, 2**255), (USD, 0)]
)
async def test_feed__answers_what_none_should__is_kept_as_it_is_or_unknown(
    world: World, tmp_path: Path, answer: int, updated: int
) -> None:
    proxy, aggregator = await deploy_sick_feed(Deployer(world), "ETH / USD", 8, ETHER)
    async with following(world, tmp_path) as monitored:
        await world.replace_source("WETH", proxy)
        await world.tx(ADMIN, aggregator, SET_ANSWER, answer, updated)
        found = await priced(world, monitored)
        assert found.value == (answer if answer > 0 else None)
        assert price_in(await monitored.stored(), world) == found


@pytest.mark.parametrize(
    ("decimals", "description"),
    [(0, b""), (77, NOT_UTF_8), (255, b"\x00\x1b[31mETH / USD"), (8, b"E" * 10_000)],
)
async def test_feed__tells_odd_things_of_itself__is_followed(
    world: World, tmp_path: Path, decimals: int, description: bytes
) -> None:
    proxy, _ = await deploy_sick_feed(Deployer(world), description, decimals, ETHER)
    async with following(world, tmp_path) as monitored:
        await world.replace_source("WETH", proxy)
        assert (await priced(world, monitored)).value == ETHER


async def test_feed__goes_dumb_and_comes_back__is_unknown_in_between(
    world: World, tmp_path: Path
) -> None:
    proxy, aggregator = await deploy_sick_feed(Deployer(world), "ETH / USD", 8, ETHER)
    async with following(world, tmp_path) as monitored:
        await world.replace_source("WETH", proxy)
        await world.tx(ADMIN, aggregator, "setBroken(bool)", True)
        assert "reverts" in (await priced(world, monitored)).reason
        await world.tx(ADMIN, aggregator, "setBroken(bool)", False)
        assert (await priced(world, monitored)).value == ETHER


async def test_phase_switch__is_followed_in_its_block__and_taken_back_by_a_reorganisation(
    world: World, tmp_path: Path
) -> None:
    proxy, old = world.addresses.feeds["WETH"], world.addresses.aggregators["WETH"]
    _, new = await deploy_sick_feed(Deployer(world), "ETH / USD", 8, 1_234 * USD)
    async with following(world, tmp_path) as monitored:
        propose, confirm = phase_switch(world, proxy, new)
        await propose
        assert (await priced(world, monitored)).emitter == old
        await confirm
        switched = await priced(world, monitored)
        assert (switched.value, switched.emitter) == (1_234 * USD, new)
        await world.tx(ADMIN, new, SET_ANSWER, 1_235 * USD, (await world.head()).timestamp)
        assert (await priced(world, monitored)).value == 1_235 * USD
        await world.reorg(2, [], [], [])
        back = await priced(world, monitored)
        assert (back.value, back.emitter) == (ETHER, old)


async def test_vault__under_an_adapter__falls_to_nothing_and_breaks(
    world: World, tmp_path: Path
) -> None:
    deployer, feed = Deployer(world), world.addresses.feeds["WETH"]
    vault = await deployer.deploy("Vault", world.token("WETH"), "Vault", "vWETH")
    adapter = await deployer.deploy("VaultPriceCapAdapter", feed, vault, 18, WEEK)
    await set_cap(world, adapter, RatioCap(2 * WAD, (await world.head()).timestamp - WEEK))
    await world.fund(ADMIN, WETH=10 * WAD)
    await world.tx(ADMIN, world.token("WETH"), "approve(address,uint256)", vault, 10 * WAD)
    await world.tx(ADMIN, vault, "deposit(uint256,address)", 10 * WAD, ADMIN)
    async with following(world, tmp_path) as monitored:
        await world.replace_source("WETH", adapter)
        assert (await priced(world, monitored)).value == ETHER
        await world.tx(ADMIN, vault, "lose(uint256)", 5 * WAD)
        assert (await priced(world, monitored)).value == ETHER // 2
        await world.tx(ADMIN, vault, "setBroken(bool)", True)
        assert (await priced(world, monitored)).value is None
        await world.tx(ADMIN, vault, "setBroken(bool)", False)
        await world.tx(ADMIN, vault, "lose(uint256)", 5 * WAD)
        assert (await priced(world, monitored)).value is None


async def test_depeg__in_the_market__moves_the_feed_and_no_rate(
    world: World, tmp_path: Path
) -> None:
    source = await exchange_rate(world)
    async with following(world, tmp_path) as monitored:
        await world.replace_source("wstETH", source)
        before = await priced(world, monitored, "wstETH")
        await world.move_feed("wstETH", 1 * USD)
        after = await priced(world, monitored, "wstETH")
        assert before.value is not None
        assert after.value is not None
        assert after.value >= before.value


async def test_slashing__lowers_the_rate_at_once(world: World, tmp_path: Path) -> None:
    deployer = Deployer(world)
    staked = await deploy_staked_ether(deployer)
    ether = world.addresses.feeds["WETH"]
    source = await deployer.deploy("ExchangeRateOracle", staked.rebasing, ether)
    async with following(world, tmp_path) as monitored:
        await world.replace_source("wstETH", source)
        await world.tx(ADMIN, staked.rebasing, SET_RATE, WAD // 2, 0)
        assert (await priced(world, monitored, "wstETH")).value == ETHER // 2
