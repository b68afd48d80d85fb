"""xUSD on Morpho Blue (Arbitrum) in November 2025, hour by hour, as far as it was written down.

Source: 290-byte/morpho-risk-case-study @ f4fbbfd (no licence, read where it lies, never copied).
The set has who held what on 2026-02-13, and what each market owed in every hour of November. So
an account's debt of an hour is its share of 2026-02-13 of what its market owed then, and its
collateral is that of 2026-02-13: an estimate, good where nobody came or went, as in markets that
are drained. The oracle answered the same price all the time. What the token traded for is the
hourly price of the token on mainnet: that of Arbitrum's is daily until 2025-11-04. How deep it
traded is not told: ten million USD on either side stand for that. Bonus as the protocol's:
1 / (1 - 0.3 (1 - lltv)), at most 1.15.
"""

import csv
import gzip
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from monitor.core.blocks import BlockRef
from monitor.core.curves import ConstantProductCurve
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
from monitor.core.units import WAD, AssetId, BaseValue, Bps, MarketId, RawAmount, Wad, address
from monitor.incidents.lido_book import stand_in

SET = "morpho_xusd_2025_11"
SYMBOL, CHAIN, CHAIN_ID, PRICED_ON = "xUSD", "Arbitrum", "42161", "1"
DEEP_USD, FEE_PPM = 10**7, 3000
ORACLE_SCALE = 10**36
USDC_UNIT = 10**6
TERMS = PartialTerms(Bps(10_000), Wad(10**18), full_close_value_base=0, dust_value_base=0)
HARD_WIRED = (Edge(stand_in("hard-wired"), PriceKind.FIXED, "fixed price"),)
Row = Mapping[str, str]
Series = tuple[Sequence[int], Sequence[Decimal]]
"""Times, rising, and what held from each on."""


@dataclass(frozen=True, slots=True)
class Lent:
    """One market: its oracle's row, who owes it, and what it owed in USD by the hour."""

    key: str
    oracle: Row
    held: Sequence[Row]
    owed_usd: Series
    last_owed_usd: Decimal

    def sheet(self, unix: int) -> MarketSheet:
        """Each account owes its last share of what the market owed at that time."""
        share = Fraction(_at(self.owed_usd, unix)) / Fraction(self.last_owed_usd)
        return sheet_of(self.key, self.oracle, self.held, share)


class XusdBook:
    """All markets of Arbitrum that take xUSD and whose oracle answers. Raises OSError, KeyError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._prices = self._series(
            "block5_asset_prices.csv.gz",
            lambda row: row["symbol"] == SYMBOL and row["chain_id"] == PRICED_ON,
            "price_usd",
        )
        self._markets = tuple(self._lent())
        asset = address(self._markets[0].oracle["collateral_address"])
        self.named: Mapping[str, AssetId] = {SYMBOL: AssetId(asset)}

    def price_usd(self, unix: int) -> Decimal:
        """What the token last traded for."""
        return _at(self._prices, unix)

    def oracle_usd(self) -> Decimal:
        """What the largest market's oracle said of a token, all the time."""
        largest = max(self._markets, key=lambda market: market.last_owed_usd)
        return Decimal(largest.held[0]["oracle_price_raw"]) / ORACLE_SCALE

    def hours(self, begins: int, ends: int) -> list[int]:
        """Those that the markets were written down in."""
        told = {at for market in self._markets for at in market.owed_usd[0]}
        return sorted(at for at in told if begins <= at <= ends)

    def owed_usd(self, unix: int) -> Decimal:
        return sum((_at(market.owed_usd, unix) for market in self._markets), Decimal(0))

    def world(self, unix: int, block: BlockRef) -> WorldSheet:
        price = Fraction(self.price_usd(unix))
        sheets = tuple(market.sheet(unix) for market in self._markets)
        curves = tuple(_pool(sheet, price) for sheet in sheets[:1])
        loans = {address(str(sheet.numeraire)) for sheet in sheets}
        usd = {AssetId(loan): Fraction(1, USDC_UNIT) for loan in loans}
        return WorldSheet(block, sheets, curves, {}, usd)

    def _lent(self) -> Iterator[Lent]:
        held: dict[str, list[Row]] = {}
        for row in self._rows("block5_borrower_positions.csv"):
            if row["chain_id"] == CHAIN_ID and int(row["borrow_assets_raw"]):
                held.setdefault(row["market_unique_key"], []).append(row)
        for oracle in self._rows("block5_oracle_configs.csv"):
            key = oracle["market_unique_key"]
            if oracle["chain"] == CHAIN and oracle["collateral_symbol"] == SYMBOL and key in held:
                owed = self._owed(key)
                yield Lent(key, oracle, held[key], owed, Decimal(oracle["borrow_assets_usd"]))

    def _owed(self, key: str) -> Series:
        """By the hour, in USD."""
        name = "block3_market_utilization_hourly.csv.gz"
        return self._series(name, lambda row: row["market_unique_key"] == key, "borrow_assets_usd")

    def _series(self, name: str, wanted: Callable[[Row], bool], column: str) -> Series:
        rows = (row for row in self._rows(name) if wanted(row) and row[column])
        found = sorted({int(row["timestamp"]): Decimal(row[column]) for row in rows}.items())
        return [at for at, _ in found], [value for _, value in found]

    def _rows(self, name: str) -> list[Row]:
        data = (self._folder / name).read_bytes()
        text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
        return list(csv.DictReader(text.splitlines()))


def _at(series: Series, unix: int) -> Decimal:
    """The newest at that time."""
    times, values = series
    return values[bisect_right(times, unix) - 1]


def sheet_of(key: str, oracle: Row, held: Sequence[Row], share: Fraction) -> MarketSheet:
    """A market of the set. `share`: of each debt, that is still owed."""
    collateral = AssetId(address(oracle["collateral_address"]))
    loan = AssetId(address(oracle["loan_address"]))
    price = int(Fraction(held[0]["oracle_price_raw"]))
    plenty = RawAmount(10**40)
    pledged = AssetSheet(
        asset=collateral,
        symbol=oracle["collateral_symbol"],
        decimals=int(oracle["collateral_decimals"]),
        price_base=price,
        source=None,
        cash_raw=plenty,
        price=Price(BaseValue(price), kind=PriceKind.FIXED, path=HARD_WIRED),
    )
    decimals = int(oracle["loan_decimals"])
    lent = AssetSheet(loan, oracle["loan_symbol"], decimals, ORACLE_SCALE, None, plenty)
    return MarketSheet(
        market=MarketId("morpho"),
        sub_market=key,
        base_unit=ORACLE_SCALE,
        terms=TERMS,
        assets={collateral: pledged, loan: lent},
        exposures=tuple(_exposure(oracle, row, share) for row in held),
        numeraire=loan,
    )


def _exposure(oracle: Row, row: Row, share: Fraction) -> Exposure:
    """The bonus is the protocol's: 1 / (1 - 0.3 (1 - lltv)), at most 1.15."""
    lltv_wad = int(oracle["lltv_raw"])
    bonus = min(Fraction("1.15"), 1 / (1 - Fraction("0.3") * (1 - Fraction(lltv_wad, WAD))))
    pledge = CollateralLeg(
        AssetId(address(oracle["collateral_address"])),
        RawAmount(int(row["collateral_raw"])),
        Wad(lltv_wad),
        Wad(int(bonus * WAD)),
        Bps(0),
    )
    debt_raw = RawAmount(int(int(row["borrow_assets_raw"]) * share))
    debt = DebtLeg(AssetId(address(oracle["loan_address"])), debt_raw)
    return Exposure(address(row["user_address"]), (pledge,), (debt,))


def _pool(sheet: MarketSheet, price_usd: Fraction) -> ConstantProductCurve:
    """At what the token traded for."""
    (pledged,) = (each for each in sheet.assets.values() if each.asset != sheet.numeraire)
    loan = AssetId(address(str(sheet.numeraire)))
    held = int(DEEP_USD / price_usd * 10 ** (pledged.decimals or 0))
    return ConstantProductCurve(
        stand_in("pool of xUSD"), pledged.asset, loan, held, DEEP_USD * USDC_UNIT, FEE_PPM
    )
