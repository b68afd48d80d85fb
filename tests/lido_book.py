"""The pure loops of the Lido book of 2023-06-21 as a world that can be asked.

Source: lidofinance/aave-liquidation-model @ a44561e (GPL-3, read where it lies, never copied): what
each account has and owes, and the parameters its publisher states: stETH was at 0.9987 ETH, wstETH
holds 1.1290 of it; Aave V2 closes half at a bonus of 7 %, an e-mode of V3 all of it at 1 %. In 2023
both took the market's word for stETH in ETH.

What else an account has or owes is given in sum alone, so it stands as one other asset a side, with
the threshold that makes up the account's own.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from builders import a_block, an_address

from monitor.core.curves import DepthCurve, StableSwapCurve
from monitor.core.prices import Edge, Price, PriceKind
from monitor.core.risk import (
    AssetSheet,
    CollateralLeg,
    DebtLeg,
    Exposure,
    MarketSheet,
    PartialTerms,
    WorldSheet,
)
from monitor.core.stable_swap import FEE_UNIT, Swap
from monitor.core.units import WAD, AssetId, BaseValue, Bps, MarketId, RawAmount, Wad

FOLDER = (
    Path(os.environ.get("CASCADE_MONITOR_DATA", "../shared/data")) / "lido_steth_positions_2023"
)
needs_book = pytest.mark.skipif(
    not FOLDER.is_dir(),
    reason=f"{FOLDER} is absent: the set is GPL-3 and not part of this repository; "
    "name its folder in CASCADE_MONITOR_DATA",
)

STETH, WSTETH, WETH, USDC, OTHER, ELSE = (
    an_address(name)
    for name in ("stETH", "wstETH", "WETH", "USDC", "other collateral", "other debt")
)
NAMED = {"stETH": STETH, "wstETH": WSTETH, "WETH": WETH}
ETH_FEED, PEG_FEED, BOOK, RATE = (an_address(f"{name} feed") for name in ("e", "p", "b", "r"))
ETHER = Edge(ETH_FEED, PriceKind.MARKET, "ETH / USD", asset=WETH)
PEG = Edge(PEG_FEED, PriceKind.MARKET, "stETH / ETH", asset=STETH, quote=WETH)
STAKED = Edge(BOOK, PriceKind.MARKET, "stETH / USD", (PEG_FEED, ETH_FEED))
WRAPPED = Edge(RATE, PriceKind.EXCHANGE_RATE, "stETH per wstETH", (PEG_FEED, ETH_FEED))
ETH_USD = Decimal("1719.89763743")
"""As the book of Aave V3 has it; that of V2 counts in ETH."""
NOTHING = Decimal("1e-6")
"""What is left of a sum by rounding, as a share of it."""
UNIT = 10**18


@dataclass(frozen=True, slots=True)
class Lender:
    """A market with one liquid staking token. `share`: what one call may repay, of 10,000."""

    name: str
    staked: AssetId
    threshold: Decimal
    bonus: Decimal
    share: int


@dataclass(frozen=True, slots=True)
class Row:
    """One account, in what its market counts in."""

    collateral: Decimal
    staked: Decimal
    debt: Decimal
    threshold: Decimal
    ether: Decimal


@dataclass(frozen=True, slots=True)
class Book:
    """`peg`: stETH in ETH; `rate`: stETH per wstETH; `pool`: the Curve pool as published."""

    peg: Decimal
    rate: Decimal
    pool: StableSwapCurve
    v2: Sequence[Row]
    v3: Sequence[Row]

    @property
    def prices(self) -> dict[AssetId, Decimal]:
        """USD of a whole token, before any shock."""
        staked = self.peg * ETH_USD
        wrapped = staked * self.rate
        dollar = Decimal(1)
        return {WETH: ETH_USD, STETH: staked, WSTETH: wrapped, OTHER: dollar, ELSE: dollar}


V2 = Lender("aave-v2", STETH, Decimal("0.83"), Decimal("1.07"), 5_000)
V3 = Lender("aave-v3", WSTETH, Decimal("0.93"), Decimal("1.01"), 10_000)


def book() -> Book:
    told = json.loads((FOLDER / "positions.json").read_text(), parse_float=Decimal)
    for lender, name in ((V2, "v2"), (V3, "v3")):
        stated = told[name]
        assert stated.get("lt_steth", stated.get("lt_emode")) == lender.threshold
        assert 1 + stated["bonus"] == lender.bonus
        assert stated["close_factor"] * 10_000 == lender.share
    return Book(
        peg=told["cur_peg"],
        rate=told["wsteth_steth"],
        pool=curve_pool(**told["pool"]),
        v2=tuple(_row(ETH_USD, *row[:5]) for row in told["v2"]["rows"]),
        v3=tuple(_row(Decimal(1), *row[:5]) for row in told["v3"]["rows"]),
    )


def curve_pool(eth: int, steth: int, A: int, fee: Any) -> StableSwapCurve:  # noqa: N803
    """The pool of Curve with its whole fee left inside, as its publisher reckons."""
    swap = Swap((WAD, WAD), A, 1, round(Decimal(str(fee)) * FEE_UNIT))
    return StableSwapCurve(an_address("curve"), (WETH, STETH), (eth * WAD, steth * WAD), swap, 0)


def _row(unit: Decimal, *figures: Any) -> Row:
    """`figures`: collateral, what of it is staked, debt, threshold in bps, what is owed in ETH."""
    collateral, staked, debt, threshold_bps, ether = (Decimal(figure) for figure in figures)
    return Row(
        collateral=collateral * unit,
        staked=min(staked, collateral) * unit,
        debt=debt * unit,
        threshold=threshold_bps / 10_000,
        ether=min(ether, debt) * unit,
    )


def world_of(told: Book, curves: Sequence[DepthCurve]) -> WorldSheet:
    markets = (_market(told, V2, told.v2), _market(told, V3, told.v3))
    return WorldSheet(a_block(), markets, tuple(curves), {})


def _market(told: Book, lender: Lender, rows: Sequence[Row]) -> MarketSheet:
    paths = {WETH: (ETHER,), STETH: (STAKED, PEG, ETHER), WSTETH: (WRAPPED, PEG, ETHER)}
    symbols = {asset: name for name, asset in NAMED.items()}
    sheets = {
        asset: AssetSheet(
            asset=asset,
            symbol=symbols.get(asset, "other"),
            decimals=18,
            price_base=round(price * UNIT),
            source=None,
            cash_raw=RawAmount(10**40),
            price=Price(BaseValue(round(price * UNIT)), path=paths.get(asset, ())),
        )
        for asset, price in told.prices.items()
    }
    terms = PartialTerms(
        close_factor_bps=Bps(lender.share),
        full_close_health_wad=Wad(0),
        full_close_value_base=0,
        dust_value_base=0,
        of_one_debt=True,
    )
    exposures = tuple(
        Exposure(
            an_address(f"{lender.name} {number}"),
            tuple(_pledged(told, lender, row)),
            tuple(_owed(told, row)),
        )
        for number, row in enumerate(rows)
    )
    return MarketSheet(MarketId(lender.name), "", UNIT, terms, sheets, exposures)


def _pledged(told: Book, lender: Lender, row: Row) -> Iterator[CollateralLeg]:
    yield _leg(told, lender, lender.staked, row.staked, lender.threshold)
    rest = row.collateral - row.staked
    if rest > NOTHING * row.collateral:
        secured = row.collateral * row.threshold - row.staked * lender.threshold
        yield _leg(told, lender, OTHER, rest, min(max(secured / rest, Decimal(0)), Decimal(1)))


def _leg(
    told: Book, lender: Lender, asset: AssetId, value: Decimal, threshold: Decimal
) -> CollateralLeg:
    return CollateralLeg(
        asset,
        _raw(told, asset, value),
        Wad(round(threshold * WAD)),
        Wad(round(lender.bonus * WAD)),
        Bps(0),
    )


def _owed(told: Book, row: Row) -> Iterator[DebtLeg]:
    yield DebtLeg(WETH, _raw(told, WETH, row.ether))
    if row.debt - row.ether > NOTHING * row.debt:
        yield DebtLeg(ELSE, _raw(told, ELSE, row.debt - row.ether))


def _raw(told: Book, asset: AssetId, value: Decimal) -> RawAmount:
    return RawAmount(round(value / told.prices[asset] * WAD))
