"""The one door in: sheets of exact ints become the floats a projection plays with.

Amounts are raw token units, prices USD per raw unit. `Columns` is what no round changes;
`State` is what one does. Everything is put in a fixed order here, so that the order in which a
sheet lists its accounts decides nothing, not even a last bit.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from monitor.core.risk import (
    AssetSheet,
    CollateralLeg,
    DebtLeg,
    DepthCurve,
    Exposure,
    MarketSheet,
    WorldSheet,
)
from monitor.core.units import BPS, WAD, ZERO_ADDRESS, Address, AssetId
from monitor.simulation.impact import Depth, Mark, Route, depth_of, route
from monitor.simulation.terms import Limits, limits_of

PEG_WIDTH = 0.05
"""An oracle price this near to 1 USD before the shock makes an asset an anchor of USD prices."""


@dataclass(frozen=True, slots=True)
class Quote:
    """One asset as one market's oracle quotes it; `price` before the shock, None when unknown."""

    market: int
    asset: AssetId
    symbol: str
    decimals: int
    source: Address | None
    price: float | None


@dataclass(frozen=True, slots=True)
class MarketPath:
    """Where an asset's market price in USD comes from: the mids along `hops`, times `anchor`'s."""

    hops: Route
    anchor: int


@dataclass(frozen=True, slots=True)
class Feed:
    """Quotes of one oracle source: they move together, with the market price of `leader`."""

    leader: int
    path: MarketPath
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Pledge:
    """One collateral of an account. `threshold`, `bonus` and `fee` are ratios; bonus as 1.05."""

    quote: int
    amount: float
    threshold: float
    bonus: float
    fee: float
    seizable: bool


@dataclass(frozen=True, slots=True)
class Debt:
    """One debt of an account."""

    quote: int
    amount: float
    repayable: bool


@dataclass(frozen=True, slots=True)
class Account:
    """An account with debt in one market. Pledges and debts are sorted by asset."""

    market: int
    address: Address
    pledges: tuple[Pledge, ...]
    debts: tuple[Debt, ...]


@dataclass(frozen=True, slots=True)
class MarketColumn:
    """One market; its label is `name` or `name/sub-market`. `base_usd`: one unit of its maths."""

    name: str
    label: str
    limits: Limits
    base_usd: float


@dataclass(frozen=True, slots=True)
class Columns:
    """All that no round changes, and the state before the shock.

    `paths` has the quoted assets that pools connect to an anchor; the others' market price is
    their oracle's.
    """

    markets: tuple[MarketColumn, ...]
    quotes: tuple[Quote, ...]
    paths: Mapping[AssetId, MarketPath]
    feeds: tuple[Feed, ...]
    depths: tuple[Depth, ...]
    marks: tuple[Mark, ...]
    cash: tuple[float, ...]
    accounts: tuple[Account, ...]
    unknown: tuple[str, ...]


@dataclass(slots=True)
class State:
    """What rounds change: `prices` and `cash` by quote, `marks` by pool."""

    prices: list[float]
    cash: list[float]
    marks: list[Mark]
    accounts: list[Account]

    def copy(self) -> "State":
        """A state that later rounds leave alone."""
        return State(list(self.prices), list(self.cash), list(self.marks), list(self.accounts))


def columns_of(world: WorldSheet) -> Columns:
    """A world as floats. What cannot be known is left out, with the reason in `unknown`."""
    unknown: list[str] = []
    depths, marks = _pools(world.curves, unknown)
    quotes: list[Quote] = []
    cash: list[float] = []
    accounts: list[Account] = []
    for number, sheet in enumerate(world.markets):
        unknown += sheet.unknown
        first = len(quotes)
        listed = sorted(sheet.assets.values(), key=lambda asset: asset.asset)
        quotes += [_quote(number, asset, sheet.base_unit) for asset in listed]
        cash += [float(asset.cash_raw) for asset in listed]
        index = {quote.asset: first + at for at, quote in enumerate(quotes[first:])}
        priced = {a: at for a, at in index.items() if quotes[at].price is not None}
        accounts += _accounts(number, sheet, priced, unknown)
    paths = _paths(quotes, depths)
    return Columns(
        markets=tuple(_market(sheet) for sheet in world.markets),
        quotes=tuple(quotes),
        paths=paths,
        feeds=tuple(_feeds(quotes, paths)),
        depths=depths,
        marks=marks,
        cash=tuple(cash),
        accounts=tuple(accounts),
        unknown=tuple(unknown),
    )


def state_of(columns: Columns) -> State:
    """The state before the shock. The price of an unknown quote is NaN, and nothing uses it."""
    return State(
        prices=[float("nan") if q.price is None else q.price for q in columns.quotes],
        cash=list(columns.cash),
        marks=list(columns.marks),
        accounts=list(columns.accounts),
    )


def label_of(sheet: MarketSheet) -> str:
    return f"{sheet.market}/{sheet.sub_market}" if sheet.sub_market else str(sheet.market)


def _is_pegged(quote: Quote) -> bool:
    return quote.price is not None and abs(quote.price * 10.0**quote.decimals - 1) <= PEG_WIDTH


def _market(sheet: MarketSheet) -> MarketColumn:
    limits = limits_of(sheet.terms, sheet.base_unit)
    return MarketColumn(str(sheet.market), label_of(sheet), limits, 1 / sheet.base_unit)


def _quote(market: int, sheet: AssetSheet, base_unit: int) -> Quote:
    # Int by int is rounded once; a price of 0 is a price, but nothing can be sold at it.
    unit = base_unit * 10**sheet.decimals
    price = None if sheet.price_base is None else sheet.price_base / unit
    # The zero address is no source: assets without one share no price path.
    source = None if sheet.source == ZERO_ADDRESS else sheet.source
    return Quote(market, sheet.asset, sheet.symbol, sheet.decimals, source, price)


def _pools(
    curves: tuple[DepthCurve, ...], unknown: list[str]
) -> tuple[tuple[Depth, ...], tuple[Mark, ...]]:
    pools: list[tuple[Depth, Mark]] = []
    for curve in curves:
        if not curve.sqrt_price_x96:
            unknown.append(f"pool {curve.pool} has no price yet: nothing is sold there")
            continue
        try:
            pools.append(depth_of(curve))
        except ValueError as error:
            unknown.append(f"{error}: nothing is sold there")
    return tuple(depth for depth, _ in pools), tuple(mark for _, mark in pools)


def _paths(quotes: list[Quote], depths: tuple[Depth, ...]) -> dict[AssetId, MarketPath]:
    first: dict[AssetId, int] = {}
    for at, quote in enumerate(quotes):
        if quote.price is not None:
            first.setdefault(quote.asset, at)
    anchors = {asset: at for asset, at in first.items() if _is_pegged(quotes[at])}
    paths: dict[AssetId, MarketPath] = {}
    for asset in first.keys() - anchors.keys():
        hops = route(depths, asset, anchors.__contains__)
        if hops is not None:
            last = depths[hops[-1].pool]
            end = last.token1 if hops[-1].zero_for_one else last.token0
            paths[asset] = MarketPath(hops, anchors[end])
    return paths


def _feeds(quotes: list[Quote], paths: dict[AssetId, MarketPath]) -> Iterator[Feed]:
    groups: dict[object, list[int]] = {}
    for at, quote in enumerate(quotes):
        if quote.price:
            groups.setdefault(quote.source or at, []).append(at)
    for members in groups.values():
        if any(_is_pegged(quotes[at]) for at in members):
            continue
        leader = next((at for at in members if quotes[at].asset in paths), None)
        if leader is not None:
            yield Feed(leader, paths[quotes[leader].asset], tuple(members))


def _accounts(
    market: int, sheet: MarketSheet, priced: dict[AssetId, int], unknown: list[str]
) -> list[Account]:
    missing: dict[AssetId, int] = {}
    accounts: list[Account] = []
    for exposure in sorted(sheet.exposures, key=lambda exposure: exposure.account):
        legs: tuple[CollateralLeg | DebtLeg, ...] = (*exposure.collateral, *exposure.debt)
        unpriced = {leg.asset for leg in legs if leg.asset not in priced}
        for asset in unpriced:
            missing[asset] = missing.get(asset, 0) + 1
        if not unpriced:
            accounts.append(_account(market, exposure, priced))
    for asset, count in sorted(missing.items()):
        name = sheet.assets[asset].symbol if asset in sheet.assets else asset
        unknown.append(
            f"{label_of(sheet)}: no price of {name} ({asset}): {count} accounts are left out"
        )
    return accounts


def _account(market: int, exposure: Exposure, priced: dict[AssetId, int]) -> Account:
    pledges = tuple(
        Pledge(
            quote=priced[leg.asset],
            amount=float(leg.amount_raw),
            threshold=leg.liquidation_threshold_wad / WAD,
            bonus=leg.liquidation_bonus_wad / WAD,
            fee=leg.liquidation_fee_bps / BPS,
            seizable=leg.seizable and leg.liquidation_bonus_wad > 0,
        )
        for leg in sorted(exposure.collateral, key=lambda leg: leg.asset)
    )
    debts = tuple(
        Debt(priced[leg.asset], float(leg.amount_raw), leg.repayable)
        for leg in sorted(exposure.debt, key=lambda leg: leg.asset)
    )
    return Account(market, exposure.account, pledges, debts)
