"""Worlds that nobody sane would build and anybody can: a projection has an answer to each."""

from dataclasses import replace
from fractions import Fraction

from unit.simulation.claim_worlds import (
    FIRST,
    SHARE,
    UNIT,
    VAULT_EDGE,
    ether_in_dollars,
    lending_market,
    pledged,
    quote_at,
    run,
    share_sheet,
    shares,
    vault,
)
from unit.simulation.test_usage import lent
from unit.simulation.worlds import (
    DOLLAR,
    ETH,
    ORACLE,
    PRICES,
    USDC,
    WETH,
    account_number,
    borrower,
    debt,
    market,
    pledge,
    pool,
    scenario,
    sheet_of,
    world,
)

from monitor.core.prices import Price
from monitor.core.rates import KinkedCurve
from monitor.core.risk import CollateralLeg, DebtLeg, Exposure
from monitor.core.units import RAY, BaseValue, Bps, RawAmount, Ray, wad_of_bps
from monitor.simulation.options import Options
from monitor.simulation.projection import project

ALL_OR_NOTHING = KinkedCurve(Ray(0), Ray(RAY // 25), Ray(RAY), Ray(RAY))
"""It bends at full use."""


def test_vault__that_loses_all_it_has__may_be_what_a_price_is_divided_by() -> None:
    """It claims less than it lent. Anybody may open a market that prices ether in its shares."""
    ether = pledge(WETH, 10, threshold_bps=9000)
    losing = lending_market(
        1, ether_in_dollars(), [borrower(1, ether, debt(USDC, 18_000))], cash=0, owed=18_000
    )
    value = BaseValue(PRICES[WETH] * 10**6 * UNIT // 10**18)
    path = (ETH, replace(DOLLAR, exponent=-1), replace(VAULT_EDGE, exponent=-1))
    odd = replace(ether_in_dollars(), price_base=value, price=Price(value, ORACLE, path=path))
    anybodys = lending_market(
        2, odd, [borrower(2, pledge(WETH, 1), debt(USDC, 100))], cash=900, owed=100
    )
    sheet = pledged(vault((FIRST, 18_000), total=9000), losing, anybodys)
    outcome = run(sheet, WETH=-0.6)
    assert outcome.end.claims[SHARE].total == 0
    assert 0 < outcome.end.claims[SHARE].worth < 1e-15
    at = quote_at(sheet, "morpho/0x02", WETH)
    assert 1e9 < outcome.end.prices[at] * 1e18 < float("inf")
    assert outcome.unsafe == ()


def test_losses__of_debts_that_are_more_than_what_is_lent__take_all_of_it_and_no_more() -> None:
    """Debts are rounded up: each of four is a unit, though the market knows of none."""
    leg = CollateralLeg(WETH, RawAmount(10**9), wad_of_bps(8600), wad_of_bps(20_000), Bps(0))
    dust = [
        Exposure(account_number(number), (leg,), (DebtLeg(USDC, RawAmount(1)),))
        for number in (1, 2, 3, 4)
    ]
    sheet = pledged(
        vault((FIRST, 1e-6), idle=1),
        lending_market(1, ether_in_dollars(), dust, cash=0, owed=0),
        lending_market(9, share_sheet(), [borrower(9, shares(1000), debt(USDC, 1))], owed=1),
    )
    outcome = run(sheet, WETH=-0.5)
    assert len(outcome.rounds[0].liquidations) == 4
    held = outcome.end.claims[SHARE]
    assert held.lent == (0.0,)
    assert held.total == 10**6


def test_last_of_the_cash__and_a_hair_more__is_full_use_and_not_beyond() -> None:
    """What bends at full use has no rate beyond it. 1e-12 of the collateral is lent out."""
    ether = lent(WETH, 10, 5, ALL_OR_NOTHING)
    ether = replace(ether, cash_raw=RawAmount(10**19 - 10**7))
    core = market(
        [borrower(1, pledge(WETH, 10, fee_bps=0), debt(USDC, 19_000))],
        assets=[sheet_of(USDC), ether],
    )
    answer = project(world(core, [pool(WETH, USDC, 1e9)]), scenario(WETH=-0.5), Options())
    rows = {asset: use for _, asset, *use in answer.round_log[0].lending}
    assert rows["WETH"] == [1.0, 0.04]


def test_claim__that_is_worth_nothing__earns_nobody_anything() -> None:
    """A vault that was robbed says that a share is worth 0, while its oracle says what it was."""
    robbed = replace(vault((FIRST, 1000)), rate=Fraction(0))
    sheet = pledged(
        robbed,
        lending_market(1, ether_in_dollars(), cash=1000),
        lending_market(9, share_sheet(), [borrower(9, shares(1000), debt(USDC, 1200))], owed=1200),
    )
    for fill in ("ladder", "optimal"):
        answer = project(sheet, scenario(WETH=-0.5), Options(gas_usd=0.0, fill=fill))
        assert answer.liquidated_usd == 0
        assert answer.unliquidated_because["no_profit"] == answer.unliquidated_usd > 0
