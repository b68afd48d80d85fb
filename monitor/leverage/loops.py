"""Loops: pledges and debts of one owner in which borrowed value was pledged again, and still is."""

from collections.abc import Sequence

from monitor.core.loops import Loops
from monitor.core.trails import Trail
from monitor.core.units import Address
from monitor.leverage.claims import Claims
from monitor.leverage.standings import Standing
from monitor.leverage.ties import Ties


def loops_of(
    owner: Address,
    standings: Sequence[Standing],
    trail: Trail | None,
    ties: Ties,
    claims: Claims,
) -> Loops | None:
    """All loops of an owner, by id; None where there are none."""
    return None
