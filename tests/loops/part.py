"""Who acts in a world, and what the one who wrote their part says of them."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from devnet.abi import Address, account
from devnet.transactions import Tx

from loops.scene import Scene
from loops.truth import Truth

Acts: TypeAlias = AsyncIterator[Sequence[Tx]]
"""What is done block by block; nothing, where somebody waits."""
Play: TypeAlias = "Callable[[Scene, Part], Acts]"
"""How a part is played: it writes down the truth before it ends, where it is a loop."""


@dataclass
class Part:
    """One loop or decoy. `truth` stays empty for a decoy."""

    title: str
    play: Play
    people: tuple[Address, ...]
    truth: Truth | None = None
    script: list[str] = field(default_factory=list)

    @property
    def who(self) -> Address:
        return self.people[0]

    @property
    def is_loop(self) -> bool:
        return self.title.startswith("loop")


def cast(title: str, play: Play, number: int, people: int = 1) -> Part:
    """A part of a number of its own, for so many people."""
    names = tuple(account(f"loops {number}-{person}") for person in range(people))
    return Part(title, play, names)
