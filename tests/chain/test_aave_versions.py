"""A market of 3.0.2 that becomes what is not followed: the monitor stops and says what it is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aave_acts import ODD_SECONDS, PEOPLE, VERBS, lend
from aave_told import judged
from aave_versions import Version, open_market
from devnet import ADMIN, USD, AssetTerms, Deployer, World, account, prepare_reserve
from devnet.aave_3_0_deployment import allow_stable_rate, find_tokens_3_0, listing_3_0
from devnet.deployer import DEPLOY_GAS
from devnet.spark_deployment import rounding_upgrade
from devnet.terms import VOLATILE_RATES
from following import following
from fuzz.monitored import MARKET

from monitor.chain.node import Node, NodeSettings
from monitor.core.keys import market_key
from monitor.core.ledger import Market
from monitor.core.units import Address
from monitor.errors import ConfigError, ContractUpgraded
from monitor.library import abi_library
from monitor.protocols.aave_v3.contracts import AaveAbi
from monitor.protocols.aave_v3.fingerprint import first_release_call, is_first_release

ABI = AaveAbi.of(abi_library)
ERIN = account("erin")
WORTHLESS_TO_BORROW = AssetTerms("LINK", 18, 15 * USD, 0, 6500, 10700, 2000, VOLATILE_RATES)
"""At an LTV of 0 a supply never becomes collateral by itself."""


@pytest.fixture
async def market() -> AsyncIterator[World]:
    async with open_market(Version.V3_0) as opened:
        await lend(opened)
        yield opened


async def test_pool__becomes_3_6__stops_and_says_what_it_was_and_is(
    market: World, tmp_path: Path
) -> None:
    """3.6 lays its storage out and accounts otherwise: nothing of the ledger would carry over."""
    at = market.addresses
    code = await Deployer(market).deploy("PoolInstance", at.addresses_provider, at.pool)
    async with following(market, tmp_path) as monitored:
        await market.tx(ADMIN, at.addresses_provider, "setPoolImpl(address)", code, gas=DEPLOY_GAS)
        with pytest.raises(ContractUpgraded, match=r"answers as Aave V3\.6, expected V3\.0"):
            await monitored.ledger_at((await market.head()).hash)


@pytest.mark.parametrize(
    ("which", "versions"),
    [
        pytest.param(slice(1, None), ("3.0.2", "spark"), id="tokens alone"),
        pytest.param(slice(0, 1), ("spark", "3.0.1"), id="pool alone"),
    ],
)
async def test_rounding__changed_on_one_axis__is_followed_there(
    market: World, tmp_path: Path, which: slice, versions: tuple[str, str]
) -> None:
    async with following(market, tmp_path) as monitored:
        await market.block(*(await rounding_upgrade(market))[which])
        await judged(market, Version.V3_0, PEOPLE, monitored)
        for act in VERBS[:6]:
            await market.jump(ODD_SECONDS)
            await market.block(*act.txs(market))
            records = await judged(market, Version.V3_0, PEOPLE, monitored)
    contracts = records[market_key(MARKET)]
    assert isinstance(contracts, Market)
    assert (contracts.pool_version, contracts.token_version) == versions


async def test_collateral_bit__of_a_dropped_reserve__holds_for_what_is_listed_in_its_place(
    market: World, tmp_path: Path
) -> None:
    """Nothing clears it: not the repayment with all aTokens, not the drop; and no log tells."""
    one, people = market.raw("WBTC", 1), (*PEOPLE, ERIN)
    await market.fund(ERIN, WBTC=one, USDC=market.raw("USDC", 1_000_000))
    async with following(market, tmp_path) as monitored:
        await market.block(
            market.supply(ERIN, "USDC", market.raw("USDC", 900_000)),
            market.supply(ERIN, "WBTC", one),
            market.borrow(ERIN, "WBTC", one),
            market.repay_with_atokens(ERIN, "WBTC"),
        )
        await judged(market, Version.V3_0, people, monitored)
        drop = market.tx(
            ADMIN, market.addresses.configurator, "dropReserve(address)", market.token("WBTC")
        )
        await market.block(drop)
        await judged(market, Version.V3_0, people, monitored)
        await prepare_reserve(market, WORTHLESS_TO_BORROW)
        await market.block(*await listing_3_0(market, "LINK"))
        await find_tokens_3_0(market, "LINK")
        await judged(market, Version.V3_0, people, monitored)
        await market.fund(ERIN, LINK=10**22)
        before = await market.user_account_data(ERIN)
        await market.supply(ERIN, "LINK", 10**22)
        data = await market.user_account_data(ERIN)
        assert data.collateral_e8 >= before.collateral_e8 + 10**4 * 15 * USD
        await judged(market, Version.V3_0, people, monitored)


async def test_first_release__is_told_by_a_setter_that_is_not_there(market: World) -> None:
    """No 3.0.0 is at hand: the pool stands in for a configurator without that function."""
    anvil, at = market.anvil, market.addresses
    settings = NodeSettings([anvil.http_url], anvil.chain_id)
    aggregate3 = abi_library("multicall3/Multicall3").functions["aggregate3"]
    node = Node(settings, aggregate3, lambda *_: None)
    try:
        calls = [first_release_call(ABI, Address(to)) for to in (at.configurator, at.pool)]
        block = await node.block_by("latest")
        configurator, without = await node.reader.read(block, calls)
        [alone] = await node.reader.read(block, calls[1:])
    finally:
        await node.close()
    assert not is_first_release(configurator)
    assert is_first_release(without)
    assert is_first_release(alone)


async def test_stable_rate__allowed_under_a_running_monitor__stops_and_names_the_asset(
    market: World, tmp_path: Path
) -> None:
    async with following(market, tmp_path) as monitored:
        await allow_stable_rate(market, "DAI")
        with pytest.raises(ContractUpgraded, match="lets DAI be borrowed at a stable rate"):
            await monitored.ledger_at((await market.head()).hash)


async def test_stable_rate__allowed_already__market_is_refused(
    market: World, tmp_path: Path
) -> None:
    async with following(market, tmp_path) as monitored:
        await allow_stable_rate(market, "DAI")
        with pytest.raises(ConfigError, match="DAI can be borrowed at a stable rate"):
            await monitored.snapshot((await market.head()).number)


async def test_stable_rate__forbidden_once_more__is_no_news(market: World, tmp_path: Path) -> None:
    async with following(market, tmp_path) as monitored:
        await allow_stable_rate(market, "DAI", on=False)
        head = await market.head()
        records = dict((await monitored.ledger_at(head.hash)).records())
        assert records == await monitored.snapshot(head.number)
