"""The shapes of a projection, and of a curve: a list of them."""

from typing import Annotated

from msgspec import Meta, field

from monitor.web.shapes.terms import Address, Block, Market, Shape, Usd

Label = Annotated[str, Meta(description="a symbol; an address where several have it")]
Shocks = Annotated[
    dict[str, float | str],
    Meta(
        description="what is moved, by name: a price (`WETH`), `peg:ASSET/BASE`, "
        "`oracle:MARKET/ASSET`, `rate:MARKET/ASSET`, `parameter:…`, `liquidity:ASSET`, `gas`",
        examples=[{"WETH": -0.3}],
    ),
]


class ProjectionOptions(Shape):
    gas_usd: float
    deviation: float | None
    max_rounds: int
    critical_usd: float | None
    fill: str
    unwind: bool


class Asked(Shape):
    shocks: Shocks
    options: ProjectionOptions


class CurveAsked(Shape):
    asset: Label
    to: float
    steps: int


class AskedCurve(Shape):
    curve: CurveAsked
    options: ProjectionOptions


class PricePath(Shape):
    before: Usd | None
    shocked: Usd | None
    after: Usd | None


class Figures(Shape):
    liquidated_usd: Usd | None
    seized_usd: Usd | None
    bad_debt_usd: Usd | None
    unliquidated_usd: Usd | None


class Hit(Shape):
    """What happens to one account. `debt_usd`: repaid, or left."""

    account: Address
    market: Market
    debt_usd: Usd
    liquidated_usd: Usd
    seized_usd: Usd
    bad_debt_usd: Usd
    unliquidated_usd: Usd
    loop_kind: str | None


class Push(Shape):
    """What was liquidated in `to` because of liquidations in `from`."""

    origin: Annotated[str, Meta(description="market or market/sub-market")] = field(name="from")
    to: str
    liquidated_usd: Usd
    share: float | None


class Unwound(Shape):
    accounts: int | None
    repaid_usd: Usd | None
    sold_usd: Usd | None
    locked_usd: Usd | None
    left_usd: Usd | None


class OraclePrice(Shape):
    market: str
    asset: Label
    price_usd: Usd


class Lending(Shape):
    market: str
    asset: Label
    utilisation: float | None
    borrow_rate: float | None


class Round(Shape):
    round: int
    liquidations: int
    liquidated_usd: Usd
    ratio: float | None
    seized_usd: Usd
    bad_debt_realised_usd: Usd
    oracles: list[OraclePrice]
    lending: list[Lending]


class Result(Shape):
    first_round_usd: Usd | None
    liquidated_usd: Usd | None
    seized_usd: Usd | None
    bad_debt_usd: Usd | None
    bad_debt_realised_usd: Usd | None
    unliquidated_usd: Usd | None
    amplification: float | None
    price_amplification: float | None
    branching_ratio: float | None
    rounds: int | None
    converged: bool
    prices: dict[str, PricePath]
    by_market: dict[str, Figures]
    by_asset: dict[str, Figures]
    by_loop_kind: dict[str, Figures]
    contagion: list[Push]
    unliquidated_because: dict[str, Usd | None]
    unwinding: Unwound | None
    largest: list[Hit]
    largest_unliquidated: list[Hit]
    largest_share: float | None
    round_log: list[Round]
    snapshot: Annotated[str, Meta(description="the id of what it can be repeated from")] | None
    unknown: list[str]
    left_out: list[str]


class Projection(Shape):
    block: Block
    scenario: Asked
    result: Result


class Curve(Shape):
    """One projection a step, nearest to zero first."""

    block: Block
    scenario: AskedCurve
    curve: list[Projection]
    critical_shock: float | None
    unknown: list[str]
