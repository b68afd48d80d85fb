"""Worlds that nobody sane would build and anybody can: a projection has an answer to each."""

import json
from dataclasses import replace
from fractions import Fraction

import pytest
from cascade_books import FAMILIES, a_pool
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
    BLOCK,
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

from monitor.core.blocks import BlockRef
from monitor.core.ledger import Ledger, LedgerView
from monitor.core.prices import Edge, Price, PriceKind
from monitor.core.rates import KinkedCurve
from monitor.core.risk import AssetSheet, CollateralLeg, DebtLeg, Exposure, WorldSheet
from monitor.core.units import RAY, AssetId, BaseValue, Bps, RawAmount, Ray, wad_of_bps
from monitor.engine.cascade_runner import CascadeRunner, Plan
from monitor.errors import QuestionError
from monitor.simulation.columns import columns_of
from monitor.simulation.options import Options
from monitor.simulation.projection import names_of, project
from monitor.simulation.report import document_of
from monitor.simulation.scenarios import scenario_of
from monitor.simulation.shocks import parse_shocks

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


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("fill", ["ladder", "optimal"])
def test_depth__of_nothing__sells_nothing_and_keeps_the_price(family: str, fill: str) -> None:
    """Whatever the family; nobody looks for so small a profit, be it free to take."""
    core = market([borrower(1, pledge(WETH, 10), debt(USDC, 15_500))])
    sheet = world(core, [a_pool(family, WETH, USDC, 1e9, 1)])
    shocks = parse_shocks({"WETH": "-0.3", "liquidity:*": "0"})
    answer = project(
        sheet, scenario_of(shocks, names_of(sheet, {})), Options(gas_usd=0.0, fill=fill)
    )
    assert answer.liquidated_usd == 0
    assert answer.unliquidated_usd == pytest.approx(15_500)
    assert answer.prices["WETH"].after == pytest.approx(1400)


def beyond() -> WorldSheet:
    """A pair whose loan says it has 255 decimals, and a feed of it with an answer of as many."""
    loan, collateral = (AssetId(account_number(number)) for number in (901, 902))
    feed = Edge(ORACLE, PriceKind.MARKET, "?", asset=collateral, quote=loan)
    path = (replace(feed, answer=2**255, decimals=0), ETH)
    price = Price(BaseValue(UNIT), path=path)
    listed = AssetSheet(collateral, "?", 0, UNIT, None, RawAmount(1), price)
    odd = lending_market(3, listed)
    last = lending_market(4, replace(listed, asset=loan, decimals=255, price=None))
    return pledged(vault(), odd, last)


async def test_numbers__beyond_floats__make_answers_unknown_and_end_nothing() -> None:
    plan = Plan("crash", {"WETH": "-0.3"}, None, Options())
    with pytest.raises(OverflowError):
        columns_of(beyond())

    class Asked(CascadeRunner):
        def world(self, view: LedgerView, block: BlockRef) -> WorldSheet:
            return beyond()

    runner = Asked((), (), {"WETH": WETH}, {}, [plan])
    with pytest.raises(QuestionError, match="beyond what can be reckoned with"):
        runner.result_of(beyond(), plan)
    answers, sheet = await runner.run(Ledger({}), BLOCK)
    assert sheet is not None
    assert answers["crash"].measure("liquidated_usd", ("*",)) is None
    assert "beyond what can be reckoned with" in answers["crash"].unknown[0]


def test_sum__that_is_not_finite__is_no_answer() -> None:
    """2^1000 of base for a unit, and as many units."""
    core = market(
        [borrower(1, pledge(WETH, 10), debt(USDC, 15_500))],
        assets=[sheet_of(WETH, price_base=2**1000), replace(sheet_of(USDC), price_base=2**1000)],
    )
    (owes,) = core.exposures
    debts = (DebtLeg(USDC, RawAmount(2**256)),)
    sheet = world(replace(core, exposures=(replace(owes, debt=debts),)))
    with pytest.raises(OverflowError, match="a sum is not finite"):
        project(sheet, scenario(WETH=-0.5), Options())


def test_document__of_thousands_of_markets_in_trouble__shows_those_with_most_of_it() -> None:
    """Anybody can open some, and leave a dust of debt in each: an alert has room for so many."""
    opened = [
        lending_market(
            number,
            ether_in_dollars(),
            [borrower(number, pledge(WETH, 0.001), debt(USDC, 2 + number / 1000))],
            owed=10,
        )
        for number in range(1, 1001)
    ]
    sheet = pledged(vault(), *opened)
    document = document_of(project(sheet, scenario(WETH=-0.1), Options()), {})
    told = document["result"]["by_market"]
    assert told.keys() == {"core", *(f"morpho/0x{number:02x}" for number in range(801, 1001))}
    assert document["result"]["unliquidated_usd"] == "2500.50"
    assert len(json.dumps(document)) < 100_000
