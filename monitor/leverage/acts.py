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
    left: list[Step] = []
    last: dict[tuple[Act, Side], int] = {}
    acts = 0
    for step in steps:
        known = None if step.side is None else last.get((step.act, step.side))
        if known is not None and acts >= MOST_ACTS:
            left[known] = left[known]._replace(raw=left[known].raw + step.raw)
            continue
        if step.side is not None:
            last[step.act, step.side] = len(left)
            acts += 1
        left.append(step)
    return left
