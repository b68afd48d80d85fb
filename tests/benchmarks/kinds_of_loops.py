"""What it costs a block that a projection knows which debts are in loops.

The kinds are judged where they are asked for: a world only keeps what that takes. Both arms begin
with the same ledger, right after its loops were found.
"""

from collections.abc import Sequence
from fractions import Fraction

from benchmarks.timing import Row, at_most, computed, interleaved, millis, ratio
from monitor.core.blocks import BlockRef
from monitor.core.ledger import Ledger
from monitor.core.risk import WorldSheet
from monitor.core.sources import RiskRules
from monitor.engine.loop_kinds import LoopKinds
from monitor.engine.valuation import Valuation, list_all

LEAST = Fraction(4, 5)


async def kind_rows(ledger: Ledger, block: BlockRef, rules: Sequence[RiskRules]) -> list[Row]:
    """At most a quarter of what the sheets of the markets take."""

    def sheets() -> WorldSheet:
        found = (sheet for rule in rules for sheet in rule.sheets(ledger, block.timestamp))
        return WorldSheet(block, tuple(found), (), {})

    world = sheets()

    def kinds() -> LoopKinds:
        valuation = Valuation(ledger, list_all(ledger, rules))
        return LoopKinds(world, ledger, rules, valuation, LEAST)

    part, rest = await interleaved(computed(kinds), computed(sheets))
    return [
        at_most(
            "kinds of loops kept for a projection / sheets of its markets",
            ratio(part, rest),
            0.25,
            f"CPU time. {len(kinds()):,} debts in loops that count, judged when asked for: "
            f"{millis(part)}; all positions with debt: {millis(rest)}",
        )
    ]
