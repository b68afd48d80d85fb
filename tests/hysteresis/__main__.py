"""python -m hysteresis: the shipped breakers under every round of two feeds, and tuned ones.

Exit 0 only if both are in alert at the crash they are for. The last line counts their fires.
A flap is a fire within 24 h after the breaker had cleared; `bare` are fires (and flaps) at the same
threshold without hysteresis and hold.
"""

import sys
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal

from lido_book import FOLDER as BOOK
from rich.console import Console
from rich.table import Table

from hysteresis.cases import Case, ether, staked
from hysteresis.life import Life, lived
from hysteresis.rounds import FOLDER as ROUNDS
from hysteresis.tuning import Rows, Setting, halves, lives_of, settings, tuned

HEADS = ("setting", "on", "fires", "flaps", "warned", "hours", "of time", "bare", "at the crash")
WIDTH = 150
Report = tuple[Setting, str, Rows]
"""What lived, on what, and its readings there."""


def main() -> int:
    absent = [str(folder) for folder in (ROUNDS, BOOK) if not folder.is_dir()]
    if absent:
        say(f"absent: {', '.join(absent)}: name the folder of both in CASCADE_MONITOR_DATA")
        return 69
    counts, missed = {}, []
    for case in (staked(), ether()):
        started = time.monotonic()
        rows = _rows(case)
        name, shipped = case.default.rule.name, case.shipped
        life = lived(shipped.rule, rows[shipped.shock])
        words = f"{name}: {len(case.rounds())} rounds, {_day(life.start)} to {_day(life.end)}"
        for title, reports in (
            (words, _reports(case, rows)),
            ("what was tried", _tried(case, rows)),
        ):
            Console(width=WIDTH).print(_table(title, case, reports))
        for start, end in life.firing:
            say(f"  {name} fired at {_day(start)}, until {_day(end)}")
        say(f"  blind for {life.blind} s; {time.monotonic() - started:.0f} s\n")
        counts[name] = life.fires
        if life.fired_at(case.crash[1]) is None:
            missed.append(f"{name} is not in alert at {case.crash[0]}")
    for words in missed:
        say(words)
    say(" ".join(f"{name}={fires}" for name, fires in counts.items()))
    return 1 if missed else 0


def _rows(case: Case) -> Rows:
    rounds = case.rounds()
    return {shock: case.observed(rounds, shock) for shock in case.shocks}


def _table(title: str, case: Case, reports: Iterable[Report]) -> Table:
    table = Table(title=title, title_justify="left")
    for head in HEADS:
        table.add_column(head, justify="left" if head in HEADS[:2] else "right")
    for setting, words, part in reports:
        table.add_row(*_cells(case, setting, words, part))
    return table


def _tried(case: Case, rows: Rows) -> Iterator[Report]:
    """Over the whole span. Of a scenario whose thresholds all do the same, the first."""
    seen: set[tuple[Decimal, Life]] = set()
    for setting in settings(case.shipped, case.shocks):
        doing = setting.shock, lived(setting.rule, rows[setting.shock])
        if doing not in seen:
            seen.add(doing)
            yield setting, "the whole", rows


def _reports(case: Case, rows: Rows) -> Iterator[Report]:
    parts = halves(rows)
    yield case.shipped, "the whole", rows
    for part, word in zip(parts, ("first half", "second half"), strict=True):
        yield case.shipped, word, part
    tried = list(settings(case.shipped, case.shocks))
    yield tuned(tried, parts[0]), "second, tuned on first", parts[1]
    yield tuned(tried, parts[1]), "first, tuned on second", parts[0]


def _cells(case: Case, setting: Setting, words: str, part: Rows) -> tuple[str, ...]:
    life, plain = lives_of(setting, part)
    return (
        setting.words,
        words,
        *map(str, (life.fires, life.flaps, life.warnings, life.hours)),
        f"{life.share:.0%}",
        f"{plain.fires} ({plain.flaps})",
        _at(case, life),
    )


def _at(case: Case, life: Life) -> str:
    """What it did at the crash, where that is in this part."""
    if not life.start <= case.crash[1] < life.end:
        return ""
    since = life.fired_at(case.crash[1])
    return "missed" if since is None else f"since {_day(since)}"


def _day(unix: int) -> str:
    return f"{datetime.fromtimestamp(unix, UTC):%Y-%m-%d %H:%M}"


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
