"""What an owner did with money, as a flow sees it: which protocol it was does not matter."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from monitor.core.trails import Side
from monitor.core.units import AssetId

Worth = Callable[[AssetId, int], Fraction | None]
"""USD that so much of an asset is worth at the block, None where that is unknown."""


class Act(StrEnum):
    """What happened to the money. The last two are token transfers with somebody else."""

    BORROWED = "borrowed"
    REPAID = "repaid"
    PLEDGED = "pledged"
    RELEASED = "released"
    RECEIVED = "received"
    SENT = "sent"


class Step(NamedTuple):
    """One act with `raw` of `asset`. `side`: the debt or the pledge; None for a transfer."""

    tx_hash: str
    log_index: int
    act: Act
    asset: AssetId
    raw: int
    side: Side | None


@dataclass(frozen=True, slots=True)
class FlowTerms:
    """How long borrowed money is followed in a wallet, and how much an exchange may cost."""

    window_seconds: int
    tolerance: Fraction
