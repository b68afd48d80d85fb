"""What the contracts of an Aave market say at one block."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from devnet import ZERO_ADDRESS, AccountData, Address

from fuzz.facts import Facts, Told, of

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
CATEGORIES = (1, 2, 3)
ADDRESSES = ("supply_token", "debt_token", "source")
"""Compared as numbers."""


@dataclass(frozen=True, slots=True)
class ReserveSight:
    """One reserve as the pool, its tokens and the oracle report it."""

    supply_index_ray: int
    debt_index_ray: int
    supply_rate_ray: int
    debt_rate_ray: int
    updated_unix: int
    ordinal: int
    supply_token: Address
    debt_token: Address
    treasury_scaled: int
    cash_raw: int
    deficit_raw: int
    supply_scaled: int
    debt_scaled: int
    price_e8: int
    """0 while the oracle reverts."""
    rival_price_e8: int
    """Of the oracle that is not in use; 0 where it reverts. Not compared."""
    source: Address
    grace_until_unix: int
    terms: Mapping[str, int]

    def told(self) -> Told:
        told = asdict(self)
        del told["rival_price_e8"]
        yield from told.pop("terms").items()
        for field in ADDRESSES:
            yield field, int(told.pop(field), 16)
        yield "price_e8", told.pop("price_e8") or None
        yield from told.items()


@dataclass(frozen=True, slots=True)
class CategorySight:
    """One e-mode category. The lists are bitmaps over the reserves' ordinals."""

    ltv_bps: int
    threshold_bps: int
    bonus_bps: int
    collateral: int
    borrowable: int
    ltv_zero: int
    price_source: Address = ZERO_ADDRESS
    """What prices its assets instead of their own sources: before 3.2."""

    def told(self) -> Told:
        told = asdict(self)
        yield "price_source", int(told.pop("price_source"), 16)
        yield from told.items()


@dataclass(frozen=True, slots=True)
class AccountSight:
    """One account: displayed balances by symbol, what the pool makes of them, and its flags."""

    supplied: Mapping[str, int]
    owed: Mapping[str, int]
    data: AccountData
    """Zeros for the blind."""
    is_blind: bool
    """Whether the pool cannot tell, for want of a price."""
    word: int
    e_mode: int
    has_manager: bool
    """Whether somebody may change its flags. Not compared: it moves nothing by itself."""

    @property
    def is_solvent_debtor(self) -> bool:
        return self.data.debt_e8 > 0 and self.data.health_factor_wad >= 10**18

    @property
    def is_liquidatable(self) -> bool:
        return not self.is_blind and self.data.health_factor_wad < 10**18

    def told(self) -> Told:
        for symbol, amount in self.supplied.items():
            yield f"aToken of {symbol}", amount
        for symbol, amount in self.owed.items():
            yield f"debt token of {symbol}", amount
        data = self.data
        yield "collateral_e8", None if self.is_blind else data.collateral_e8
        yield "debt_e8", None if self.is_blind else data.debt_e8
        yield "health_factor_wad", None if self.is_blind else data.health_factor_wad
        yield "configuration word", self.word
        yield "e-mode", self.e_mode


@dataclass(frozen=True, slots=True)
class AaveSight:
    """All of a market."""

    oracle: Address
    reserves: Mapping[str, ReserveSight]
    """Those that it lists at this block."""
    categories: Mapping[int, CategorySight]
    accounts: Mapping[Address, AccountSight]

    def uses(self, who: Address, symbol: str) -> bool:
        """Whether an account's supply of an asset secures its debts."""
        return bool(self.accounts[who].word >> (2 * self.reserves[symbol].ordinal + 1) & 1)

    @property
    def unpriced(self) -> list[str]:
        """Reserves whose price the oracle cannot tell."""
        return [symbol for symbol, reserve in self.reserves.items() if not reserve.price_e8]

    @property
    def is_dark(self) -> bool:
        return bool(self.unpriced)

    @property
    def solvent_share(self) -> float:
        solvent = sum(account.is_solvent_debtor for account in self.accounts.values())
        return solvent / len(self.accounts)

    def _shown(self, who: Address) -> int:
        """Collateral flags, as far as there is anything to secure a debt with."""
        return sum(
            2 << 2 * self.reserves[symbol].ordinal
            for symbol, raw in self.accounts[who].supplied.items()
            if raw and self.uses(who, symbol)
        )

    def facts(self) -> Facts:
        facts: Facts = {}
        for symbol, reserve in self.reserves.items():
            facts.update(of(symbol, reserve.told()))
        for number, category in self.categories.items():
            facts.update(of(f"e-mode {number}", category.told()))
        for who, account in self.accounts.items():
            facts.update(of(who, account.told()))
            facts[who, "flags of what it holds"] = self._shown(who)
        return facts
