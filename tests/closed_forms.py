"""What a loop comes to by theory: what the daemon finds, and what Aave says, is held against it.

Source: cascade-theory 1.1 (loops as in Xiong et al., arXiv 2401.08610).
"""

from fractions import Fraction


def loop_leverage(ltv: Fraction, hops: int) -> Fraction:
    """After pledging one's own once, and so often what was borrowed against the last pledge."""
    return sum((ltv**hop for hop in range(hops + 1)), Fraction(0))


def loop_limit(ltv: Fraction) -> Fraction | None:
    """Where that leads without end; None where it has none."""
    return Fraction(1, 1 - ltv) if ltv < 1 else None


def loop_health(ltv: Fraction, threshold: Fraction, hops: int) -> Fraction | None:
    """Health of such a loop, which falls with each hop towards threshold / ltv; None before one."""
    built = loop_leverage(ltv, hops)
    return Fraction(threshold * built, built - 1) if built > 1 else None


def leverage_at_health(health: Fraction, threshold: Fraction) -> Fraction | None:
    """The leverage of a position of one threshold and one health; None where nothing is owned."""
    owed = Fraction(threshold, health)
    return Fraction(1, 1 - owed) if owed < 1 else None
