"""What was done in one transaction, told as shortly as the matching of its money needs it."""

from collections import defaultdict
from collections.abc import Sequence

from monitor.core.trails import Side
from monitor.leverage.steps import Act, Step

MOST_ACTS = 128
"""Of one transaction that are told apart: matching takes the square of their number."""
OPPOSITES = ((Act.PLEDGED, Act.RELEASED), (Act.BORROWED, Act.REPAID))


def netted(steps: Sequence[Step]) -> list[Step]:
    """Without what was pledged and released, or borrowed and repaid, in one: the last of it."""
    totals: defaultdict[tuple[Act, Side | None], int] = defaultdict(int)
    for step in steps:
        totals[step.act, step.side] += step.raw
    cancelled: dict[tuple[Act, Side | None], int] = {}
    for act, opposite in OPPOSITES:
        for side in {side for key, side in totals if key is act}:
            both = min(totals[act, side], totals.get((opposite, side), 0))
            cancelled[act, side] = cancelled[opposite, side] = both
    left: list[Step] = []
    for step in reversed(steps):
        off = min(cancelled.get((step.act, step.side), 0), step.raw)
        if off:
            cancelled[step.act, step.side] -= off
        if step.raw > off:
            left.append(step._replace(raw=step.raw - off))
    return left[::-1]


def fewer(steps: list[Step]) -> list[Step]:
    """Of very many, what is done once more at the same side is done with the one before."""
    left = steps[:MOST_ACTS]
    last: dict[tuple[Act, Side | None], int] = {}
    for n, step in enumerate(left):
        last[step.act, step.side] = n
    for step in steps[MOST_ACTS:]:
        n = last.setdefault((step.act, step.side), len(left))
        if n == len(left) or step.side is None:
            left.append(step)
        else:
            left[n] = left[n]._replace(raw=left[n].raw + step.raw)
    return left
