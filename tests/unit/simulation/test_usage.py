"""Utilisation and borrow rate of what a round touched, by hand."""

from dataclasses import replace

import pytest
from unit.simulation.worlds import (
    DAI,
    USDC,
    WETH,
    borrower,
    debt,
    market,
    pledge,
    pool,
    raw,
    scenario,
    sheet_of,
    world,
)

from monitor.core.rates import AdaptiveCurve, KinkedCurve, RateCurve
from monitor.core.risk import AssetSheet, Lending, WorldSheet
from monitor.core.units import RAY, WAD, YEAR_SECONDS, AssetId, RawAmount, Ray, Wad
from monitor.simulation.options import Options
from monitor.simulation.projection import project
from monitor.simulation.report import document_of

KINKED = KinkedCurve(Ray(0), Ray(3 * RAY // 100), Ray(8 * RAY // 10), Ray(9 * RAY // 10))
"""3 % at 90 %, 83 % at full use."""
DRIFTING = AdaptiveCurve(
    rate_at_target_wad=Wad(WAD // 25 // YEAR_SECONDS),
    target_wad=Wad(9 * WAD // 10),
    steepness_wad=Wad(4 * WAD),
    speed_wad=Wad(50 * WAD // YEAR_SECONDS),
    lowest_wad=Wad(WAD // 1000 // YEAR_SECONDS),
    highest_wad=Wad(2 * WAD // YEAR_SECONDS),
)
"""4 % at its target of 90 %, a quarter of it where nothing is lent."""


def lent(asset: AssetId, cash: float, owed: float, curve: RateCurve | None) -> AssetSheet:
    lending = Lending(curve, raw(asset, owed), Wad(0), secures=True)
    return replace(sheet_of(asset, cash_raw=raw(asset, cash)), lending=lending)


def crash(curve: RateCurve | None, *, collateral: float = 10) -> WorldSheet:
    """An account of 15,500 USDC against 10 WETH; 592,250 + 7,750 USDC owed, 400,000 idle."""
    assets = [
        lent(USDC, 400_000, 600_000, curve),
        lent(WETH, 5_000, 0, None),
        lent(DAI, 10, 10, KINKED),
    ]
    account = borrower(1, pledge(WETH, collateral), debt(USDC, 15_500))
    return world(market([account], assets=assets), [pool(WETH, USDC, 1e9)])


def shown(sheet: WorldSheet, fall: float) -> list[dict[str, object]]:
    answer = project(sheet, scenario(WETH=fall), Options())
    document = document_of(answer, {}, str)
    rows = document["result"]["round_log"][0]["lending"]
    assert isinstance(rows, list)
    return rows


def test_round__repaid_half__is_less_of_a_larger_supply_at_the_rate_of_its_curve() -> None:
    debt_row, pledge_row = sorted(shown(crash(KINKED), -0.05), key=lambda row: str(row["asset"]))
    assert (debt_row["market"], debt_row["asset"]) == ("core", "USDC")
    # 600,000 - 7,750 owed of 1,000,000 lent; 3 % times that, of 90 %.
    assert debt_row["utilisation"] == pytest.approx(0.59225, rel=1e-12)
    assert debt_row["borrow_rate"] == pytest.approx(0.03 * 0.59225 / 0.9, rel=1e-12)
    assert (pledge_row["asset"], pledge_row["utilisation"]) == ("WETH", 0.0)


def test_round__adaptive_curve__tells_the_rate_of_that_moment() -> None:
    row = next(row for row in shown(crash(DRIFTING), -0.05) if row["asset"] == "USDC")
    # Error (0.59225 - 0.9) / 0.9; a quarter of the rate at -1: 4 % times 1 + 3/4 of the error.
    error = (0.59225 - 0.9) / 0.9
    assert row["borrow_rate"] == pytest.approx(0.04 * (1 + 0.75 * error), rel=1e-9)


def test_round__unknown_curve__has_a_utilisation_and_no_rate() -> None:
    row = next(row for row in shown(crash(None), -0.05) if row["asset"] == "USDC")
    assert row["utilisation"] == pytest.approx(0.59225)
    assert row["borrow_rate"] is None


def test_round__debt_written_off__is_neither_owed_nor_lent_any_more() -> None:
    (row,) = (row for row in shown(crash(KINKED), -0.5) if row["asset"] == "USDC")
    # 10 WETH at 1,000 pay 10,000 / 1.05 back; the rest of the 15,500 is gone.
    repaid = 10_000 / 1.05
    owed = 600_000 - 15_500
    assert row["utilisation"] == pytest.approx(owed / (owed + 400_000 + repaid), rel=1e-9)


def test_round__asset_of_a_pledge_that_nobody_lends__is_not_listed() -> None:
    sheet = crash(KINKED)
    (core,) = sheet.markets
    idle = replace(core.assets[WETH], lending=None, cash_raw=RawAmount(10**30))
    bare = replace(sheet, markets=(replace(core, assets={**core.assets, WETH: idle}),))
    assert [row["asset"] for row in shown(bare, -0.05)] == ["USDC"]


def test_round__other_debt_written_off__is_listed_too() -> None:
    sheet = crash(KINKED)
    (core,) = sheet.markets
    account = borrower(1, pledge(WETH, 10), [debt(USDC, 15_500), debt(DAI, 4)])
    both = replace(sheet, markets=(replace(core, exposures=(account,)),))
    rows = {row["asset"]: row for row in shown(both, -0.5)}
    # 10 owed and 10 idle; 4 of the 10 are gone.
    assert rows["DAI"]["utilisation"] == pytest.approx(6 / 16)
