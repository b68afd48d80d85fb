"""The state in one word, and the sentence that explains it: what a person reads first."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from monitor.core.conditions import Condition
from monitor.core.words import curved, figure, measured, shocked
from monitor.web.page.sheet import Sheet
from monitor.web.page.shown import instant

BLIND_IN: Mapping[str, str] = {
    Condition.HEAD: "no new blocks",
    Condition.ENDPOINTS: "nodes disagree",
    Condition.LOGS: "a log not understood",
    Condition.PRICES: "prices",
    Condition.DRIFT: "the ledger differs",
    Condition.LAG: "blocks wait",
    Condition.SCENARIOS: "a projection",
    Condition.STORE: "the store",
    Condition.OUTBOX: "a receiver",
    Condition.CLOCK: "the clock",
    Condition.STOPPED: "stopped",
}
"""Conditions as a headline says them."""
CATCHING_UP, STANDBY = "catching up:", "standby:"
"""How the reasons of `Answers.ready` begin that are no fault."""


class Mood(StrEnum):
    """Each has a colour, a shape and a word of its own."""

    QUIET = "quiet"
    EMPTY = "empty"
    WARNED = "warned"
    TRIPPED = "tripped"
    BLIND = "blind"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`word` is the state, `about` whom it concerns, `says` why. `since_unix` is of a block."""

    mood: Mood
    word: str
    about: str = ""
    says: str = ""
    since_unix: int | None = None
    also: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """All of it in one line, for a screen reader and for a tab's title."""
        return f"{self.word}: {self.about}" if self.about else self.word


def verdict_of(sheet: Sheet) -> Verdict:
    """The worst there is; what else there is stands under `also`."""
    if sheet.fault:
        return _beginning(sheet)
    first, *others = (*_findings(sheet), _calm(sheet))
    also = tuple(f"{other.line}. {other.says}".strip() for other in others[:-1])
    return Verdict(first.mood, first.word, first.about, first.says, first.since_unix, also)


def cause(scenario: Mapping[str, Any] | None) -> str:
    """What a scenario assumes: "WETH falls 20 %"."""
    if scenario is None:
        return ""
    return shocked(scenario["shocks"]) or curved(scenario["curve"])


def _beginning(sheet: Sheet) -> Verdict:
    reasons = [*sheet.ready.reasons] or [sheet.fault]
    if reasons[0].startswith(STANDBY):
        told = "Another daemon leads. This one takes over when that one falls silent."
        return Verdict(Mood.BUSY, "Standing by", reasons[0].removeprefix(STANDBY).strip(), told)
    return Verdict(Mood.BUSY, "Starting", "", "; ".join(reasons))


def _findings(sheet: Sheet) -> Iterator[Verdict]:
    """From worst to mildest."""
    breakers = sheet.status["breakers"]
    by_phase = {
        phase: [row for row in breakers if row["phase"] == phase and not row["blind"]]
        for phase in ("tripped", "pending", "warned", "recovering")
    }
    tripped = [row for row in breakers if row["phase"] == "tripped"]
    if tripped:
        yield _breakers(sheet, Mood.TRIPPED, "TRIPPED", tripped)
    yield from _blind(sheet)
    if rows := by_phase["pending"]:
        yield _breakers(sheet, Mood.WARNED, "About to trip", rows)
    below = [(row, each) for row in sheet.watches for each in row["positions"] if each["below"]]
    if below:
        names = dict.fromkeys(row["name"] for row, _ in below)
        told = f"{_count(len(below), 'watched position')} below the health you asked for."
        yield Verdict(Mood.WARNED, "At risk", ", ".join(names), told)
    if rows := by_phase["warned"]:
        yield _breakers(sheet, Mood.WARNED, "Warned", rows)
    if rows := by_phase["recovering"]:
        yield _breakers(sheet, Mood.WARNED, "Recovering", rows)
    yield from _unsure(sheet)


def _breakers(sheet: Sheet, mood: Mood, word: str, rows: Sequence[Mapping[str, Any]]) -> Verdict:
    first = rows[0]
    measure = first["measure"]
    limit = figure(measure, first["trip"] if mood is Mood.TRIPPED else first["warn"])
    kind = "trips" if mood is Mood.TRIPPED else "warns"
    if_ = cause(sheet.scenario(first["scenario"]))
    told = (
        f"{f'If {if_}: ' if if_ else ''}{measured(measure, first['value'])}. It {kind} at {limit}."
    )
    return Verdict(
        mood, word, ", ".join(row["name"] for row in rows), told, instant(first["since"])
    )


def _blind(sheet: Sheet) -> Iterator[Verdict]:
    conditions = sheet.status["blind"]
    if conditions:
        names = ", ".join(BLIND_IN.get(name, name) for name in conditions)
        reasons = dict.fromkeys(why for each in conditions.values() for why in each["reasons"])
        since = min((instant(each["since"]) or 0 for each in conditions.values()), default=None)
        yield Verdict(Mood.BLIND, "Blind", names, "; ".join(reasons), since)
    rows = [row for row in sheet.status["breakers"] if row["blind"]]
    if rows:
        why = next(
            (row["unknown"][0] for row in rows if row["unknown"]), "what it needs is unknown"
        )
        names = ", ".join(row["name"] for row in rows)
        yield Verdict(Mood.BLIND, "Blind", names, why, instant(rows[0]["blind_since"]))


def _unsure(sheet: Sheet) -> Iterator[Verdict]:
    """What keeps the answers from being ready, and is not said as blindness yet."""
    reasons = sheet.ready.reasons
    late = [reason for reason in reasons if reason.startswith(CATCHING_UP)]
    known = {why for each in sheet.status["blind"].values() for why in each["reasons"]}
    other = [reason for reason in reasons if reason not in late and reason not in known]
    if other and not sheet.status["blind"]:
        yield Verdict(Mood.BLIND, "Not sure", "", "; ".join(other))
    new = [
        row["name"]
        for row in sheet.status["breakers"]
        if row["value"] is None and row["unknown"] and not row["blind"]
    ]
    if new:
        told = "No block was judged since they are in the configuration."
        yield Verdict(Mood.BUSY, "Waiting for a block", ", ".join(new), told)
    if late:
        told = late[0].removeprefix(CATCHING_UP).strip()
        yield Verdict(Mood.BUSY, "Catching up", "", f"{told.capitalize()}.")


def _calm(sheet: Sheet) -> Verdict:
    markets, breakers = sheet.status["markets"], sheet.status["breakers"]
    held = sum(market["positions"] for market in markets)
    where = _count(len(markets), "market")
    if not held:
        return Verdict(Mood.EMPTY, "No positions yet", "", f"{where} followed, and nobody in them.")
    watches = f" and {_count(len(sheet.watches), 'watch', 'watches')}" if sheet.watches else ""
    told = (
        f"{held:,} positions in {where}, held against {_count(len(breakers), 'breaker')}{watches}: "
        "nothing is over a limit."
    )
    return Verdict(Mood.QUIET, "All quiet", "", told)


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"
