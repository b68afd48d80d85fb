"""Everything admins can do to a market of Aave 3.0.2, each followed and held against the contracts.

What tells it, and what is kept (PoolConfigurator.sol, Pool.sol and BridgeLogic.sol of
`@aave/core-v3` 1.19.3). Unlike in 3.6, no change of terms, factor or rates touches the indices or
the rates: they hold back to the last update.

| done | told by | kept |
|---|---|---|
| collateral terms, freeze, pause, active, caps, fee | their own logs | terms |
| reserve factor; rate strategy | their own logs | terms; rates at the next verb |
| e-mode terms and price source | EModeCategoryAdded | category, a price |
| an asset's e-mode | EModeAssetCategoryChanged | categories |
| premiums and the bridge's fee | their own logs | market |
| unbacked mint and its backing | the aToken's logs, BackUnbacked | all |
| price sources | read every block | prices |
| listings, drops | ReserveInitialized, ReserveDropped | reserve |
| isolation, siloed, flash loan flag, sentinel | their own logs | nothing |
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from aave_acts import ALICE, BOB, CAROL, DAVE, ODD_SECONDS, PEOPLE, Act, Txs, lend, simple_flash
from aave_told import judged
from aave_versions import Version, open_market
from devnet import (
    ADMIN,
    USD,
    ZERO_ADDRESS,
    AssetTerms,
    Deployer,
    RateTerms,
    Tx,
    World,
    account,
    prepare_reserve,
)
from devnet.aave_3_0_deployment import (
    COLLATERAL,
    E_MODE,
    deploy_rates,
    find_tokens_3_0,
    listing_3_0,
)
from devnet.terms import VOLATILE_RATES
from devnet.world import NO_REFERRAL
from following import following
from fuzz.monitored import MARKET

from monitor.core import rates as kept
from monitor.core.keys import rate_key
from monitor.core.ledger import find
from monitor.core.units import RAY, Address, AssetId, Ray

ERIN, BRIDGE = account("erin"), account("bridge")
EVERYBODY = (*PEOPLE, ERIN, BRIDGE)
ETHER_MODE, STABLE_MODE, NEW_MODE = 1, 2, 3
LINK = AssetTerms("LINK", 18, 15 * USD, 6000, 6500, 10700, 2000, VOLATILE_RATES)
STEEPER = RateTerms(7_500, 100, 500, 9_000)


def configure(signature: str, symbol: str, *args: object) -> Txs:
    """A setter of the configurator whose first parameter is an asset."""
    return lambda m: [m.tx(ADMIN, m.addresses.configurator, signature, m.token(symbol), *args)]


def configure_all(signature: str, *args: object) -> Txs:
    return lambda m: [m.tx(ADMIN, m.addresses.configurator, signature, *args)]


def e_mode(number: int, bps: tuple[int, int, int], label: str, priced_as: str = "") -> Txs:
    def txs(market: World) -> Sequence[Tx]:
        source = market.token(priced_as) if priced_as else ZERO_ADDRESS
        return configure_all(E_MODE, number, *bps, source, label)(market)

    return txs


def in_e_mode(symbol: str, number: int) -> Txs:
    return configure("setAssetEModeCategory(address,uint8)", symbol, number)


def pool(who: str, signature: str, symbol: str, *args: object) -> Txs:
    return lambda m: [m.tx(who, m.addresses.pool, signature, m.token(symbol), *args)]


MINT_UNBACKED = "mintUnbacked(address,uint256,address,uint16)"
BACK_UNBACKED = "backUnbacked(address,uint256,uint256)"

TERMS = (
    Act("collateral terms", configure(COLLATERAL, "WETH", 7_900, 8_200, 10_600)),
    Act("ltv 0", configure(COLLATERAL, "WETH", 0, 8_200, 10_600)),
    Act("ltv back", configure(COLLATERAL, "WETH", 7_900, 8_200, 10_600)),
    Act("no collateral", configure(COLLATERAL, "WBTC", 0, 0, 0)),
    Act("freeze", configure("setReserveFreeze(address,bool)", "wstETH", True)),
    Act("terms, frozen", configure(COLLATERAL, "wstETH", 7_000, 8_000, 10_700)),
    Act("thaw", configure("setReserveFreeze(address,bool)", "wstETH", False)),
    Act("pause", configure("setReservePause(address,bool)", "WETH", True)),
    Act("unpause", configure("setReservePause(address,bool)", "WETH", False)),
    Act("pause all", configure_all("setPoolPause(bool)", True)),
    Act("unpause all", configure_all("setPoolPause(bool)", False)),
    Act("no borrowing", configure("setReserveBorrowing(address,bool)", "DAI", False)),
    Act("borrowing", configure("setReserveBorrowing(address,bool)", "DAI", True)),
    Act("supply cap", configure("setSupplyCap(address,uint256)", "WETH", 12_345)),
    Act("borrow cap", configure("setBorrowCap(address,uint256)", "USDC", 1_234_567)),
    Act("fee", configure("setLiquidationProtocolFee(address,uint256)", "WETH", 777)),
    Act("reserve factor", configure("setReserveFactor(address,uint256)", "USDC", 2_500)),
    Act("under it", lambda m: [m.repay(ALICE, "USDC", 10**6)]),
    Act("all to treasury", configure("setReserveFactor(address,uint256)", "USDC", 10_000)),
    Act("under that", lambda m: [m.repay(ALICE, "USDC", 10**6)]),
    Act("none to treasury", configure("setReserveFactor(address,uint256)", "USDC", 0)),
    Act("under none", lambda m: [m.repay(ALICE, "USDC", 10**6)]),
    Act("inactive", configure("setReserveActive(address,bool)", "WBTC", False)),
    Act("active", configure("setReserveActive(address,bool)", "WBTC", True)),
)
CATEGORIES = (
    Act("terms", e_mode(ETHER_MODE, (9_200, 9_400, 10_200), "ETH correlated")),
    Act("price source", e_mode(ETHER_MODE, (9_200, 9_400, 10_200), "ETH correlated", "WETH")),
    Act("its price", lambda m: [m.move_feed("WETH", 2_100 * USD)]),
    Act("an own price", lambda m: [m.move_feed("wstETH", 2_300 * USD)]),
    Act("another source", e_mode(ETHER_MODE, (9_200, 9_400, 10_200), "ETH correlated", "wstETH")),
    Act("a source without a price", lambda m: [m.replace_source("wstETH", ZERO_ADDRESS)]),
    Act("with one", lambda m: [m.replace_source("wstETH", m.addresses.feeds["wstETH"])]),
    Act("no source", e_mode(ETHER_MODE, (9_200, 9_400, 10_200), "päg \U0001f4b5")),
    Act("category", e_mode(NEW_MODE, (9_000, 9_300, 10_200), "new")),
    Act("moved to it", in_e_mode("wstETH", NEW_MODE)),
    Act("out of any", in_e_mode("wstETH", 0)),
    Act("into it again", in_e_mode("wstETH", ETHER_MODE)),
    Act("stablecoins", lambda m: [m.set_emode(BOB, STABLE_MODE)]),
    Act("the source of their price", lambda m: [m.move_feed("USDC", USD * 99 // 100)]),
    Act("the price of the other", lambda m: [m.move_feed("DAI", USD * 101 // 100)]),
    Act("borrowed there", lambda m: [m.borrow(BOB, "DAI", 10**20)]),
    Act("the other, out of it", in_e_mode("DAI", 0)),
)
BRIDGED = (
    Act(
        "a bridge",
        lambda m: [m.tx(ADMIN, m.addresses.acl_manager, "addBridge(address)", BRIDGE)],
    ),
    Act("its cap", configure("setUnbackedMintCap(address,uint256)", "DAI", 10**6)),
    Act("unbacked mint", pool(BRIDGE, MINT_UNBACKED, "DAI", 10**21 + 1, DAVE, NO_REFERRAL)),
    Act("to another", pool(BRIDGE, MINT_UNBACKED, "DAI", 10**20 + 1, ERIN, NO_REFERRAL)),
    Act("its fee", configure_all("updateBridgeProtocolFee(uint256)", 3_333)),
    Act(
        "money for it",
        lambda m: [m.mint(BRIDGE, "DAI", 10**24), m.approve(BRIDGE, "DAI", m.addresses.pool)],
    ),
    Act("backing", pool(BRIDGE, BACK_UNBACKED, "DAI", 10**20, 10**18 + 7)),
    Act("more than unbacked", pool(BRIDGE, BACK_UNBACKED, "DAI", 10**23, 10**17 + 7)),
    Act("used", lambda m: [m.withdraw(DAVE, "DAI", 10**20)]),
)
REST = (
    Act("total premium", configure_all("updateFlashloanPremiumTotal(uint128)", 50)),
    Act("under it", lambda m: [simple_flash(m, "USDC", 10**11 + 3)]),
    Act("to protocol", configure_all("updateFlashloanPremiumToProtocol(uint128)", 10_000)),
    Act("all of it", lambda m: [simple_flash(m, "USDC", 10**11 + 7)]),
    Act("none", configure_all("updateFlashloanPremiumToProtocol(uint128)", 0)),
    Act("none of it", lambda m: [simple_flash(m, "USDC", 10**11 + 9)]),
    Act("no flash loans", configure("setReserveFlashLoaning(address,bool)", "WETH", False)),
    Act("debt ceiling", configure("setDebtCeiling(address,uint256)", "WBTC", 1_000_000)),
    Act("in isolation", configure("setBorrowableInIsolation(address,bool)", "USDC", True)),
    Act(
        "isolated",
        lambda m: [
            m.mint(ERIN, "WBTC", 10**9),
            m.approve(ERIN, "WBTC", m.addresses.pool),
            m.supply(ERIN, "WBTC", 10**8),
            m.set_collateral(ERIN, "WBTC", True),
        ],
    ),
    Act("isolated debt", lambda m: [m.borrow(ERIN, "USDC", 10**9 + 1)]),
    Act("isolated, for another", lambda m: [m.repay(BOB, "USDC", 10**8 + 1, ERIN)]),
    Act("siloed", configure("setSiloedBorrowing(address,bool)", "DAI", True)),
    Act("price source", lambda m: [m.replace_source("DAI", m.addresses.feeds["WETH"])]),
    Act("no price source", lambda m: [m.replace_source("DAI", ZERO_ADDRESS)]),
    Act(
        "market id",
        lambda m: [m.tx(ADMIN, m.addresses.addresses_provider, "setMarketId(string)", "another")],
    ),
)


@pytest.fixture
async def market(version: Version) -> AsyncIterator[World]:
    async with open_market(version) as opened:
        await lend(opened)
        yield opened


@pytest.mark.parametrize("version", [Version.V3_0, Version.SPARK])
@pytest.mark.parametrize(
    "acts",
    [
        pytest.param(TERMS, id="terms"),
        pytest.param(CATEGORIES, id="categories"),
        pytest.param(BRIDGED, id="bridge"),
        pytest.param(REST, id="rest"),
    ],
)
@pytest.mark.timeout(180)
async def test_change__one_after_the_other__ledger_equals_the_contracts_after_each(
    market: World, version: Version, tmp_path: Path, acts: Sequence[Act]
) -> None:
    async with following(market, tmp_path) as monitored:
        for act in acts:
            await market.block(*act.txs(market))
            await judged(market, version, EVERYBODY, monitored)
        # Interest and both tokens go on under the new terms.
        await market.jump(ODD_SECONDS)
        await market.block(market.repay(ALICE, "USDC", 10**6), market.withdraw(BOB, "USDC", 10**6))
        await market.repay(CAROL, "WETH", 10**17)
        await judged(market, version, EVERYBODY, monitored)


@pytest.mark.parametrize("version", [Version.V3_0])
async def test_rate_strategy__replaced__rates_follow_at_the_next_verb(
    market: World, version: Version, tmp_path: Path
) -> None:
    provider = market.addresses.addresses_provider
    rates = await deploy_rates(Deployer(market), provider, STEEPER)
    setter = "setReserveInterestRateStrategyAddress(address,address)"
    async with following(market, tmp_path) as monitored:
        await market.block(*configure(setter, "USDC", rates)(market))
        await judged(market, version, PEOPLE, monitored)
        ledger = await monitored.ledger_at((await market.head()).hash)
        terms = find(
            ledger, rate_key(MARKET, AssetId(Address(market.token("USDC")))), kept.RateTerms
        )
        share = RAY // 100
        curve = kept.KinkedCurve(Ray(share), Ray(5 * share), Ray(90 * share), Ray(75 * share))
        assert terms == kept.RateTerms(Address(rates), curve)
        await market.jump(ODD_SECONDS)
        await market.repay(ALICE, "USDC", 10**6)
        await judged(market, version, PEOPLE, monitored)


@pytest.mark.parametrize("version", [Version.V3_0])
async def test_drop__another_asset_listed_after__takes_its_id(
    market: World, version: Version, tmp_path: Path
) -> None:
    async with following(market, tmp_path) as monitored:
        await market.block(*configure("dropReserve(address)", "WBTC")(market))
        await judged(market, version, PEOPLE, monitored)
        await prepare_reserve(market, LINK)
        await market.block(*await listing_3_0(market, "LINK"))
        await find_tokens_3_0(market, "LINK")
        await judged(market, version, PEOPLE, monitored)
        await market.fund(DAVE, LINK=10**22)
        await market.supply(DAVE, "LINK", 10**21)
        await market.borrow(DAVE, "LINK", 10**20)
        await market.jump(ODD_SECONDS)
        await market.repay(DAVE, "LINK", 10**18)
        await judged(market, version, PEOPLE, monitored)


@pytest.mark.parametrize("version", [Version.V3_0])
@pytest.mark.parametrize("threshold_bps", [0, 6_500])
async def test_drop__collateral_bit_left_behind__is_of_what_is_listed_next(
    market: World, version: Version, tmp_path: Path, threshold_bps: int
) -> None:
    """Repaying with all aTokens leaves the bit; the next asset of that id begins with it."""
    people, unit = (*PEOPLE, ERIN), market.raw("WBTC", 1)
    bonus_bps = 10_700 if threshold_bps else 0
    link = replace(LINK, ltv_bps=0, threshold_bps=threshold_bps, bonus_bps=bonus_bps)
    await market.fund(ERIN, WBTC=10 * unit, USDC=10**12)
    async with following(market, tmp_path) as monitored:
        await market.block(
            *configure("setReserveFactor(address,uint256)", "WBTC", 0)(market),
            market.supply(ERIN, "USDC", 10**12),
            market.supply(ERIN, "WBTC", 2 * unit),
            market.borrow(ERIN, "WBTC", 2 * unit),
        )
        await market.repay_with_atokens(ERIN, "WBTC")
        await judged(market, version, people, monitored)
        await market.block(*configure("dropReserve(address)", "WBTC")(market))
        await judged(market, version, people, monitored)

        await prepare_reserve(market, link)
        await market.block(*await listing_3_0(market, "LINK"))
        await find_tokens_3_0(market, "LINK")
        await judged(market, version, people, monitored)
        await market.fund(ERIN, LINK=10**22)
        before = (await market.user_account_data(ERIN)).collateral_e8
        await market.supply(ERIN, "LINK", 10**21)
        gained_e8 = (await market.user_account_data(ERIN)).collateral_e8 - before
        assert (gained_e8 > 14_000 * USD) == bool(threshold_bps)
        await judged(market, version, people, monitored)
