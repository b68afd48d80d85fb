"""What the pool says of reserves and of e-mode categories: the calls, and the answers read."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from monitor.core.ports import Readings, ViewCall, ViewFailed, ViewResult
from monitor.core.reserves import Category, Reserve
from monitor.core.units import Address, AssetId, Bps, RawAmount, Ray, ScaledAmount
from monitor.errors import DataError
from monitor.protocols.aave_v3.configuration import category_in, decimals_of, ordinals_in, terms_of
from monitor.protocols.aave_v3.contracts import AaveAbi

CATEGORIES = range(1, 256)
LISTS = ("collateral", "borrowable", "ltv_zero")
"""The lists of a category, in the order of their bitmaps below."""
_RESERVE_VIEWS = (
    "getReserveData",
    "getVirtualUnderlyingBalance",
    "getReserveDeficit",
    "getLiquidationGracePeriod",
)
_CATEGORY_VIEWS = (
    "getEModeCategoryCollateralConfig",
    "getEModeCategoryLabel",
    "getEModeCategoryCollateralBitmap",
    "getEModeCategoryBorrowableBitmap",
    "getEModeCategoryLtvzeroBitmap",
)


class Views(Protocol):
    """What one version of the pool can be asked."""

    tells_cash: bool
    """Whether the pool keeps the cash of a reserve; else it is what its aToken owns."""

    def reserve_calls(
        self, abi: AaveAbi, pool: Address, asset: AssetId
    ) -> tuple[ViewCall, ...]: ...

    def reserve_of(self, asset: AssetId, symbol: str, row: Sequence[ViewResult]) -> Reserve:
        """A reserve from the answers to `reserve_calls`; token totals are not among them."""
        ...

    def category_calls(
        self, abi: AaveAbi, pool: Address, assets: Iterable[AssetId]
    ) -> list[ViewCall]: ...

    def categories(
        self, abi: AaveAbi, pool: Address, reserves: Sequence[Reserve], told: Readings
    ) -> list[Category]:
        """All 255, from the answers to `category_calls`."""
        ...


def value_of(answer: ViewResult) -> Any:
    """The single output of a view that a market must be able to answer."""
    if isinstance(answer, ViewFailed):
        raise DataError(
            f"a view every Aave V3 market of its version answers failed: {answer.reason}. The "
            "contracts are not what they seem, or the endpoint lost this block's state."
        )
    return answer[0]


class _CurrentViews:
    """3.6: e-mode by bitmaps, virtual balances, deficits, grace periods."""

    tells_cash = True

    def reserve_calls(self, abi: AaveAbi, pool: Address, asset: AssetId) -> tuple[ViewCall, ...]:
        return tuple(ViewCall(pool, abi.pool.functions[name], (asset,)) for name in _RESERVE_VIEWS)

    def reserve_of(self, asset: AssetId, symbol: str, row: Sequence[ViewResult]) -> Reserve:
        data, cash, deficit, grace = (value_of(answer) for answer in row)
        return _reserve(asset, symbol, data, (cash, deficit, grace))

    def category_calls(
        self, abi: AaveAbi, pool: Address, assets: Iterable[AssetId]
    ) -> list[ViewCall]:
        return [call for number in CATEGORIES for call in self._row(abi, pool, number)]

    def categories(
        self, abi: AaveAbi, pool: Address, reserves: Sequence[Reserve], told: Readings
    ) -> list[Category]:
        by_ordinal = {reserve.ordinal: reserve.asset for reserve in reserves}
        return [
            _category(number, [told[call] for call in self._row(abi, pool, number)], by_ordinal)
            for number in CATEGORIES
        ]

    def _row(self, abi: AaveAbi, pool: Address, number: int) -> list[ViewCall]:
        return [ViewCall(pool, abi.pool.functions[name], (number,)) for name in _CATEGORY_VIEWS]


class _FormerViews:
    """3.0: a reserve names its category, a category may name a price source."""

    tells_cash = False

    def reserve_calls(self, abi: AaveAbi, pool: Address, asset: AssetId) -> tuple[ViewCall, ...]:
        return (ViewCall(pool, abi.pool.functions["getReserveData"], (asset,)),)

    def reserve_of(self, asset: AssetId, symbol: str, row: Sequence[ViewResult]) -> Reserve:
        return _reserve(asset, symbol, value_of(row[0]), (0, 0, 0))

    def category_calls(
        self, abi: AaveAbi, pool: Address, assets: Iterable[AssetId]
    ) -> list[ViewCall]:
        calls = [self._call(abi, pool, number) for number in CATEGORIES]
        return [*calls, *(c for asset in assets for c in self.reserve_calls(abi, pool, asset))]

    def categories(
        self, abi: AaveAbi, pool: Address, reserves: Sequence[Reserve], told: Readings
    ) -> list[Category]:
        members: dict[int, list[AssetId]] = {}
        for reserve in reserves:
            (call,) = self.reserve_calls(abi, pool, reserve.asset)
            number = category_in(value_of(told[call])[0])
            members.setdefault(number, []).append(reserve.asset)
        return [
            self._category(number, told[self._call(abi, pool, number)], members.get(number, ()))
            for number in CATEGORIES
        ]

    def _call(self, abi: AaveAbi, pool: Address, number: int) -> ViewCall:
        return ViewCall(pool, abi.pool.functions["getEModeCategoryData"], (number,))

    def _category(self, number: int, answer: ViewResult, assets: Sequence[AssetId]) -> Category:
        """Its assets may be pledged and borrowed in it alike."""
        ltv, threshold, bonus, source, label = value_of(answer)
        listed = tuple(sorted(assets))
        terms = (Bps(ltv), Bps(threshold), Bps(bonus))
        return Category(
            number, label, *terms, collateral=listed, borrowable=listed, price_source=source
        )


VIEWS: Views = _CurrentViews()
FORMER_VIEWS: Views = _FormerViews()


def _reserve(
    asset: AssetId, symbol: str, data: Sequence[Any], told: tuple[int, int, int]
) -> Reserve:
    """From `getReserveData`; and the cash, deficit and end of the grace period told apart."""
    cash, deficit, grace = told
    return Reserve(
        asset=asset,
        ordinal=data[7],
        symbol=symbol,
        decimals=decimals_of(data[0]),
        supply_token=data[8],
        debt_token=data[10],
        supply_index_ray=Ray(data[1]),
        debt_index_ray=Ray(data[3]),
        supply_rate_ray=Ray(data[2]),
        debt_rate_ray=Ray(data[4]),
        updated_unix=data[6],
        treasury_scaled=ScaledAmount(data[12]),
        cash_raw=RawAmount(cash),
        deficit_raw=RawAmount(deficit),
        terms=terms_of(data[0], grace),
    )


def _category(
    number: int, row: Sequence[ViewResult], by_ordinal: Mapping[int, AssetId]
) -> Category:
    config, label, *bitmaps = (value_of(answer) for answer in row)
    ltv, threshold, bonus = (Bps(value) for value in config)
    set_bits = [
        (name, bit) for name, b in zip(LISTS, bitmaps, strict=True) for bit in ordinals_in(b)
    ]
    lists = {
        name: tuple(sorted(by_ordinal[b] for n, b in set_bits if n == name and b in by_ordinal))
        for name in LISTS
    }
    vacant = tuple(sorted((name, bit) for name, bit in set_bits if bit not in by_ordinal))
    return Category(
        number,
        label,
        ltv,
        threshold,
        bonus,
        collateral=lists["collateral"],
        borrowable=lists["borrowable"],
        ltv_zero=lists["ltv_zero"],
        vacant=vacant,
    )
