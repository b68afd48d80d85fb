"""What the contracts themselves say at one block: what the monitor must say too."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from devnet import AccountData, Address, Block, View, World
from devnet.world import ACCOUNT_DATA, BALANCE

RESERVE_DATA = (
    "getReserveData(address)((uint256,uint128,uint128,uint128,uint128,uint128,uint40,uint16,"
    "address,address,address,address,uint128,uint128,uint128))"
)
SLOT0 = "slot0()(uint160,int24,uint16,uint16,uint16,uint8,bool)"
USER_WORD = "getUserConfiguration(address)(uint256)"
TERM_BITS = {
    "ltv_bps": (0, 16),
    "liquidation_threshold_bps": (16, 16),
    "liquidation_bonus_bps": (32, 16),
    "is_active": (56, 1),
    "is_frozen": (57, 1),
    "is_borrowable": (58, 1),
    "is_paused": (60, 1),
    "reserve_factor_bps": (64, 16),
    "borrow_cap": (80, 36),
    "supply_cap": (116, 36),
    "liquidation_fee_bps": (152, 16),
}
"""(first bit, bits) of each term in a reserve's configuration word: DataTypes.sol."""
CATEGORIES = (1, 2)


@dataclass(frozen=True, slots=True)
class ReserveSight:
    """One reserve as the pool, its tokens and the oracle report it."""

    supply_index_ray: int
    debt_index_ray: int
    supply_rate_ray: int
    debt_rate_ray: int
    updated_unix: int
    ordinal: int
    treasury_scaled: int
    cash_raw: int
    deficit_raw: int
    supply_scaled: int
    debt_scaled: int
    price_e8: int
    grace_until_unix: int
    terms: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class CategorySight:
    """One e-mode category. The lists are bitmaps over the reserves' ordinals."""

    ltv_bps: int
    threshold_bps: int
    bonus_bps: int
    collateral: int
    borrowable: int
    ltv_zero: int


@dataclass(frozen=True, slots=True)
class PoolSight:
    """One Uniswap pool."""

    sqrt_price_x96: int
    tick: int
    liquidity: int


@dataclass(frozen=True, slots=True)
class AccountSight:
    """One account: displayed balances by symbol, what the pool makes of them, and its flags."""

    supplied: Mapping[str, int]
    owed: Mapping[str, int]
    data: AccountData
    word: int
    e_mode: int

    @property
    def is_solvent_debtor(self) -> bool:
        return self.data.debt_e8 > 0 and self.data.health_factor_wad >= 10**18

    @property
    def is_liquidatable(self) -> bool:
        return self.data.health_factor_wad < 10**18


@dataclass(frozen=True, slots=True)
class Sight:
    """All that is compared, and all that the generator knows when it draws the next block."""

    block: Block
    reserves: Mapping[str, ReserveSight]
    categories: Mapping[int, CategorySight]
    pools: Mapping[str, PoolSight]
    accounts: Mapping[Address, AccountSight]

    def uses(self, who: Address, symbol: str) -> bool:
        """Whether an account's supply of an asset secures its debts."""
        return bool(self.accounts[who].word >> (2 * self.reserves[symbol].ordinal + 1) & 1)

    @property
    def solvent_share(self) -> float:
        """The share of all accounts that have debt and are solvent."""
        solvent = sum(account.is_solvent_debtor for account in self.accounts.values())
        return solvent / len(self.accounts)


async def see(world: World, accounts: Sequence[Address], block: Block) -> Sight:
    """Every view at that block hash."""
    answers = iter(await world.read(list(_views(world, accounts)), block.hash))
    symbols = list(world.addresses.tokens)
    reserves = {symbol: _reserve(answers) for symbol in symbols}
    categories = {}
    for number in CATEGORIES:
        ltv, threshold, bonus = next(answers)
        bitmaps = (next(answers), next(answers), next(answers))
        categories[number] = CategorySight(ltv, threshold, bonus, *bitmaps)
    pools = {}
    for name in world.addresses.pools:
        sqrt_price_x96, tick, *_ = next(answers)
        pools[name] = PoolSight(sqrt_price_x96, tick, next(answers))
    people = {}
    for who in accounts:
        data, word, e_mode = next(answers), next(answers), next(answers)
        supplied = {symbol: next(answers) for symbol in symbols}
        owed = {symbol: next(answers) for symbol in symbols}
        people[who] = AccountSight(supplied, owed, AccountData(*data), word, e_mode)
    return Sight(block, reserves, categories, pools, people)


def _reserve(answers: Iterator[Any]) -> ReserveSight:
    data = next(answers)
    cash, deficit, supplied, owed, price, grace = (next(answers) for _ in range(6))
    return ReserveSight(
        supply_index_ray=data[1],
        debt_index_ray=data[3],
        supply_rate_ray=data[2],
        debt_rate_ray=data[4],
        updated_unix=data[6],
        ordinal=data[7],
        treasury_scaled=data[12],
        cash_raw=cash,
        deficit_raw=deficit,
        supply_scaled=supplied,
        debt_scaled=owed,
        price_e8=price,
        grace_until_unix=grace,
        terms={
            name: data[0] >> first & ((1 << bits) - 1) for name, (first, bits) in TERM_BITS.items()
        },
    )


def _views(world: World, accounts: Sequence[Address]) -> Iterator[View]:
    at = world.addresses
    for symbol, token in at.tokens.items():
        yield View(at.pool, RESERVE_DATA, (token,))
        yield View(at.pool, "getVirtualUnderlyingBalance(address)(uint128)", (token,))
        yield View(at.pool, "getReserveDeficit(address)(uint256)", (token,))
        yield View(at.atokens[symbol], "scaledTotalSupply()(uint256)")
        yield View(at.debt_tokens[symbol], "scaledTotalSupply()(uint256)")
        yield View(at.oracle, "getAssetPrice(address)(uint256)", (token,))
        yield View(at.pool, "getLiquidationGracePeriod(address)(uint40)", (token,))
    for number in CATEGORIES:
        for what, kinds in (
            ("CollateralConfig", "((uint16,uint16,uint16))"),
            ("CollateralBitmap", "(uint128)"),
            ("BorrowableBitmap", "(uint128)"),
            ("LtvzeroBitmap", "(uint128)"),
        ):
            yield View(at.pool, f"getEModeCategory{what}(uint8){kinds}", (number,))
    for pool in at.pools.values():
        yield View(pool, SLOT0)
        yield View(pool, "liquidity()(uint128)")
    for who in accounts:
        yield View(at.pool, ACCOUNT_DATA, (who,))
        yield View(at.pool, USER_WORD, (who,))
        yield View(at.pool, "getUserEMode(address)(uint256)", (who,))
        for tokens in (at.atokens, at.debt_tokens):
            for symbol in at.tokens:
                yield View(tokens[symbol], BALANCE, (who,))
