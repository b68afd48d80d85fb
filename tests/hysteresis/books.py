"""The Lido book of 2023-06-21 as a world at any price of stETH in ETH, or of ETH in USD.

Accounts stand still: what they have and owe is what it was that day, whatever the price. stETH is
sold into the pool of Curve as its publisher has it, brought to the price by arbitrage. What else is
sold finds a pool without a bottom, since the set has none: only stETH and wstETH fall by sales.
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from builders import an_address
from lido_book import (
    ELSE,
    ETH_USD,
    FOLDER,
    NAMED,
    OTHER,
    V2,
    V3,
    WETH,
    Book,
    Lender,
    Scene,
    book,
    world_of,
)

from monitor.core.risk import CollateralLeg, DebtLeg, Exposure, MarketSheet
from monitor.core.units import WAD, AssetId, Bps, RawAmount, Wad

BINS = {V2.name: ("b1", "b2", "b3"), V3.name: ("b1_v3", "b12_v3", "b2_v3", "b3_v3")}
"""Files of all accounts whose collateral and debts the publisher tells apart."""
BONUS, E_MODE_BONUS = Decimal("1.07"), Decimal("1.01")
LIKE_ETHER = ("collateral_reth_calc", "collateral_cbeth_calc", "collateral_eth_calc")
NOTHING = Decimal("1e-6")
"""What is left of a sum by rounding, as a share of it."""


def loops() -> Scene:
    """The 395 accounts that pledge stETH and owe ether, and next to nothing else."""
    told = book()
    return Scene(told, world_of(told, ()))


def everybody() -> Scene:
    """All accounts that the publisher tells apart: what they owe beside ether is dollars.

    Of what else they pledge, what moves with ether is ether, the rest is dollars. An account's own
    average threshold holds for all of it.
    """
    told = book()
    bare = world_of(told, ()).markets
    markets = (_filled(told, lender, sheet) for lender, sheet in zip((V2, V3), bare, strict=True))
    return Scene(told, replace(world_of(told, ()), markets=tuple(markets)))


def _filled(told: Book, lender: Lender, sheet: MarketSheet) -> MarketSheet:
    # V2 counts in ETH, V3 in USD.
    unit = ETH_USD if lender is V2 else Decimal(1)
    rows = [row for name in BINS[lender.name] for row in _read(name)]
    exposures = (
        Exposure(
            an_address(f"{lender.name} {row['user']}"),
            tuple(_pledged(told, lender, row, unit)),
            tuple(_owed(told, row, unit)),
        )
        for row in rows
    )
    return replace(sheet, exposures=tuple(exposures))


def _read(name: str) -> list[dict[str, str]]:
    with (FOLDER / f"{name}.csv").open() as file:
        return list(csv.DictReader(file))


def _pledged(
    told: Book, lender: Lender, row: Mapping[str, str], unit: Decimal
) -> Iterator[CollateralLeg]:
    whole = Decimal(row["collateral"]) * unit
    staked = min(Decimal(row["amount"]) * told.prices[lender.staked], whole)
    ether = min(sum(Decimal(row.get(key) or 0) for key in LIKE_ETHER) * unit, whole - staked)
    threshold = Wad(round(Decimal(row["threshold"]) / 10_000 * WAD))
    bonus = Wad(round((E_MODE_BONUS if row.get("emode") == "1" else BONUS) * WAD))
    for asset, value in (
        (lender.staked, staked),
        (WETH, ether),
        (OTHER, whole - staked - ether),
    ):
        if value > NOTHING * whole:
            yield CollateralLeg(asset, _raw(told, asset, value), threshold, bonus, Bps(0))


def _owed(told: Book, row: Mapping[str, str], unit: Decimal) -> Iterator[DebtLeg]:
    whole = Decimal(row["debt"]) * unit
    ether = min(Decimal(row["ethdebt"]) * ETH_USD, whole)
    for asset, value in ((WETH, ether), (ELSE, whole - ether)):
        if value > NOTHING * whole:
            yield DebtLeg(asset, _raw(told, asset, value))


def _raw(told: Book, asset: AssetId, value: Decimal) -> RawAmount:
    return RawAmount(round(value / told.prices[asset] * WAD))


__all__ = ["ETH_USD", "NAMED", "Scene", "everybody", "loops"]
