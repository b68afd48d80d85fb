"""Answers as figures are made from: scenarios, loops, breakers."""

from collections.abc import Iterator, Sequence
from typing import Any

Row = dict[str, Any]
FACTORS = {"first_round_usd": 2, "bad_debt_usd": 10}
"""A step's sums are what is liquidated divided by this."""


def a_result(liquidated_usd: str | None = "1000000.00", **more: Any) -> Row:
    """What a projection found. None: a price was unknown, and so is every sum."""
    known = liquidated_usd is not None
    parts = {
        name: None if liquidated_usd is None else f"{float(liquidated_usd) / by:.2f}"
        for name, by in FACTORS.items()
    }
    return {
        "liquidated_usd": liquidated_usd,
        **parts,
        "amplification": 2.0 if known else None,
        "converged": True,
        "prices": {},
        "by_market": {},
        "contagion": [],
        "round_log": [],
        "unknown": [] if known else ["price of WETH"],
    } | more


def a_curve(
    amounts: Sequence[str | None], *, to: str = "-0.5", critical: float | None = None, **more: Any
) -> Row:
    """A scenario that is a curve: what each of its equal steps liquidates."""
    unknown = ["price of WETH"] if None in amounts else []
    steps = [
        {
            "scenario": {"shocks": {"WETH": float(to) * number / len(amounts)}},
            "result": a_result(amount, **more),
        }
        for number, amount in enumerate(amounts, 1)
    ]
    document = {
        "scenario": {"curve": {"asset": "WETH", "to": float(to), "steps": len(amounts)}},
        "curve": steps,
        "critical_shock": critical,
        "unknown": unknown,
    }
    curve = {"asset": "WETH", "to": to, "steps": len(amounts)}
    return {"name": "eth-curve", "shocks": {}, "curve": curve, "document": document, "fault": ""}


def a_crash(liquidated_usd: str | None = "1000000.00", **more: Any) -> Row:
    document = {"scenario": {"shocks": {"WETH": -0.3}}, "result": a_result(liquidated_usd, **more)}
    shocks = {"WETH": -0.3}
    return {"name": "eth-crash", "shocks": shocks, "curve": None, "document": document, "fault": ""}


def not_asked(fault: str = "WETH is not known") -> Row:
    curve = {"asset": "WETH", "to": "-0.5", "steps": 5}
    return {"name": "eth-curve", "shocks": {}, "curve": curve, "document": None, "fault": fault}


def a_push(source: str, target: str, usd: str, share: float = 0.5) -> Row:
    return {"from": source, "to": target, "liquidated_usd": usd, "share": share}


def a_round(number: int, usd: str, *oracles: tuple[str, str, str], bad: str = "0.00") -> Row:
    """`oracles`: (market, asset, price) of what followed the pools after it."""
    return {
        "round": number,
        "liquidations": 3,
        "liquidated_usd": usd,
        "ratio": None if number == 1 else 0.5,
        "bad_debt_realised_usd": bad,
        "oracles": [{"market": m, "asset": a, "price_usd": price} for m, a, price in oracles],
    }


def a_loop(
    collateral: str = "wstETH",
    debt: str = "WETH",
    debt_usd: str | None = "100.00",
    *,
    market: str = "aave-core",
    kind: str = "correlated",
    address: str = "",
) -> Row:
    """One leg. `address`: of the collateral; else one that follows from its symbol."""
    leg = {
        "market": market,
        "collateral": address or f"0x{collateral}",
        "collateral_symbol": collateral,
        "debt": f"0x{debt}",
        "debt_symbol": debt,
    }
    return {"kind": kind, "path": [leg], "debt_usd": debt_usd}


def a_breaker(measure: str, scenario: str, warn: str, trip: str, **more: Any) -> Row:
    limits = {"scenario": scenario, "measure": measure, "markets": ["*"], "warn": warn}
    return {"name": "eth-cascade", **limits, "trip": trip} | more


def texts(value: Any) -> Iterator[str]:
    """Every text in a figure, wherever it stands."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts(each)
