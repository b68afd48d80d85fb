"""What the contracts themselves say at one block: what the monitor must say too."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from devnet import Address, Block

from fuzz.facts import Facts


class Part(Protocol):
    """What one venue shows."""

    @property
    def is_dark(self) -> bool:
        """Whether for want of a price hardly anything is possible there."""
        ...

    @property
    def solvent_share(self) -> float:
        """The share of all accounts that have debt there and are solvent; 1 without debts."""
        ...

    def facts(self) -> Facts:
        """All that is compared."""
        ...


@dataclass(frozen=True, slots=True)
class Sight:
    """All that is compared, and all that the generator knows when it draws the next block."""

    block: Block
    answers: Mapping[Address, int]
    """Of every Chainlink feed. Not compared as such."""
    parts: Mapping[str, Part]
    """By the venue's name."""

    @property
    def is_dark(self) -> bool:
        return any(part.is_dark for part in self.parts.values())

    @property
    def solvent_share(self) -> float:
        """Where it is lowest."""
        return min(part.solvent_share for part in self.parts.values())

    def facts(self) -> Facts:
        return {
            (f"{name} {subject}", field): value
            for name, part in self.parts.items()
            for (subject, field), value in part.facts().items()
        }
