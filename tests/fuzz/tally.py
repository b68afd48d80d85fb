"""What was tried, what worked, and whether the generator kept its promises."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from fuzz.breaks import DEPTHS, REPLACING, Break
from fuzz.scene import YEAR_SECONDS, Scene
from fuzz.verb import Verb

LEAST_ACCOUNTS = 100
LEAST_SOLVENT_SHARE = 0.30
LEAST_SUCCEEDED = 0.60
ENOUGH_FOR_A_VERB = 2
"""Actions for each of them: a run of so many must have room for all."""
ENOUGH_FOR_EVERY_BREAK = 1_000
"""And for a reorganisation of every depth both ways."""
LONGEST_SECONDS = 5 * YEAR_SECONDS


@dataclass(slots=True)
class Tally:
    """Counts of one run."""

    verbs: Sequence[Verb[Scene]]
    accounts: int
    tried: Counter[str] = field(default_factory=Counter)
    succeeded: Counter[str] = field(default_factory=Counter)
    reverts: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    breaks: Counter[Break] = field(default_factory=Counter)
    comparisons: int = 0
    mismatches: int = 0
    lowest_solvent_share: float = 1.0
    seconds: int = 0

    def count(self, verb: str, revert_reason: str | None) -> None:
        self.tried[verb] += 1
        if revert_reason is None:
            self.succeeded[verb] += 1
        else:
            self.reverts[f"{verb}: {revert_reason}"] += 1

    def table(self) -> list[str]:
        rows = [f"{'verb':<24}{'tried':>8}{'succeeded':>11}"]
        rows += [
            f"{verb.name:<24}{self.tried[verb.name]:>8}{self.succeeded[verb.name]:>11}"
            for verb in self.verbs
        ]
        return rows

    def broken_promises(self) -> list[str]:
        """What the generator owes every run, and did not deliver."""
        tried, succeeded = self.tried.total(), self.succeeded.total()
        faults = []
        if tried >= ENOUGH_FOR_A_VERB * len(self.verbs):
            never = [verb.name for verb in self.verbs if not self.succeeded[verb.name]]
            faults += [f"{name} never succeeded" for name in never]
            faults += [f"there was no {fault}" for fault in self._missing_breaks(tried)]
        if self.accounts < LEAST_ACCOUNTS:
            faults.append(f"{self.accounts} accounts, expected {LEAST_ACCOUNTS}")
        if succeeded < LEAST_SUCCEEDED * tried:
            faults.append(f"{succeeded} of {tried} actions succeeded, expected 60 %")
        if self.lowest_solvent_share < LEAST_SOLVENT_SHARE:
            faults.append(
                f"only {self.lowest_solvent_share:.0%} of accounts were solvent with debt at some "
                "block, expected 30 %"
            )
        if self.seconds > LONGEST_SECONDS:
            faults.append(f"the run lasted {self.seconds / YEAR_SECONDS:.1f} years, expected 5")
        return faults

    def _missing_breaks(self, tried: int) -> list[str]:
        ways = {(done.way, done.depth) for done in self.breaks if not done.is_away}
        depths = {depth for _, depth in ways}
        missing = [f"reorganisation of depth {depth}" for depth in DEPTHS if depth not in depths]
        if not any(done.is_away for done in self.breaks):
            missing.append("reorganisation while the monitor was away")
        if tried >= ENOUGH_FOR_EVERY_BREAK:
            owed = [(way, depth) for way in REPLACING for depth in DEPTHS]
            missing += [f"{way} of depth {n}" for way, n in owed if (way, n) not in ways]
        return missing

    def remarks(self) -> str:
        notes = ", ".join(f"{count} {note}" for note, count in self.notes.items())
        return (
            f"{notes}, {self.breaks.total()} reorganisations, "
            f"{self.seconds / 86_400:.1f} days on chain, at least {self.lowest_solvent_share:.0%} "
            "of accounts solvent with debt"
        )

    def last_line(self) -> str:
        return (
            f"actions={self.tried.total()} succeeded={self.succeeded.total()} "
            f"accounts={self.accounts} comparisons={self.comparisons} mismatches={self.mismatches}"
        )
