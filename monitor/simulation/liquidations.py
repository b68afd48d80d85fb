"""What a visit comes to: a liquidation, or why there was none."""

from dataclasses import dataclass
from enum import StrEnum

from monitor.core.units import Address
from monitor.simulation.impact import Route


class Refusal(StrEnum):
    """Why a visitor left an account as it was."""

    NOT_ALLOWED = "not_allowed"
    """No debt of it may be repaid, or no collateral of it seized."""
    NO_COLLATERAL = "no_collateral"
    """Nothing is left to be seized, and its market writes nothing off."""
    NO_PRICE = "no_price"
    """A feed that its market needs would have to say less than its last digit: it says 0."""
    NO_ROUTE = "no_route"
    """No pools lead from the collateral to the debt."""
    NO_CASH = "no_cash"
    """What is lent out cannot be had back now: receipts could be had, or claims."""
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
    """One executed call. Amounts in raw units, values at the round's first oracle prices.

    `debt` and `pledge` are quotes. `received` is what the liquidator got, `fee` what the protocol
    kept of the collateral, `proceeds` what the sale over `hops` brought of the debt asset. A claim
    was given back first where anything is `paid`: (quote, cash that was taken out there).
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
    paid: tuple[tuple[int, float], ...] = ()

    @property
    def realised_usd(self) -> float:
        return sum(loss.value_usd for loss in self.realised)
