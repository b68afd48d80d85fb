"""Worked cases of leverage, asked of the measures the product uses and of the closed forms that
its loops are held against.

Each case of leverage_cases.json has its source, what is expected and how near. Health is asked of
an account in Aave's own arithmetic too.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from builders import USDC, WETH, a_market, a_position, a_price, a_reserve, an_address
from closed_forms import leverage_at_health, loop_health, loop_leverage, loop_limit

from monitor.core.events import Place
from monitor.core.keys import market_key, position_key, price_key, reserve_key
from monitor.core.ledger import Ledger
from monitor.core.receipts import ReceiptKind
from monitor.core.units import WAD, Bps, MarketId, RawAmount
from monitor.engine.net_value import net_values, together
from monitor.leverage import measures
from monitor.leverage.breaks import Term, nearest_break
from monitor.leverage.claims import Claim, Claims, Part
from monitor.protocols.aave_v3.rules import AaveRules

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "leverage_cases.json").read_text()
)
Inputs = Mapping[str, Fraction]
MARKET, OWNER, WSTETH = MarketId("m"), an_address("owner"), an_address("wstETH")


def health(collateral: Fraction, debt: Fraction, threshold: Fraction) -> Fraction:
    """What Aave says of so much pledged and owed, of two assets of one price."""
    threshold_bps = Bps(round(threshold * 10_000))
    terms = a_reserve().terms
    pledged = a_reserve(WETH)
    ledger = Ledger(
        {
            market_key(MARKET): a_market(),
            reserve_key(MARKET, WETH): replace(
                pledged, terms=replace(terms, liquidation_threshold_bps=threshold_bps)
            ),
            reserve_key(MARKET, USDC): a_reserve(USDC, symbol="USDC"),
            price_key(MARKET, WETH): a_price(10**8),
            price_key(MARKET, USDC): a_price(10**8),
            position_key(MARKET, OWNER): a_position(round(collateral * WAD), round(debt * WAD)),
        }
    )
    told = AaveRules(MARKET).statement(ledger, Place(MARKET, OWNER), 0)
    assert told is not None
    assert told.risk.health_factor_wad is not None
    return Fraction(told.risk.health_factor_wad, WAD)


def built(inputs: Inputs) -> dict[str, Fraction]:
    leverage = loop_leverage(inputs["ltv"], int(inputs["loops"])) * inputs["equity"]
    return {"leverage": leverage, "debt": leverage - inputs["equity"]}


def built_health(inputs: Inputs) -> dict[str, Fraction | None]:
    """By the closed form, and as Aave sees the same loop."""
    ltv, threshold, hops = inputs["ltv"], inputs["lt"], int(inputs["loops"])
    found = loop_health(ltv, threshold, hops)
    leverage = loop_leverage(ltv, hops)
    assert health(leverage, leverage - 1, threshold) == pytest.approx(found, rel=1e-15)
    return {"hf": found}


def live_run(inputs: Inputs) -> dict[str, Fraction | None]:
    collateral, debt, threshold = inputs["collateral"], inputs["debt"], inputs["lt"]
    found, health_now = measures.leverage(collateral, debt), health(collateral, debt, threshold)
    assert leverage_at_health(health_now, threshold) == pytest.approx(found, rel=1e-15)
    return {"leverage": found, "hf": health_now, "equity": collateral - debt}


def carried(inputs: Inputs) -> Fraction:
    """Nothing is left at the rate that is named as the break-even."""
    leverage, supplied = inputs["leverage"], inputs["supply_yield"]
    turn = measures.break_even_rate(leverage, supplied)
    assert turn == Fraction(1, 30)
    assert measures.carry(leverage, supplied, turn) == 0
    return measures.carry(leverage, supplied, inputs["borrow_rate"])


def redeemable(inputs: Inputs) -> dict[str, Fraction | None]:
    """ETH is staked, and the receipt for it is pledged in another market: both count it."""
    staking, market = MarketId("staking"), MarketId("lending")
    staked, deposited = int(inputs["eth_staked"]), int(inputs["wsteth_deposited_value"])
    assert inputs["weth_borrowed"] == 0  # no loops
    receipt = Claim(ReceiptKind.RATE_PROVIDER, WETH, (Part(WETH, (staking, ""), 1),), RawAmount(1))
    pledged = {staking: {WETH: staked}, market: {WSTETH: deposited}}
    found = together(
        net_values(pledged, (), Claims({WSTETH: receipt}), lambda _: Fraction(1)).values()
    )
    return {"tvl": found.gross, "tvr": found.net, "ratio": found.multiplier}


def fallen(inputs: Inputs) -> Fraction:
    """The move of the collateral's price that breaks a position of that health, as a fall."""
    move = nearest_break([Term(inputs["hf"], 1)], [Term(Fraction(1), 0)])
    assert move is not None
    return -move


ASKED: Mapping[str, Callable[[Inputs], Any]] = {
    "loop-lev-limit": lambda i: loop_limit(i["ltv"]),
    "baude-max-leverage": lambda i: loop_limit(i["max_ltv"]),
    "gov311": lambda i: leverage_at_health(i["target_hf"], i["lt"]),
    "loop-lev": built,
    "loop-carry": carried,
    "loop-hf": built_health,
    "loop-live-run": live_run,
    "eff-leverage": lambda i: measures.leverage(i["assets"], i["debt"]),
    "tvl-vs-tvr": redeemable,
    "dist-to-liq": fallen,
}
"""By how a case's name begins; the first that fits."""


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_case__asked__is_as_expected(case: dict[str, Any]) -> None:
    inputs = {name: Fraction(str(value)) for name, value in case["inputs"].items()}
    ask = next(ask for name, ask in ASKED.items() if case["id"].startswith(name))
    told, expected = ask(inputs), case["expected"]
    tolerance = {"abs": case["tolerance"]["abs"], "rel": case["tolerance"]["rel"]}
    if isinstance(expected, dict):
        assert told.keys() == expected.keys()
        assert {name: float(value) for name, value in told.items()} == pytest.approx(
            expected, **tolerance
        )
    else:
        assert float(told) == pytest.approx(expected, **tolerance)


def test_cases__of_every_question__are_there() -> None:
    names = [next(name for name in ASKED if case["id"].startswith(name)) for case in CASES]
    assert set(names) == set(ASKED)
