"""What a visitor goes for, and what one size of it would bring."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from monitor.core.units import AssetId
from monitor.simulation.accounts import Account, Debt, Pledge
from monitor.simulation.impact import Pool, Route
from monitor.simulation.payouts import Payout
from monitor.simulation.terms import Limits, Slice, Target


class Offer(NamedTuple):
    """One size, as it would come out. `pools`: those it sells over, as it leaves them.

    `payout`: of a claim that is given back first.
    """

    piece: Slice
    proceeds: float
    profit_usd: float
    pools: Sequence[tuple[int, Pool]]
    payout: Payout | None = None


@dataclass(frozen=True, slots=True)
class Bid:
    """What a visitor goes for: one debt against one pledge of an account, sold over `hops`.

    `most_usd`: what a sale of everything without a dent would earn. `claim`: the pledged token,
    where it is given back before what is paid out for it is sold.
    """

    account: Account
    debt: Debt
    pledge: Pledge
    hops: Route
    target: Target
    limits: Limits
    most_usd: float
    claim: AssetId | None = None
