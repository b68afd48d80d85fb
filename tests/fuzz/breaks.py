"""When the chain turns, how far, and whether the monitor is there to see it."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal

DEPTHS = (1, 3, 20)
ACTIONS_PER_BREAK = 50
FIRST_SHARE, LAST_SHARE = 0.3, 0.95
"""Of a run, between which it happens: a deep one needs blocks before it."""

Way = Literal["anvil_reorg", "rollback", "bare rollback"]


@dataclass(frozen=True, slots=True)
class Break:
    """One reorganisation. A bare rollback has nothing in the place of the blocks that go."""

    way: Way
    depth: int
    is_away: bool = False
    """Whether it happens between a monitor's death and its return."""

    def __str__(self) -> str:
        away = " while the monitor was away" if self.is_away else ""
        return f"{self.depth} blocks by {self.way}{away}"


REPLACING: tuple[Way, Way] = ("anvil_reorg", "rollback")
KINDS = (
    *(Break(way, depth, away) for way, depth, away in product(REPLACING, DEPTHS, (False, True))),
    *(Break("bare rollback", depth) for depth in DEPTHS),
)


def schedule(rng: random.Random, actions: int) -> list[tuple[int, Break]]:
    """(after so many actions, what breaks), in order. Each depth comes up in any run."""
    first = [Break(rng.choice(REPLACING), depth) for depth in DEPTHS]
    first.append(Break(rng.choice(REPLACING), rng.choice(DEPTHS), is_away=True))
    first.append(Break("bare rollback", rng.choice(DEPTHS)))
    rng.shuffle(first)
    count = max(len(first), actions // ACTIONS_PER_BREAK)
    drawn = [*first, *_for_ever(rng, count - len(first))]
    span = (LAST_SHARE - FIRST_SHARE) / count
    # One in each part of the run: two deep ones in a row would dig below what is final.
    return [
        (int(actions * (FIRST_SHARE + span * (place + rng.random() * 0.7))), each)
        for place, each in enumerate(drawn)
    ]


def _for_ever(rng: random.Random, count: int) -> Iterator[Break]:
    """All kinds in turn, shuffled every time."""
    kinds: list[Break] = []
    for _ in range(count):
        kinds = kinds or rng.sample(KINDS, len(KINDS))
        yield kinds.pop()
