"""The shapes of positions, loops, claims and prices."""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from monitor.core.loops import Built, LoopKind
from monitor.core.owners import OwnerKind
from monitor.core.prices import PriceKind
from monitor.core.receipts import ReceiptKind
from monitor.web.shapes.terms import (
    Address,
    Block,
    Cursor,
    Hash,
    Holders,
    Market,
    Raw,
    Shape,
    Signed,
    SubMarket,
    Unknown,
    Usd,
    Wad,
)


class Line(Shape):
    """What is held or owed of one asset."""

    asset: Address
    symbol: str
    amount: Raw
    value_usd: Usd | None
    underlying: Annotated[Address, Meta(description="of a claim")] | UnsetType = UNSET


class CollateralLine(Line, kw_only=True):
    used_as_collateral: bool


class Position(Shape, kw_only=True):
    """All that one account has in one market (and sub-market)."""

    market: Market
    sub_market: SubMarket
    protocol: str
    account: Address
    owner: Annotated[Address, Meta(description="who is behind the account; itself if nobody")]
    collateral: list[CollateralLine]
    debt: list[Line]
    supply: Annotated[list[Line], Meta(description="lent, and no collateral")] | UnsetType = UNSET
    health_factor: Wad | None
    liquidatable: bool | None
    e_mode: int
    unknown: Unknown = UNSET


class Ownership(Shape, kw_only=True):
    """Whose an account is, and by what evidence."""

    account: Address
    owner: Address
    kind: OwnerKind | None
    controllers: Annotated[list[Address], Meta(description="whom its code obeys")] | UnsetType = (
        UNSET
    )
    threshold: int | UnsetType | None = UNSET
    code_hash: Hash | UnsetType | None = UNSET
    implementation: Address | UnsetType | None = UNSET
    unknown: Unknown = UNSET


class Positions(Shape):
    block: Block
    next: Cursor
    positions: list[Position]
    ownership: (
        Annotated[Ownership, Meta(description="where one account is asked for")] | UnsetType
    ) = UNSET


class Leg(Shape):
    market: Market
    sub_market: SubMarket
    account: Address
    collateral: Address
    collateral_symbol: str
    debt: Address | None
    debt_symbol: str | None


Breaks = Annotated[
    dict[str, float | str],
    Meta(
        description="by shock: a price or peg by its move; `rate:market/asset`: utilisation@days",
        examples=[{"WETH": -0.12, "rate:aave-core/WETH": "0.9@340d"}],
    ),
]


class Breaking(Shape):
    """One indebted position of a loop, and what makes it liquidatable."""

    market: Market
    sub_market: SubMarket
    account: Address
    health_factor: Wad | None
    breaks_at: Breaks | None


class Carry(Shape):
    """A year's rates, not compounded; `net` is on the equity."""

    supply_yield: float | None
    borrow_rate: float | None
    net: float | None
    break_even_borrow_rate: float | None


class Loop(Shape, kw_only=True):
    """Borrowed value that was pledged again and still is."""

    id: Annotated[str, Meta(description="stable while amounts change")]
    owner: Address
    accounts: list[Address]
    markets: list[Market]
    kind: LoopKind
    path: list[Leg]
    collateral_usd: Usd | None
    debt_usd: Usd | None
    equity_usd: Usd | None
    leverage: float | None
    hops: int | None
    built: Built
    evidence: Annotated[list[Hash], Meta(description="the transactions that show it")]
    breaks_at: Breaks | None
    health_factor: Wad | None
    liquidation_order: list[Breaking]
    carry: Carry
    because: list[str]
    holders: (
        Annotated[Holders, Meta(description="of an owner that is a vault")] | UnsetType | None
    ) = UNSET
    unknown: Unknown = UNSET


class Loops(Shape):
    block: Block
    next: Cursor
    loops: list[Loop]


class Spot(Shape):
    """Where something is lent or pledged; null: it is held."""

    market: Market | None
    sub_market: SubMarket


class Base(Spot):
    asset: Address
    symbol: str
    share: float | None


class SharedSpot(Spot):
    share: float | None


class NamedAsset(Shape):
    asset: Address
    symbol: str


class Pledged(Spot):
    pledged: NamedAsset
    amount: Raw
    value_usd: Usd | None
    share: float | None
    owners: int
    top1: float | None


class Claim(NamedAsset, kw_only=True):
    kind: ReceiptKind | None
    underlying: Address | None
    rests_on: list[Base]
    circular: float | None
    unseen: float | None
    claims_on: list[SharedSpot]
    shared_by: list[Pledged]
    unknown: Unknown = UNSET


class ClaimedSpot(Spot):
    value_usd: Usd | None
    share: float | None


class ClaimingMarket(Spot):
    collateral_usd: Usd | None
    claims_on: list[ClaimedSpot]


class Claims(Shape):
    block: Block
    next: Cursor
    claims: list[Claim]
    markets: list[ClaimingMarket]


class PriceEdge(Shape):
    """One contract on the way from a market's price to the oracle's."""

    contract: Address
    kind: PriceKind | None
    what: str
    exponent: int
    asset: Address | None
    quote: Address | None
    answer: Signed | None
    decimals: int | None
    age_seconds: int | None
    heartbeat_seconds: int | None
    deviation: float | None
    cap: Signed | None
    capped: bool | None
    fault: str | None
    depth: Annotated[int, Meta(ge=0, description="how many contracts stand before it")]
    asset_symbol: str | None
    quote_symbol: str | None


class Price(Shape):
    """What a market believes that an asset is worth."""

    market: Market
    sub_market: SubMarket
    asset: Address
    symbol: str
    price: Annotated[Raw, Meta(description="of one whole asset, times `unit`")] | None
    unit: Raw
    decimals: int | None
    numeraire: Annotated[Address, Meta(description="what it is counted in; null: USD")] | None
    numeraire_symbol: str
    numeraire_decimals: int | None
    kind: PriceKind | None
    source: Address | None
    age_seconds: int | None
    heartbeat_seconds: int | None
    deviation: float | None
    stale: bool | None
    cap: Signed | None
    cap_follows: bool | None
    oracle_deviation: float | None
    unknown: list[str]
    path: list[PriceEdge]


class Prices(Shape):
    block: Block
    prices: list[Price]
