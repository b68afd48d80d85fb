"""What plug-ins can do: event sources feed the ledger, risk rules read it.

A protocol is both; an oracle or a pool is an event source only.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.curves import DepthCurve
from monitor.core.events import DomainEvent, Place
from monitor.core.ledger import LedgerView
from monitor.core.ports import ContractReader, Readings, ViewCall
from monitor.core.prices import Price
from monitor.core.risk import AccountRisk, Exposure, MarketSheet, Rates
from monitor.core.slots import slotwise
from monitor.core.units import Address, AssetId, MarketId, RawAmount


class LogDecoder(Protocol):
    """Decodes the logs of one block, in order, against a view that the caller keeps current."""

    def decode(self, log: RawLog) -> tuple[DomainEvent, ...]:
        """Events of one log; none for a topic that changes nothing. Raises UndecodableLog."""
        ...


class EventSource(Protocol):
    """Something on chain whose logs and views feed the ledger. Pure but for `bootstrap`."""

    @property
    def name(self) -> str:
        """The market or contract it stands for: the label in metrics."""
        ...

    def addresses(self, view: LedgerView) -> frozenset[Address]:
        """Whose logs matter, given what is known."""
        ...

    def questions(self, logs: Sequence[RawLog], view: LedgerView) -> tuple[ViewCall, ...]:
        """Immutable facts that decoding these logs needs (the symbol of a new asset)."""
        ...

    def decoder(self, block: BlockRef, view: LedgerView, facts: Readings) -> LogDecoder: ...

    def polls(self, view: LedgerView) -> tuple[ViewCall, ...]:
        """What must be read every block because no log tells it."""
        ...

    def polled(self, view: LedgerView, readings: Readings) -> tuple[DomainEvent, ...]:
        """What the reads say. A read that is missing or failed makes its datum unknown."""
        ...

    async def bootstrap(
        self, reader: ContractReader, at: BlockRef, head: BlockRef
    ) -> tuple[DomainEvent, ...]:
        """The state at the end of `at`, in the common tongue.

        What does not exist yet at `at` has its addresses read at `head`; the rest comes by logs.
        """
        ...


class PolledSource:
    """The part of an event source that has nothing to do where no log tells anything."""

    __slots__ = ()

    def addresses(self, view: LedgerView) -> frozenset[Address]:
        return frozenset()

    def questions(self, logs: Sequence[RawLog], view: LedgerView) -> tuple[ViewCall, ...]:
        return ()

    def decoder(self, block: BlockRef, view: LedgerView, facts: Readings) -> LogDecoder:
        return self

    def decode(self, log: RawLog) -> tuple[DomainEvent, ...]:
        return ()

    async def bootstrap(
        self, reader: ContractReader, at: BlockRef, head: BlockRef
    ) -> tuple[DomainEvent, ...]:
        """Polls tell everything."""
        return ()


@dataclass(frozen=True, slots=True)
class Line:
    """One asset on one side of a position, as the contract would report it at a time."""

    asset: AssetId
    amount_raw: RawAmount
    used_as_collateral: bool | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """A position in real amounts, with what its market says of it. `lent` secures nothing."""

    account: Address
    sub_market: str
    collateral: tuple[Line, ...]
    debt: tuple[Line, ...]
    e_mode: int
    risk: AccountRisk
    lent: tuple[Line, ...] = ()


@slotwise
@dataclass(frozen=True, slots=True)
class Listing:
    """An asset that a market (or one of its sub-markets) lists, with what its oracle says of it.

    `price` is None where the market asks no oracle for it, or none has answered yet. `base_unit`
    and `numeraire` are as in `MarketSheet`. `decimals` is None where the token does not tell.
    `cash_raw`: what can be borrowed or withdrawn of it now; None where nothing of it is lent.
    `is_permissionless` as in `MarketSheet`.
    """

    sub_market: str
    asset: AssetId
    symbol: str
    decimals: int | None
    price: Price | None
    base_unit: int
    numeraire: AssetId | None = None
    cash_raw: RawAmount | None = None
    is_permissionless: bool = False


class RiskRules(Protocol):
    """A market's own arithmetic. All exact."""

    @property
    def market(self) -> MarketId: ...

    @property
    def protocol(self) -> str: ...

    def places(self, view: LedgerView) -> Iterator[Place]:
        """Every position that `statement` may tell of, in no particular order."""
        ...

    def statement(self, view: LedgerView, place: Place, at_unix: int) -> Statement | None:
        """One position at a time; None when the account holds nothing there."""
        ...

    def listings(self, view: LedgerView) -> Iterator[Listing]:
        """Every asset the market lists, with its price."""
        ...

    def utilisation(self, view: LedgerView, at_unix: int) -> Mapping[AssetId, Fraction]:
        """Borrowed share of what was lent, by asset; assets nobody lent are left out.

        Where sub-markets lend one asset, it is that of all of them together.
        """
        ...

    def exposure(self, view: LedgerView, place: Place, at_unix: int) -> Exposure | None:
        """One position as `sheets` has it; None without debt, or while its interest is unknown."""
        ...

    def rates(self, view: LedgerView, sub_market: str, asset: AssetId, at_unix: int) -> Rates:
        """What one of its assets earns and costs now."""
        ...

    def sheets(self, view: LedgerView, at_unix: int) -> tuple[MarketSheet, ...]:
        """The market as a projection sees it: one sheet a sub-market."""
        ...


class Liquidity(Protocol):
    """A pool that can be sold into."""

    def curve(self, view: LedgerView) -> DepthCurve | None:
        """Its depth now; None while nothing is known of it."""
        ...
