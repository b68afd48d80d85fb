"""The shapes of how things stand: status, breakers, watches, alerts."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType, field

from monitor.core.alerts import AlertStatus, AlertType, Severity
from monitor.core.loops import Built, LoopKind
from monitor.core.receipts import ReceiptKind
from monitor.web.shapes.terms import (
    Address,
    Block,
    Hash,
    Holders,
    Market,
    Raw,
    Shape,
    SubMarket,
    Time,
    Unknown,
    Usd,
    Wad,
)

Figure = Annotated[str, Meta(description="a decimal number")]


class Concentration(Shape):
    """Parts of the largest owners, and the sum of squared parts."""

    top1: float
    top5: float
    hhi: float


class AssetConcentration(Concentration, kw_only=True):
    asset: Address
    symbol: str


class MarketConcentration(Shape):
    collateral: Concentration | None
    debt: Concentration | None
    by_collateral: list[AssetConcentration]


class Worth(Shape):
    collateral_usd: Usd | None
    claimed_usd: Usd | None
    looped_usd: Usd | None
    collateral_net_usd: Usd | None
    unseen_claims_usd: Usd | None
    multiplier: float | None


class MarketTotals(Worth, kw_only=True):
    market: Market
    protocol: str
    positions: int
    debt_usd: Usd | None
    at_risk_usd: Annotated[Usd, Meta(description="debt with health below 1.05")] | None
    concentration: MarketConcentration
    unknown: Unknown = UNSET


class Stake(Shape):
    """What a vault has in one market."""

    market: Market
    sub_market: SubMarket
    asset: Address
    amount: Raw
    withdrawable: Raw | None


class Receipt(Shape, kw_only=True):
    """A followed claim: what it is worth, and what stands behind it."""

    token: Address
    symbol: str
    kind: ReceiptKind
    underlying: Address | None
    shares: Annotated[Raw, Meta(description="so many raw units are worth `assets`")] | None
    assets: Raw | None
    supply: Raw | None
    total_assets: Raw | None
    withdrawable: Raw | None
    holds: list[Stake]
    holders: Holders | UnsetType | None = UNSET
    unknown: Unknown = UNSET


class Blindness(Shape):
    since: Time | None
    reasons: list[str]


class Silence(Shape):
    until: Time
    why: str


class BreakerMeasure(Shape):
    """`value` null: unknown."""

    scenario: str
    measure: str
    markets: list[Market]
    value: Figure | None
    warn: Figure
    trip: Figure
    clear: Figure


class Breaker(BreakerMeasure, kw_only=True):
    name: str
    state: Annotated[
        int,
        Meta(
            ge=-1,
            le=4,
            description="0 armed, 1 warned, 2 pending, 3 tripped, 4 recovering, -1 blind",
        ),
    ]
    phase: str
    blind: bool
    blind_since: Time | None
    hold_blocks: int
    held_blocks: int
    episode: str | None
    since: Time | None
    last_said: Time | None
    last_tripped: Time | None
    trips_not_before: Time | None
    next_escalation: Figure | None
    silenced: Silence | None
    muted: bool
    unknown: list[str]
    when: str | UnsetType = UNSET
    measures: list[BreakerMeasure] | UnsetType = UNSET


class Status(Shape):
    block: Block
    version: str
    chain_id: int
    namespace: str
    leader: str | None
    ready: bool
    reasons: Annotated[list[str], Meta(description="why it is not ready")]
    evaluated: Annotated[Block, Meta(description="the newest judged block")] | None
    blind: Annotated[
        dict[str, Blindness], Meta(description="the ways in which the monitor is blind, by name")
    ]
    markets: list[MarketTotals]
    totals: Worth
    breakers: list[Breaker]
    receipts: list[Receipt]
    unknown: list[str]


class WatchedPosition(Shape):
    market: Market
    sub_market: SubMarket
    account: Address
    health_factor: Wad | None
    below: bool
    unknown: list[str]


class Watch(Shape):
    name: str
    health_below: Figure
    recover_above: Figure
    positions: list[WatchedPosition]


class Breakers(Shape):
    block: Block
    breakers: list[Breaker]
    watches: list[Watch]


class AlertIdentity(Shape, kw_only=True):
    id: str
    fingerprint: str
    episode: str
    retracts: Annotated[str, Meta(description="the id of the alert it takes back")] | None
    retracts_type: AlertType | UnsetType = UNSET
    breaker: str
    severity: Severity
    status: AlertStatus
    starts_at: Time
    ends_at: Time | None


class AlertBlock(Shape):
    """All null where the monitor had no block yet when it went blind."""

    number: int | None
    hash: Hash | None
    timestamp: int | None


class Action(Shape):
    """What could be done about it. Nothing is ever sent: `simulated` says how it would end."""

    description: str
    market: Market | None
    origin: Address | None = field(name="from")
    chain_id: int
    to: Address | None
    calldata: str | None
    simulated: str


class AlertPosition(Shape):
    market: Market
    sub_market: SubMarket
    account: Address
    health_factor: Wad | None
    unknown: list[str]


class TouchedLoop(Shape):
    """A loop that the projection liquidates. `liquidated_usd`: of its largest accounts."""

    id: str
    owner: Address
    accounts: list[Address]
    markets: list[Market]
    kind: LoopKind
    hops: int | None
    built: Built
    liquidated_usd: Usd


class AlertData(Shape, kw_only=True):
    alert: AlertIdentity
    block: AlertBlock
    measure: str | None
    value: Figure | None
    threshold: Figure | None
    projection: Annotated[
        dict[str, Any], Meta(description="as of /api/v1/project, abridged where it is long")
    ]
    loops: Annotated[
        list[TouchedLoop], Meta(description="those that the projection liquidates most")
    ]
    actions: list[Action]
    reproduce: Annotated[str, Meta(description="the command that repeats it")]
    measures: list[BreakerMeasure] | UnsetType = UNSET
    position: AlertPosition | UnsetType = UNSET
    reasons: list[str] | UnsetType = UNSET


class Alert(Shape):
    """The body as receivers got it, and what became of it."""

    type: AlertType
    timestamp: Time
    data: AlertData
    deliveries: Annotated[
        dict[str, str],
        Meta(description="by webhook: pending, delivered, dead or dropped"),
    ]
    silenced: Annotated[str, Meta(description="why nobody got it")] | None


class Alerts(Shape):
    block: Block
    alerts: list[Alert]
