"""When a debt is no longer secured: the move of one factor, or the time, that takes health to 1.

Exact for one factor: what is secured and what is owed are sums of terms that go with it or stand
still, each perhaps capped, so between two caps health is 1 where a line crosses zero.
"""

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import NamedTuple

from monitor.core.fixed_point import compound_interest_ray, ray_mul_half_up
from monitor.core.units import RAY

LARGEST_FACTOR = Fraction(10**9)
"""A factor beyond is no move that anybody asks about (the grammar of shocks ends there too)."""
MOST_DAYS = 3_650
DAY_SECONDS = 24 * 3600


class Term(NamedTuple):
    """A value that goes with the `power`-th power of a factor. `value`: at factor 1, without its
    cap. `cap`: the most it is, None where it has none.
    """

    value: Fraction
    power: int
    cap: Fraction | None = None


class Growth(NamedTuple):
    """A value, and the rate at which it grows: a share of it a year."""

    value: Fraction
    rate: Fraction


def nearest_break(secured: Sequence[Term], owed: Sequence[Term]) -> Fraction | None:
    """The smallest move (factor less 1) at which more is owed than secured, up or down.

    0 where that is so already; None where no move does it. Raises ValueError where some terms go
    with the factor and others against it: they make no line.
    """
    terms = (*secured, *owed)
    powers = {term.power for term in terms} - {0}
    if not powers <= {1} and not powers <= {-1}:
        raise ValueError(f"the prices go with powers {sorted(powers)} of one factor")
    crossings = _crossings(secured, owed)
    if powers == {-1}:  # a line in one by the factor
        crossings = (Fraction(1, root) for root in crossings if root)
    moves = [factor - 1 for factor in crossings if 0 < factor <= LARGEST_FACTOR]
    return min(moves, key=lambda move: (abs(move), move), default=None)


def days_to_break(secured: Sequence[Growth], owed: Sequence[Growth]) -> int | None:
    """The first whole day on which more is owed than secured while all grow as now.

    Compounded every second, as Aave's and Morpho's debts are. None where that takes more than ten
    years, or never comes.
    """

    def is_broken(days: int) -> bool:
        return _grown(owed, days) > _grown(secured, days)

    if not is_broken(MOST_DAYS):
        return None
    low, high = -1, MOST_DAYS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_broken(middle) else (middle, high)
    return high


def _grown(values: Iterable[Growth], days: int) -> Fraction:
    return sum(
        (one.value * Fraction(_compounded_ray(one.rate, days), RAY) for one in values), Fraction(0)
    )


def _compounded_ray(rate: Fraction, days: int) -> int:
    """One unit after so many days, by squaring a day's growth."""
    growth, day = RAY, int(compound_interest_ray(int(rate * RAY), DAY_SECONDS))
    while days:
        if days & 1:
            growth = ray_mul_half_up(growth, day)
        day, days = ray_mul_half_up(day, day), days >> 1
    return growth


def _crossings(secured: Sequence[Term], owed: Sequence[Term]) -> Iterable[Fraction]:
    """The nearest factors below and above 1 where a surplus turns into a lack; 1 if it has."""
    corners = {
        Fraction(term.cap, term.value)
        for term in (*secured, *owed)
        if term.cap is not None and term.power and term.value > 0
    }

    def line(factor: Fraction) -> tuple[Fraction, Fraction]:
        """What stands still and what goes with the factor there, secured less owed."""
        still, going = Fraction(0), Fraction(0)
        for sign, term in (*((1, t) for t in secured), *((-1, t) for t in owed)):
            if not term.power:
                still += sign * _capped(term)
            elif term.cap is not None and term.value * factor >= term.cap:
                still += sign * term.cap
            else:
                going += sign * term.value
        return still, going

    still, going = line(Fraction(1))
    if still + going < 0:
        return [Fraction(1)]
    below = sorted({c for c in corners if 0 < c < 1} | {Fraction(0)}, reverse=True)
    above = sorted({c for c in corners if c > 1} | {LARGEST_FACTOR + 1})
    found = (_first_root(line, below), _first_root(line, above))
    return [root for root in found if root is not None]


def _first_root(
    line: Callable[[Fraction], tuple[Fraction, Fraction]], ends: Sequence[Fraction]
) -> Fraction | None:
    """Where the surplus first turns into a lack on the way from 1 over these ends."""
    begin = Fraction(1)
    for end in ends:
        still, going = line(Fraction(begin + end, 2))
        if still + going * end < 0:
            return Fraction(-still, going)
        begin = end
    return None


def _capped(term: Term) -> Fraction:
    return term.value if term.cap is None else min(term.value, term.cap)
