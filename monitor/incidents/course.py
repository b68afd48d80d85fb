"""What happened block by block, beside what was said: the values a report is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from monitor.core.blocks import BlockRef


@dataclass(frozen=True, slots=True)
class Happened:
    """A liquidation that a log told. `repaid_usd`: at the prices at the end of its block; None
    where one is unknown.
    """

    market: str
    account: str
    debt: str
    repaid_usd: Fraction | None


@dataclass(frozen=True, slots=True)
class Shown:
    """What a scenario said. `value`: liquidated USD; of a curve the critical shock. None: unknown,
    or (of a curve) no shock was critical.
    """

    value: Decimal | None
    bad_debt_usd: Decimal | None = None
    is_known: bool = True


@dataclass(frozen=True, slots=True)
class Standing:
    """A breaker after a block. `is_firing`: tripped, or recovering from it."""

    phase: str
    is_firing: bool
    value: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """An alert."""

    id: str
    type: str
    breaker: str
    severity: str
    value: str | None


@dataclass(frozen=True, slots=True)
class Moment:
    """One block. `prices`: USD of a whole token, by its configured name; None: not known.
    `written_off_usd`: debt that logs told to be lost; None where a price is unknown.
    """

    block: BlockRef
    scenarios: Mapping[str, Shown]
    breakers: Mapping[str, Standing]
    alerts: Sequence[Told]
    liquidations: Sequence[Happened]
    prices: Mapping[str, Fraction | None]
    written_off_usd: Fraction | None = Fraction(0)


@dataclass(frozen=True, slots=True)
class Ward:
    """A breaker's first measure as it was configured: what readings are held against."""

    name: str
    scenario: str
    measure: str
    warn: Decimal
    trip: Decimal
    clear: Decimal


@dataclass(frozen=True, slots=True)
class Course:
    """A replay, whole. `loops`: the largest at the beginning, and the same at the end (None: gone).
    `markets`: totals at the beginning and at the end; `underwater_usd` in them is debt above its
    account's collateral, whoever bears that.
    """

    moments: Sequence[Moment]
    wards: Sequence[Ward]
    loops: Sequence[tuple[Mapping[str, Any], Mapping[str, Any] | None]] = ()
    markets: tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]] = ((), ())
