"""What a run was asked for, what it came to, and that in words."""

import random
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from torture.letters import Arrival, Owed
from torture.verdict import Verdict

SCHEDULE_KEPT = 12


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    kills: int
    seed: int
    has_pair: bool = False
    """Two daemons on one Redis, in place of one with its own."""


def is_for_a_pair(seed: int) -> bool:
    """A third of all seeds."""
    return random.Random(f"pair {seed}").random() < 1 / 3


@dataclass(slots=True)
class Outcome:
    """What a run came to."""

    wanted: int
    kills: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    verdict: Verdict = field(default_factory=Verdict)
    schedule: deque[str] = field(default_factory=lambda: deque(maxlen=SCHEDULE_KEPT))
    """The last disasters, with their times."""
    not_run: list[str] = field(default_factory=list)
    """What this machine does not allow, and why."""
    log: Path | None = None
    """The daemon's, kept when something was wrong."""

    @property
    def is_clean(self) -> bool:
        return self.verdict.is_clean and self.kills >= self.wanted

    def table(self) -> list[str]:
        struck = [f"{name:<34}{count:>6}" for name, count in self.struck.items()]
        return struck + [f"not run: {what}" for what in self.not_run]

    def last_line(self) -> str:
        found = self.verdict
        return (
            f"kills={self.kills} lost={len(found.lost)} duplicated={len(found.duplicated)} "
            f"diverged={len(found.diverged)}"
        )

    def explanation(self) -> list[str]:
        """What helps to find out why."""
        found = self.verdict
        kinds = {"lost": found.lost, "duplicated": found.duplicated, "diverged": found.diverged}
        faults = [f"{kind}: {fault}" for kind, faults in kinds.items() for fault in faults]
        return [*faults, "the last disasters:", *(f"  {line}" for line in self.schedule)]


def summary(
    owed: Mapping[str, Owed],
    read: Mapping[str, Sequence[Arrival]],
    said: Mapping[str, Owed],
    verdict: Verdict,
) -> str:
    """What was due and what came, in one line. `said`: of the monitor's own blindness."""
    arrivals = [arrival for each in read.values() for arrival in each]
    taken = sum(arrival.acknowledged for arrival in arrivals)
    doubtful = sum(arrival.doubtful for arrival in arrivals)
    retractions = sum(
        len({arrival.id for arrival in each if arrival.retracts}) for each in read.values()
    )
    kinds = Counter(event.type for event in (*owed.values(), *said.values()))
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    return (
        f"owed {len(owed)} and {len(said)} of the monitor ({told}); {len(arrivals)} letters read, "
        f"{taken} acknowledged, {doubtful} of them in doubt, {retractions} retractions, "
        f"{verdict.raised_again} raised again"
    )
