"""The reference cascade of contract section 5. This text is the definition.

A shock moves pools and oracles. Then rounds: every account whose health is below 1 is visited
once, in a fixed order, at the oracle prices of the round; what is seized is sold into the pools;
afterwards oracles follow the pools. No price is rounded in between.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isnan

from monitor.core.units import AssetId
from monitor.simulation.columns import Columns, Follower, State, state_of
from monitor.simulation.line import Line
from monitor.simulation.liquidations import Liquidation, Refusal
from monitor.simulation.options import DEFAULT_DEVIATION, Options
from monitor.simulation.unwinding import Loopers, Unwinding, unwind
from monitor.simulation.usage import Use, uses_of
from monitor.simulation.visits import Visits
from monitor.simulation.worth import health_of, market_usd


@dataclass(frozen=True, slots=True)
class Round:
    """What a round did. `updates`: (quote, new price) of the oracles that followed afterwards, and
    of those that show what a claim has lost meanwhile.

    `lending`: how what was repaid or taken out is borrowed afterwards. `moved`: (leaf, its answer
    per what it was before the shock) of the leaves that moved.
    """

    liquidations: tuple[Liquidation, ...]
    updates: tuple[tuple[int, float], ...]
    lending: tuple[Use, ...] = ()
    moved: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """A cascade to its end. `unsafe`: positions in `end.accounts` still below health 1.

    `opened`: as the first round began. `refused`: why these were left in the last round.
    `unwinding`: what left before the first, None where nobody was to.
    """

    rounds: tuple[Round, ...]
    converged: bool
    shocked: State
    opened: State
    end: State
    unsafe: tuple[int, ...]
    refused: Mapping[int, Refusal]
    unwinding: Unwinding | None = None


def play(
    columns: Columns,
    factors: Mapping[AssetId, float],
    options: Options,
    loopers: Loopers | None = None,
    *,
    everybody: bool = False,
) -> Outcome:
    """Shock and rounds. `factors`: new price per old of each asset that moves at first.

    `loopers`: who closes a loop that loses, before the first round. `everybody`: visit all who are
    below health 1 in every round, as the contract says it, though it comes to the same.
    """
    state = state_of(columns)
    shock(columns, state, factors)
    shocked = state.copy()
    visits = Visits(columns, state, options)
    unwinding = None
    if loopers is not None:
        unwinding = unwind(visits, loopers)
        follow_market(columns, state, options)
    opened = shocked if unwinding is None else state.copy()
    line = Line(visits)
    rounds: list[Round] = []
    refused: Mapping[int, Refusal] = {}
    converged = False
    while not converged and len(rounds) < options.max_rounds:
        answers = list(state.moved)
        visits.begin()
        is_last = len(rounds) + 1 == options.max_rounds
        turns = unsafe_in(columns, state) if everybody or is_last else line.round()
        liquidations, refused = _round(visits, turns)
        followed = follow_market(columns, state, options)
        updates = _moved(visits.first, state, followed)
        lending, moved = uses_of(columns, state, liquidations), _changed(answers, state.moved)
        rounds.append(Round(liquidations, updates, lending, moved))
        converged = not liquidations and not updates
    left = tuple(at for at, _ in unsafe_in(columns, state))
    if converged:
        # Nothing has changed since the last round began: nobody acts, and all are asked for why.
        _, refused = _round(visits, unsafe_in(columns, state))
    why = {at: refused[at] for at in left if at in refused}
    return Outcome(tuple(rounds), converged, shocked, opened, state, left, why, unwinding)


def shock(columns: Columns, state: State, factors: Mapping[AssetId, float]) -> None:
    """Arbitrage takes every pool to its shocked mid, and the oracles are set alike."""
    for number, pool in enumerate(columns.pools):
        told = [factors.get(token, 1.0) for token in pool.tokens]
        if min(told) != max(told):
            state.pools[number] = pool.moved(told)
    for leaf, answers in enumerate(columns.leaves):
        named = next((asset for asset in factors if asset in answers.assets), None)
        if named is not None:
            state.moved[leaf] = factors[named]
        if answers.quote is not None:
            state.moved[leaf] /= factors.get(answers.quote, 1.0)
    reprice(columns, state)


def reprice(columns: Columns, state: State) -> tuple[tuple[int, float], ...]:
    """Prices after leaves moved; (quote, new price) of those that did too."""
    updates: list[tuple[int, float]] = []
    for at, quote in enumerate(columns.quotes):
        price = quote.at(state.moved)
        if price == state.prices[at] or quote.price is None:
            continue
        state.prices[at] = price
        updates.append((at, price))
    return tuple(updates)


def follow_market(
    columns: Columns, state: State, options: Options
) -> tuple[tuple[int, float], ...]:
    """Set each oracle to its pool's mid where it is off by more than its deviation threshold.

    One that says 0 goes on to say it while the mid is less than its last digit.
    """
    moves = {}
    for follower in columns.followers:
        price = market_usd(columns, state, follower.path)
        if follower.per is not None:
            price /= market_usd(columns, state, follower.per)
        least = columns.leaves[follower.leaf].least
        if max(price / follower.answer, state.moved[follower.leaf]) < least:
            continue
        if abs(price / (follower.answer * state.moved[follower.leaf]) - 1) > _deviation(
            follower, options
        ):
            moves[follower.leaf] = price / follower.answer
    for leaf, moved_by in moves.items():
        state.moved[leaf] = moved_by
    return reprice(columns, state) if moves else ()


def _moved(
    first: list[float], state: State, followed: tuple[tuple[int, float], ...]
) -> tuple[tuple[int, float], ...]:
    """(quote, new price) of all that changed in a round. `first`: the prices it began with."""
    if first is state.prices:
        return followed  # no claim fell, and what followed was written into the same list
    prices = enumerate(zip(first, state.prices, strict=True))
    return tuple((at, now) for at, (was, now) in prices if now != was and not isnan(now))


def _changed(before: list[float], after: list[float]) -> tuple[tuple[int, float], ...]:
    answers = enumerate(zip(before, after, strict=True))
    return tuple((leaf, now) for leaf, (was, now) in answers if now != was)


def _deviation(follower: Follower, options: Options) -> float:
    if options.deviation is not None:
        return options.deviation
    return DEFAULT_DEVIATION if follower.deviation is None else follower.deviation


def unsafe_in(columns: Columns, state: State) -> list[tuple[int, float]]:
    """(position in `accounts`, health) of accounts below 1, in the order they are visited."""
    found: list[tuple[int, float]] = []
    for at, account in enumerate(state.accounts):
        health = health_of(state, account)
        if health < 1:
            found.append((at, health))
    accounts = state.accounts
    markets = columns.markets
    found.sort(
        key=lambda item: (
            markets[accounts[item[0]].market].rank,
            item[1],
            accounts[item[0]].address,
            accounts[item[0]].market,
        )
    )
    return found


def _round(
    visits: Visits, turns: Iterable[tuple[int, float]]
) -> tuple[tuple[Liquidation, ...], dict[int, Refusal]]:
    """Visits in this order: what was done, and of whom it was refused why."""
    done = [(at, visits.visit(at, health)) for at, health in turns]
    liquidations = tuple(each for _, each in done if isinstance(each, Liquidation))
    return liquidations, {at: each for at, each in done if isinstance(each, Refusal)}
