"""What the pool says of a reserve and of an e-mode category: the calls, and the answers read."""

from collections.abc import Mapping, Sequence
from typing import Any

from monitor.core.ledger import Category, Reserve
from monitor.core.ports import ViewCall, ViewFailed, ViewResult
from monitor.core.units import Address, AssetId, Bps, RawAmount, Ray, ScaledAmount
from monitor.errors import DataError
from monitor.protocols.aave_v3.configuration import decimals_of, ordinals_in, terms_of
from monitor.protocols.aave_v3.contracts import AaveAbi

CATEGORIES = range(1, 256)
RESERVE_VIEWS = (
    "getReserveData",
    "getVirtualUnderlyingBalance",
    "getReserveDeficit",
    "getLiquidationGracePeriod",
)
CATEGORY_VIEWS = (
    "getEModeCategoryCollateralConfig",
    "getEModeCategoryLabel",
    "getEModeCategoryCollateralBitmap",
    "getEModeCategoryBorrowableBitmap",
    "getEModeCategoryLtvzeroBitmap",
)
LISTS = ("collateral", "borrowable", "ltv_zero")
"""The lists of a category, in the order of their bitmaps above."""


def value_of(answer: ViewResult) -> Any:
    """The single output of a view that a market must be able to answer."""
    if isinstance(answer, ViewFailed):
        raise DataError(
            f"a view every Aave V3.6 market answers failed: {answer.reason}. The contracts are "
            "not what they seem, or the endpoint lost this block's state."
        )
    return answer[0]


def reserve_calls(abi: AaveAbi, pool: Address, asset: AssetId) -> tuple[ViewCall, ...]:
    return tuple(ViewCall(pool, abi.pool.functions[name], (asset,)) for name in RESERVE_VIEWS)


def reserve_of(asset: AssetId, symbol: str, row: Sequence[ViewResult]) -> Reserve:
    """A reserve from the answers to `reserve_calls`; its token totals are not among them."""
    data, cash, deficit, grace = (value_of(answer) for answer in row)
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


def category_calls(abi: AaveAbi, pool: Address, number: int) -> tuple[ViewCall, ...]:
    return tuple(ViewCall(pool, abi.pool.functions[name], (number,)) for name in CATEGORY_VIEWS)


def category_of(
    number: int, row: Sequence[ViewResult], by_ordinal: Mapping[int, AssetId]
) -> Category:
    """A category from the answers to `category_calls`."""
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
