"""From the outcome of a cascade to its figures: sums in USD, by market and by asset."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from monitor.core.units import Address, AssetId
from monitor.simulation.cascade import Outcome, Round
from monitor.simulation.columns import Columns, State, state_of
from monitor.simulation.names import NameBook
from monitor.simulation.options import Options
from monitor.simulation.results import (
    LARGEST,
    Figures,
    LiquidatedAccount,
    MarketFigures,
    PricePath,
    Projection,
    RoundFigures,
)
from monitor.simulation.scenarios import Scenario
from monitor.simulation.visits import Liquidation
from monitor.simulation.worth import market_usd, value_usd

ROUNDING = 1e-9
"""Relative change of a price that is none."""


def projection_of(
    columns: Columns, outcome: Outcome, scenario: Scenario, options: Options
) -> Projection:
    """All figures of one projection."""
    labels = _labels(columns, scenario)
    done = [liquidation for played in outcome.rounds for liquidation in played.liquidations]
    entries = list(_entries(outcome, done))
    prices = _prices(columns, outcome, scenario)
    log = tuple(_round(columns, played, labels) for played in outcome.rounds)
    gone = outcome.unwinding
    return Projection(
        scenario=scenario,
        options=options,
        bad_debt_realised_usd=sum(liquidation.realised_usd for liquidation in done),
        price_amplification=_price_amplification(prices, scenario),
        converged=outcome.converged,
        prices={labels.get(asset, asset): path for asset, path in prices.items()},
        by_market=_by_market(columns, entries),
        by_asset=_by_asset(columns, entries, labels),
        largest=_largest(columns, done),
        round_log=tuple(entry for entry in log if entry.liquidations or entry.oracles),
        unknown=columns.unknown
        + _unpriced(prices, scenario, labels)
        + (gone.unknown if gone else ()),
        left_out=columns.left_out + (gone.left_out if gone else ()),
        unwinding=gone,
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    """USD booked on one quote: its market, and its asset, as debt or as seized collateral."""

    quote: int
    column: str
    value_usd: float


def _labels(columns: Columns, scenario: Scenario) -> dict[AssetId, str]:
    symbols = {quote.asset: quote.symbol for quote in columns.quotes}
    return NameBook({}, symbols).labels() | dict(scenario.labels)


def _entries(outcome: Outcome, done: list[Liquidation]) -> Iterator[_Entry]:
    for liquidation in done:
        yield _Entry(liquidation.debt, "liquidated_usd", liquidation.repaid_usd)
        yield _Entry(liquidation.pledge, "seized_usd", liquidation.received_usd)
        for loss in liquidation.realised:
            yield _Entry(loss.quote, "bad_debt_usd", loss.value_usd)
    end = outcome.end
    for at in outcome.unsafe:
        account = end.accounts[at]
        owed = value_usd(end, account.debts)
        gap = max(0.0, owed - value_usd(end, account.pledges))
        for debt in account.debts:
            value = value_usd(end, (debt,))
            yield _Entry(debt.quote, "unliquidated_usd", value)
            yield _Entry(debt.quote, "bad_debt_usd", gap * value / owed)


def _by_market(columns: Columns, entries: list[_Entry]) -> dict[str, MarketFigures]:
    sums = [defaultdict[str, float](float) for _ in columns.markets]
    for entry in entries:
        sums[columns.quotes[entry.quote].market][entry.column] += entry.value_usd
    owed = [0.0 for _ in columns.markets]
    before = state_of(columns)
    for account in columns.accounts:
        owed[account.market] += value_usd(before, account.debts)
    return {
        market.label: MarketFigures(market.name, owed[at], Figures(**sums[at]))
        for at, market in enumerate(columns.markets)
    }


def _by_asset(
    columns: Columns, entries: list[_Entry], labels: Mapping[AssetId, str]
) -> dict[str, Figures]:
    sums: dict[AssetId, defaultdict[str, float]] = {}
    for entry in entries:
        asset = columns.quotes[entry.quote].asset
        sums.setdefault(asset, defaultdict(float))[entry.column] += entry.value_usd
    return {labels.get(asset, asset): Figures(**sums[asset]) for asset in sorted(sums)}


def _prices(columns: Columns, outcome: Outcome, scenario: Scenario) -> dict[AssetId, PricePath]:
    """Of the named assets, in their order, then of all others whose market price moved."""
    first: dict[AssetId, int] = {}
    for at, quote in enumerate(columns.quotes):
        if quote.price is not None:
            first.setdefault(quote.asset, at)
    prices = {asset: PricePath(None, None, None) for asset in scenario.named}
    states = (state_of(columns), outcome.shocked, outcome.end)
    for asset, at in first.items():
        before, shocked, after = (_market_price(columns, state, at) for state in states)
        if before is None or shocked is None or after is None:
            continue
        moved = max(abs(shocked - before), abs(after - before)) > ROUNDING * before
        if moved or asset in scenario.named:
            prices[asset] = PricePath(before, shocked, after)
    return prices


def _market_price(columns: Columns, state: State, at: int) -> float | None:
    """USD of one whole token: its pools', or its oracle's where no pool leads to an anchor.

    None where the token does not tell how much a whole one is.
    """
    quote = columns.quotes[at]
    if quote.decimals is None:
        return None
    path = columns.paths.get(quote.asset)
    price = quote.uncapped(state.moved) if path is None else market_usd(columns, state, path)
    return float(price * 10.0**quote.decimals)


def _price_amplification(prices: Mapping[AssetId, PricePath], scenario: Scenario) -> float:
    """The largest, over the named assets, of final drop per initial drop."""
    amplifications = []
    for asset in scenario.named:
        path = prices[asset]
        if path.before is None or path.shocked is None or path.after is None:
            continue
        if abs(path.shocked - path.before) > ROUNDING * path.before:
            amplifications.append((path.before - path.after) / (path.before - path.shocked))
    return max(amplifications, default=1.0)


def _unpriced(
    prices: Mapping[AssetId, PricePath], scenario: Scenario, labels: Mapping[AssetId, str]
) -> tuple[str, ...]:
    return tuple(
        f"no market knows a price of {labels.get(asset, asset)} ({asset})"
        for asset in scenario.named
        if prices[asset].before is None
    )


def _largest(columns: Columns, done: list[Liquidation]) -> tuple[LiquidatedAccount, ...]:
    debts: defaultdict[tuple[int, Address], float] = defaultdict(float)
    for liquidation in done:
        debts[liquidation.market, liquidation.account] += liquidation.repaid_usd
    ranked = sorted(debts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(
        LiquidatedAccount(account, columns.markets[market].label, debt_usd)
        for (market, account), debt_usd in ranked[:LARGEST]
    )


def _round(columns: Columns, played: Round, labels: Mapping[AssetId, str]) -> RoundFigures:
    oracles = []
    for at, price in played.updates:
        quote = columns.quotes[at]
        if quote.decimals is None:
            continue
        label = columns.markets[quote.market].label
        whole_token_usd = price * 10.0**quote.decimals
        oracles.append((label, labels.get(quote.asset, quote.asset), whole_token_usd))
    lending = []
    for use in played.lending:
        quote = columns.quotes[use.quote]
        label = columns.markets[quote.market].label
        asset = labels.get(quote.asset, quote.asset)
        lending.append((label, asset, use.utilisation, use.borrow_rate))
    return RoundFigures(
        liquidations=len(played.liquidations),
        liquidated_usd=sum(entry.repaid_usd for entry in played.liquidations),
        seized_usd=sum(entry.received_usd for entry in played.liquidations),
        bad_debt_realised_usd=sum(entry.realised_usd for entry in played.liquidations),
        oracles=tuple(oracles),
        lending=tuple(lending),
    )
