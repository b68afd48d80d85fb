"""An Aave market's own word at a block, whatever its version. Shares nothing with the monitor."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aave_versions import Version
from devnet import ZERO_ADDRESS, Address, Block, RevertError, View, World
from devnet.world import ACCOUNT_DATA, BALANCE

RESERVE_DATA = (
    "getReserveData(address)((uint256,uint128,uint128,uint128,uint128,uint128,uint40,uint16,"
    "address,address,address,address,uint128,uint128,uint128))"
)
PRICE = "getAssetPrice(address)(uint256)"
SCALED, SCALED_TOTAL = "scaledBalanceOf(address)(uint256)", "scaledTotalSupply()(uint256)"
CHECKPOINT = "getPreviousIndex(address)(uint256)"
USER_WORD, USER_E_MODE = "getUserConfiguration(address)(uint256)", "getUserEMode(address)(uint256)"
CATEGORY_3_0 = "getEModeCategoryData(uint8)((uint16,uint16,uint16,address,string))"
CATEGORY_3_6 = "getEModeCategoryCollateralConfig(uint8)((uint16,uint16,uint16))"
COLLATERAL_3_6 = "getEModeCategoryCollateralBitmap(uint8)(uint128)"
CASH_3_6 = "getVirtualUnderlyingBalance(address)(uint128)"
CATEGORIES = (1, 2, 3)
TERM_BITS = {
    "ltv_bps": (0, 16),
    "liquidation_threshold_bps": (16, 16),
    "liquidation_bonus_bps": (32, 16),
    "is_active": (56, 1),
    "is_frozen": (57, 1),
    "is_paused": (60, 1),
    "reserve_factor_bps": (64, 16),
    "borrow_cap": (80, 36),
    "supply_cap": (116, 36),
    "liquidation_fee_bps": (152, 16),
}
"""(first bit, bits) of a term in a reserve's configuration word: DataTypes.sol of both."""
E_MODE_BITS = (168, 8)
"""Of a reserve's category in that word, up to 3.1."""
SIX = ("collateral", "debt", "available", "threshold", "ltv", "health")

Facts = dict[tuple[str, str], int | None]
"""(account, reserve or e-mode; field). None: nobody can tell, for want of a price."""


@dataclass(frozen=True, slots=True)
class Contracts:
    """Asks the contracts of one market; everything at one block hash."""

    market: World
    version: Version
    people: Sequence[Address]

    async def facts(self, block: Block) -> Facts:
        """All that is compared. A reserve that was dropped is left out."""
        rows = await self._rows(block)
        provider = self.market.addresses.addresses_provider
        oracle = await self.market.call(provider, "getPriceOracle()(address)", block=block.hash)
        views = [*self._reserve_views(rows, oracle), *self._account_views(rows)]
        answers = await self.market.attempt([*views, *self._category_views()], block.hash)
        for view, answer in zip(views, answers, strict=False):
            if isinstance(answer, RevertError) and view.signature not in (PRICE, ACCOUNT_DATA):
                raise answer
        reading = iter(answers)
        facts: Facts = {}
        for symbol, row in rows.items():
            facts |= {(symbol, name): value for name, value in self._reserve(row, reading)}
        for who in self.people:
            facts |= {(who, name): value for name, value in _account(list(rows), reading)}
        for number in CATEGORIES:
            told = self._category(number, rows, reading)
            facts |= {(f"e-mode {number}", name): value for name, value in told}
        return facts

    async def _rows(self, block: Block) -> dict[str, Any]:
        tokens = self.market.addresses.tokens
        pool = self.market.addresses.pool
        views = [View(pool, RESERVE_DATA, (token,)) for token in tokens.values()]
        answers = await self.market.read(views, block.hash)
        rows = zip(tokens, answers, strict=True)
        return {symbol: row for symbol, row in rows if row[8] != ZERO_ADDRESS}

    def _reserve_views(self, rows: dict[str, Any], oracle: Address) -> Iterator[View]:
        for symbol, row in rows.items():
            token = self.market.token(symbol)
            yield View(row[8], SCALED_TOTAL)
            yield View(row[10], SCALED_TOTAL)
            yield View(oracle, PRICE, (token,))
            if self.version.is_3_0:
                yield View(token, BALANCE, (row[8],))
            else:
                yield View(self.market.addresses.pool, CASH_3_6, (token,))

    def _reserve(self, row: Any, reading: Iterator[Any]) -> Iterator[tuple[str, int | None]]:
        word = row[0]
        names = ("supply_index_ray", "supply_rate_ray", "debt_index_ray", "debt_rate_ray")
        yield from zip(names, row[1:5], strict=True)
        yield "updated_unix", row[6]
        yield "ordinal", row[7]
        yield "supply_token", int(row[8], 16)
        yield "debt_token", int(row[10], 16)
        yield "treasury_scaled", row[12]
        yield "supply_scaled", next(reading)
        yield "debt_scaled", next(reading)
        price = next(reading)
        yield "price", None if isinstance(price, RevertError) else price or None
        yield "cash_raw", next(reading)
        for name, bits in TERM_BITS.items():
            yield name, _field(word, bits)

    def _account_views(self, rows: dict[str, Any]) -> Iterator[View]:
        pool = self.market.addresses.pool
        for who in self.people:
            for signature in (ACCOUNT_DATA, USER_WORD, USER_E_MODE):
                yield View(pool, signature, (who,))
            for row in rows.values():
                for token in (row[8], row[10]):
                    for signature in (SCALED, BALANCE, CHECKPOINT):
                        yield View(token, signature, (who,))

    def _category_views(self) -> Iterator[View]:
        pool = self.market.addresses.pool
        for number in CATEGORIES:
            if self.version.is_3_0:
                yield View(pool, CATEGORY_3_0, (number,))
            else:
                yield View(pool, CATEGORY_3_6, (number,))
                yield View(pool, COLLATERAL_3_6, (number,))

    def _category(
        self, number: int, rows: dict[str, Any], reading: Iterator[Any]
    ) -> Iterator[tuple[str, int | None]]:
        terms = next(reading)
        yield from zip(("ltv_bps", "threshold_bps", "bonus_bps"), terms[:3], strict=True)
        if self.version.is_3_0:
            yield "price source", int(terms[3], 16)
            members = (row for row in rows.values() if _field(row[0], E_MODE_BITS) == number)
            yield "collateral", sum(1 << row[7] for row in members)
        else:
            yield "price source", 0
            yield "collateral", next(reading)


def _account(symbols: Sequence[str], reading: Iterator[Any]) -> Iterator[tuple[str, int | None]]:
    data, word, e_mode = next(reading), next(reading), next(reading)
    yield from zip(SIX, [None] * 6 if isinstance(data, RevertError) else data, strict=True)
    yield "configuration word", word
    yield "e-mode", e_mode
    for symbol in symbols:
        for side in ("supply", "debt"):
            scaled, balance, checkpoint = (next(reading) for _ in range(3))
            yield f"{side} of {symbol}, scaled", scaled
            yield f"{side} of {symbol}", balance
            # What an empty balance was last touched at moves nothing any more.
            yield f"{side} of {symbol}, checkpoint", checkpoint if scaled else 0


def _field(word: int, bits: tuple[int, int]) -> int:
    first, count = bits
    return word >> first & ((1 << count) - 1)
