"""What the whole stage looks like when an action is drawn: the last sight, the date, and the dice.

Everything here only makes actions plausible; nothing of it is compared with anything. That is why
there are floats.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from devnet import Address

from fuzz.sight import Sight

YEAR_SECONDS = 365 * 86_400
STEADY_SHARE = 0.42
"""No price or jump is chosen that would leave fewer accounts in debt and solvent at any venue."""

Moves = Mapping[Address, float]
"""Price sources, and the factors by which their answers change."""


class Foresight(Protocol):
    """What a venue knows of the future."""

    @property
    def is_dark(self) -> bool: ...

    def share_after(self, moves: Moves, seconds: int = 0) -> float:
        """About what share of all accounts would have debt there and be solvent."""
        ...


class Venues(Protocol):
    """All of them."""

    def foresights(self, scene: "Scene") -> Sequence[Foresight]:
        """Of those that are not in the dark."""
        ...


@dataclass(frozen=True, slots=True)
class Scene:
    """The coming block is dated `at_unix`. With `who`, verbs act through that account."""

    rng: random.Random
    venues: Venues
    sight: Sight
    actors: Sequence[Address]
    at_unix: int
    who: Address | None = None

    def acting(self, who: Address | None) -> "Scene":
        return replace(self, who=who)

    def is_steady(self, moves: Moves, seconds: int = 0) -> bool:
        """Whether enough stay solvent everywhere."""
        shares = (each.share_after(moves, seconds) for each in self.venues.foresights(self))
        return all(share >= STEADY_SHARE for share in shares)
