"""A liquidator's visit to one account: which debt, which collateral, how much, and whether it pays.

Contract section 5: the debt asset and the used collateral of largest value; the protocol's maximum,
then a half, a quarter, an eighth of it; what is seized is sold at once; the first size that earns
more than it costs is executed. With `fill` "optimal" it is the size that earns most.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple, TypeVar

from monitor.core.units import Address, AssetId
from monitor.simulation.accounts import Account, Debt, Pledge
from monitor.simulation.columns import Columns, State
from monitor.simulation.impact import Pool, Route, mid_along, route, sold_along
from monitor.simulation.options import Options
from monitor.simulation.sizes import REFUSED, most_profitable
from monitor.simulation.terms import Limits, Slice, Target, largest_repay_usd, slice_of
from monitor.simulation.worth import value_usd

LegT = TypeVar("LegT", Pledge, Debt)

SIZES = (1.0, 0.5, 0.25, 0.125)
"""The ladder: parts of the protocol's maximum, tried in this order, unless `fill` is optimal."""


class Refusal(StrEnum):
    """Why a visitor left an account as it was."""

    NOT_ALLOWED = "not_allowed"
    """No debt of it may be repaid, or no collateral of it seized."""
    NO_ROUTE = "no_route"
    """No pools lead from the collateral to the debt."""
    NO_CASH = "no_cash"
    """The market has not lent back enough to pay the collateral out: receipts could be had."""
    NO_PROFIT = "no_profit"
    """No size brings more than it costs."""


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
    kept of the collateral, `proceeds` what the sale over `hops` brought of the debt asset.
    """

    market: int
    account: Address
    debt: int
    pledge: int
    repaid: float
    received: float
    fee: float
    hops: Route
    proceeds: float
    repaid_usd: float
    received_usd: float
    realised: tuple[Loss, ...]

    @property
    def realised_usd(self) -> float:
        return sum(loss.value_usd for loss in self.realised)


class Offer(NamedTuple):
    """One size, as it would come out. `pools`: those it sells over, as it leaves them."""

    piece: Slice
    proceeds: float
    profit_usd: float
    pools: Sequence[tuple[int, Pool]]


@dataclass(frozen=True, slots=True)
class Bid:
    """What a visitor goes for: one debt against one pledge of an account, sold over `hops`."""

    account: Account
    debt: Debt
    pledge: Pledge
    hops: Route
    target: Target
    limits: Limits


@dataclass(slots=True)
class Visits:
    """Visits of liquidators to accounts; each changes the state for the next."""

    columns: Columns
    state: State
    options: Options
    routes: dict[tuple[AssetId, AssetId], Route | None] = field(default_factory=dict)

    def visit(self, at: int, health: float) -> Liquidation | Refusal:
        """Execute the first size that pays; a refusal leaves the account in this round."""
        bid = self._bid(self.state.accounts[at], health)
        if isinstance(bid, Refusal):
            return bid
        if self._most_profit_usd(bid) <= self.options.gas_usd:
            return Refusal.NO_PROFIT
        largest = largest_repay_usd(bid.target, bid.limits)
        refusal = Refusal.NO_PROFIT
        for repay_usd in self._sizes(bid, largest):
            offer = self._offer(bid, repay_usd)
            if isinstance(offer, Refusal):
                refusal = offer
            elif offer is not None and offer.profit_usd > self.options.gas_usd:
                return self._execute(at, bid, offer)
        return refusal

    def _bid(self, account: Account, health: float) -> Bid | Refusal:
        debt, pledge = self._choose(account)
        if debt is None or pledge is None:
            return Refusal.NOT_ALLOWED
        hops = self._route(pledge, debt)
        if hops is None:
            return Refusal.NO_ROUTE
        target = Target(
            health=health,
            total_debt_usd=value_usd(self.state, account.debts),
            debt_usd=debt.amount * self.state.prices[debt.quote],
            collateral_usd=pledge.amount * self.state.prices[pledge.quote],
            bonus=pledge.bonus,
            fee=pledge.fee,
        )
        limits = self.columns.markets[account.market].limits
        return Bid(account, debt, pledge, hops, target, limits)

    def _choose(self, account: Account) -> tuple[Debt | None, Pledge | None]:
        """Debt asset and used collateral of largest value; the lower address where equal."""
        prices = self.state.prices
        debts = [debt for debt in account.debts if debt.repayable]
        pledges = [pledge for pledge in account.pledges if pledge.seizable]
        return (
            max(debts, key=lambda leg: leg.amount * prices[leg.quote], default=None),
            max(pledges, key=lambda leg: leg.amount * prices[leg.quote], default=None),
        )

    def _route(self, pledge: Pledge, debt: Debt) -> Route | None:
        start = self.columns.quotes[pledge.quote].asset
        goal = self.columns.quotes[debt.quote].asset
        if (start, goal) not in self.routes:
            self.routes[start, goal] = route(self.columns.pools, start, goal.__eq__)
        return self.routes[start, goal]

    def _most_profit_usd(self, bid: Bid) -> float:
        """Profit if everything were sold at the price of the smallest sale: no size does better.

        Spares the ladder where nothing can pay: in a crash that is nearly every visit.
        """
        prices, target, bonus = self.state.prices, bid.target, bid.pledge.bonus
        if not prices[bid.debt.quote] or not prices[bid.pledge.quote]:
            return 0.0
        received = bonus - bid.pledge.fee * (bonus - 1)
        rate = mid_along(self.state.pools, bid.hops)
        for number, inward, outward in bid.hops:
            rate *= self.state.pools[number].kept(inward, outward)
        margin = received * rate * prices[bid.debt.quote] / prices[bid.pledge.quote] - 1
        return min(target.debt_usd, target.collateral_usd / bonus) * margin

    def _sizes(self, bid: Bid, largest: float) -> tuple[float, ...]:
        """What is tried, in this order. After the best none pays; the largest tells why not."""
        if self.options.fill != "optimal":
            return tuple(largest * size for size in SIZES)

        def profit(repay_usd: float) -> float:
            offer = self._offer(bid, repay_usd)
            return offer.profit_usd if isinstance(offer, Offer) else REFUSED

        return most_profitable(profit, largest), largest

    def _offer(self, bid: Bid, repay_usd: float) -> Offer | Refusal | None:
        """One size of a bid. None where it would leave dust."""
        state = self.state
        piece = slice_of(bid.target, bid.limits, repay_usd)
        if piece is None:
            return None
        received = (piece.seized_usd - piece.fee_usd) / state.prices[bid.pledge.quote]
        if received > state.cash[bid.pledge.quote]:
            return Refusal.NO_CASH
        proceeds, pools = sold_along(state.pools, bid.hops, received)
        profit_usd = proceeds * state.prices[bid.debt.quote] - piece.repaid_usd
        return Offer(piece, proceeds, profit_usd, pools)

    def _execute(self, at: int, bid: Bid, offer: Offer) -> Liquidation:
        state, debt, pledge, piece = self.state, bid.debt, bid.pledge, offer.piece
        repaid = debt.amount if piece.clears_debt else piece.repaid_usd / state.prices[debt.quote]
        price = state.prices[pledge.quote]
        seized = pledge.amount if piece.clears_collateral else piece.seized_usd / price
        fee = piece.fee_usd / price
        for number, pool in offer.pools:
            state.pools[number] = pool
        state.cash[debt.quote] += repaid
        state.debts[debt.quote] -= repaid
        state.cash[pledge.quote] -= seized - fee
        left = replace(
            bid.account,
            debts=_less(bid.account.debts, debt, repaid),
            pledges=_less(bid.account.pledges, pledge, seized),
        )
        written_off, state.accounts[at] = self._written_off(left)
        for lost in written_off:
            state.debts[lost.quote] -= lost.amount
        return Liquidation(
            market=left.market,
            account=left.address,
            debt=debt.quote,
            pledge=pledge.quote,
            repaid=repaid,
            received=seized - fee,
            fee=fee,
            hops=bid.hops,
            proceeds=offer.proceeds,
            repaid_usd=piece.repaid_usd,
            received_usd=piece.seized_usd - piece.fee_usd,
            realised=tuple(
                Loss(lost.quote, lost.amount, value_usd(state, (lost,))) for lost in written_off
            ),
        )

    def _written_off(self, left: Account) -> tuple[tuple[Debt, ...], Account]:
        """Debts that nothing secures any more, and the account without them.

        The protocol's own test: what is left of the collateral rounds to nothing.
        """
        market = self.columns.markets[left.market]
        if market.limits.writes_off and value_usd(self.state, left.pledges) < market.base_usd:
            return left.debts, replace(left, debts=())
        return (), left


def _less(legs: tuple[LegT, ...], leg: LegT, amount: float) -> tuple[LegT, ...]:
    """The legs with one reduced; a cleared one is gone."""
    left = replace(leg, amount=leg.amount - amount)
    changed = (left if other is leg else other for other in legs)
    return tuple(other for other in changed if other.amount > 0)
