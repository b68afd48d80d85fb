"""What was told against what is true: found, missed, made up; and whether what it says holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from devnet.abi import Address

from loops.answer import Row
from loops.part import Part
from loops.truth import STEPWISE, Truth, Weight

LEAST = Fraction(99, 100)
MOST_ERROR = Fraction(1, 10**9)


@dataclass
class Score:
    """Counts of one world, or of several: they add up."""

    worlds: int = 0
    loops: int = 0
    decoys: int = 0
    rows: int = 0
    found: int = 0
    kinds: int = 0
    stepwise: int = 0
    hops: int = 0
    built: int = 0
    worst_leverage_error: Fraction = Fraction(0)
    faults: list[str] = field(default_factory=list)

    def add(self, other: "Score") -> None:
        self.worlds += other.worlds
        self.loops += other.loops
        self.decoys += other.decoys
        self.rows += other.rows
        self.found += other.found
        self.kinds += other.kinds
        self.stepwise += other.stepwise
        self.hops += other.hops
        self.built += other.built
        self.worst_leverage_error = max(self.worst_leverage_error, other.worst_leverage_error)
        self.faults += other.faults

    @property
    def precision(self) -> Fraction:
        return _share(self.found, self.rows)

    @property
    def recall(self) -> Fraction:
        return _share(self.found, self.loops)

    @property
    def is_good(self) -> bool:
        return (
            self.loops > 0
            and self.precision >= LEAST
            and self.recall >= LEAST
            and _share(self.kinds, self.found) >= LEAST
            and self.hops == self.stepwise
            and self.worst_leverage_error <= MOST_ERROR
        )

    def remarks(self) -> str:
        """The line before the last."""
        return (
            f"decoys={self.decoys} rows={self.rows} kind={_text(_share(self.kinds, self.found))} "
            f"hops={_text(_share(self.hops, self.stepwise))} "
            f"built={_text(_share(self.built, self.found))}"
        )

    def last_line(self) -> str:
        return (
            f"worlds={self.worlds} loops={self.loops} precision={_text(self.precision)} "
            f"recall={_text(self.recall)} "
            f"worst_leverage_error={float(self.worst_leverage_error):.1e}"
        )


def judge(
    parts: Sequence[Part],
    rows: Sequence[Row],
    weights: Mapping[Truth, Weight],
    tokens: Mapping[str, Address],
) -> Score:
    """`weights`: what each loop amounts to; `tokens` by symbol."""
    score = Score(worlds=1, rows=len(rows))
    score.decoys = sum(not part.truths for part in parts)
    left = list(rows)
    for part, truth in [(each, truth) for each in parts for truth in each.truths]:
        score.loops += 1
        row = next((each for each in left if matches(each, truth, tokens)), None)
        if row is None:
            score.faults.append(_said(part, f"expected {_wanted(truth)}, found none", rows))
            continue
        left.remove(row)
        score.found += 1
        _compare(score, part, truth, row, weights[truth])
    for row in left:
        score.faults.append(_made_up(row, parts))
    return score


def matches(row: Row, truth: Truth, tokens: Mapping[str, Address]) -> bool:
    """The same people, the same markets, and a debt in common."""
    debts = {tokens[line.asset] for line in truth.owed}
    is_theirs = row.owner == truth.owner or bool(row.accounts & truth.accounts)
    return is_theirs and row.markets == truth.markets and bool(row.debts & debts)


def _compare(score: Score, part: Part, truth: Truth, row: Row, weight: Weight) -> None:
    score.kinds += row.kind == truth.kind
    score.built += row.built == truth.built
    if truth.built == STEPWISE:
        score.stepwise += 1
        score.hops += row.hops == truth.hops
    error = leverage_error(row, weight)
    score.worst_leverage_error = max(score.worst_leverage_error, error)
    held: list[tuple[str, object, object]] = [
        ("owner", row.owner, truth.owner),
        ("kind", row.kind, truth.kind),
        ("hops", row.hops, truth.hops),
        ("built", row.built, truth.built),
        ("collateral_usd", row.collateral_usd, _cents(weight.collateral_usd)),
        ("debt_usd", row.debt_usd, _cents(weight.debt_usd)),
    ]
    wrong = [f"{name} {told}, expected {true}" for name, told, true in held if told != true]
    if error > MOST_ERROR:
        wrong.append(f"leverage {row.leverage}, expected {float(weight.leverage)!r}")
    strange = [each for each in row.evidence if not any(each in line for line in part.script)]
    if strange:
        wrong.append(f"evidence that is not theirs: {strange}")
    if truth.hops is not None and not row.evidence:
        wrong.append("no evidence")
    if wrong:
        score.faults.append(_said(part, "; ".join(wrong), [row]))


def leverage_error(row: Row, weight: Weight) -> Fraction:
    """Relative; all of it where none is told."""
    if row.leverage is None:
        return Fraction(1)
    return abs(Fraction(row.leverage) / weight.leverage - 1)


def _wanted(truth: Truth) -> str:
    return f"{truth.kind}, {truth.built}, {truth.hops} hops on {', '.join(sorted(truth.markets))}"


def _made_up(row: Row, parts: Sequence[Part]) -> str:
    """A row that is none of the loops: of a decoy, of a loop told otherwise or twice."""
    people = {row.owner, *row.accounts}
    for part in parts:
        if people & set(part.people):
            return _said(part, "this loop is not there", [row])
    return f"somebody nobody knows, {row.owner}: {row}"


def _said(part: Part, what: str, rows: Sequence[Row]) -> str:
    theirs = [row for row in rows if {row.owner, *row.accounts} & set(part.people)]
    told = [f"  told: {row}" for row in theirs] or ["  told: nothing"]
    script = [f"    {line}" for line in part.script]
    return "\n".join([f"{part.title}: {what}", *told, "  built so:", *script])


def _cents(usd: Fraction) -> str:
    exact = Decimal((usd * 1000).__floor__()) / 1000
    return f"{exact.quantize(Decimal('0.01'), ROUND_HALF_UP):f}"


def _share(part: int, whole: int) -> Fraction:
    """All of nothing is all."""
    return Fraction(part, whole) if whole else Fraction(1)


def _text(share: Fraction) -> str:
    """Rounded down: 1.0000 is all of it."""
    return f"{int(share * 10_000) / 10_000:.4f}"
