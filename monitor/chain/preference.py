"""Who is asked first: the order given, unless an endpoint rests, has no budget, or is slow. Pure:
the clock is handed in."""

from collections.abc import Sequence
from dataclasses import dataclass

NEWEST_SHARE = 0.3
"""What one measurement weighs: three slow answers in a row tell, a single hiccup hardly does."""
TIMES_SLOWER = 4.0
SECONDS_SLOWER = 0.25
"""Markedly slower is both. The first alone would give up a node next door that took 2 ms instead
of 0.4; the second alone would give up a far one for a little less far. A quarter of a second is
what a block, with its handful of questions, feels."""
CHANCE_SECONDS = 60.0
"""A measurement so old says nothing: the endpoint gets another chance."""


@dataclass(slots=True)
class Pace:
    """How fast an endpoint answers, smoothed."""

    _seconds: float | None = None
    _measured_at: float = 0.0

    def measure(self, seconds: float, now: float) -> None:
        """One answer, or a timeout, that took so long."""
        before = self.seconds(now)
        self._seconds = seconds if before is None else before + NEWEST_SHARE * (seconds - before)
        self._measured_at = now

    def seconds(self, now: float) -> float | None:
        """None where nothing is known, or no more."""
        return None if now - self._measured_at > CHANCE_SECONDS else self._seconds


@dataclass(frozen=True, slots=True)
class Candidate:
    """What speaks for and against an endpoint now.

    `rest_seconds`: until it is trusted again. `wait_seconds`: until its budget allows the question.
    `is_behind`: it lacked blocks that another had when they were last compared.
    """

    rest_seconds: float = 0.0
    wait_seconds: float = 0.0
    answer_seconds: float | None = None
    is_behind: bool = False


def ranked(candidates: Sequence[Candidate]) -> list[int]:
    """Indices, first to be asked first: rested, with budget, not behind, not markedly slower, in
    order."""
    healthy = [c.answer_seconds for c in candidates if not c.rest_seconds and c.answer_seconds]
    fastest = min(healthy, default=None)

    def key(index: int) -> tuple[float, float, bool, bool, int]:
        candidate = candidates[index]
        is_slow = _is_markedly_slower(candidate.answer_seconds, fastest)
        wait_seconds = candidate.wait_seconds
        return candidate.rest_seconds, wait_seconds, candidate.is_behind, is_slow, index

    return sorted(range(len(candidates)), key=key)


def _is_markedly_slower(seconds: float | None, fastest: float | None) -> bool:
    if seconds is None or fastest is None:
        return False
    return seconds > TIMES_SLOWER * fastest and seconds > SECONDS_SLOWER + fastest
