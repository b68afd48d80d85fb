"""What a claim finally rests on, as shares of one: a linear system, solved with fractions.

Each claim is a row of shares in what it holds, other claims among them. Claims are replaced by
their own rows until none is left (Gauss-Jordan, on rows that add up to one). Vaults that hold each
other in a circle end so too; what comes back to itself without anything else rests on nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from monitor.core.units import AssetId, MarketId

Spot = tuple[MarketId, str]
"""A market and its sub-market (empty where it has none)."""


class Base(NamedTuple):
    """What is no claim. `spot`: where it is lent, None where it is held."""

    asset: AssetId
    spot: Spot | None


class End(StrEnum):
    """Where a share ends that rests on no asset."""

    CIRCULAR = "circular"
    """It claims nothing but itself."""
    UNKNOWN = "unknown"
    """Nobody tells what stands behind it."""
    LENT = "lent"
    """It has passed through a market that was asked for: further it is not followed."""


Node = AssetId | Base | End
Row = Mapping[Node, Fraction]
"""Shares, which add up to one."""


@dataclass(frozen=True, slots=True)
class Rest:
    """What one unit of value rests on: all shares together are one. The largest base is first.

    `reasons`: why the share `unknown` is, one for each claim that does not tell.
    """

    bases: tuple[tuple[Base, Fraction], ...]
    circular: Fraction
    unknown: Fraction
    reasons: tuple[str, ...]


def settled(rows: Mapping[AssetId, Row]) -> Mapping[AssetId, Row]:
    """The same rows without claims in them. A share of what has no row of its own stays."""
    solved: dict[AssetId, dict[Node, Fraction]] = {one: dict(row) for one, row in rows.items()}
    for claim in sorted(solved):
        own = solved[claim] = _without_itself(claim, solved[claim])
        for other, row in solved.items():
            if other != claim and claim in row:
                _add(row, own, row.pop(claim))
    return solved


def _without_itself(claim: AssetId, row: dict[Node, Fraction]) -> dict[Node, Fraction]:
    """Of a share in itself a holder has the same again: the others grow by as much."""
    back = row.pop(claim, Fraction(0))
    if back == 1:
        return {End.CIRCULAR: Fraction(1)}
    return {node: Fraction(share, 1 - back) for node, share in row.items()} if back else row


def _add(row: dict[Node, Fraction], own: Mapping[Node, Fraction], times: Fraction) -> None:
    for node, share in own.items():
        row[node] = row.get(node, Fraction(0)) + share * times


def rest_of(row: Row, reasons: Iterable[str]) -> Rest:
    """A settled row, sorted."""
    bases = [(node, share) for node, share in row.items() if isinstance(node, Base)]
    bases.sort(key=lambda one: (-one[1], one[0].asset, one[0].spot or ()))
    nothing = Fraction(0)
    circular, unknown = row.get(End.CIRCULAR, nothing), row.get(End.UNKNOWN, nothing)
    return Rest(tuple(bases), circular, unknown, tuple(reasons))
