"""A real book that nobody liquidated: xUSD and deUSD on Morpho Blue, whose oracles were hard-wired.

Source: 290-byte/morpho-risk-case-study @ f4fbbfd (no licence, read where it lies, never copied).
Asked are the markets whose oracle answers: what it says never moved, while xUSD fell to 0.26 USD
and deUSD to 0.0012.
"""

import csv
import os
from collections import defaultdict
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import pytest
from builders import a_block, an_address

from monitor.core.curves import ConstantProductCurve
from monitor.core.risk import MarketSheet, WorldSheet
from monitor.core.units import AssetId, address
from monitor.incidents.xusd_book import sheet_of
from monitor.simulation.columns import columns_of, state_of
from monitor.simulation.options import Options
from monitor.simulation.projection import names_of, project
from monitor.simulation.scenarios import scenario_of
from monitor.simulation.shocks import parse_shocks
from monitor.simulation.worth import health_of

FOLDER = Path(os.environ.get("CASCADE_MONITOR_DATA", "../shared/data")) / "morpho_xusd_2025_11"
needs_book = pytest.mark.skipif(
    not FOLDER.is_dir(),
    reason=f"{FOLDER} is absent: the set has no licence and is not part of this repository; "
    "name its folder in CASCADE_MONITOR_DATA",
)
SPOT_USD = {"xUSD": Fraction("0.26"), "deUSD": Fraction("0.001171")}
Row = Mapping[str, str]


def rows(name: str) -> list[Row]:
    with (FOLDER / name).open() as table:
        return list(csv.DictReader(table))


def books() -> dict[str, tuple[Row, list[Row]]]:
    """Oracle and positions of each market whose oracle answers, by its id."""
    oracles = {row["market_unique_key"]: row for row in rows("block5_oracle_configs.csv")}
    positions: dict[str, list[Row]] = defaultdict(list)
    for row in rows("block5_borrower_positions.csv"):
        if int(row["borrow_assets_raw"]) and float(row["oracle_price_raw"]):
            positions[row["market_unique_key"]].append(row)
    return {key: (oracles[key], held) for key, held in positions.items()}


def pool_of(market: MarketSheet) -> ConstantProductCurve:
    """Ten million USD deep on either side, at what the token traded for."""
    (collateral,) = (each for each in market.assets.values() if each.asset != market.numeraire)
    loan = market.assets[AssetId(address(str(market.numeraire)))]
    assert collateral.decimals is not None
    assert loan.decimals is not None
    deep = 10**7
    held = int(deep / SPOT_USD[collateral.symbol] * 10**collateral.decimals)
    number = an_address(f"pool of {market.sub_market}")
    return ConstantProductCurve(
        number, collateral.asset, loan.asset, held, deep * 10**loan.decimals, 3000
    )


def world_of() -> tuple[WorldSheet, list[Row]]:
    found = books()
    markets = tuple(sheet_of(key, *book, Fraction(1)) for key, book in found.items())
    usd = {AssetId(address(str(m.numeraire))): Fraction(1, 10**6) for m in markets}
    world = WorldSheet(a_block(), markets, tuple(map(pool_of, markets)), {}, usd)
    return world, [row for _, positions in found.values() for row in positions]


@needs_book
def test_xusd_book__healths__are_those_that_were_published() -> None:
    world, positions = world_of()
    columns = columns_of(world)
    state = state_of(columns)
    healths = {
        (columns.markets[each.market].label, each.address): health_of(state, each)
        for each in columns.accounts
    }
    published = {
        (f"morpho/{row['market_unique_key']}", address(row["user_address"])): float(
            row["health_factor"]
        )
        for row in positions
    }
    assert len(published) == 18
    assert healths == pytest.approx(published, rel=1e-4, abs=1e-4)


@needs_book
def test_xusd_book__hard_wired__is_large_unliquidated_and_zero_liquidated() -> None:
    world, positions = world_of()
    shocks = parse_shocks({"gas": 0})
    found = project(world, scenario_of(shocks, names_of(world, {})), Options())
    owed_usd = sum(
        int(row["borrow_assets_raw"]) / 10**6
        for row in positions
        if float(row["health_factor"]) < 1
    )
    assert owed_usd > 4_900_000
    assert found.liquidated_usd == 0
    assert found.unliquidated_usd == pytest.approx(owed_usd, rel=1e-3)
    assert found.bad_debt_realised_usd == 0
    assert not found.unknown
