"""Utilisation that is held: debts grow, cash is short, and what is lent grows too."""

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest
from unit.simulation.worlds import (
    BY_RATE,
    DOLLAR,
    ETH,
    USDC,
    WETH,
    WSTETH,
    borrower,
    debt,
    market,
    pledge,
    pool,
    priced,
    raw,
    world,
)

from monitor.core.prices import PriceKind
from monitor.core.rates import AdaptiveCurve, KinkedCurve
from monitor.core.risk import Exposure, Lending, MarketSheet, WorldSheet
from monitor.core.units import RAY, WAD, YEAR_SECONDS, RawAmount, Ray, Wad
from monitor.errors import QuestionError
from monitor.simulation.channels import struck
from monitor.simulation.columns import Columns, columns_of
from monitor.simulation.lending import borrow_rate, cash_at, curve_after
from monitor.simulation.options import Options
from monitor.simulation.projection import names_of, project
from monitor.simulation.results import Projection
from monitor.simulation.scenarios import scenario_of
from monitor.simulation.shocks import parse_shocks

DEEP = 1e9
NAMED = {"WETH": WETH, "wstETH": WSTETH, "USDC": USDC}
CURVE = KinkedCurve(Ray(0), Ray(3 * RAY // 100), Ray(8 * RAY // 10), Ray(9 * RAY // 10))
"""3 % at 90 %, 83 % at full use."""
LOOP = borrower(1, pledge(WSTETH, 100, threshold_bps=9500, bonus_bps=10_100), debt(WETH, 111.7))
"""Health 1.0206, against a debt in WETH; wstETH by its exchange rate."""
HELD = "rate:core/WETH"


def lent(sheet: MarketSheet, *, secures: bool = True, is_known: bool = True) -> MarketSheet:
    """A market that lends its WETH, a tenth of the interest to the treasury."""
    asset = sheet.assets[WETH]
    owed = RawAmount(raw(WETH, 1000))
    lending = Lending(CURVE if is_known else None, owed, Wad(WAD // 10), secures)
    assets = {**sheet.assets, WETH: replace(asset, lending=lending)}
    return replace(sheet, assets=assets)


def ether_world(*accounts: Exposure, secures: bool = True, is_known: bool = True) -> WorldSheet:
    assets = [
        priced(WETH, PriceKind.MARKET, ETH),
        priced(WSTETH, PriceKind.EXCHANGE_RATE, *BY_RATE),
        priced(USDC, PriceKind.MARKET, DOLLAR),
    ]
    pools = [pool(WSTETH, WETH, DEEP, number=1), pool(WETH, USDC, DEEP, number=2)]
    sheet = market(accounts or (LOOP,), assets=assets)
    return world(lent(sheet, secures=secures, is_known=is_known), pools)


def asked(sheet: WorldSheet, shocks: Mapping[str, object]) -> Projection:
    found = scenario_of(parse_shocks(shocks), names_of(sheet, NAMED))
    return project(sheet, found, Options())


def held(sheet: WorldSheet, value: str) -> tuple[Columns, Columns]:
    """The columns before, and after the horizon."""
    columns = columns_of(sheet)
    found = scenario_of(parse_shocks({HELD: value}), names_of(sheet, NAMED))
    return columns, struck(columns, found)


def test_rate__held_at_full_use__liquidates_the_loop_that_no_depeg_did() -> None:
    """The pitfall: a loop on an exchange-rate oracle breaks by its interest."""
    assert asked(ether_world(), {"peg:wstETH/WETH": -0.05}).rounds == 0
    found = asked(ether_world(), {HELD: "1.0@30d"})
    x = 0.83 * 30 / 365
    grown = 111.7 * (1 + x + x**2 / 2 + x**3 / 6)
    assert found.first_round_usd == pytest.approx(grown * 2000 / 2)
    assert found.scenario.shocks == {HELD: "1.0@30d"}


def test_rate__held_for_too_short__liquidates_nobody() -> None:
    assert asked(ether_world(), {HELD: "1.0@5d"}).rounds == 0
    assert asked(ether_world(), {HELD: "0.9@30d"}).rounds == 0


def test_rate__with_a_price__is_one_scenario() -> None:
    """Neither alone does it: 0.9 % of interest, 1.5 % less reported."""
    interest, report = "1.0@4d", -0.015
    assert asked(ether_world(), {HELD: interest}).rounds == 0
    assert asked(ether_world(), {"oracle:core/wstETH": report}).rounds == 0
    both = {HELD: interest, "oracle:core/wstETH": report}
    assert asked(ether_world(), both).rounds > 0


def test_rate__at_full_use__leaves_no_cash_to_seize() -> None:
    """Liquidators would get receipts: what is lent out cannot be sold."""
    sick = borrower(1, pledge(WETH, 10), debt(USDC, 15_500))
    assert asked(ether_world(sick), {"WETH": -0.15}).liquidated_usd > 0
    found = asked(ether_world(sick), {"WETH": -0.15, HELD: "1@0d"})
    assert found.liquidated_usd == 0
    assert found.unliquidated_usd == pytest.approx(15_500)


def test_rate__held__is_the_cash_that_is_left() -> None:
    _, columns = held(ether_world(), "0.8@0d")
    at = next(n for n, quote in enumerate(columns.quotes) if quote.asset == WETH)
    assert columns.cash[at] == pytest.approx(1000e18 / 4)
    assert cash_at(1.0, 0.0) == float("inf")


def test_rate__held_for_long__leaves_the_cash_that_goes_with_the_grown_debt() -> None:
    before, after = held(ether_world(), "0.8@365d")
    at = next(n for n, quote in enumerate(after.quotes) if quote.asset == WETH)
    assert after.debts[at] > before.debts[at] * 1.02
    assert after.cash[at] == pytest.approx(after.debts[at] / 4)


def test_rate__held__lets_what_is_lent_grow_by_what_is_paid() -> None:
    supplier = borrower(1, pledge(WETH, 10), debt(USDC, 15_500))
    before, after = held(ether_world(supplier), "1.0@365d")
    grown = after.accounts[0].pledges[0].amount / before.accounts[0].pledges[0].amount
    assert grown == pytest.approx(1 + 0.83 * 0.9)
    assert after.accounts[0].debts == before.accounts[0].debts


def test_rate__of_what_lies_idle_as_collateral__lets_it_be() -> None:
    supplier = borrower(1, pledge(WETH, 10), debt(USDC, 15_500))
    before, after = held(ether_world(supplier, secures=False), "1.0@365d")
    assert after.accounts[0].pledges == before.accounts[0].pledges


def test_rate__held__has_moved_an_adaptive_curve() -> None:
    """Five days at full use from 4 % at target: e^(50 · 5 / 365) times as much."""
    per_second = WAD // YEAR_SECONDS
    curve = AdaptiveCurve(
        rate_at_target_wad=Wad(4 * per_second // 100),
        target_wad=Wad(9 * WAD // 10),
        steepness_wad=Wad(4 * WAD),
        speed_wad=Wad(50 * per_second),
        lowest_wad=Wad(per_second // 1000),
        highest_wad=Wad(2 * per_second),
    )
    after = curve_after(curve, 1.0, 5)
    rate = borrow_rate(after, 1.0)
    assert rate == pytest.approx(4 * 0.04 * math.exp(50 * 5 / 365), rel=1e-7)
    assert borrow_rate(after, 0.9) == pytest.approx(rate / 4, rel=1e-7)
    assert curve_after(CURVE, 1.0, 5) is CURVE


def test_rate__before_the_shock__is_what_was_owed_then() -> None:
    found = asked(ether_world(), {HELD: "1.0@30d"})
    assert found.by_market["core"].debt_usd == pytest.approx(111.7 * 2000)


@pytest.mark.parametrize(
    ("shocks", "message"),
    [
        ({"rate:core/USDC": "1.0@30d"}, "core lends no USDC"),
        ({"rate:core/DOGE": "1.0@30d"}, "no asset is called 'DOGE'"),
        ({"rate:spark/WETH": "1.0@30d"}, "no market is called 'spark'"),
        ({HELD: "1.0@30d", f"rate:core/{WETH}": "0.9@30d"}, "twice"),
        ({HELD: "nan@30d"}, "not a finite number"),
        ({HELD: "1e30@30d"}, "not within 0 and 1"),
        ({HELD: "-0.1@30d"}, "not within 0 and 1"),
        ({HELD: 0.5}, "UTILISATION@DAYSd"),
    ],
)
def test_rate__that_cannot_be_held__is_refused(shocks: dict[str, object], message: str) -> None:
    with pytest.raises(QuestionError, match=message):
        asked(ether_world(), shocks)


def test_rate__by_a_curve_nobody_knows__is_refused() -> None:
    with pytest.raises(QuestionError, match="by which curve core sets the rate of WETH"):
        asked(ether_world(is_known=False), {HELD: "1.0@30d"})
