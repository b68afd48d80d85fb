"""Recursive leverage by structure: which pledges and debts of an owner are one loop.

Amounts are not in it: they follow from the positions, so prices and interest move no record.
"""

from dataclasses import dataclass
from enum import StrEnum

from monitor.core.units import Address, AssetId, MarketId


class LoopKind(StrEnum):
    """The first that fits, in this order (contract section 3)."""

    REHYPOTHECATED = "rehypothecated"
    CROSS_PROTOCOL = "cross_protocol"
    SAME_ASSET = "same_asset"
    CORRELATED = "correlated"
    DIRECTIONAL = "directional"


class Built(StrEnum):
    """How a loop came to be."""

    FLASH = "flash"
    STEPWISE = "stepwise"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Leg:
    """Collateral in use, and a debt it secures. `debt` is None at the end of a chain: pledged with
    borrowed money, and nothing borrowed on it.
    """

    market: MarketId
    sub_market: str
    account: Address
    collateral: AssetId
    debt: AssetId | None


@dataclass(frozen=True, slots=True)
class Loop:
    """One loop. `path`: its legs, in the order in which the money went.

    `hops`: how many times borrowed value was pledged again, None where that was not seen whole;
    `evidence`: the transactions that show it. A loop without any is one by state alone: it counts
    only while both of its sides are concentrated enough (`[loops] concentration`).
    """

    id: str
    kind: LoopKind
    path: tuple[Leg, ...]
    hops: int | None = None
    built: Built = Built.UNKNOWN
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Loops:
    """All loops of one owner, by id."""

    loops: tuple[Loop, ...]
