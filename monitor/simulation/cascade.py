"""The reference cascade of contract section 5. This text is the definition.

A shock moves pools and oracles. Then rounds: every account whose health is below 1 is visited
once, in a fixed order, at the oracle prices of the round; what is seized is sold into the pools;
afterwards oracles follow the pools. No price is rounded in between.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from monitor.core.units import Address, AssetId
from monitor.simulation.accounts import Account, Debt, Pledge
from monitor.simulation.columns import Columns, Follower, MarketPath, State, state_of
from monitor.simulation.impact import Pool, Route, mid_along, route, sold_along
from monitor.simulation.options import DEFAULT_DEVIATION, Options
from monitor.simulation.terms import Slice, Target, largest_repay_usd, slice_of

LegT = TypeVar("LegT", Pledge, Debt)

SIZES = (1.0, 0.5, 0.25, 0.125)
"""The ladder: parts of the protocol's maximum, tried in this order."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A debt written off because no collateral is left, at the round's oracle price."""

    quote: int
    amount: float
    value_usd: float


@dataclass(frozen=True, slots=True)
class Liquidation:
    """One executed call. Amounts in raw units, values at the round's oracle prices.

    `debt` and `pledge` are quotes. `received` is what the liquidator got, `fee` what the protocol
    kept of the collateral, `proceeds` what the sale brought of the debt asset.
    """

    market: int
    account: Address
    debt: int
    pledge: int
    repaid: float
    received: float
    fee: float
    proceeds: float
    repaid_usd: float
    received_usd: float
    realised: tuple[Loss, ...]

    @property
    def realised_usd(self) -> float:
        return sum(loss.value_usd for loss in self.realised)


@dataclass(frozen=True, slots=True)
class Round:
    """What a round did. `updates`: (quote, new price) of the oracles that followed afterwards."""

    liquidations: tuple[Liquidation, ...]
    updates: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A cascade to its end. `unsafe`: positions in `end.accounts` still below health 1."""

    rounds: tuple[Round, ...]
    converged: bool
    shocked: State
    end: State
    unsafe: tuple[int, ...]


def play(columns: Columns, factors: Mapping[AssetId, float], options: Options) -> Outcome:
    """Shock and rounds. `factors`: new price per old of each asset that moves at first."""
    state = state_of(columns)
    shock(columns, state, factors)
    shocked = state.copy()
    visits = _Visits(columns, state, options, {})
    everyone = range(len(state.accounts))
    suspects: Iterable[int] = everyone
    rounds: list[Round] = []
    converged = False
    while not converged and len(rounds) < options.max_rounds:
        unsafe = unsafe_among(columns, state, suspects)
        done = [visits.visit(at, health) for health, at in unsafe]
        liquidations = tuple(liquidation for liquidation in done if liquidation)
        updates = follow_market(columns, state, options)
        rounds.append(Round(liquidations, updates))
        converged = not liquidations and not updates
        # Prices alone make a healthy account unsafe.
        suspects = everyone if updates else [at for _, at in unsafe]
    left = tuple(at for _, at in unsafe_among(columns, state, suspects))
    return Outcome(tuple(rounds), converged, shocked, state, left)


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
    """Set each oracle to its pool's mid where it is off by more than its deviation threshold."""
    moves = {}
    for follower in columns.followers:
        price = market_usd(columns, state, follower.path)
        if follower.per is not None:
            price /= market_usd(columns, state, follower.per)
        if abs(price / (follower.answer * state.moved[follower.leaf]) - 1) > _deviation(
            follower, options
        ):
            moves[follower.leaf] = price / follower.answer
    for leaf, moved_by in moves.items():
        state.moved[leaf] = moved_by
    return reprice(columns, state) if moves else ()


def _deviation(follower: Follower, options: Options) -> float:
    if options.deviation is not None:
        return options.deviation
    return DEFAULT_DEVIATION if follower.deviation is None else follower.deviation


def market_usd(columns: Columns, state: State, path: MarketPath) -> float:
    """USD per raw unit of an asset in the market. A cap on the anchor's price caps no market."""
    return mid_along(state.pools, path.hops) * columns.quotes[path.anchor].uncapped(state.moved)


def unsafe_among(
    columns: Columns, state: State, suspects: Iterable[int]
) -> list[tuple[float, int]]:
    """(health, position in `accounts`) of accounts below 1, in the order they are visited."""
    found: list[tuple[float, int]] = []
    for at in suspects:
        health = health_of(state, state.accounts[at])
        if health < 1:
            found.append((health, at))
    accounts = state.accounts
    markets = columns.markets
    found.sort(
        key=lambda item: (
            markets[accounts[item[1]].market].rank,
            item[0],
            accounts[item[1]].address,
            accounts[item[1]].market,
        )
    )
    return found


def health_of(state: State, account: Account) -> float:
    """Sum of value times threshold over value owed; infinite without debt."""
    prices = state.prices
    owed = 0.0
    for debt in account.debts:
        owed += debt.amount * prices[debt.quote]
    if not owed:
        return float("inf")
    secured = 0.0
    for pledge in account.pledges:
        secured += pledge.amount * prices[pledge.quote] * pledge.threshold
    return secured / owed


def value_usd(state: State, legs: Sequence[Pledge] | Sequence[Debt]) -> float:
    """Value of one side of an account at the oracle prices of now."""
    return sum(leg.amount * state.prices[leg.quote] for leg in legs)


@dataclass(slots=True)
class _Visits:
    """Visits of liquidators to accounts; each changes the state for the next."""

    columns: Columns
    state: State
    options: Options
    routes: dict[tuple[AssetId, AssetId], Route | None]

    def visit(self, at: int, health: float) -> Liquidation | None:
        """Execute the first size that pays. None leaves the account in this round."""
        account = self.state.accounts[at]
        debt, pledge = self._choose(account)
        if debt is None or pledge is None:
            return None
        hops = self._route(pledge, debt)
        if hops is None:
            return None
        debt_usd = debt.amount * self.state.prices[debt.quote]
        collateral_usd = pledge.amount * self.state.prices[pledge.quote]
        most = min(debt_usd, collateral_usd / pledge.bonus)
        if most * self._best_margin(hops, debt, pledge) <= self.options.gas_usd:
            return None
        target = Target(
            health=health,
            total_debt_usd=value_usd(self.state, account.debts),
            debt_usd=debt_usd,
            collateral_usd=collateral_usd,
            bonus=pledge.bonus,
            fee=pledge.fee,
        )
        limits = self.columns.markets[account.market].limits
        largest = largest_repay_usd(target, limits)
        for size in SIZES:
            piece = slice_of(target, limits, largest * size)
            if piece is None:
                continue
            received = (piece.seized_usd - piece.fee_usd) / self.state.prices[pledge.quote]
            if received > self.state.cash[pledge.quote]:
                continue
            proceeds, pools = sold_along(self.state.pools, hops, received)
            proceeds_usd = proceeds * self.state.prices[debt.quote]
            if proceeds_usd - piece.repaid_usd > self.options.gas_usd:
                return self._execute(at, (debt, pledge), piece, (proceeds, pools))
        return None

    def _choose(self, account: Account) -> tuple[Debt | None, Pledge | None]:
        """Debt asset and used collateral of largest value; the lower address where equal."""
        prices = self.state.prices
        debts = [debt for debt in account.debts if debt.repayable]
        pledges = [pledge for pledge in account.pledges if pledge.seizable]
        return (
            max(debts, key=lambda leg: leg.amount * prices[leg.quote], default=None),
            max(pledges, key=lambda leg: leg.amount * prices[leg.quote], default=None),
        )

    def _best_margin(self, hops: Route, debt: Debt, pledge: Pledge) -> float:
        """Profit per value repaid of the smallest sale: no larger one does better.

        Spares the ladder where nothing can pay: in a crash that is nearly every visit.
        """
        prices = self.state.prices
        if not prices[debt.quote] or not prices[pledge.quote]:
            return 0.0
        received = pledge.bonus - pledge.fee * (pledge.bonus - 1)
        rate = mid_along(self.state.pools, hops)
        for number, inward, outward in hops:
            rate *= self.state.pools[number].kept(inward, outward)
        return received * rate * prices[debt.quote] / prices[pledge.quote] - 1

    def _route(self, pledge: Pledge, debt: Debt) -> Route | None:
        start = self.columns.quotes[pledge.quote].asset
        goal = self.columns.quotes[debt.quote].asset
        if (start, goal) not in self.routes:
            self.routes[start, goal] = route(self.columns.pools, start, goal.__eq__)
        return self.routes[start, goal]

    def _execute(
        self,
        at: int,
        legs: tuple[Debt, Pledge],
        piece: Slice,
        sale: tuple[float, list[tuple[int, Pool]]],
    ) -> Liquidation:
        state, account = self.state, self.state.accounts[at]
        debt, pledge = legs
        proceeds, pools = sale
        repaid = debt.amount if piece.clears_debt else piece.repaid_usd / state.prices[debt.quote]
        price = state.prices[pledge.quote]
        seized = pledge.amount if piece.clears_collateral else piece.seized_usd / price
        fee = piece.fee_usd / price
        for number, pool in pools:
            state.pools[number] = pool
        state.cash[debt.quote] += repaid
        state.cash[pledge.quote] -= seized - fee
        left = replace(
            account,
            debts=_less(account.debts, debt, repaid),
            pledges=_less(account.pledges, pledge, seized),
        )
        # The protocol's own test: what is left of the collateral rounds to nothing.
        written_off: tuple[Debt, ...] = ()
        market = self.columns.markets[account.market]
        if market.limits.writes_off and value_usd(state, left.pledges) < market.base_usd:
            written_off, left = left.debts, replace(left, debts=())
        state.accounts[at] = left
        return Liquidation(
            market=account.market,
            account=account.address,
            debt=debt.quote,
            pledge=pledge.quote,
            repaid=repaid,
            received=seized - fee,
            fee=fee,
            proceeds=proceeds,
            repaid_usd=piece.repaid_usd,
            received_usd=piece.seized_usd - piece.fee_usd,
            realised=tuple(
                Loss(lost.quote, lost.amount, value_usd(state, (lost,))) for lost in written_off
            ),
        )


def _less(legs: tuple[LegT, ...], leg: LegT, amount: float) -> tuple[LegT, ...]:
    """The legs with one reduced; a cleared one is gone."""
    left = replace(leg, amount=leg.amount - amount)
    changed = (left if other is leg else other for other in legs)
    return tuple(other for other in changed if other.amount > 0)
