"""Models of amplification that the monitor does not use: what worked cases of models are asked of.

Each names its source; see cascade-theory 1.2, 1.7, 1.9 and 1.10 for how they hang together.
"""

import math
from collections.abc import Iterator
from itertools import islice


def drops(shock: float, branching: float) -> Iterator[float]:
    """The price's fall after each round where each forces sales that repeat a share of it.

    Linear Cifuentes-Ferrucci-Shin: from `shock` to shock / (1 - branching), if that is below 1.
    """
    total, step = 0.0, shock
    while True:
        total += step
        step *= branching
        yield total


def fallen(shock: float, branching: float, rounds: int) -> float:
    return next(islice(drops(shock, branching), rounds - 1, None))


def square_root_impact(coefficient: float, daily_volatility: float, of_volume: float) -> float:
    """Donier and Bonart: the impact of an order that is such a share of a day's volume."""
    return coefficient * daily_volatility * math.sqrt(of_volume)


def deleveraged(collateral: float, debt: float, target_ltv: float) -> float:
    """What is to be sold and repaid until debt per collateral is the target (BakerFi)."""
    return (debt - target_ltv * collateral) / (1 - target_ltv)


def terra_spread_out(offered: float, spread: float) -> float:
    """What a swap of Terra's market module gives, after its smallest spread or its Tobin tax."""
    return offered * (1 - spread)
