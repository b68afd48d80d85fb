"""What leverage and concentration are measured by: closed forms, exact.

Ratios are fractions of 1; rates and yields are a year's. Values may be in any unit, the same on
both sides. Sources: cascade-theory 1.1 and 3 (leverage as in Heimbach and Huang, BIS WP 1171: what
is held by what of it is one's own).
"""

from collections.abc import Iterable
from fractions import Fraction
from heapq import nlargest

Number = Fraction | int


def leverage(collateral: Number, debt: Number) -> Fraction | None:
    """Collateral by equity; None where nothing of it is the owner's own."""
    equity = collateral - debt
    return Fraction(collateral, equity) if equity > 0 else None


def carry(leverage: Fraction, supply_yield: Fraction, borrow_rate: Fraction) -> Fraction:
    """What a year brings on equity."""
    return leverage * supply_yield - (leverage - 1) * borrow_rate


def break_even_rate(leverage: Fraction, supply_yield: Fraction) -> Fraction | None:
    """The borrow rate at which carry turns negative; None where nothing is borrowed."""
    return Fraction(supply_yield * leverage, leverage - 1) if leverage > 1 else None


def top_share(parts: Iterable[int], first: int) -> Fraction | None:
    """What the largest `first` of the parts are of all; None where there is nothing."""
    values = list(parts)
    whole = sum(values)
    return Fraction(sum(nlargest(first, values)), whole) if whole else None


def herfindahl(parts: Iterable[int]) -> Fraction | None:
    """The Herfindahl-Hirschman index: the sum of squared shares, 1 where one has all."""
    values = list(parts)
    whole = sum(values)
    return Fraction(sum(value * value for value in values), whole * whole) if whole else None


def net_value(gross: Fraction, claimed: Fraction, looped: Fraction) -> Fraction:
    """What is there once: without claims on what is counted already, and without what was pledged
    with borrowed money (total value redeemable instead of locked: Luo et al.).
    """
    return gross - claimed - looped
