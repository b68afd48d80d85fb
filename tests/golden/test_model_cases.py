"""Worked cases of cascade models, asked of the product wherever it can be put as its question.

Each case of model_cases.json has its source, what is expected and how near. What the product does
not use (linear and square-root impact, vaults that keep a target, Terra's market) is asked of the
models in tests/amplification_models.py.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from amplification_models import deleveraged, fallen, square_root_impact, terra_spread_out
from unit.simulation.exact_pool import Q96, step
from unit.simulation.worlds import (
    DAI,
    PRICES,
    WETH,
    borrower,
    debt,
    market,
    pledge,
    scenario,
    sheet_of,
    world,
)

from monitor.core.curves import ConstantProductCurve
from monitor.core.risk import PartialTerms, WorldSheet
from monitor.core.units import WAD, Address, Bps, Wad
from monitor.leverage import measures
from monitor.simulation.cascade import play
from monitor.simulation.columns import columns_of
from monitor.simulation.options import Options
from monitor.simulation.product import ProductPool
from monitor.simulation.projection import project
from monitor.simulation.ticks import Depth, Mark, sold

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "model_cases.json").read_text())
Inputs = Mapping[str, Any]
POOL = Address("0x" + "1" * 40)
HELD = 1e8
"""USD of collateral of an account that is alone."""
BOTTOMLESS = 1e18


def pool(side_usd: float) -> ConstantProductCurve:
    """WETH and DAI, so much of each, for no fee."""
    weth, dai = (int(side_usd / PRICES[asset] * WAD) for asset in (WETH, DAI))
    return ConstantProductCurve(POOL, WETH, DAI, weth, dai, fee_ppm=0)


def alone(
    ltv: float,
    threshold: float,
    bonus: float,
    *,
    depth_usd: float = BOTTOMLESS,
    close: int = 10_000,
) -> WorldSheet:
    """One account of that ltv; one call may repay `close` of 10,000 of its debt, without dust."""
    legs = replace(
        pledge(WETH, HELD / PRICES[WETH]),
        liquidation_threshold_wad=Wad(round(threshold * WAD)),
        liquidation_bonus_wad=Wad(WAD + round(bonus * WAD)),
    )
    terms = PartialTerms(Bps(close), Wad(0), full_close_value_base=0, dust_value_base=0)
    account = borrower(1, legs, debt(DAI, HELD * ltv))
    assets = [sheet_of(WETH), sheet_of(DAI)]
    return world(market([account], assets=assets, terms=terms), [pool(depth_usd)])


def ltv_after(sheet: WorldSheet) -> float:
    """Of the one account, after one call and what it does to the price."""
    columns = columns_of(sheet)
    end = play(columns, {}, Options(gas_usd=0, deviation=0, max_rounds=1)).end
    (account,) = end.accounts
    (pledged,), (owed,) = account.pledges, account.debts
    return owed.amount * end.prices[owed.quote] / (pledged.amount * end.prices[pledged.quote])


def leverage(collateral: float, debt: float) -> float:
    found = measures.leverage(Fraction(collateral), Fraction(debt))
    assert found is not None
    return float(found)


def boundary(low: float, high: float, is_beyond: Callable[[float], bool]) -> float:
    """Where something begins, to the last digits of a float."""
    assert not is_beyond(low)
    assert is_beyond(high)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if is_beyond(middle) else (middle, high)
    return high


def toxic(bonus: float, depth_usd: float = BOTTOMLESS) -> float:
    """The ltv from which a small call makes an account worse, not better."""

    def is_worse(ltv: float) -> bool:
        return ltv_after(alone(ltv, 0.5, bonus, depth_usd=depth_usd, close=1)) > ltv

    return boundary(0.6, 1.1, is_worse)


def slippage_frontier(inputs: Inputs) -> dict[str, float]:
    """All its collateral is worth less by what a call sells: `trade_over_reserve` of the pool."""
    frontier = toxic(inputs["i"], HELD / inputs["trade_over_reserve"])
    return {"lam": 1 / (frontier * (1 + inputs["i"])), "ltv_max": frontier}


def dynamic_bonus(inputs: Inputs) -> dict[str, float]:
    """A bonus that begins at nothing where health is 1: i (1 - h)."""
    threshold, depth_usd = inputs["v"], 2 * HELD / (inputs["lam"] - 1)

    def is_worse(ltv: float) -> bool:
        bonus = inputs["i"] * (1 - threshold / ltv)
        return ltv_after(alone(ltv, threshold, bonus, depth_usd=depth_usd, close=1)) > ltv

    nearly_none = 1e-6
    return {
        "toxic_above": boundary(threshold * 1.01, 1.1, is_worse),
        "lltv_depth_bound": toxic(nearly_none, depth_usd),
    }


def lossless(inputs: Inputs) -> dict[str, float | bool]:
    """At health 1 a call for all of the debt takes this part of the collateral."""
    threshold, bonus = inputs["LT"], inputs["bonus"]
    found = project(
        alone(threshold * (1 + 1e-12), threshold, bonus), scenario(WETH=0), Options(gas_usd=0)
    )
    assert found.rounds == 1
    return {"lossless": found.bad_debt_usd == 0, "value": found.seized_usd / HELD}


def anchor(inputs: Inputs) -> dict[str, float]:
    """The smallest falls that make an account liquidatable, and that leave a loss."""
    threshold, bonus = inputs["LT"], inputs["bonus"]
    ltv = threshold / inputs["hf0"]
    sheet = alone(ltv, threshold, bonus)

    def figures(fall: float) -> tuple[float, float]:
        found = project(sheet, scenario(WETH=-fall), Options(gas_usd=0))
        assert found.unliquidated_usd == 0
        return found.liquidated_usd, found.bad_debt_usd

    # A loss that is rounding is none.
    return {
        "ltv": ltv,
        "leverage": leverage(HELD, HELD * ltv),
        "eligible_drop": boundary(0.0, 0.5, lambda fall: figures(fall)[0] > 0),
        "D_star": boundary(0.0, 0.5, lambda fall: figures(fall)[1] > 1e-3),
    }


def stale(inputs: Inputs) -> float:
    """Bad debt, in millions per 100 million, where the price falls on before anybody sells."""
    threshold, hf0 = 0.95, 1.036269
    fall = 1 - (1 - inputs["gap"]) * (1 - inputs["extra_lag"])
    sheet = alone(threshold / hf0, threshold, 0.01)
    return project(sheet, scenario(WETH=-fall), Options(gas_usd=0)).bad_debt_usd / 1e6


def linear(inputs: Inputs) -> dict[str, float]:
    branching = inputs["impact_per_usd"] * inputs["usd_sold_per_unit_drop"]
    total = fallen(inputs["shock"], branching, inputs["rounds"])
    return {"total_drop": total, "A": total / inputs["shock"]}


def swap_step(inputs: Inputs) -> dict[str, float]:
    """By the contract's integers; and the product, whose floats are right to their last digit."""
    target, liquidity = math.isqrt(round(100 * inputs["target"]) * Q96**2 // 100), inputs["L"]
    fee_ppm, offered = inputs["fee_pips"], int(inputs["exact_in"])
    after, taken, given, fee = step(Q96, target, int(liquidity), offered, fee_ppm)
    depth = Depth(POOL, POOL, 1 - fee_ppm / 1e6, bounds=(), liquidity=(liquidity,))
    proceeds, mark = sold(depth, Mark(1.0, 0), float(taken + fee), zero_for_one=False)
    assert proceeds == pytest.approx(given, rel=1e-14)
    assert mark.sqrt == pytest.approx(after / Q96, rel=1e-14)
    return {"amount_in": taken, "fee": fee, "amount_out": given}


def terra(inputs: Inputs) -> dict[str, float]:
    """A constant product of two virtual pools, both in SDR."""
    virtual = ProductPool((WETH, DAI), (inputs["pool_terra"], inputs["pool_luna"]), 1.0)
    proceeds, _ = virtual.sold(inputs["offer_sdt"], 0, 1)
    return {"ask_sdr": proceeds, "ask_luna": proceeds / inputs["luna_price_sdr"]}


def unwound(inputs: Inputs) -> dict[str, float]:
    sell = deleveraged(inputs["coll"], inputs["debt"], inputs["target_ltv"])
    after = inputs["coll"] - sell, inputs["debt"] - sell
    assert leverage(*after) == pytest.approx(1 / (1 - inputs["target_ltv"]))
    return {"sell": sell, "coll_after": after[0], "debt_after": after[1]}


ASKED: Mapping[str, Callable[[Inputs], Any]] = {
    "uc-frontier-slippage": slippage_frontier,
    "uc-frontier-i": lambda i: toxic(i["incentive"]),
    "gatto-lossless": lossless,
    "gatto-anchor": anchor,
    "gatto-stale": stale,
    "mcf-dynamic-incentive": dynamic_bonus,
    "amplif-rho": lambda i: fallen(1.0, i["rho"], 1000),
    "lin-fixed-point": linear,
    "sqrt-law": lambda i: [
        square_root_impact(i["Y"], i["daily_vol"], share) for share in i["Q_over_V"]
    ],
    "univ3-swapmath": swap_step,
    "deleverage-to-target": unwound,
    "terra-swap": terra,
    "terra-tobin-minspread": lambda i: {
        "tobin_out": terra_spread_out(i["krt"], i["tobin"]),
        "luna_out": terra_spread_out(i["luna_value"], i["min_spread"]),
    },
}
"""By how a case's name begins; the first that fits."""


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_model_case__asked__is_as_published(case: dict[str, Any]) -> None:
    ask = next(ask for name, ask in ASKED.items() if case["id"].startswith(name))
    found, expected = ask(case["inputs"]), case["expected"]
    assert found == pytest.approx(expected, **case["tolerance"])


def test_model_cases__of_every_question__are_there() -> None:
    names = [next(name for name in ASKED if case["id"].startswith(name)) for case in CASES]
    assert set(names) == set(ASKED)


@pytest.mark.parametrize("branching", [0.032, 0.14, 0.2, 0.5])
def test_crowd__spread_evenly_before_a_deep_pool__amplifies_as_the_linear_model(
    branching: float,
) -> None:
    """Sales of `branching` / 2 pools a unit of fall, by accounts that fail one after the other."""
    shock, side_usd, crowd, spread = 0.001, 1e9, 400, 0.004
    owed = branching / 2 * side_usd * spread / crowd / 1.01
    terms = PartialTerms(Bps(10_000), Wad(0), full_close_value_base=0, dust_value_base=0)
    accounts = []
    for number in range(1, crowd + 1):
        fails_at = PRICES[WETH] * (1 - spread * (number - 0.5) / crowd)
        leg = pledge(WETH, owed / (0.8 * fails_at), bonus_bps=10_100)
        accounts.append(borrower(number, leg, debt(DAI, owed)))
    sheet = world(
        market(accounts, assets=[sheet_of(WETH), sheet_of(DAI)], terms=terms), [pool(side_usd)]
    )
    found = project(sheet, scenario(WETH=-shock), Options(gas_usd=0, deviation=0))
    assert found.converged
    assert found.amplification == pytest.approx(fallen(1.0, branching, 1000), rel=0.02)
    assert found.price_amplification == pytest.approx(fallen(1.0, branching, 1000), rel=0.07)
