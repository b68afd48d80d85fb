"""Worked cases of the literature and of the protocols' own tests, asked of the simulation.

Each case of worked_cases.json has its source, what is expected and how near; here is how it is
put as a question. (SwapMath to the wei is beyond floats: tests/unit/simulation/test_impact.py;
sales in slices: test_sale_cases.py.)
"""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from unit.simulation.worlds import (
    USDC,
    WETH,
    borrower,
    debt,
    market,
    pledge,
    pool,
    scenario,
    world,
)

from monitor.core.units import Address
from monitor.simulation.columns import columns_of, state_of
from monitor.simulation.options import Options
from monitor.simulation.product import ProductPool
from monitor.simulation.projection import project
from monitor.simulation.terms import Limits, Target, largest_repay_usd, slice_of
from monitor.simulation.ticks import MIN_SQRT, Depth, Mark, moved, sold
from monitor.simulation.worth import health_of

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "worked_cases.json").read_text())
Inputs = Mapping[str, Any]
LIMITS = Limits(close_factor=0.5, full_close_health=0.95, full_close_usd=2000, dust_usd=1000)
TOKEN0, TOKEN1 = Address("0x" + "a" * 40), Address("0x" + "b" * 40)


def health(collateral: float, threshold: float, owed: float) -> float:
    """Health of an account with so much USD on each side."""
    legs = pledge(WETH, collateral / 2000, threshold_bps=round(threshold * 10_000))
    columns = columns_of(world(market([borrower(1, legs, debt(USDC, owed))])))
    return health_of(state_of(columns), columns.accounts[0])


def call(inputs: Inputs) -> dict[str, Any]:
    """One liquidation call; a revert where it would leave dust."""
    owed, held = inputs["debt"], inputs["coll"]
    bonus, fee = 1 + inputs["bonus"], inputs.get("protocol_fee", 0.0)
    target = Target(inputs.get("hf", 0.9), owed, owed, held, bonus, fee)
    repay = min(inputs["debt_to_cover"], held / bonus)
    piece = slice_of(target, LIMITS, repay)
    if piece is None:
        return {"revert": True}
    return {
        "revert": False,
        "repaid": piece.repaid_usd,
        "seized": piece.seized_usd,
        "to_liquidator": piece.seized_usd - piece.fee_usd,
        "treasury": piece.fee_usd,
        "deficit_if_no_other_collateral": owed - piece.repaid_usd,
    }


def healths_around_a_call(inputs: Inputs) -> dict[str, float]:
    before = health(inputs["C"], inputs["LT"], inputs["B"])
    seized = inputs["repay"] * (1 + inputs["bonus"])
    after = health(inputs["C"] - seized, inputs["LT"], inputs["B"] - inputs["repay"])
    return {"hf0": before, "hf1": after, "delta": after - before}


def largest(owed: float, held: float, total: float, hf: float, bound: float = 2000) -> float:
    limits = Limits(0.5, 0.95, bound, 0)
    return largest_repay_usd(Target(hf, total, owed, held, 1.0, 0.0), limits)


def small_reserve(inputs: Inputs) -> dict[str, float]:
    owed, held, total = inputs["debt_reserve"], inputs["coll"], inputs["total_debt"]
    return {"max_repay": largest(owed, held, total, inputs["hf"], inputs["threshold"])}


def whole_position(inputs: Inputs) -> dict[str, float]:
    debts, held = inputs["debts"], inputs["collateral_usd"]
    total = sum(debts.values())
    former = Target(inputs["hf"], total, debts["GHO"], held, 1.0, 0.0)
    return {
        "pre_v33": largest_repay_usd(former, Limits(0.5, 0.95, 0, 0, of_one_debt=True)),
        "max_repay_one_reserve": largest(debts["GHO"], held, total, inputs["hf"]),
        "half_of_position": largest(total, held, total, inputs["hf"]),
    }


def close_factor(inputs: Inputs) -> dict[str, float]:
    owed = inputs["debt_usd"]
    return {"close_factor": largest(owed, inputs["coll_usd"], owed, inputs["hf"]) / owed}


def constant_product(inputs: Inputs) -> float:
    """By reserves, and by one liquidity everywhere, which is the same."""
    reserves, kept = (inputs["reserve_in"], inputs["reserve_out"]), 1 - inputs["fee_bps"] / 10_000
    mark = Mark(math.sqrt(reserves[1] / reserves[0]), 0)
    told = sold(endless(math.sqrt(math.prod(reserves)), kept), mark, inputs["amount_in"], True)[0]
    found = ProductPool((TOKEN0, TOKEN1), reserves, kept).sold(inputs["amount_in"], 0, 1)[0]
    assert found == pytest.approx(told, rel=1e-14)
    return found


def endless(liquidity: float, kept: float = 1.0) -> Depth:
    """A constant product: one liquidity everywhere."""
    return Depth(TOKEN0, TOKEN1, kept, bounds=(), liquidity=(liquidity,))


def depth_at(inputs: Inputs) -> float:
    """The sale, per reserve, that lets the mid fall so far: 1 / sqrt - 1."""
    depth, mark = endless(1.0), Mark(1.0, 0)
    after = moved(depth, mark, 1 - inputs["drop"])
    assert after.sqrt > MIN_SQRT
    gap = 1 / after.sqrt - 1
    assert sold(depth, mark, gap, zero_for_one=True)[1].sqrt == pytest.approx(after.sqrt)
    return gap


def jump(inputs: Inputs) -> float:
    """Bad debt after a jump, of an account that a bottomless market liquidates at once."""
    bonus_bps = 10_000 + round(inputs["bonus"] * 10_000)
    legs = pledge(WETH, inputs["coll"] * 1e6 / 2000, bonus_bps=bonus_bps, threshold_bps=9500)
    account = borrower(1, legs, debt(USDC, inputs["debt"] * 1e6))
    sheet = world(market([account]), [pool(WETH, USDC, 1e15, fee_ppm=0)])
    found = project(sheet, scenario(WETH=-inputs["gap"]), Options())
    assert found.unliquidated_usd == 0
    return found.bad_debt_usd / 1e6


def critical_sale(inputs: Inputs) -> dict[str, float]:
    """Health before, and the sale that leaves exactly 1, found by asking the pool."""
    base, quote = inputs.get("A0", inputs.get("A")), inputs.get("B0", inputs.get("B"))
    depth = endless(math.sqrt(base * quote), 1 - inputs["gamma"])
    mark = Mark(math.sqrt(quote / base), 0)

    def health_after(amount: float) -> float:
        mid = sold(depth, mark, amount, zero_for_one=True)[1].sqrt ** 2
        return float(inputs["theta"] * inputs["c"] * mid / inputs["b"])

    low, high = 0.0, float(base)
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if health_after(middle) > 1 else (low, middle)
    return {"hf0": health_after(0.0), "critical_sale": low}


def distance(inputs: Inputs) -> float:
    """The fall at which health is 1: below it safe, above it not."""
    sheet = world(market([borrower(1, pledge(WETH, 1), debt(USDC, 1600 / inputs["hf"]))]))
    low, high = 0.0, 0.9
    for _ in range(60):
        middle = (low + high) / 2
        found = project(sheet, scenario(WETH=-middle), Options())
        low, high = (low, middle) if found.unliquidated_usd else (middle, high)
    return low


QUESTIONS: Mapping[str, Callable[[Inputs], Any]] = {
    "aave33-dust-revert": call,
    "hf-after-liq": healths_around_a_call,
    "aave-coll-capped": call,
    "aave-hf-help": lambda i: health(i["collateral_usd"], i["lt"], i["debt_usd"]),
    "aave33-cf-small": small_reserve,
    "aave33-cf-wholepos": whole_position,
    "aave33-cftest-hf97-100weth": close_factor,
    "aave33-full-ok": call,
    "hf-after-liq-toxic": healths_around_a_call,
    "cp-depth-2pct": depth_at,
    "gatto-jump-5": jump,
    "gatto-jump-20": jump,
    "sf-critical-sale": lambda i: critical_sale(i)["critical_sale"],
    "sf-ex5-hf0-critical-sale": critical_sale,
    "dist-to-liq-1333": distance,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_worked_case__as_published__is_reproduced(case: dict[str, Any]) -> None:
    name = case["id"]
    ask = constant_product if name.startswith("univ2") else QUESTIONS[name]
    found: Any = ask(case["inputs"])
    expected = case["expected"]
    if isinstance(expected, dict):
        found = {key: found[key] for key in expected}
    assert found == pytest.approx(expected, **case["tolerance"])
