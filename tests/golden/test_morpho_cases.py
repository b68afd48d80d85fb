"""Worked cases of Morpho Blue, asked of its arithmetic; the whitepaper's of the simulation.

Each case of morpho_cases.json has its source, what is expected and how near. `morpho-irm-avg-rate`
(0.233137) is not among them: it is of the formula with an exact e^x, where the contract stops at
the second term and comes to 0.232527 (tests/chain/test_morpho_rates.py: its own bytecode).
"""

import json
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from monitor.core.units import WAD, YEAR_SECONDS
from monitor.protocols.morpho_blue.liquidation import (
    ORACLE_SCALE,
    incentive_wad,
    slice_by_repaid,
    slice_by_seized,
)
from monitor.protocols.morpho_blue.rate_model import borrow_rate
from monitor.simulation.terms import Limits, Target, slice_of

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "morpho_cases.json").read_text())
Inputs = Mapping[str, Any]
WHOLE = Limits(close_factor=1, full_close_health=0, full_close_usd=0, dust_usd=0)
"""No close factor, no dust rule."""
DAY_SECONDS = 86_400


def wad(figure: float) -> int:
    return round(Fraction(str(figure)) * WAD)


def incentive(inputs: Inputs) -> float:
    return incentive_wad(wad(inputs["lltv"])) / WAD


def implied_price(inputs: Inputs) -> float:
    """The price at which just so much was seized for just that repayment, found by bisection."""
    repaid, seized, lltv = wad(inputs["repaid_weth"]), wad(inputs["seized_ezeth"]), inputs["lltv"]
    low, high = 0, 2 * ORACLE_SCALE
    while high - low > 1:
        middle = (low + high) // 2
        piece = slice_by_seized(seized, middle, wad(lltv), 10**24, 10**30)
        low, high = (middle, high) if piece.repaid_raw <= repaid else (low, middle)
    back = slice_by_repaid(repaid * 10**6, low, wad(lltv), 10**24, 10**30)
    assert back.seized_raw == pytest.approx(seized, rel=1e-6)
    return low / ORACLE_SCALE


def rate(inputs: Inputs) -> dict[str, float]:
    first = wad(inputs["rate_at_target"]) // YEAR_SECONDS
    elapsed = round(inputs["days"] * DAY_SECONDS)
    found = borrow_rate(WAD, wad(inputs["U"]), first, elapsed)
    return {
        "end_rate_at_target": found.rate_at_target_wad * YEAR_SECONDS / WAD,
        "avg_rate": found.average_wad * YEAR_SECONDS / WAD,
    }


def whitepaper(inputs: Inputs) -> dict[str, Any]:
    """All that can be repaid at once; what no collateral is left for is lost."""
    owed, held, incentive = inputs["debt_usd"], inputs["coll_usd"], inputs["lif"]
    health = held * inputs["lltv"] / owed
    target = Target(health, owed, owed, held, incentive, fee=0)
    piece = slice_of(target, WHOLE, min(owed, held / incentive))
    assert piece is not None
    return {
        "healthy": health >= 1,
        "seized": piece.seized_usd,
        "bad_debt": owed - piece.repaid_usd,
    }


def question(name: str) -> Callable[[Inputs], Any]:
    questions: Mapping[str, Callable[[Inputs], Any]] = {
        "morpho-lif": incentive,
        "morpho-wp": whitepaper,
        "morpho-irm": rate,
        "ezeth-implied": implied_price,
    }
    return next(ask for prefix, ask in questions.items() if name.startswith(prefix))


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["id"]))
def test_worked_case__as_published__is_reproduced(case: dict[str, Any]) -> None:
    found = question(case["id"])(case["inputs"])
    assert found == pytest.approx(case["expected"], **case["tolerance"])
