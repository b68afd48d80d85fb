"""A projection beside what was executed: errors of every figure, of every market.

Dollars of a projection are rounded to cents, so half a cent of a price is no error.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from devnet import Executed

FIGURES = ("liquidated_usd", "seized_usd", "bad_debt_usd", "unliquidated_usd")
LEAST_SHARE = 1e-4
"""Errors of a market in which less than this share of the world was liquidated are taken of it."""
HALF_A_CENT = 0.005
EXPLAINED = 1e-5
KNIFE_EDGE = 0.01


@dataclass(frozen=True, slots=True)
class Errors:
    """The largest, over the world and its markets.

    `liquidated` and `seized` relative to what was liquidated there, `bad_debt` and `unliquidated`
    to what was liquidated in the world; `prices` relative.
    """

    liquidated: float
    seized: float
    bad_debt: float
    unliquidated: float
    prices: float

    @property
    def bound(self) -> float:
        """What the bound is about: liquidated debt and bad debt."""
        return max(self.liquidated, self.bad_debt)

    @property
    def worst(self) -> float:
        return max(self.bound, self.seized, self.unliquidated, self.prices)


def errors_of(projected: Mapping[str, Any], executed: Executed) -> Errors:
    """Raises ZeroDivisionError where nothing was liquidated."""
    told = executed.as_dict()
    whole = float(told["liquidated_usd"])
    nothing = dict.fromkeys(FIGURES, "0.00")
    pairs = [(projected, told)]
    names = {*told["by_market"], *projected["by_market"]}
    pairs += [
        (projected["by_market"].get(name, nothing), told["by_market"].get(name, nothing))
        for name in sorted(names)
    ]
    worst = dict.fromkeys(FIGURES, 0.0)
    for ours, real in pairs:
        here = max(float(real["liquidated_usd"]), LEAST_SHARE * whole)
        for figure in FIGURES:
            gap = abs(float(ours[figure]) - float(real[figure]))
            is_of_all = figure in ("bad_debt_usd", "unliquidated_usd")
            worst[figure] = max(worst[figure], gap / (whole if is_of_all else here))
    return Errors(
        liquidated=worst["liquidated_usd"],
        seized=worst["seized_usd"],
        bad_debt=worst["bad_debt_usd"],
        unliquidated=worst["unliquidated_usd"],
        prices=max(_price_gaps(projected, executed), default=0.0),
    )


def _price_gaps(projected: Mapping[str, Any], executed: Executed) -> Iterator[float]:
    """What a projection does not list has not moved."""
    for symbol, path in executed.prices.items():
        real = float(path.after)
        if symbol in projected["prices"]:
            gap = abs(float(projected["prices"][symbol]["after"]) - real) - HALF_A_CENT
        else:
            gap = abs(float(path.before) - real)
        yield max(0.0, gap) / real


def is_knife_edge(executed: Executed, nudged: Executed) -> bool:
    """Whether the nudge moved liquidated or bad debt by more than a hundredth of the former."""
    gaps = (
        abs(nudged.liquidated_usd - executed.liquidated_usd),
        abs(nudged.bad_debt_usd - executed.bad_debt_usd),
    )
    return max(gaps) > KNIFE_EDGE * executed.liquidated_usd


def first_difference(projected: Mapping[str, Any], executed: Executed) -> str:
    """Where the two part: of rounds, the first that is told otherwise."""
    rounds = zip(projected["round_log"], executed.as_dict()["round_log"], strict=False)
    for number, (ours, real) in enumerate(rounds, start=1):
        gap = abs(float(ours["liquidated_usd"]) - float(real["liquidated_usd"]))
        if gap > EXPLAINED * float(real["liquidated_usd"]) + 2 * HALF_A_CENT:
            return f"round {number} is projected as {ours}, executed as {real}"
        if ours["liquidations"] != real["liquidations"]:
            return f"round {number} is projected as {ours}, executed as {real}"
    lengths = len(projected["round_log"]), len(executed.as_dict()["round_log"])
    return "rounds alike, {} projected, {} executed".format(*lengths)
