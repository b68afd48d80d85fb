"""Money within one transaction: where it came from, where it went, and what of it was borrowed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from monitor.core.trails import Side
from monitor.core.units import AssetId
from monitor.leverage.steps import Act

DUST_RAW = 2
"""Pledges and debts are told to the nearest unit, transfers exactly: so much is no money."""
BEFORE = -1
"""The position of what was there before the transaction."""


def is_little(raw: int, of_raw: int, tolerance: Fraction) -> bool:
    """Whether so much is what an exchange or a rounding leaves of the whole."""
    return raw <= DUST_RAW or raw <= of_raw * tolerance


class Part(NamedTuple):
    """`raw` of an asset, which `borrowed_raw` of `origin` became; own money has no origin.

    `lent_raw`: what `borrowed_raw` was before any of it was split off. `position`: the log that
    borrowed it. `group`: what was one hop stays one (0: none yet).
    """

    raw: int
    origin: Side | None = None
    borrowed_raw: int = 0
    lent_raw: int = 0
    since_unix: int = 0
    transactions: tuple[str, ...] = ()
    position: int = BEFORE
    group: int = 0
    is_flash: bool = False

    def split(self, raw: int) -> tuple["Part", "Part"]:
        """So much of it, and the rest. The borrowed part is divided with it, rounded down."""
        borrowed = self.borrowed_raw * raw // self.raw if self.raw else 0
        rest = self._replace(raw=self.raw - raw, borrowed_raw=self.borrowed_raw - borrowed)
        return self._replace(raw=raw, borrowed_raw=borrowed), rest


@dataclass(slots=True, eq=False)
class Source:
    """Money that a transaction could spend, in the order in which it is spent.

    `position`: the log from which on it was there. `is_exchanged`: something else was bought
    with a part of it.
    """

    asset: AssetId
    parts: list[Part]
    position: int = BEFORE
    is_exchanged: bool = False
    size_raw: int = field(init=False)

    def __post_init__(self) -> None:
        self.size_raw = self.left_raw

    @property
    def left_raw(self) -> int:
        return sum(part.raw for part in self.parts)

    @property
    def is_tainted(self) -> bool:
        return any(part.origin is not None for part in self.parts)

    def take(self, raw: int, first: Side | None = None) -> Iterator[Part]:
        """So much of it, in order; what `first` lent before all else."""
        if first is not None:
            self.parts.sort(key=lambda part: part.origin != first)
        while raw > 0 and self.parts:
            taken, rest = self.parts[0].split(min(raw, self.parts[0].raw))
            raw -= taken.raw
            self.parts[:1] = [rest] if rest.raw else []
            yield taken

    def take_share(self, share: Fraction) -> list[Part]:
        """The same share of every part of it."""
        pairs = [part.split(int(part.raw * share)) for part in self.parts]
        self.is_exchanged = True
        self.parts = [rest for _, rest in pairs if rest.raw]
        return [taken for taken, _ in pairs if taken.raw]


@dataclass(slots=True, eq=False)
class Sink:
    """Where money went: a pledge, a debt repaid, or (without a side) the wallet."""

    act: Act
    asset: AssetId
    side: Side | None
    raw: int
    position: int
    open_raw: int = field(init=False)
    parts: list[Part] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open_raw = self.raw

    def fund(self, parts: Sequence[Part], raw: int) -> None:
        """`raw` of it was paid with these, which may be of another asset."""
        total = sum(part.raw for part in parts)
        self.parts += [part._replace(raw=part.raw * raw // total) for part in parts]
        self.open_raw -= raw
