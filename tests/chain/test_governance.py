"""Everything admins and helpers of accounts can do, each followed and held against the contracts.

What tells it, and what the ledger does (PoolConfigurator.sol, Pool.sol, AaveOracle.sol and
PoolAddressesProvider.sol of 3.6). Where nothing is kept, nothing of a health factor depends on it.

| done | told by | kept |
|---|---|---|
| collateral terms; LTV 0 and back | CollateralConfigurationChanged | terms |
| freeze: LTV 0, in categories too | and ReserveFrozen, AssetLtvzeroInEModeChanged | terms, lists |
| pause, of one or all, with grace | ReservePaused, LiquidationGracePeriodChanged | terms |
| active, borrowing, caps, fee | ReserveActive and the like | terms |
| reserve factor | ReserveFactorChanged, then ReserveDataUpdated | terms, index, treasury |
| rate data | ReserveDataUpdated | rates |
| e-mode terms, label, lists | EModeCategoryAdded, AssetCollateralInEModeChanged … | category |
| price sources, fallback, oracle | read every block | prices |
| upgrades, another configurator | Upgraded, AddressSet: test_upgrades.py | revisions |
| listings, drops | ReserveInitialized, ReserveDropped: test_reserves.py | reserve |
| treasury | is in the aToken's code: Upgraded | revision |
| flash loan flag and premium, siloed | their own | nothing |
| isolation: ceiling, total debt, assets | their own | nothing |
| ACL, sentinel, umbrella, market id | some | nothing |
| tokens rescued or donated | none of the pool's | nothing |
| mint to treasury | Mint, MintedToTreasury | all |
| deficit covered (`make fuzz`) | Burn, DeficitCovered | all |
| position managers, delegation, permits | the verbs' own logs | positions |

Debt ceilings and siloed assets bound what may be borrowed next, not what is owed. The sentinel can
keep liquidations of health ≥ 0.95 shut on a rollup whose sequencer is down: that is not known here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from devnet import ADMIN, ZERO_ADDRESS, Tx, World, account
from devnet.world import NO_REFERRAL, VARIABLE_RATE
from eth_abi import abi as eth_abi
from following import followed, following
from fuzz.monitored import Records

from monitor.core.ledger import Market, Position
from monitor.core.prices import Price
from monitor.core.reserves import Category, Reserve

ALICE, BOB, CAROL = (account(name) for name in ("alice", "bob", "carol"))
HALF_AN_HOUR = 1_800
E_MODE, NEW_E_MODE, UNNAMED_E_MODE = 1, 7, 9
STRAY_RAW = 10**18

Txs = Callable[[World], Sequence[Tx]]


@dataclass(frozen=True, slots=True)
class Change:
    """Something done to a market."""

    name: str
    txs: Txs


def configure(signature: str, symbol: str, *args: object) -> Txs:
    """A setter of the configurator whose first parameter is an asset."""
    return lambda world: [
        world.tx(ADMIN, world.addresses.configurator, signature, world.token(symbol), *args)
    ]


def e_mode(signature: str, *args: object) -> Txs:
    return lambda world: [world.tx(ADMIN, world.addresses.configurator, signature, *args)]


def provide(signature: str, *args: object) -> Txs:
    return lambda world: [world.tx(ADMIN, world.addresses.addresses_provider, signature, *args)]


COLLATERAL = "configureReserveAsCollateral(address,uint256,uint256,uint256)"
PAUSE = "setReservePause(address,bool,uint40)"
CATEGORY = "setEModeCategory(uint8,uint16,uint16,uint16,string)"
IN_CATEGORY = "setAssetCollateralInEMode(address,uint8,bool)"
LENDABLE_IN_CATEGORY = "setAssetBorrowableInEMode(address,uint8,bool)"
LTV_ZERO_IN_CATEGORY = "setAssetLtvzeroInEMode(address,uint8,bool)"
RATES = eth_abi.encode(["(uint16,uint32,uint32,uint32)"], [(8_000, 100, 500, 6_000)])

TERMS = (
    Change("collateral terms", configure(COLLATERAL, "WETH", 7_900, 8_200, 10_600)),
    Change("no collateral", configure(COLLATERAL, "DAI", 0, 0, 0)),
    Change("ltv 0", configure("setReserveLtvzero(address,bool)", "WETH", True)),
    Change("ltv back", configure("setReserveLtvzero(address,bool)", "WETH", False)),
    Change("freeze", configure("setReserveFreeze(address,bool)", "wstETH", True)),
    Change("terms, frozen", configure(COLLATERAL, "wstETH", 7_000, 8_000, 10_700)),
    Change("thaw", configure("setReserveFreeze(address,bool)", "wstETH", False)),
    Change("ltv back, thawed", configure("setReserveLtvzero(address,bool)", "wstETH", False)),
    Change("ltv back in category", configure(LTV_ZERO_IN_CATEGORY, "wstETH", E_MODE, False)),
    Change("ltv 0 in category", configure(LTV_ZERO_IN_CATEGORY, "wstETH", E_MODE, True)),
    Change("pause", configure("setReservePause(address,bool)", "WETH", True)),
    Change("unpause with grace", configure(PAUSE, "WETH", False, HALF_AN_HOUR)),
    Change("no grace", configure("disableLiquidationGracePeriod(address)", "WETH")),
    Change("pause all", e_mode("setPoolPause(bool)", True)),
    Change("unpause all with grace", e_mode("setPoolPause(bool,uint40)", False, HALF_AN_HOUR)),
    Change("no borrowing", configure("setReserveBorrowing(address,bool)", "DAI", False)),
    Change("supply cap", configure("setSupplyCap(address,uint256)", "WETH", 12_345)),
    Change("borrow cap", configure("setBorrowCap(address,uint256)", "USDC", 1_234_567)),
    Change("fee", configure("setLiquidationProtocolFee(address,uint256)", "WETH", 777)),
    Change("reserve factor", configure("setReserveFactor(address,uint256)", "USDC", 2_500)),
    Change("all to treasury", configure("setReserveFactor(address,uint256)", "USDC", 10_000)),
    Change("none to treasury", configure("setReserveFactor(address,uint256)", "USDC", 0)),
    Change("rates", configure("setReserveInterestRateData(address,bytes)", "USDC", RATES)),
    Change("inactive", configure("setReserveActive(address,bool)", "DAI", False)),
    Change("active", configure("setReserveActive(address,bool)", "DAI", True)),
)
CATEGORIES = (
    Change("list without terms", configure(IN_CATEGORY, "USDC", UNNAMED_E_MODE, True)),
    Change("off it again", configure(IN_CATEGORY, "USDC", UNNAMED_E_MODE, False)),
    Change("category", e_mode(CATEGORY, NEW_E_MODE, 9_000, 9_300, 10_200, "stable")),
    Change("its collateral", configure(IN_CATEGORY, "USDC", NEW_E_MODE, True)),
    Change("its borrowable", configure(LENDABLE_IN_CATEGORY, "DAI", NEW_E_MODE, True)),
    Change("its terms", e_mode(CATEGORY, NEW_E_MODE, 9_100, 9_400, 10_100, "stable")),
    Change("its label", e_mode(CATEGORY, NEW_E_MODE, 9_100, 9_400, 10_100, "päg \U0001f4b5")),
    Change("ltv 0 in it", configure(LTV_ZERO_IN_CATEGORY, "USDC", NEW_E_MODE, True)),
    Change("off it, with ltv 0", configure(IN_CATEGORY, "USDC", NEW_E_MODE, False)),
    Change("not borrowable in it", configure(LENDABLE_IN_CATEGORY, "DAI", NEW_E_MODE, False)),
    Change("off one in use", configure(IN_CATEGORY, "wstETH", E_MODE, False)),
)
NOT_KEPT = (
    Change("no flash loans", configure("setReserveFlashLoaning(address,bool)", "WETH", False)),
    Change("flash loan premium", e_mode("updateFlashloanPremium(uint128)", 9)),
    Change("siloed", configure("setSiloedBorrowing(address,bool)", "DAI", True)),
    Change("in isolation", configure("setBorrowableInIsolation(address,bool)", "USDC", True)),
    Change("debt ceiling", configure("setDebtCeiling(address,uint256)", "WBTC", 1_000_000)),
    Change("no debt ceiling", configure("setDebtCeiling(address,uint256)", "WBTC", 0)),
    Change("market id", provide("setMarketId(string)", "another")),
    Change("sentinel", provide("setPriceOracleSentinel(address)", BOB)),
    Change("no sentinel", provide("setPriceOracleSentinel(address)", ZERO_ADDRESS)),
    Change("ACL admin", provide("setACLAdmin(address)", BOB)),
    Change("umbrella", provide("setAddress(bytes32,address)", b"UMBRELLA".ljust(32, b"\0"), BOB)),
    Change(
        "fallback oracle",
        lambda w: [w.tx(ADMIN, w.addresses.oracle, "setFallbackOracle(address)", BOB)],
    ),
    Change(
        "tokens rescued and donated",
        lambda w: [
            w.mint(w.addresses.pool, "DAI", STRAY_RAW),
            w.mint(w.addresses.atokens["USDC"], "USDC", 10**6),
            w.mint(w.addresses.atokens["USDC"], "DAI", STRAY_RAW),
            *(
                w.tx(
                    ADMIN,
                    holder,
                    "rescueTokens(address,address,uint256)",
                    *(w.token("DAI"), BOB, STRAY_RAW),
                )
                for holder in (w.addresses.pool, w.addresses.atokens["USDC"])
            ),
        ],
    ),
)
SOURCES = (
    Change("price source", lambda w: [w.replace_source("DAI", w.addresses.feeds["WETH"])]),
    Change("no price source", lambda w: [w.replace_source("DAI", ZERO_ADDRESS)]),
)


def pool(who: str, signature: str, *args: object) -> Callable[[World], Tx]:
    return lambda world: world.tx(who, world.addresses.pool, signature, *args)


def borrow_of(world: World, who: str, amount: int, on_behalf_of: str) -> Tx:
    signature = "borrow(address,uint256,uint256,uint16,address)"
    args = (world.token("USDC"), amount, VARIABLE_RATE, NO_REFERRAL, on_behalf_of)
    return world.tx(who, world.addresses.pool, signature, *args)


def on_credit(world: World) -> list[Tx]:
    token = world.addresses.debt_tokens["USDC"]
    return [
        world.tx(ALICE, token, "approveDelegation(address,uint256)", BOB, 10**9),
        borrow_of(world, BOB, 5 * 10**6, ALICE),
    ]


def by_manager(world: World) -> list[Tx]:
    flag = "setUserUseReserveAsCollateralOnBehalfOf(address,bool,address)"
    verbs = (
        pool(BOB, "approvePositionManager(address,bool)", CAROL, True),
        pool(CAROL, flag, world.token("USDC"), False, BOB),
        pool(CAROL, "setUserEModeOnBehalfOf(uint8,address)", E_MODE, BOB),
        pool(CAROL, "renouncePositionManagerRole(address)", BOB),
    )
    return [verb(world) for verb in verbs]


def by_permit(world: World) -> list[Tx]:
    permit = (2**40, 27, bytes(32), bytes(32))
    supply = "supplyWithPermit(address,uint256,address,uint16,uint256,uint8,bytes32,bytes32)"
    repay = "repayWithPermit(address,uint256,uint256,address,uint256,uint8,bytes32,bytes32)"
    usdc = world.token("USDC")
    return [
        pool(BOB, supply, usdc, 7 * 10**6, CAROL, NO_REFERRAL, *permit)(world),
        pool(BOB, repay, usdc, 3 * 10**6, VARIABLE_RATE, ALICE, *permit)(world),
    ]


def at_once(world: World) -> list[Tx]:
    """Supply, borrow and withdraw in one call of the pool."""
    calls = [
        world.supply(ALICE, "WETH", 10**18),
        borrow_of(world, ALICE, 10**6, ALICE),
        world.withdraw(ALICE, "WETH", 10**17),
    ]
    return [pool(ALICE, "multicall(bytes[])", [call.data for call in calls])(world)]


VERBS = (
    Change("credit delegation", on_credit),
    Change("position manager", by_manager),
    Change("permits", by_permit),
    Change("multicall", at_once),
    Change(
        "mint to treasury",
        lambda w: [pool(CAROL, "mintToTreasury(address[])", [w.token("USDC")])(w)],
    ),
)


def kept_of(records: Records) -> dict[object, object]:
    """What a change can leave in the ledger, without what time alone moves."""
    kept: dict[object, object] = {}
    for key, record in records.items():
        match record:
            case Reserve():
                kept[key] = (record.terms, record.supply_rate_ray, record.debt_rate_ray)
            case Category() | Market() | Position():
                kept[key] = record
            case Price():
                kept[key] = record.source
    return kept


@pytest.fixture
async def lent(world: World) -> World:
    """Alice owes USDC against WETH, Carol WETH against wstETH in the e-mode."""
    await world.fund(BOB, USDC=10**12, WETH=100 * 10**18)
    await world.fund(ALICE, WETH=100 * 10**18)
    await world.fund(CAROL, wstETH=100 * 10**18)
    await world.block(
        world.supply(BOB, "USDC", 10**11),
        world.supply(BOB, "WETH", 50 * 10**18),
        world.supply(ALICE, "WETH", 10 * 10**18),
        world.supply(CAROL, "wstETH", 10 * 10**18),
        world.set_emode(CAROL, E_MODE),
        world.borrow(ALICE, "USDC", 5_000 * 10**6),
        world.borrow(CAROL, "WETH", 10**18),
    )
    await world.jump(HALF_AN_HOUR)
    return world


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param(TERMS, id="terms"),
        pytest.param(CATEGORIES, id="categories"),
        pytest.param((*NOT_KEPT, *SOURCES), id="rest"),
        pytest.param(VERBS, id="on-behalf"),
    ],
)
@pytest.mark.timeout(180)
async def test_change__one_after_the_other__ledger_equals_the_contracts_after_each(
    lent: World, tmp_path: Path, changes: Sequence[Change]
) -> None:
    async with following(lent, tmp_path) as monitored:
        before = kept_of(await followed(lent, monitored))
        for change in changes:
            await lent.block(*change.txs(lent))
            after = kept_of(await followed(lent, monitored))
            assert (after != before) == (change not in NOT_KEPT), change.name
            before = after
        # Interest and both tokens go on under the new terms.
        await lent.jump(HALF_AN_HOUR)
        await lent.block(lent.repay(ALICE, "USDC", 10**6), lent.withdraw(BOB, "USDC", 10**6))
        await followed(lent, monitored)
