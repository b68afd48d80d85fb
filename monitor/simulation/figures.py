"""From the outcome of a cascade to its figures: sums in USD, by market and by asset."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from monitor.core.loops import LoopKind
from monitor.core.risk import DebtSpot
from monitor.core.units import AssetId
from monitor.simulation.cascade import Outcome, Round
from monitor.simulation.columns import Columns, State, state_of
from monitor.simulation.contagion import SHOCK, contagion_of
from monitor.simulation.entries import NO_LOOP, Entry, Holder, entries_of, summed
from monitor.simulation.liquidations import Refusal
from monitor.simulation.names import NameBook
from monitor.simulation.options import Options
from monitor.simulation.results import (
    LARGEST,
    AccountFigures,
    Contagion,
    Figures,
    MarketFigures,
    PricePath,
    Projection,
    RoundFigures,
)
from monitor.simulation.scenarios import Scenario
from monitor.simulation.worth import market_usd, value_usd

ROUNDING = 1e-9
"""Relative change of a price that is none."""
ROUNDS_RAN_OUT = "rounds_ran_out"
"""Why an account that nobody refused is left."""


def projection_of(
    columns: Columns,
    outcome: Outcome,
    scenario: Scenario,
    options: Options,
    looped: Mapping[DebtSpot, str],
) -> Projection:
    """All figures of one projection. `looped`: the kind of loop by debt."""
    labels = _labels(columns, scenario)
    done = [liquidation for played in outcome.rounds for liquidation in played.liquidations]
    entries = entries_of(columns, outcome, looped)
    accounts = _by_account(columns, entries)
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
        by_loop_kind=_by_loop_kind(entries),
        unliquidated_because=_because(outcome),
        contagion=_contagion(columns, outcome),
        largest=_largest(accounts, "liquidated_usd"),
        largest_unliquidated=_largest(accounts, "unliquidated_usd"),
        round_log=tuple(entry for entry in log if entry.liquidations or entry.oracles),
        unknown=columns.unknown
        + _unpriced(prices, scenario, labels)
        + (gone.unknown if gone else ()),
        left_out=columns.left_out
        + _unmoved(columns, scenario, labels)
        + (gone.left_out if gone else ()),
        unwinding=gone,
    )


def _labels(columns: Columns, scenario: Scenario) -> dict[AssetId, str]:
    symbols = {quote.asset: quote.symbol for quote in columns.quotes}
    return NameBook({}, symbols).labels() | dict(scenario.labels)


def _by_market(columns: Columns, entries: Sequence[Entry]) -> dict[str, MarketFigures]:
    sums = summed(entries, lambda entry: entry.holder.market)
    owed = [0.0 for _ in columns.markets]
    before = state_of(columns)
    for account in columns.accounts:
        owed[account.market] += value_usd(before, account.debts)
    return {
        market.label: MarketFigures(market.name, owed[at], sums.get(at, Figures()))
        for at, market in enumerate(columns.markets)
    }


def _by_asset(
    columns: Columns, entries: Sequence[Entry], labels: Mapping[AssetId, str]
) -> dict[str, Figures]:
    sums = summed(entries, lambda entry: columns.quotes[entry.quote].asset)
    return {labels.get(asset, asset): sums[asset] for asset in sorted(sums)}


def _by_loop_kind(entries: Sequence[Entry]) -> dict[str, Figures]:
    """Of kinds in which something happens."""
    sums = summed(entries, lambda entry: entry.kind)
    kinds = (*(kind.value for kind in LoopKind), NO_LOOP)
    return {kind: sums[kind] for kind in kinds if kind in sums}


def _because(outcome: Outcome) -> dict[str, float]:
    """Debt that is still liquidatable at the end, by what kept liquidators from it."""
    sums = dict.fromkeys((*(reason.value for reason in Refusal), ROUNDS_RAN_OUT), 0.0)
    for at in outcome.unsafe:
        refusal = outcome.refused.get(at)
        reason = ROUNDS_RAN_OUT if refusal is None else refusal.value
        sums[reason] += value_usd(outcome.end, outcome.end.accounts[at].debts)
    return sums


def _contagion(columns: Columns, outcome: Outcome) -> tuple[Contagion, ...]:
    found = contagion_of(columns, outcome)
    repaid: defaultdict[int, float] = defaultdict(float)
    for (_, target), value in found.items():
        repaid[target] += value
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    labels = [market.label for market in columns.markets]
    return tuple(
        Contagion(labels[source], labels[target], value, value / repaid[target])
        for (source, target), value in ranked
        if source != SHOCK
    )


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


def _unmoved(
    columns: Columns, scenario: Scenario, labels: Mapping[AssetId, str]
) -> tuple[str, ...]:
    """Named assets whose shock shows nowhere: a zero would look as if all were well."""
    shown = {token for pool in columns.pools for token in pool.tokens}
    shown.update(asset for leaf in columns.leaves for asset in leaf.assets)
    ratios = {**scenario.moves, **{asset: peg.ratio for asset, peg in scenario.pegs.items()}}
    return tuple(
        f"{labels.get(asset, asset)} ({asset}) has no pool, and no oracle follows its market: "
        "the shock moves no price of it"
        for asset, ratio in ratios.items()
        if ratio and asset not in shown
    )


def _by_account(columns: Columns, entries: Sequence[Entry]) -> list[AccountFigures]:
    """In the order of markets, then by address."""
    kinds: dict[Holder, str] = {}
    for entry in entries:
        if entry.kind != NO_LOOP:
            kinds.setdefault(entry.holder, entry.kind)
    sums = summed(entries, lambda entry: entry.holder)
    return [
        AccountFigures(
            holder.account, columns.markets[holder.market].label, sums[holder], kinds.get(holder)
        )
        for holder in sorted(sums)
    ]


def _largest(accounts: Sequence[AccountFigures], column: str) -> tuple[AccountFigures, ...]:
    """Those with the most in a column."""

    def most(account: AccountFigures) -> float:
        return float(getattr(account.figures, column))

    return tuple(sorted(filter(most, accounts), key=most, reverse=True)[:LARGEST])


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
