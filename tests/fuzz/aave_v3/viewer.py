"""How the contracts of an Aave market are asked for what a sight holds."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from devnet import ZERO_ADDRESS, AccountData, Address, Block, RevertError, View, World
from devnet.world import ACCOUNT_DATA, BALANCE

from fuzz.aave_v3.props import Props
from fuzz.aave_v3.sight import (
    CATEGORIES,
    TERM_BITS,
    AaveSight,
    AccountSight,
    CategorySight,
    ReserveSight,
)
from fuzz.people import manager_of

RESERVE_DATA = (
    "getReserveData(address)((uint256,uint128,uint128,uint128,uint128,uint128,uint40,uint16,"
    "address,address,address,address,uint128,uint128,uint128))"
)
PRICE = "getAssetPrice(address)(uint256)"
MAY_REVERT = (PRICE, ACCOUNT_DATA)
"""They do while a price source is broken."""
NO_DATA = AccountData(0, 0, 0, 0, 0, 0)
MANAGED = "isApprovedPositionManager(address,address)(bool)"
USER_WORD = "getUserConfiguration(address)(uint256)"


class Viewer:
    """Asks the contracts; everything at one block hash. As 3.6 answers."""

    has_managers = True

    def __init__(self, world: World, props: Props, accounts: Sequence[Address]) -> None:
        self._world = world
        self._props = props
        self._accounts = accounts

    async def see(self, block: Block) -> AaveSight:
        oracle, listed = await self._market(block)
        views = list(self._views(oracle, listed))
        answers = await self._world.attempt(views, block.hash)
        for view, answer in zip(views, answers, strict=True):
            if isinstance(answer, RevertError) and view.signature not in MAY_REVERT:
                raise answer
        return self._sight(oracle, listed, iter(answers))

    async def _market(self, block: Block) -> tuple[Address, Mapping[str, Any]]:
        """The oracle in use, and the data of the reserves that are listed."""
        at = self._world.addresses
        views = [View(at.pool, RESERVE_DATA, (token,)) for token in at.tokens.values()]
        oracle, *rows = await self._world.read(
            [View(at.addresses_provider, "getPriceOracle()(address)"), *views], block.hash
        )
        rows_by_symbol = zip(at.tokens, rows, strict=True)
        return oracle, {symbol: row for symbol, row in rows_by_symbol if row[8] != ZERO_ADDRESS}

    def _sight(
        self, oracle: Address, listed: Mapping[str, Any], answers: Iterator[Any]
    ) -> AaveSight:
        reserves = {symbol: self._reserve(row, answers) for symbol, row in listed.items()}
        categories = {number: self._category(number, listed, answers) for number in CATEGORIES}
        people = {who: self._account(reserves, answers) for who in self._accounts}
        return AaveSight(oracle, reserves, categories, people)

    def _views(self, oracle: Address, listed: Mapping[str, Any]) -> Iterator[View]:
        at = self._world.addresses
        for symbol, row in listed.items():
            yield from self._reserve_views(oracle, at.tokens[symbol], row)
        for number in CATEGORIES:
            yield from self._category_views(number)
        for who in self._accounts:
            yield View(at.pool, ACCOUNT_DATA, (who,))
            yield View(at.pool, USER_WORD, (who,))
            yield View(at.pool, "getUserEMode(address)(uint256)", (who,))
            if self.has_managers:
                yield View(at.pool, MANAGED, (who, manager_of(who)))
            for side in (8, 10):
                yield from (View(row[side], BALANCE, (who,)) for row in listed.values())

    def _category_views(self, number: int) -> Iterator[View]:
        for what, kinds in (
            ("CollateralConfig", "((uint16,uint16,uint16))"),
            ("CollateralBitmap", "(uint128)"),
            ("BorrowableBitmap", "(uint128)"),
            ("LtvzeroBitmap", "(uint128)"),
        ):
            signature = f"getEModeCategory{what}(uint8){kinds}"
            yield View(self._world.addresses.pool, signature, (number,))

    def _category(
        self, number: int, listed: Mapping[str, Any], answers: Iterator[Any]
    ) -> CategorySight:
        ltv, threshold, bonus = next(answers)
        return CategorySight(ltv, threshold, bonus, next(answers), next(answers), next(answers))

    def _reserve_views(self, oracle: Address, token: Address, row: Any) -> Iterator[View]:
        [rival] = [other for other in self._props.oracles if other != oracle]
        yield View(row[8], "scaledTotalSupply()(uint256)")
        yield View(row[10], "scaledTotalSupply()(uint256)")
        yield View(oracle, PRICE, (token,))
        yield View(rival, PRICE, (token,))
        yield View(oracle, "getSourceOfAsset(address)(address)", (token,))
        yield from self._till_views(token, row)

    def _till_views(self, token: Address, row: Any) -> Iterator[View]:
        """Cash, deficit, and until when nobody is liquidated."""
        pool = self._world.addresses.pool
        yield View(pool, "getVirtualUnderlyingBalance(address)(uint128)", (token,))
        yield View(pool, "getReserveDeficit(address)(uint256)", (token,))
        yield View(pool, "getLiquidationGracePeriod(address)(uint40)", (token,))

    def _till(self, answers: Iterator[Any]) -> tuple[int, int, int]:
        return next(answers), next(answers), next(answers)

    def _reserve(self, data: Any, answers: Iterator[Any]) -> ReserveSight:
        supplied, owed, price, rival, source = (next(answers) for _ in range(5))
        cash, deficit, grace = self._till(answers)
        return ReserveSight(
            supply_index_ray=data[1],
            debt_index_ray=data[3],
            supply_rate_ray=data[2],
            debt_rate_ray=data[4],
            updated_unix=data[6],
            ordinal=data[7],
            supply_token=data[8],
            debt_token=data[10],
            treasury_scaled=data[12],
            cash_raw=cash,
            deficit_raw=deficit,
            supply_scaled=supplied,
            debt_scaled=owed,
            price_e8=0 if isinstance(price, RevertError) else price,
            rival_price_e8=0 if isinstance(rival, RevertError) else rival,
            source=source,
            grace_until_unix=grace,
            terms={
                name: data[0] >> first & ((1 << bits) - 1)
                for name, (first, bits) in TERM_BITS.items()
            },
        )

    def _account(
        self, reserves: Mapping[str, ReserveSight], answers: Iterator[Any]
    ) -> AccountSight:
        data, word, e_mode = (next(answers) for _ in range(3))
        has_manager = self.has_managers and next(answers)
        is_blind = isinstance(data, RevertError)
        return AccountSight(
            supplied={symbol: next(answers) for symbol in reserves},
            owed={symbol: next(answers) for symbol in reserves},
            data=NO_DATA if is_blind else AccountData(*data),
            is_blind=is_blind,
            word=word,
            e_mode=e_mode,
            has_manager=has_manager,
        )
