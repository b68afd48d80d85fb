"""What a breaker compares with its thresholds, and how bad several measures are together."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from enum import IntEnum, StrEnum

NOTHING_CRITICAL = Decimal("Infinity")
"""The `critical_shock` of a curve on which no shock is critical: known, and as safe as can be."""


_CENT = Decimal("0.01")
# The default 28 digits would refuse the largest figure a projection can hold.
_WIDE = Context(prec=330)


class Measure(StrEnum):
    """What is measured. `critical_shock_sigmas` is the critical shock in multiples of how much the
    asset's price moved a day of late (see `volatility`).
    """

    LIQUIDATED_USD = "liquidated_usd"
    BAD_DEBT_USD = "bad_debt_usd"
    UNLIQUIDATED_USD = "unliquidated_usd"
    AMPLIFICATION = "amplification"
    CRITICAL_SHOCK = "critical_shock"
    CRITICAL_SHOCK_SIGMAS = "critical_shock_sigmas"
    SHARE_OF_MARKET = "share_of_market"

    @property
    def is_of_curve(self) -> bool:
        """Whether it is measured on a curve, not on one projection."""
        return self in (Measure.CRITICAL_SHOCK, Measure.CRITICAL_SHOCK_SIGMAS)

    @property
    def lower_is_worse(self) -> bool:
        return self.is_of_curve

    def at_or_beyond(self, value: Decimal, limit: Decimal) -> bool:
        """Whether `value` is as bad as `limit` or worse."""
        return value <= limit if self.lower_is_worse else value >= limit

    def at_or_safer(self, value: Decimal, limit: Decimal) -> bool:
        """Whether `value` is as good as `limit` or better."""
        return value >= limit if self.lower_is_worse else value <= limit

    def shown(self, value: Decimal | None) -> str | None:
        """The contract's text of a value: USD with 2 decimals, half-up; None for no number."""
        if value is None or not value.is_finite():
            return None
        if self.value.endswith("_usd"):
            return f"{value.quantize(_CENT, ROUND_HALF_UP, context=_WIDE):f}"
        return f"{value:f}"


class Level(IntEnum):
    """How bad a measure is. EASED: between clear and warn, where nothing begins or ends."""

    SAFE = 0
    EASED = 1
    WARN = 2
    TRIP = 3


class When(StrEnum):
    """A breaker with several measures is as bad as its worst one, or as its best one."""

    ANY = "any"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Limits:
    """One measure with its thresholds. From safe to bad: clear, warn, trip, each apart from the
    next. `scenario`, `markets`: whose result is measured, and where.
    """

    measure: Measure
    warn: Decimal
    trip: Decimal
    clear: Decimal
    scenario: str = ""
    markets: tuple[str, ...] = ("*",)

    def level(self, value: Decimal) -> Level:
        if self.measure.at_or_safer(value, self.clear):
            return Level.SAFE
        if self.measure.at_or_beyond(value, self.trip):
            return Level.TRIP
        return Level.WARN if self.measure.at_or_beyond(value, self.warn) else Level.EASED


@dataclass(frozen=True, slots=True)
class Reading:
    """A measure at one block. None: it could not be known (or the projection did not converge).

    Raises ValueError for NaN, which no threshold can judge.
    """

    value: Decimal | None

    def __post_init__(self) -> None:
        if self.value is not None and self.value.is_nan():
            raise ValueError("a reading is NaN: expected a number, or None when it is unknown")


@dataclass(frozen=True, slots=True)
class Look:
    """All measures of a breaker at one block.

    They are together at least as bad as `lowest`, at most as bad as `highest`: a measure that is
    unknown may be anything. `decides`: the place of the measure that makes it so; of equals the
    first.
    """

    values: tuple[Decimal | None, ...]
    lowest: Level
    highest: Level
    decides: int

    @property
    def is_blind(self) -> bool:
        """Whether what is unknown could change the verdict."""
        return self.lowest is not self.highest

    @property
    def unknown(self) -> int:
        """The place of the first measure that is unknown."""
        return self.values.index(None)


def look_at(limits: Sequence[Limits], when: When, readings: Sequence[Reading]) -> Look:
    """Raises ValueError unless there is one reading of each measure."""
    values = tuple(reading.value for reading in readings)
    spans = [
        (Level.SAFE, Level.TRIP) if value is None else (one.level(value), one.level(value))
        for one, value in zip(limits, values, strict=True)
    ]
    lows, highs = [low for low, _ in spans], [high for _, high in spans]
    if when is When.ANY:
        return Look(values, max(lows), max(highs), lows.index(max(lows)))
    return Look(values, min(lows), min(highs), highs.index(min(highs)))
