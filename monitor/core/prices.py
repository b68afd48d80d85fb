"""A price as a market believes it, and the way it took: what can move it, edge by edge."""

from dataclasses import dataclass
from enum import StrEnum

from monitor.core.slots import slotwise
from monitor.core.units import Address, AssetId, BaseValue


class PriceKind(StrEnum):
    """What moves a price, or one edge of its path (contract section 4)."""

    MARKET = "market"
    """It reports what trades."""
    EXCHANGE_RATE = "exchange_rate"
    """A rate that a contract keeps, times a market price: no depeg moves it."""
    CAPPED = "capped"
    """It follows its input up to a cap."""
    FIXED = "fixed"
    """It never moves."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One contract on the way from market price to oracle price.

    `what`: its name for people. `reads`: the contracts it asks; a leaf asks none. `asset`: whose
    market price a leaf reports, where that is known, and `quote` in what, where not in USD.
    `exponent`: -1 where the price divides by it.
    `kind` is None where the contract was not recognised.
    """

    source: Address
    kind: PriceKind | None
    what: str
    reads: tuple[Address, ...] = ()
    exponent: int = 1
    asset: AssetId | None = None
    quote: AssetId | None = None


@slotwise
@dataclass(frozen=True, slots=True)
class Price:
    """What a market's oracle says of an asset. `value` is None when unknown; `reason` says why.

    `kind` is None where the source was not recognised: it is taken to follow the market.
    `cap_value`: where the path has a cap, the value above which the price does not rise now; with
    `cap_follows` it is of a rate, and moves with the market price that the rate is multiplied by.
    `heartbeat_seconds`, `deviation_ppm`: when its feed is due to move, where known. `path`: root
    first.
    """

    value: BaseValue | None
    source: Address | None = None
    emitter: Address | None = None
    answered_unix: int | None = None
    reason: str = ""
    kind: PriceKind | None = None
    cap_value: BaseValue | None = None
    cap_follows: bool = False
    heartbeat_seconds: int | None = None
    deviation_ppm: int | None = None
    path: tuple[Edge, ...] = ()
