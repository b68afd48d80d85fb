"""How much a liquidator repays who looks for the most profitable size, not for the first that pays.

What a sale brings is concave in its size along pools, with kinks where ticks are crossed; so is the
profit, up to the size from which the protocol or a lack of cash refuses. The largest size may be
allowed though those a little below it are not: it leaves no dust where they would.
"""

import math
from collections.abc import Callable

REFUSED = -math.inf
"""The profit of a size that is not to be had."""
HALVINGS = 20
"""How far the scan goes down: to a millionth of the largest size."""
TOLERANCE = 1e-8
"""Of a size. At a smooth top floats tell profits no further apart."""
STEPS = 120
"""From any bracket to the tolerance it takes 40; more only where the best size is next to none."""
GOLDEN = (math.sqrt(5) - 1) / 2

Profit = Callable[[float], float]


def most_profitable(
    profit: Profit, largest: float, least: float = 0.0, enough: float = 0.0
) -> float:
    """The size up to `largest` that earns most; any, where none earns `enough`.

    What is smaller than `least` is known not to. A scan of halves brackets the best: for certain
    where the profit is concave; where it is not (a StableSwap fee that grows off the peg) no size
    of the scan earns more. If none of it is to be had, what is lies below them all.
    """
    halves = (largest * 0.5**halving for halving in range(HALVINGS, 0, -1))
    scanned = [*([least] if least else []), *(size for size in halves if size > least)]
    best = max(scanned, key=profit)
    # A profit that is concave and 0 at 0 cannot double before the size does.
    if least and 2 * profit(best) < enough:
        return max((largest, best), key=profit)
    low = min(least, best) if best == scanned[0] else best / 2
    return max((largest, best, _top(profit, low, min(2 * best, largest))), key=profit)


def _top(profit: Profit, low: float, high: float) -> float:
    """Where a profit that rises, falls and is then refused is highest: golden section."""
    left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    at_left, at_right = profit(left), profit(right)
    for _ in range(STEPS):
        if high - low <= TOLERANCE * high:
            break
        if at_left < at_right:
            low, left, at_left = left, right, at_right
            right = low + GOLDEN * (high - low)
            at_right = profit(right)
        else:
            high, right, at_right = right, left, at_left
            left = high - GOLDEN * (high - low)
            at_left = profit(left)
    return left if at_left > at_right else right
