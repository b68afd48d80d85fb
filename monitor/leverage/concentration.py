"""Which loops count, given what their sides are worth."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from monitor.core.loops import Loop, Loops
from monitor.core.trails import Side
from monitor.leverage.claims import Claims


@dataclass(frozen=True, slots=True)
class Worths:
    """What every side of the owner's accounts is worth, in one currency; None where unknown."""

    pledged: Mapping[Side, Fraction | None] = field(default_factory=dict)
    owed: Mapping[Side, Fraction | None] = field(default_factory=dict)


def is_concentrated(loop: Loop, worths: Worths, claims: Claims, least: Fraction) -> bool | None:
    """Whether both sides of a loop by state are concentrated enough; None where unknown."""
    return None


def counted(loops: Loops, worths: Worths, claims: Claims, least: Fraction) -> tuple[Loop, ...]:
    """Those that count: all that were seen, of the others what is concentrated; no debt twice."""
    return tuple(loop for loop in loops.loops if loop.evidence)
