"""Thresholds found on one half of a span, and what they do on the other.

The rule knows no crash: of what was tried it takes the setting that is in alert longest, and so the
earliest warner, that does not fire more often than once a quarter and is not in alert for more than
half of the time. Warn and clear keep the shipped ratios to trip.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from hysteresis.life import Life, bare, lived
from hysteresis.measuring import Observed
from monitor.engine.breaker import BreakerRule

TRIPS = tuple(map(Decimal, ("0.002", "0.005", "0.01", "0.02", "0.03", "0.05")))
QUARTER_SECONDS = 90 * 86_400
MOST_OF_THE_TIME = 1 / 2


@dataclass(frozen=True, slots=True)
class Setting:
    """A rule on what a scenario of that shock says; `shipped`: as the product has it."""

    shock: Decimal
    rule: BreakerRule
    shipped: bool = False

    @property
    def sensitivity(self) -> tuple[Decimal, Decimal]:
        """By the depth of the scenario, then by the threshold."""
        return abs(self.shock), -self.rule.limits[0].trip

    @property
    def words(self) -> str:
        (limits,) = self.rule.limits
        words = f"{float(self.shock):.0%}, trip {limits.trip}, clear {limits.clear.normalize()}"
        return f"shipped: {words}" if self.shipped else words


Rows = Mapping[Decimal, Sequence[Observed]]
"""What a breaker reads, by the scenario's shock."""


def settings(shipped: Setting, shocks: Sequence[Decimal]) -> Iterator[Setting]:
    (limits,) = shipped.rule.limits
    for shock in shocks:
        for trip in TRIPS:
            scale = trip / limits.trip
            scaled = replace(
                limits, warn=limits.warn * scale, trip=trip, clear=limits.clear * scale
            )
            yield Setting(shock, replace(shipped.rule, limits=(scaled,)))


def halves(rows: Rows) -> tuple[Rows, Rows]:
    """By time."""
    row = next(iter(rows.values()))
    middle = (row[0].unix + row[-1].unix) // 2
    return (
        {shock: [each for each in row if each.unix < middle] for shock, row in rows.items()},
        {shock: [each for each in row if each.unix >= middle] for shock, row in rows.items()},
    )


def tuned(tried: Sequence[Setting], rows: Rows) -> Setting:
    """Of those that do alike the most sensitive. Raises ValueError where none keeps its bounds."""
    lives = [(setting, lived(setting.rule, rows[setting.shock])) for setting in tried]
    kept = [(setting, life) for setting, life in lives if _is_quiet(life)]
    if not kept:
        raise ValueError("nothing that was tried fires so seldom: expected a setting that does")
    return max(kept, key=lambda pair: (pair[1].hours, *pair[0].sensitivity))[0]


def _is_quiet(life: Life) -> bool:
    most = round(life.span / QUARTER_SECONDS)
    return life.fires <= most and life.share <= MOST_OF_THE_TIME


def lives_of(setting: Setting, rows: Rows) -> tuple[Life, Life]:
    """As it is, and with the same threshold but without hysteresis and hold."""
    row = rows[setting.shock]
    return lived(setting.rule, row), lived(bare(setting.rule), row)
