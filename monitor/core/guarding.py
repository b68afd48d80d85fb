"""What can be done about a market: calls that its guardians may send. Nothing here sends any."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from monitor.core.abi import ErrorAbi
from monitor.core.blocks import BlockRef
from monitor.core.ledger import LedgerView
from monitor.core.ports import ContractReader, ViewCall
from monitor.core.units import Address


@dataclass(frozen=True, slots=True)
class Order:
    """An action wanted of one market.

    `targets`: what it is done to, as its protocol names it (reserves by address or symbol, market
    ids); empty for all there is. `vault`: whose caps are meant, where it is about a vault.
    """

    action: str
    targets: tuple[str, ...] = ()
    vault: Address | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """One call of an order. `target` names what it is about, `description` what it brings."""

    target: str
    description: str
    call: ViewCall


@dataclass(frozen=True, slots=True)
class Proposals:
    """An order at one block: the calls left to send, and the targets where nothing is left."""

    calls: tuple[Proposal, ...]
    done: tuple[str, ...] = ()


class Guarding(Protocol):
    """A protocol's knowledge of the calls that stop it. Pure but for what it is handed."""

    @property
    def actions(self) -> frozenset[str]:
        """The actions of an order that this protocol has."""
        ...

    @property
    def errors(self) -> Mapping[str, ErrorAbi]:
        """What its contracts revert with, as in `Abi`."""
        ...

    async def proposals(
        self, order: Order, view: LedgerView, reader: ContractReader, at: BlockRef
    ) -> Proposals:
        """The calls of an order, in the market's own order where none is asked for.

        Raises QuestionError for what the market does not have, and what a ContractReader raises.
        """
        ...
