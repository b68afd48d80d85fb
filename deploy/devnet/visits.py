"""Visits of liquidators: to whom, for what, and what they came to. Markets say the rest."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from devnet import abi
from devnet.abi import Address
from devnet.executed import Liquidation, Remainder, Use, total
from devnet.transactions import Log, Receipt, Tx

OPERATOR = abi.account("cascade liquidator")
HEALTHY_WAD = 10**18

Usd = Mapping[str, Fraction]
"""What one raw unit of an asset is worth, by symbol, as one market's oracle sees it."""
NOBODY_COMES = 2**128


@dataclass(frozen=True, slots=True)
class Visit:
    """An account below health 1, with the pair of largest value at the round's oracle prices.

    `market` is its name in results. `tx` finds the pools as the visit before left them, if they
    share a block.
    """

    market: str
    account: Address
    debt: str
    collateral: str
    usd: Usd
    tx: Tx

    def value_usd(self, symbol: str, amount_raw: int) -> Fraction:
        return amount_raw * self.usd[symbol]

    def liquidation(
        self, repaid_raw: int, received_raw: int, fee_raw: int, lost_raw: Mapping[str, int]
    ) -> Liquidation:
        """What it came to. `lost_raw`: debt that was written off, by asset."""
        return Liquidation(
            market=self.market,
            account=self.account,
            debt=self.debt,
            collateral=self.collateral,
            repaid_raw=repaid_raw,
            received_raw=received_raw,
            fee_raw=fee_raw,
            deficit_raw=lost_raw,
            repaid_usd=self.value_usd(self.debt, repaid_raw),
            received_usd=self.value_usd(self.collateral, received_raw),
            fee_usd=self.value_usd(self.collateral, fee_raw),
            deficit_usd=total(self.value_usd(*lost) for lost in lost_raw.items()),
        )


class LendingMarket(Protocol):
    """A market of the configuration, as liquidators see it."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Its names in results: one a sub-market."""
        ...

    async def visits(self, gas_usd: Fraction) -> list[Visit]:
        """Whom to visit now, by health, then address."""
        ...

    def liquidation(self, visit: Visit, receipt: Receipt) -> Liquidation | None:
        """By its events alone; None where the visitor left the account as it was."""
        ...

    async def left(self) -> list[Remainder]:
        """Who can be liquidated now."""
        ...

    async def uses(self) -> list[Use]:
        """Of every asset that is lent there."""
        ...


def margin_raw(gas_usd: Fraction, unit_usd: Fraction) -> int:
    """What a visit has to earn, in a debt asset of which a raw unit is worth so much."""
    if not gas_usd or unit_usd:
        return int(gas_usd / unit_usd) if gas_usd else 0
    return NOBODY_COMES


def address_in(topic: str) -> Address:
    return "0x" + topic[-40:]


def amount_in(log: Log) -> int:
    """The first word of its data."""
    return int.from_bytes(log.data[:32])
