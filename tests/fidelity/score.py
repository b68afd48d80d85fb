"""What worlds came to together: the bounds, the table, the last line."""

import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from devnet import Executed

from fidelity.comparison import Errors

WORST, MEDIAN, PRICES, KNIFE_EDGES = 0.01, 0.001, 0.001, 0.05
AMPLIFIED = 1.5
SHARES_FROM = 20
"""Fewer worlds than this are too few for shares of them; a single knife edge is allowed then."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One world. `errors` count only where it is no knife edge. `features`: what else it has."""

    number: int
    words: str
    depth: str
    book: str
    executed: Executed
    projected_rounds: int
    errors: Errors
    is_knife_edge: bool
    seconds: float
    features: tuple[str, ...] = ()

    @property
    def protocols(self) -> int:
        """In which something was liquidated; both versions of Aave are one."""
        return len({_protocol(each.market) for each in self.executed.done})

    @property
    def has_bad_debt(self) -> bool:
        return self.executed.bad_debt_usd > 0

    def row(self) -> str:
        done = self.executed
        share = float(done.bad_debt_usd / done.liquidated_usd)
        return (
            f"world {self.number:>3}: {self.depth} pools, {self.book} book, {done.rounds:>2} rounds"
            f" ({self.projected_rounds} projected), x{float(done.amplification):<5.2f} "
            f"${float(done.liquidated_usd):>12,.0f} liquidated, bad debt {share:>7.2%} of it | "
            f"errors {self.errors.liquidated:.0e} liquidated, {self.errors.seized:.0e} seized, "
            f"{self.errors.bad_debt:.0e} bad debt, {self.errors.unliquidated:.0e} left, "
            f"{self.errors.prices:.0e} prices | {self.words}"
            f"{' | KNIFE EDGE' if self.is_knife_edge else ''}, {self.seconds:.0f} s"
        )


def _protocol(market: str) -> str:
    return "morpho" if market.startswith("morpho") else "aave"


@dataclass
class Score:
    verdicts: list[Verdict] = field(default_factory=list)
    redrawn: int = 0

    @property
    def judged(self) -> list[Verdict]:
        return [each for each in self.verdicts if not each.is_knife_edge]

    @property
    def worst(self) -> float:
        return max((each.errors.bound for each in self.judged), default=0.0)

    @property
    def median(self) -> float:
        return statistics.median([each.errors.bound for each in self.judged] or [0.0])

    @property
    def amplified(self) -> int:
        return sum(1 for each in self.verdicts if each.executed.amplification > AMPLIFIED)

    @property
    def knife_edges(self) -> int:
        return len(self.verdicts) - len(self.judged)

    def misses(self) -> Iterator[str]:
        """Bounds that do not hold. Shares are asked of enough worlds only."""
        if not self.judged:
            yield "no world was judged"
            return
        if self.worst > WORST:
            yield f"worst error {self.worst:.1e}: at most {WORST} is allowed"
        if self.median > MEDIAN:
            yield f"median error {self.median:.1e}: at most {MEDIAN} is allowed"
        seized = max(each.errors.seized for each in self.judged)
        if seized > WORST:
            yield f"collateral seized is off by {seized:.1e}: at most {WORST} is allowed"
        prices = max(each.errors.prices for each in self.judged)
        if prices > PRICES:
            yield f"final prices off by {prices:.1e}: at most {PRICES} is allowed"
        if self.knife_edges > max(1, KNIFE_EDGES * len(self.verdicts)):
            yield f"{self.knife_edges} knife edges: at most {KNIFE_EDGES:.0%} are allowed"
        for verdict in self.verdicts:
            if verdict.protocols < 2:
                yield f"world {verdict.number} liquidates in one protocol only"
        if len(self.verdicts) >= SHARES_FROM:
            yield from self._tame()

    def _tame(self) -> Iterator[str]:
        for words, share, least in self.shares():
            if share < least:
                yield f"the worlds are tame: {words} in {share:.0%}, expected {least:.0%} or more"

    def shares(self) -> Iterator[tuple[str, float, float]]:
        """What, in which share of worlds, and in how many it has to be at least."""
        worlds = self.verdicts
        for words, count, least in (
            ("amplification above 1.5", self.amplified, 0.5),
            ("three rounds or more", sum(each.executed.rounds >= 3 for each in worlds), 0.3),
            ("bad debt", sum(each.has_bad_debt for each in worlds), 0.2),
            ("thin pools", sum(each.depth == "thin" for each in worlds), 0.1),
            ("deep pools", sum(each.depth == "deep" for each in worlds), 0.1),
            ("a spread book", sum(each.book == "spread" for each in worlds), 0.1),
            ("a concentrated book", sum(each.book == "concentrated" for each in worlds), 0.1),
        ):
            yield words, count / len(worlds), least

    def remarks(self) -> str:
        """In how many worlds there was what, and what is counted besides."""
        found = Counter(feature for each in self.verdicts for feature in each.features)
        told = [f"{feature} in {count}" for feature, count in sorted(found.items())]
        otherwise = sum(each.executed.rounds != each.projected_rounds for each in self.judged)
        told.append(f"rounds projected otherwise in {otherwise}")
        return f"worlds with {', '.join(told)}; drawn again: {self.redrawn}"

    def last_line(self) -> str:
        return (
            f"worlds={len(self.verdicts)} amplified={self.amplified} "
            f"knife_edge={self.knife_edges} worst_error={self.worst:.1e} "
            f"median_error={self.median:.1e}"
        )
