"""The pure loops of the Lido book of 2023-06-21 as a world that can be asked.

Source: lidofinance/aave-liquidation-model @ a44561e (GPL-3, read where it lies, never copied): what
each account has and owes, and the parameters its publisher states: stETH was at 0.9987 ETH, wstETH
holds 1.1290 of it; Aave V2 closes half at a bonus of 7 %, an e-mode of V3 all of it at 1 %. In 2023
both took the market's word for stETH in ETH.

What else an account has or owes is given in sum alone, so it stands as one other asset a side, with
the threshold that makes up the account's own.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from monitor.core.blocks import BlockRef
from monitor.core.curves import ConstantProductCurve, DepthCurve, StableSwapCurve
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
from monitor.core.units import WAD, Address, AssetId, BaseValue, Bps, MarketId, RawAmount, Wad
from monitor.simulation.pools import pools_of
from monitor.simulation.stable import StablePool

SET = "lido_steth_positions_2023"
"""The folder of the set, where data is at hand."""


def stand_in(name: str) -> Address:
    """An address for what the set names otherwise; the same for the same name."""
    return Address("0x" + hashlib.sha256(name.encode()).hexdigest()[:40])


STETH, WSTETH, WETH, USDC, OTHER, ELSE = (
    AssetId(stand_in(name))
    for name in ("stETH", "wstETH", "WETH", "USDC", "other collateral", "other debt")
)
NAMED: Mapping[str, AssetId] = {"stETH": STETH, "wstETH": WSTETH, "WETH": WETH}
ETH_FEED, PEG_FEED, BOOK, RATE = (stand_in(f"{name} feed") for name in ("e", "p", "b", "r"))
ETHER = Edge(ETH_FEED, PriceKind.MARKET, "ETH / USD", asset=WETH)
PEG = Edge(PEG_FEED, PriceKind.MARKET, "stETH / ETH", asset=STETH, quote=WETH)
STAKED = Edge(BOOK, PriceKind.MARKET, "stETH / USD", (PEG_FEED, ETH_FEED))
WRAPPED = Edge(RATE, PriceKind.EXCHANGE_RATE, "stETH per wstETH", (PEG_FEED, ETH_FEED))
ETH_USD = Decimal("1719.89763743")
"""As the book of Aave V3 has it; that of V2 counts in ETH."""
NOTHING = Decimal("1e-6")
"""What is left of a sum by rounding, as a share of it."""
UNIT = 10**18
BOTTOM = 10**12 * WAD
NO_PRICES: Mapping[AssetId, float] = {}
Prices = dict[AssetId, Decimal]


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


def book(folder: Path) -> Book:
    """`folder`: the set's. Raises OSError, and ValueError where it is another than it was."""
    told = json.loads((folder / "positions.json").read_text(), parse_float=Decimal)
    for lender, name in ((V2, "v2"), (V3, "v3")):
        stated = told[name]
        found = (
            stated.get("lt_steth", stated.get("lt_emode")),
            1 + stated["bonus"],
            stated["close_factor"] * 10_000,
        )
        expected = lender.threshold, lender.bonus, lender.share
        if found != expected:
            raise ValueError(f"the parameters of {name} are {found}: expected {expected}")
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
    return StableSwapCurve(stand_in("curve"), (WETH, STETH), (eth * WAD, steth * WAD), swap, 0)


@dataclass(frozen=True, slots=True)
class Scene:
    """`world`: at the prices of that day. `told`: what the publisher says of it."""

    told: Book
    world: WorldSheet

    def at(self, peg: Decimal, ether_usd: Decimal) -> WorldSheet:
        """With stETH at so much ETH, and ETH at so much USD."""
        prices = self._prices(peg, ether_usd)
        markets = (
            replace(
                sheet,
                assets={
                    asset: replace(each, price_base=round(prices[asset] * UNIT))
                    for asset, each in sheet.assets.items()
                },
            )
            for sheet in self.world.markets
        )
        return replace(self.world, markets=tuple(markets), curves=self._curves(peg, prices))

    def _prices(self, peg: Decimal, ether_usd: Decimal) -> Prices:
        staked = peg * ether_usd
        wrapped = staked * self.told.rate
        return self.told.prices | {WETH: ether_usd, STETH: staked, WSTETH: wrapped}

    def _curves(self, peg: Decimal, prices: Prices) -> tuple[DepthCurve, ...]:
        (pool,) = pools_of([self.told.pool], NO_PRICES.get).pools
        if not isinstance(pool, StablePool):
            raise TypeError(f"{pool} is no stable pool")
        moved = pool.moved([1.0, float(peg) / pool.mid(1, 0)])
        curve = replace(self.told.pool, balances=tuple(int(raw) for raw in moved.balances))
        pairs = ((WSTETH, STETH), (WETH, ELSE), (OTHER, ELSE))
        return (curve, *(_flat(prices, *pair, at) for at, pair in enumerate(pairs, start=1)))


def _flat(prices: Prices, asset: AssetId, other: AssetId, number: int) -> DepthCurve:
    reserve = int(BOTTOM * prices[asset] / prices[other])
    return ConstantProductCurve(stand_in(f"pool {number}"), asset, other, BOTTOM, reserve, 0)


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


def world_of(told: Book, curves: Sequence[DepthCurve], block: BlockRef) -> WorldSheet:
    markets = (_market(told, V2, told.v2), _market(told, V3, told.v3))
    return WorldSheet(block, markets, tuple(curves), {})


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
            stand_in(f"{lender.name} {number}"),
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
