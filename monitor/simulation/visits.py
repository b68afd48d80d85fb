"""A liquidator's visit to one account: which debt, which collateral, how much, and whether it pays.

Contract section 5: the debt asset and the used collateral of largest value; the protocol's maximum,
then a half, a quarter, an eighth of it; what is seized is sold at once; the first size that earns
more than it costs is executed. With `fill` "optimal" it is the size that earns most.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from monitor.core.units import AssetId
from monitor.simulation.accounts import Account, Debt, Pledge
from monitor.simulation.bids import Bid, Offer
from monitor.simulation.columns import Columns, State
from monitor.simulation.impact import Route, mid_along, route, sold_along
from monitor.simulation.liquidations import Liquidation, Loss, Refusal
from monitor.simulation.options import Options
from monitor.simulation.payouts import Settled, pay, payout_of, share_out, worth_of
from monitor.simulation.sizes import REFUSED, most_profitable
from monitor.simulation.terms import Slice, Target, largest_repay_usd, slice_of
from monitor.simulation.worth import health_of, value_usd

LegT = TypeVar("LegT", Pledge, Debt)
NOISE = 1e-9
"""Float noise of cash that many visits took from: the last of it can be paid out too."""

SIZES = (1.0, 0.5, 0.25, 0.125)
"""The ladder: parts of the protocol's maximum, tried in this order, unless `fill` is optimal."""


@dataclass(slots=True)
class Visits:
    """Visits of liquidators to accounts; each changes the state for the next.

    `margins`: those that were asked for since a sale or a round changed them. `first`: the prices
    at the start of the round. Whom and what to visit was settled then; what claims are worth may
    have fallen since.
    """

    columns: Columns
    state: State
    options: Options
    routes: dict[tuple[AssetId, AssetId], Route | None] = field(default_factory=dict)
    margins: dict[tuple[int, float, float, int], float] = field(default_factory=dict)
    rates: dict[tuple[AssetId, AssetId], float | None] = field(default_factory=dict)
    first: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """A round."""
        self.first = self.state.prices
        self.margins.clear()
        self.rates.clear()

    def visit(self, at: int, health: float) -> Liquidation | Refusal:
        """Execute the first size that pays; a refusal leaves the account in this round."""
        if self.first is not self.state.prices:
            health = health_of(self.state, self.state.accounts[at])
            if health >= 1:
                return Refusal.NOT_ALLOWED  # it owes shares that have lost since
        account = self.state.accounts[at]
        if not self._is_priced(account):
            return Refusal.NO_PRICE
        bid = self._bid(account, health)
        if isinstance(bid, Refusal):
            return bid
        # Spares the ladder where nothing can pay: in a crash that is nearly every visit.
        if bid.most_usd <= self.options.gas_usd:
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

    def _is_priced(self, account: Account) -> bool:
        """Whether the market's oracle answers for all that the account has and owes."""
        state, quotes = self.state, self.columns.quotes
        legs: tuple[Pledge | Debt, ...] = (*account.pledges, *account.debts)
        return all(quotes[leg.quote].answers(state.moved, state.prices[leg.quote]) for leg in legs)

    def may_pay(self, account: Account) -> bool:
        """Whether a visit now may be worth its gas. Asked of nearly everybody in a crash."""
        debt, pledge = self._choose(account)
        if debt is None or pledge is None:
            return False
        prices = self.state.prices
        whole_usd = min(
            debt.amount * prices[debt.quote], pledge.amount * prices[pledge.quote] / pledge.bonus
        )
        return not whole_usd * self.margin(pledge, debt) <= self.options.gas_usd

    def _bid(self, account: Account, health: float) -> Bid | Refusal:
        debt, pledge = self._choose(account)
        if debt is None or pledge is None:
            return Refusal.NOT_ALLOWED if account.pledges else Refusal.NO_COLLATERAL
        claim, hops = self.way(pledge, debt)
        if hops is None:
            return Refusal.NO_ROUTE
        debt_usd = debt.amount * self.state.prices[debt.quote]
        collateral_usd = pledge.amount * self.state.prices[pledge.quote]
        most_usd = min(debt_usd, collateral_usd / pledge.bonus) * self.margin(pledge, debt)
        target = Target(
            health=health,
            total_debt_usd=value_usd(self.state, account.debts),
            debt_usd=debt_usd,
            collateral_usd=collateral_usd,
            bonus=pledge.bonus,
            fee=pledge.fee,
        )
        limits = self.columns.markets[account.market].limits
        return Bid(account, debt, pledge, hops, target, limits, most_usd, claim)

    def _choose(self, account: Account) -> tuple[Debt | None, Pledge | None]:
        """Debt asset and used collateral of largest value; the lower address where equal."""
        prices = self.first
        debts = [debt for debt in account.debts if debt.repayable]
        pledges = [pledge for pledge in account.pledges if pledge.seizable]
        return _largest(debts, prices), _largest(pledges, prices)

    def way(self, pledge: Pledge, debt: Debt) -> tuple[AssetId | None, Route | None]:
        """The claim to give back, where that leads to the debt, and the pools to sell over."""
        token = self.columns.quotes[pledge.quote].asset
        goal = self.columns.quotes[debt.quote].asset
        backing = self.columns.claims.backings.get(token)
        if backing is not None and backing.is_redeemable:
            hops = self._route(backing.underlying, goal)
            if hops is not None:
                return token, hops
        return None, self._route(token, goal)

    def _route(self, start: AssetId, goal: AssetId) -> Route | None:
        if (start, goal) not in self.routes:
            self.routes[start, goal] = route(self.columns.pools, start, goal.__eq__)
        return self.routes[start, goal]

    def margin(self, pledge: Pledge, debt: Debt) -> float:
        """What the smallest sale of such a pledge for such a debt earns per value repaid, now.

        No larger one earns more. 0 where there is no way, or a price is 0.
        """
        name = pledge.quote, pledge.bonus, pledge.fee, debt.quote
        known = self.margins.get(name)
        if known is None:
            known = self.margins[name] = self._margin(pledge, debt)
        return known

    def _margin(self, pledge: Pledge, debt: Debt) -> float:
        prices, bonus, quotes = self.state.prices, pledge.bonus, self.columns.quotes
        # Thousands of markets may list the same two tokens: anybody can open some.
        pair = quotes[pledge.quote].asset, quotes[debt.quote].asset
        if pair not in self.rates:
            self.rates[pair] = self._rate(pledge, debt)
        rate = self.rates[pair]
        if rate is None or not prices[debt.quote] or not prices[pledge.quote]:
            return 0.0
        received = bonus - pledge.fee * (bonus - 1)
        return received * rate * prices[debt.quote] / prices[pledge.quote] - 1

    def _rate(self, pledge: Pledge, debt: Debt) -> float | None:
        """What the smallest sale of one brings of the other, in raw units; None without a way."""
        claim, hops = self.way(pledge, debt)
        if hops is None:
            return None
        rate = mid_along(self.state.pools, hops)
        for number, inward, outward in hops:
            rate *= self.state.pools[number].kept(inward, outward)
        if claim is not None:
            rate *= worth_of(self.columns, self.state, claim)
        return rate

    def _sizes(self, bid: Bid, largest: float) -> tuple[float, ...]:
        """What is tried, in this order. After the best none pays; the largest tells why not."""
        if self.options.fill != "optimal":
            return tuple(largest * size for size in SIZES)

        def profit(repay_usd: float) -> float:
            offer = self._offer(bid, repay_usd)
            return offer.profit_usd if isinstance(offer, Offer) else REFUSED

        whole_usd = min(bid.target.debt_usd, bid.target.collateral_usd / bid.target.bonus)
        gas_usd = max(self.options.gas_usd, 0.0)
        least = whole_usd * gas_usd / bid.most_usd if gas_usd else 0.0
        return most_profitable(profit, largest, least, gas_usd), largest

    def _offer(self, bid: Bid, repay_usd: float) -> Offer | Refusal | None:
        """One size of a bid. None where it would leave dust."""
        state = self.state
        piece = slice_of(bid.target, bid.limits, repay_usd)
        if piece is None:
            return None
        received = (piece.seized_usd - piece.fee_usd) / state.prices[bid.pledge.quote]
        if received > state.cash[bid.pledge.quote] * (1 + NOISE):
            return Refusal.NO_CASH
        payout = None
        if bid.claim is not None:
            before = self._settled(bid, piece)
            payout = payout_of(self.columns, state, bid.claim, received, before)
            if payout is None:
                return Refusal.NO_CASH
        sold = received if payout is None else payout.amount
        proceeds, pools = sold_along(state.pools, bid.hops, sold)
        profit_usd = proceeds * state.prices[bid.debt.quote] - piece.repaid_usd
        return Offer(piece, proceeds, profit_usd, pools, payout)

    def _settled(self, bid: Bid, piece: Slice) -> Settled:
        """The protocol is paid, and writes off what nothing secures, before a claim is redeemed."""
        debt, repaid = bid.debt, self._repaid(bid, piece)
        is_last = piece.clears_collateral and len(bid.account.pledges) == 1
        lost = debt.amount - repaid if is_last and bid.limits.writes_off else 0.0
        return Settled(debt.quote, repaid, lost)

    def _repaid(self, bid: Bid, piece: Slice) -> float:
        debt = bid.debt
        return (
            debt.amount if piece.clears_debt else piece.repaid_usd / self.state.prices[debt.quote]
        )

    def _execute(self, at: int, bid: Bid, offer: Offer) -> Liquidation:
        state, debt, pledge, piece = self.state, bid.debt, bid.pledge, offer.piece
        self.margins.clear()
        self.rates.clear()
        repaid = self._repaid(bid, piece)
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
            share_out(self.columns, state, lost.quote, lost.amount)
        if bid.claim is not None and offer.payout is not None:
            pay(self.columns, state, bid.claim, offer.payout)
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
            repaid_usd=repaid * self.first[debt.quote],
            received_usd=(seized - fee) * self.first[pledge.quote],
            realised=tuple(
                Loss(lost.quote, lost.amount, lost.amount * self.first[lost.quote])
                for lost in written_off
            ),
            paid=self._paid(bid, offer),
        )

    def _paid(self, bid: Bid, offer: Offer) -> tuple[tuple[int, float], ...]:
        if bid.claim is None or offer.payout is None:
            return ()
        places = self.columns.claims.backings[bid.claim].lent_at
        taken = zip(places, offer.payout.taken, strict=True)
        return tuple((quote, amount) for quote, amount in taken if amount)

    def _written_off(self, left: Account) -> tuple[tuple[Debt, ...], Account]:
        """Debts that nothing secures any more, and the account without them.

        The protocol's own test: what is left of the collateral rounds to nothing.
        """
        market = self.columns.markets[left.market]
        if market.limits.writes_off and value_usd(self.state, left.pledges) < market.base_usd:
            return left.debts, replace(left, debts=())
        return (), left


def _largest(legs: Sequence[LegT], prices: Sequence[float]) -> LegT | None:
    if len(legs) == 1:
        return legs[0]
    return max(legs, key=lambda leg: leg.amount * prices[leg.quote], default=None)


def _less(legs: tuple[LegT, ...], leg: LegT, amount: float) -> tuple[LegT, ...]:
    """The legs with one reduced; a cleared one is gone."""
    left = replace(leg, amount=leg.amount - amount)
    changed = (left if other is leg else other for other in legs)
    return tuple(other for other in changed if other.amount > 0)
