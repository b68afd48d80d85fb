"""What is worth how much now, in a state of a cascade."""

import math
from collections.abc import Sequence

from monitor.core.units import BPS
from monitor.simulation.accounts import Account, Debt, Pledge
from monitor.simulation.columns import Columns, MarketPath, State
from monitor.simulation.impact import mid_along

NOISE_BPS = 1e-6
"""Float noise in an average of equal thresholds, which loses nothing."""


def health_of(state: State, account: Account) -> float:
    """At the oracle prices of now."""
    return health_at(state.prices, account)


def health_at(prices: Sequence[float], account: Account) -> float:
    """Sum of value times threshold over value owed; infinite without debt. `prices`: by quote."""
    owed = 0.0
    for debt in account.debts:
        owed += debt.amount * prices[debt.quote]
    if not owed:
        return float("inf")
    secured = 0.0
    for pledge in account.pledges:
        secured += pledge.amount * prices[pledge.quote] * pledge.threshold
    if account.averages:
        worth = sum(pledge.amount * prices[pledge.quote] for pledge in account.pledges)
        secured = _at_whole_bps(secured, worth)
    return secured / owed


def _at_whole_bps(secured: float, worth: float) -> float:
    """What pledges are worth times their average threshold, of which only whole bps count."""
    return worth * math.floor(secured / worth * BPS + NOISE_BPS) / BPS if worth else 0.0


def value_usd(state: State, legs: Sequence[Pledge] | Sequence[Debt]) -> float:
    """Value of one side of an account at the oracle prices of now."""
    return sum(leg.amount * state.prices[leg.quote] for leg in legs)


def market_usd(columns: Columns, state: State, path: MarketPath) -> float:
    """USD per raw unit of an asset in the market. A cap on the anchor's price caps no market."""
    return mid_along(state.pools, path.hops) * columns.quotes[path.anchor].uncapped(state.moved)
