"""Worked cases of oracles: what caps and discounts come to, what a deviation or a peg hides.

Each case of oracle_cases.json has its source, what is expected and how near.
"""

import json
import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from builders import an_address

from monitor.core.curves import TickCurve
from monitor.core.events import Place
from monitor.core.keys import market_key, pair_key, position_key, price_key
from monitor.core.ledger import Holding, Ledger, Market, Position
from monitor.core.pairs import Pair
from monitor.core.prices import Price
from monitor.core.sources import Listing
from monitor.core.units import (
    RAY,
    WAD,
    YEAR_SECONDS,
    ZERO_ADDRESS,
    BaseValue,
    MarketId,
    RawAmount,
    Ray,
    ScaledAmount,
    Shares,
    Wad,
)
from monitor.engine.market_prices import MarketPrices
from monitor.oracles.families import BY_NAME
from monitor.oracles.family import TIME, Result
from monitor.protocols.morpho_blue.liquidation import ORACLE_SCALE, slice_by_seized
from monitor.protocols.morpho_blue.rules import MorphoRules

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "oracle_cases.json").read_text())
Inputs = Mapping[str, Any]
USD, DAY_SECONDS = 10**8, 86_400
COLLATERAL, LOAN = an_address("collateral"), an_address("loan")


def scaled(figure: float, unit: int) -> int:
    return round(Fraction(str(figure)) * unit)


def result_of(family: str, facts: Mapping[str, int], said: Mapping[str, int]) -> Result:
    result = BY_NAME[family].result
    assert result is not None
    return result(facts, said)


def ratio_cap(inputs: Inputs) -> dict[str, float]:
    said = {
        "BASE_TO_USD_AGGREGATOR": scaled(inputs["base_price"], USD),
        "RATIO_PROVIDER": scaled(inputs["ratio"], WAD),
        "getSnapshotRatio": scaled(inputs["snapshot"], WAD),
        "getMaxYearlyGrowthRatePercent": scaled(inputs["max_yearly"], 10_000),
        "getSnapshotTimestamp": 0,
        TIME: inputs["days"] * DAY_SECONDS,
    }
    return {"price": result_of("ratio_cap", {"RATIO_DECIMALS": 18}, said).answer / USD}


def discount(inputs: Inputs) -> float:
    left = inputs["days"] * DAY_SECONDS * scaled(inputs["discount_per_year"], WAD) // YEAR_SECONDS
    said = {"ASSET_TO_USD_AGGREGATOR": scaled(inputs["asset"], USD), "getCurrentDiscount": left}
    return result_of("discount", {}, said).answer / USD


def hidden_gap(inputs: Inputs) -> list[float]:
    """What an oracle may be above the market that lags by its whole deviation."""
    return [1 + deviation_at(1 - Fraction(str(band))) for band in inputs["bands"]]


def deviation_at(mid: Fraction) -> float:
    """Of an oracle that says 1 loan, while a pool trades the collateral at `mid`."""
    root = math.isqrt(mid.numerator * 2**192 // mid.denominator)
    curve = TickCurve(an_address("pool"), COLLATERAL, LOAN, 500, root, 0, 1, ())
    price = Price(BaseValue(ORACLE_SCALE))
    listing = Listing("id", COLLATERAL, "C", 18, price, ORACLE_SCALE, LOAN)
    deviation = MarketPrices([curve], [listing]).deviation(listing)
    assert deviation is not None
    return float(deviation)


def pegged_collateral(inputs: Inputs) -> dict[str, float | bool]:
    """Liquidatable by the protocol, and worth nobody's while."""
    held, owed = scaled(inputs["collateral"], WAD), scaled(inputs["debt_usd"], 10**6)
    price = scaled(inputs["oracle"], 10**6) * ORACLE_SCALE // WAD
    lltv = scaled(inputs["lltv"], WAD)
    market, sub, who = MarketId("m"), "id", an_address("borrower")
    pair = Pair(
        loan=LOAN,
        collateral=COLLATERAL,
        oracle=an_address("oracle"),
        rate_model=ZERO_ADDRESS,
        lltv_wad=Wad(lltv),
        updated_unix=0,
        supply_raw=RawAmount(2 * owed),
        supply_shares=Shares(2 * owed * 10**6),
        debt_raw=RawAmount(owed),
        debt_shares=Shares(owed * 10**6),
        collateral_raw=RawAmount(held),
        fee_wad=Wad(0),
    )
    pledged = Holding(COLLATERAL, ScaledAmount(held), Ray(RAY), used_as_collateral=True)
    borrowed = Holding(LOAN, ScaledAmount(owed * 10**6), Ray(RAY))
    ledger = Ledger(
        {
            market_key(market): Market("morpho_blue", an_address("morpho")),
            pair_key(market, sub): pair,
            position_key(market, who, sub): Position((pledged,), (borrowed,)),
            price_key(market, COLLATERAL, sub): Price(BaseValue(price)),
        }
    )
    told = MorphoRules(market, is_permissionless=False).statement(
        ledger, Place(market, who, sub), 0
    )
    assert told is not None
    spot = Fraction(str(inputs["spot"]))
    repaid = slice_by_seized(held, price, lltv, pair.debt_raw, pair.debt_shares).repaid_raw
    proceeds = Fraction(held, WAD) * spot * 10**6
    return {
        "oracle_ltv": owed / (held * price // ORACLE_SCALE),
        "true_ltv": float(Fraction(owed) / proceeds),
        "liquidatable": bool(told.risk.liquidatable),
        "gross_profit_of_full_liq_negative": proceeds < repaid,
    }


ASKED: Mapping[str, Callable[[Inputs], Any]] = {
    "oracle-gap-hidden": hidden_gap,
    "morpho-deusd-hardcoded": pegged_collateral,
    "pt-linear-discount": discount,
    "capo-cap-binding": ratio_cap,
    "capo-not-binding": ratio_cap,
}


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_case__asked__is_as_expected(case: dict[str, Any]) -> None:
    told, tolerance = ASKED[case["id"]](case["inputs"]), case["tolerance"]
    assert told == pytest.approx(case["expected"], abs=tolerance["abs"], rel=tolerance["rel"])
