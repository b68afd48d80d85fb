"""Where borrowed money goes, block by block: from a debt over wallets and swaps to a pledge."""

from collections.abc import Callable, Iterable, Sequence

from monitor.core.trails import Side, Trail
from monitor.leverage.steps import Act, FlowTerms, Step, Worth


def follow(
    trail: Trail,
    steps: Sequence[Step],
    fresh: frozenset[Side],
    worth: Worth,
    at_unix: int,
    terms: FlowTerms,
) -> Trail:
    """The trail after all steps of its owner in one block, in log order.

    `fresh`: debts that were zero before the block. `settle` comes after it.
    """
    borrowed = {step.side for step in steps if step.act is Act.BORROWED and step.side in fresh}
    seen = {*trail.seen, *(side for side in borrowed if side)}
    return Trail(trail.lots, trail.hops, tuple(sorted(seen)))


def settle(
    trail: Trail,
    owed: Callable[[Side], int],
    pledged: Callable[[Side], int],
    at_unix: int,
    terms: FlowTerms,
) -> Trail:
    """The trail at the end of a block: no more than is still owed and still pledged."""
    return Trail(trail.lots, trail.hops, tuple(side for side in trail.seen if owed(side)))


def merged(trails: Iterable[Trail]) -> Trail:
    """One trail for owners that turned out to be one."""
    known = list(trails)
    return Trail(
        tuple(lot for trail in known for lot in trail.lots),
        tuple(hop for trail in known for hop in trail.hops),
        tuple(sorted({side for trail in known for side in trail.seen})),
    )
