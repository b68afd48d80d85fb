"""A price as a market believes it, and the way it took: what can move it, edge by edge."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from monitor.core.slots import slotwise
from monitor.core.units import Address, AssetId, BaseValue, Wad

PEG_WIDTH = Fraction(1, 20)
"""An oracle price this near to 1 USD makes an asset an anchor of market prices in USD."""


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


@slotwise
@dataclass(frozen=True, slots=True)
class Edge:
    """One contract on the way from market price to oracle price.

    `kind`: what the contract itself adds: a cap, a rate, nothing but what trades (MARKET); None
    where it was not recognised. `what`: its name for people. `reads`: the contracts it asks, whose
    edges follow it in this order, each with its own behind it; a leaf asks none. `exponent`: -1
    where the price divides by it, 0 where it moves only a cap. `asset`: whose market price a leaf
    reports, where that is known, and `quote` in what, where not in USD.

    `answer` is in 10 ** `decimals`, where these are known. For a CAPPED edge `uncapped` is what it
    would answer without its cap and `cap` the most it answers now; `binds` is the contract's own
    word on that. The cap itself moves with `cap_reads`. `fault`: the contract answers otherwise
    than its kind does.
    """

    source: Address
    kind: PriceKind | None
    what: str
    reads: tuple[Address, ...] = ()
    exponent: int = 1
    asset: AssetId | None = None
    quote: AssetId | None = None
    answer: int | None = None
    decimals: int | None = None
    answered_unix: int | None = None
    heartbeat_seconds: int | None = None
    deviation_ppm: int | None = None
    uncapped: int | None = None
    cap: int | None = None
    binds: bool | None = None
    cap_reads: tuple[Address, ...] = ()
    fault: str = ""

    @property
    def reports_market(self) -> bool:
        """A leaf that reports what trades: what moves the price moves with it."""
        return self.kind is PriceKind.MARKET and not self.reads and self.exponent != 0


@slotwise
@dataclass(frozen=True, slots=True)
class Price:
    """What a market's oracle says of an asset. `value` is None when unknown; `reason` says why.

    `kind`: CAPPED where a cap is on the way; None where a contract there was not recognised: it is
    then taken to follow the market; FIXED where no contract on the way reports a market or a rate;
    EXCHANGE_RATE where a rate is on the way, and no contract that may report the asset's own
    market; else MARKET.

    `source`: the contract the market asks. `emitter`: whose logs announce an answer, where that is
    one contract. `answered_unix`, `heartbeat_seconds`, `deviation_ppm`: of the leaves that report
    a market, the oldest, the longest and the widest; None where unknown. `cap_value`: where the
    path has a cap, the value above which the price does not rise now; with `cap_follows` the cap is
    one of a rate, or counted in another price, and moves with what it is multiplied by (see
    `cap_reads` of `Edge`). `path`: root first.
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


@slotwise
@dataclass(frozen=True, slots=True)
class Feed:
    """What a contract on the way of a price said of itself once and for all.

    `family` names the kind of contract it is: "" where it was not recognised, None while it is
    being asked. `facts`: what never changes of it, by getter, sorted.
    """

    family: str | None
    facts: tuple[tuple[str, int | str], ...] = ()


class PriceSample(NamedTuple):
    """What 1e18 raw units of an asset were worth at a time: wads of USD."""

    at_unix: int
    usd_wad: Wad


@dataclass(frozen=True, slots=True)
class HourlyPrices:
    """An asset's price at the first known block of each hour, oldest first, never none."""

    samples: tuple[PriceSample, ...]


def reported(edge: Edge, asset: AssetId, numeraire: AssetId | None) -> AssetId:
    """Whose market price a leaf follows; where nobody says, the side it stands on.

    `asset` is what the market prices by it, in `numeraire` (None: USD).
    """
    if edge.asset is not None:
        return edge.asset
    return numeraire if edge.exponent < 0 and numeraire is not None else asset


def kind_of_path(path: Iterable[Edge], asset: AssetId) -> PriceKind | None:
    """The kind of a price of `asset`, as `Price` defines it."""
    ways = [edge for edge in path if edge.exponent]
    if any(edge.kind is PriceKind.CAPPED and edge.exponent > 0 for edge in ways):
        return PriceKind.CAPPED
    if not ways or any(edge.kind is None for edge in ways):
        return None
    markets = [edge for edge in ways if edge.reports_market]
    has_rate = any(edge.kind is PriceKind.EXCHANGE_RATE for edge in ways)
    if not markets:
        return PriceKind.EXCHANGE_RATE if has_rate else PriceKind.FIXED
    if has_rate and all(edge.asset not in (None, asset) for edge in markets):
        return PriceKind.EXCHANGE_RATE
    return PriceKind.MARKET
