"""Worked cases of interest (group `rates`), asked of what a projection reckons rates with.

Each case of rate_cases.json has its source, what is expected and how near.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from builders import WETH, a_block, a_market, a_reserve

from monitor.core.keys import market_key, reserve_key
from monitor.core.ledger import Ledger
from monitor.core.rates import AdaptiveCurve, KinkedCurve
from monitor.core.risk import Lending
from monitor.core.units import RAY, WAD, YEAR_SECONDS, MarketId, RawAmount, Ray, ScaledAmount, Wad
from monitor.protocols.aave_v3.rules import AaveRules
from monitor.simulation.lending import borrow_rate, compounded, growth_of, rate_at_target

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "rate_cases.json").read_text())
MARKET = MarketId("aave-core")
YEAR = 365
Inputs = Mapping[str, Any]


def ray(share: float) -> Ray:
    return Ray(round(Fraction(str(share)) * RAY))


def kinked(inputs: Inputs) -> list[float]:
    curve = KinkedCurve(*(ray(inputs[name]) for name in ("base", "slope1", "slope2", "u_opt")))
    return [borrow_rate(curve, utilisation) for utilisation in inputs["U"]]


def adaptive(inputs: Inputs) -> dict[str, float]:
    """Morpho's: target 90 %, steepness 4, speed 50 a year, between 0.1 % and 200 %."""
    per_second = {"rate_at_target": inputs["rate_at_target"], "speed": 50, "low": 0.001, "high": 2}
    rates = {k: Wad(round(Fraction(str(v)) * WAD / YEAR_SECONDS)) for k, v in per_second.items()}
    curve = AdaptiveCurve(
        rate_at_target_wad=rates["rate_at_target"],
        target_wad=Wad(9 * WAD // 10),
        steepness_wad=Wad(4 * WAD),
        speed_wad=rates["speed"],
        lowest_wad=rates["low"],
        highest_wad=rates["high"],
    )
    utilisation, years = inputs["U"], inputs["days"] / YEAR
    return {
        "end_rate_at_target": rate_at_target(curve, utilisation, years),
        "avg_rate": borrow_rate(curve, utilisation, years),
    }


def supply_rate(inputs: Inputs) -> float:
    """What a supply grows by in a year, at a curve that is that rate everywhere."""
    flat = KinkedCurve(ray(inputs["borrow"]), Ray(0), Ray(0), Ray(RAY))
    fee = Wad(round(Fraction(str(inputs["reserve_factor"])) * WAD))
    return growth_of(Lending(flat, RawAmount(1), fee, secures=True), inputs["U"], YEAR).supply - 1


def utilisation(inputs: Inputs) -> float:
    owed, lent = int(inputs["borrow"]), int(inputs["supply"])
    reserve = replace(
        a_reserve(WETH),
        debt_index_ray=Ray(RAY),
        debt_scaled=ScaledAmount(owed),
        cash_raw=RawAmount(lent - owed),
        updated_unix=a_block().timestamp,
    )
    ledger = Ledger({market_key(MARKET): a_market(), reserve_key(MARKET, WETH): reserve})
    return float(AaveRules(MARKET).utilisation(ledger, a_block().timestamp)[WETH])


def days_to_one(inputs: Inputs) -> dict[str, float]:
    """When a part of the debt that grows has used up what health there was."""
    share, rate = inputs["debt_share"], inputs["net_debt_growth_apr"]
    before, after = 0.0, 365.0
    while after - before > 1e-9:
        day = (before + after) / 2
        owed = 1 - share + share * compounded(rate * day / YEAR)
        before, after = (day, after) if owed < inputs["hf"] else (before, day)
    return {"days": after}


ASKED: Mapping[str, Callable[[Inputs], Any]] = {
    "irm-usdc-s2_18-u91": kinked,
    "irm-usdc-s2_32-u87": kinked,
    "irm-usdc-s2_40-u87": kinked,
    "irm-usdc-s2_50-u85": kinked,
    "morpho-irm-avg-rate": adaptive,
    "morpho-irm-zero-util": adaptive,
    "irm-supply-rate": supply_rate,
    "irm-utilisation": utilisation,
    "hf-decay-by-rate": days_to_one,
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_rates__of_a_worked_case__come_out_as_published(case: dict[str, Any]) -> None:
    tolerance = case["tolerance"]
    found = ASKED[case["id"]](case["inputs"])
    assert found == pytest.approx(case["expected"], abs=tolerance["abs"], rel=tolerance["rel"])
