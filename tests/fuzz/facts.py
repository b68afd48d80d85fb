"""What the contracts and what the monitor say of a block: flat tables that must be equal."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

Fact = tuple[str, str]
"""(whose: a venue, and in it an account, a reserve or a market; field)."""
Facts = dict[Fact, int | None]
Told = Iterable[tuple[str, int | None]]
"""Fields of one subject."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A fact on which the two sides differ. None: that side does not know it."""

    block: int
    fact: Fact
    expected: int | None
    got: int | None

    def __str__(self) -> str:
        subject, field = self.fact
        return (
            f"mismatch: block {self.block}, {subject}, {field}: "
            f"expected (contract) {self.expected}, got (monitor) {self.got}"
        )


def of(subject: str, told: Told) -> Iterator[tuple[Fact, int | None]]:
    """The same as facts."""
    for field, value in told:
        yield (subject, field), value


def compare(
    block: int, seen: Mapping[Fact, int | None], told: Mapping[Fact, int | None]
) -> list[Mismatch]:
    """Those that differ."""
    return [
        Mismatch(block, fact, seen.get(fact), told.get(fact))
        for fact in sorted(seen.keys() | told.keys())
        if seen.get(fact) != told.get(fact)
    ]
