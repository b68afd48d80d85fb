"""Arms timed side by side: interleaved in one process, the ratio of each round, its spread."""

import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

ROUNDS = 7

Arm = Callable[[], Awaitable[float]]
"""Does its work once and returns the seconds of what is to be compared."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Least, median and greatest of some figures."""

    least: float
    median: float
    greatest: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Spread":
        return cls(min(figures), statistics.median(figures), max(figures))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `goal` is on the median; None where a figure is only told."""

    name: str
    figure: Spread
    unit: str
    goal: float | None
    at_most: bool
    arms: str
    """What each side does, and what it took."""

    @property
    def met(self) -> bool | None:
        if self.goal is None:
            return None
        median = self.figure.median
        return median <= self.goal if self.at_most else median >= self.goal


def at_least(name: str, figure: Spread, goal: float | None, arms: str, unit: str = "x") -> Row:
    return Row(name, figure, unit, goal, at_most=False, arms=arms)


def at_most(name: str, figure: Spread, goal: float | None, arms: str, unit: str = "x") -> Row:
    return Row(name, figure, unit, goal, at_most=True, arms=arms)


def computed(work: Callable[[], object], times: int = 1) -> Arm:
    """An arm of plain code: processor time, which other processes of the machine do not stretch.

    `times`: how often it is done in a row, where once is too short to be measured.
    """

    async def arm() -> float:
        started = time.process_time()
        for _ in range(times):
            work()
        return (time.process_time() - started) / times

    return arm


def awaited(work: Callable[[], Awaitable[object]]) -> Arm:
    """An arm that talks to other processes: wall time."""

    async def arm() -> float:
        started = time.perf_counter()
        await work()
        return time.perf_counter() - started

    return arm


async def interleaved(*arms: Arm, rounds: int = ROUNDS) -> list[list[float]]:
    """Seconds of each arm, round by round; one round before them warms up and does not count.

    Every second round goes through the arms backwards: none always runs in the wake of another.
    """
    seconds: list[list[float]] = [[] for _ in arms]
    pairs = list(zip(arms, seconds, strict=True))
    for number in range(-1, rounds):
        for arm, taken in pairs if number % 2 else reversed(pairs):
            gc.collect()
            spent = await arm()
            if number >= 0:
                taken.append(spent)
    return seconds


def ratio(over: Sequence[float], under: Sequence[float]) -> Spread:
    """Round by round: whatever slowed a round down slowed both."""
    return Spread.of([a / b for a, b in zip(over, under, strict=True)])


def micros(seconds: Sequence[float], count: int) -> str:
    """Median time of one of `count` things."""
    return f"{statistics.median(seconds) / count * 1e6:.3g} us"


def millis(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds) * 1e3:.3g} ms"
