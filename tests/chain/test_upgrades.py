"""Contracts replaced under a running market: the ledger stays the contracts', or the monitor stops.

Each test follows a real chain into a real Redis; what it comes to must equal, record for record,
what the contracts alone tell of the same block.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from daemon_process import command
from devnet import (
    ADMIN,
    USD,
    ZERO_ADDRESS,
    Deployer,
    Tx,
    World,
    account,
    reissue_pool,
    reissue_token,
    token_upgrade,
    upgrade_pool,
    upgrade_token,
)
from devnet.listing import Side
from following import NAMESPACE, followed, market_of
from fuzz.monitored import MARKET, Monitored, Records
from stage import Stage

from monitor.core.keys import market_key, price_key, reserve_key
from monitor.core.ledger import Market
from monitor.core.prices import Price
from monitor.core.reserves import Reserve
from monitor.core.units import Address as MonitorAddress
from monitor.core.units import AssetId
from monitor.errors import ContractUpgraded
from monitor.store.embedded import EmbeddedRedis

ALICE, BOB = account("alice"), account("bob")
DAY_SECONDS = 86_400
FAILED = 1


@pytest.fixture
async def lent(world: World) -> World:
    """Alice supplies WETH and owes USDC, which Bob supplied; a day passes."""
    await world.fund(BOB, USDC=world.raw("USDC", 100_000))
    await world.fund(ALICE, WETH=world.raw("WETH", 10))
    await world.supply(BOB, "USDC", world.raw("USDC", 100_000))
    await world.supply(ALICE, "WETH", world.raw("WETH", 10))
    await world.borrow(ALICE, "USDC", world.raw("USDC", 9_000))
    await world.jump(DAY_SECONDS)
    return world


@pytest.fixture
async def redis_url(tmp_path: Path) -> AsyncIterator[str]:
    async with EmbeddedRedis(tmp_path) as redis:
        yield redis.url


@pytest.fixture
async def monitored(lent: World, redis_url: str) -> AsyncIterator[Monitored]:
    monitor = Monitored(market_of(lent), redis_url, NAMESPACE)
    await monitor.begin((await lent.head()).number)
    yield monitor
    await monitor.end()


async def trade(world: World) -> None:
    """Interest accrues, and both tokens of USDC move."""
    await world.jump(DAY_SECONDS)
    await world.withdraw(BOB, "USDC", world.raw("USDC", 1_000))
    await world.borrow(ALICE, "USDC", world.raw("USDC", 10))


def record_of(records: Records) -> Market:
    found = records[market_key(MARKET)]
    assert isinstance(found, Market)
    return found


def asset_of(world: World, symbol: str) -> AssetId:
    return AssetId(MonitorAddress(world.token(symbol)))


def price_of(records: Records, asset: AssetId) -> Price:
    found = records[price_key(MARKET, asset)]
    assert isinstance(found, Price)
    return found


async def test_start__market_read__tells_the_revision_of_every_contract(
    lent: World, monitored: Monitored
) -> None:
    revisions = dict(record_of(await followed(lent, monitored)).revisions)
    at = lent.addresses
    tokens = {*at.atokens.values(), *at.debt_tokens.values()}
    assert revisions == {at.pool: 10, at.configurator: 7, **dict.fromkeys(tokens, 5)}


@pytest.mark.parametrize(("side", "revision"), [("supply", 5), ("debt", 5), ("debt", 6)])
async def test_token_upgrade__known_revision__ledger_goes_on(
    lent: World, monitored: Monitored, side: Side, revision: int
) -> None:
    await upgrade_token(lent, "USDC", side, revision=revision)
    await trade(lent)
    records = await followed(lent, monitored)
    book = lent.addresses.atokens if side == "supply" else lent.addresses.debt_tokens
    assert dict(record_of(records).revisions)[MonitorAddress(book["USDC"])] == revision


async def test_pool_upgrade__known_revision__ledger_goes_on(
    lent: World, monitored: Monitored
) -> None:
    await upgrade_pool(lent)
    await trade(lent)
    await followed(lent, monitored)


@pytest.mark.parametrize("side", ["supply", "debt"])
async def test_token_upgrade__unknown_revision__stops_and_names_it(
    lent: World, monitored: Monitored, side: Side
) -> None:
    before = await lent.head()
    code = await reissue_token(lent, side, revision=77)
    await token_upgrade(lent, "USDC", side, code)
    head = await lent.head()
    with pytest.raises(ContractUpgraded) as caught:
        await monitored.ledger_at(head.hash)
    book = lent.addresses.atokens if side == "supply" else lent.addresses.debt_tokens
    said = str(caught.value)
    for named in (code, book["USDC"], "of USDC", "has revision 77", "it had 5", "Use a version"):
        assert named in said
    # What is stored is the state before the upgrade, and good.
    cursor = await monitored.stored()
    assert record_of(cursor) == record_of(await monitored.snapshot(before.number))


async def test_pool_upgrade__unknown_revision__stops_and_names_it(
    lent: World, monitored: Monitored
) -> None:
    code = await reissue_pool(lent, revision=11)
    provider = lent.addresses.addresses_provider
    await lent.tx(ADMIN, provider, "setPoolImpl(address)", code)
    with pytest.raises(ContractUpgraded, match="has revision 11, expected 10") as caught:
        await monitored.ledger_at((await lent.head()).hash)
    assert code in str(caught.value)


async def test_token_upgrade__reorganised_away__is_taken_back(
    lent: World, monitored: Monitored
) -> None:
    before = await followed(lent, monitored)
    await upgrade_token(lent, "USDC", "debt", revision=6)
    upgraded = await followed(lent, monitored)
    assert record_of(upgraded) != record_of(before)
    await lent.rollback(1)
    await lent.mine()
    assert record_of(await followed(lent, monitored)) == record_of(before)


async def test_unknown_upgrade__reorganised_away_while_stopped__next_life_goes_on(
    lent: World, monitored: Monitored, redis_url: str
) -> None:
    await followed(lent, monitored)
    await upgrade_token(lent, "USDC", "supply", revision=77)
    with pytest.raises(ContractUpgraded):
        await monitored.ledger_at((await lent.head()).hash)
    await monitored.end()
    await lent.rollback(1)
    await trade(lent)
    again = Monitored(market_of(lent), redis_url, NAMESPACE)
    await again.resume()
    await followed(lent, again)
    await again.end()


async def new_oracle(world: World, unit: int) -> MonitorAddress:
    at = world.addresses
    symbols = list(at.tokens)
    tokens, feeds = ([book[s] for s in symbols] for book in (at.tokens, at.feeds))
    args = (tokens, feeds, ZERO_ADDRESS, ZERO_ADDRESS, unit)
    deployed = await Deployer(world).deploy("AaveOracle", at.addresses_provider, *args)
    return MonitorAddress(deployed)


def name_of(text: str) -> bytes:
    return text.encode().ljust(32, b"\0")


@pytest.mark.parametrize("is_by_name", [False, True])
async def test_oracle__replaced_by_one_of_another_unit__scale_and_prices_are_its_own(
    lent: World, monitored: Monitored, is_by_name: bool
) -> None:
    oracle = await new_oracle(lent, 10**18)
    provider = lent.addresses.addresses_provider
    await (
        lent.tx(ADMIN, provider, "setAddress(bytes32,address)", name_of("PRICE_ORACLE"), oracle)
        if is_by_name
        else lent.tx(ADMIN, provider, "setPriceOracle(address)", oracle)
    )
    records = await followed(lent, monitored)
    assert (record_of(records).oracle, record_of(records).base_unit) == (oracle, 10**18)
    assert price_of(records, asset_of(lent, "WETH")).value == 2_000 * USD


async def test_oracle__replaced_by_nothing__prices_are_unknown_and_said_so(
    lent: World, monitored: Monitored
) -> None:
    provider = lent.addresses.addresses_provider
    await lent.tx(ADMIN, provider, "setPriceOracle(address)", ZERO_ADDRESS)
    head = await lent.head()
    records = dict((await monitored.ledger_at(head.hash)).records())
    price = price_of(records, asset_of(lent, "WETH"))
    assert (price.value, price.reason) == (
        None,
        "the oracle does not tell its BASE_CURRENCY_UNIT",
    )


async def test_configurator__replaced_by_another__what_it_does_is_followed(
    lent: World, monitored: Monitored
) -> None:
    at = lent.addresses
    by_name = "setAddress(bytes32,address)"
    old_code = await Deployer(lent).deploy("PoolConfiguratorInstance")
    nothing: Tx = lent.tx(
        ADMIN, at.addresses_provider, by_name, name_of("POOL_CONFIGURATOR"), ZERO_ADDRESS
    )
    remade = lent.tx(
        ADMIN, at.addresses_provider, "setPoolConfiguratorImpl(address)", old_code, gas=5_000_000
    )
    await lent.block(nothing, remade)
    view = "getPoolConfigurator()(address)"
    configurator = await lent.call(at.addresses_provider, view)
    assert configurator != at.configurator
    weth = lent.token("WETH")
    await lent.tx(ADMIN, configurator, "setSupplyCap(address,uint256)", weth, 123_456)
    records = await followed(lent, monitored)
    reserve = records[reserve_key(MARKET, asset_of(lent, "WETH"))]
    assert isinstance(reserve, Reserve)
    assert reserve.terms.supply_cap == 123_456


async def test_configurator__played_by_an_admin_within_a_block__terms_without_a_log_are_read(
    lent: World, monitored: Monitored
) -> None:
    at, by_name = lent.addresses, "setAddress(bytes32,address)"
    asset = lent.token("WETH")

    def made(configurator: str) -> Tx:
        values = (name_of("POOL_CONFIGURATOR"), configurator)
        return lent.tx(ADMIN, at.addresses_provider, by_name, *values)

    before = await lent.call(at.pool, "getConfiguration(address)(uint256)", asset)
    cut = before - 1_000  # of the LTV, which are its lowest bits
    quiet = lent.tx(ADMIN, at.pool, "setConfiguration(address,(uint256))", asset, (cut,))
    await lent.block(made(ADMIN), quiet, made(at.configurator))
    reserve = (await followed(lent, monitored))[reserve_key(MARKET, asset_of(lent, "WETH"))]
    assert isinstance(reserve, Reserve)
    assert reserve.terms.ltv_bps == lent.terms.asset("WETH").ltv_bps - 1_000


async def test_configurator__gone__market_goes_on(lent: World, monitored: Monitored) -> None:
    provider, by_name = lent.addresses.addresses_provider, "setAddress(bytes32,address)"
    await lent.tx(ADMIN, provider, by_name, name_of("POOL_CONFIGURATOR"), ZERO_ADDRESS)
    await trade(lent)
    head = await lent.head()
    assert record_of(dict((await monitored.ledger_at(head.hash)).records())).revisions


async def test_pool__replaced_by_another_address__stops(lent: World, monitored: Monitored) -> None:
    provider = lent.addresses.addresses_provider
    await lent.tx(ADMIN, provider, "setAddress(bytes32,address)", name_of("POOL"), BOB)
    with pytest.raises(ContractUpgraded, match=f"makes {BOB} the market's pool"):
        await monitored.ledger_at((await lent.head()).hash)


async def test_run__code_became_unknown_meanwhile__says_so_at_every_start(stage: Stage) -> None:
    config, _ = stage.config()
    assert (await command("run", "--config", str(config), "--once")).code == 0
    await upgrade_token(stage.world, "USDC", "supply", revision=77)
    for _ in range(2):
        ran = await command("run", "--config", str(config), "--once")
        said = ran.err.replace("\n", " ")
        assert ran.code == FAILED
        assert "the aToken of USDC" in said
        assert "has revision 77, expected 5 (Aave V3.6)" in said
        assert "Traceback" not in ran.err
    checked = await command("check", "--config", str(config))
    assert "has revision 77, expected 5 (Aave V3.6)" in checked.out.replace("\n", " ")
