"""Which protocols there are: one line each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from monitor.core.abi import Abi
from monitor.core.blocks import BlockRef
from monitor.core.events import DomainEvent
from monitor.core.guarding import Guarding
from monitor.core.inspection import Inspection
from monitor.core.ports import ContractReader
from monitor.core.sources import EventSource, RiskRules
from monitor.core.units import Address, MarketId
from monitor.protocols.aave_v3.contracts import AaveAbi
from monitor.protocols.aave_v3.market import AaveV3Market
from monitor.protocols.morpho_blue.contracts import MorphoAbi, Scope
from monitor.protocols.morpho_blue.market import MorphoBlue

AbiLibrary = Callable[[str], Abi]
"""`library("aave_v3/Pool")`: the contract's ABI from contracts_abi/."""


class ProtocolMarket(EventSource, RiskRules, Protocol):
    """What a protocol's plug-in is."""

    @property
    def guarding(self) -> Guarding:
        """How it can be stopped, by those who may."""
        ...

    @property
    def inspection(self) -> Inspection:
        """How its contracts tell what the ledger tells."""
        ...

    async def survey(self, reader: ContractReader, at: BlockRef) -> tuple[DomainEvent, ...]:
        """The market without its accounts: what `check` looks at."""
        ...


@dataclass(frozen=True, slots=True)
class MarketPlan:
    """A [[markets]] entry. `sub_markets`: the ids to follow, lower case; None for all."""

    name: MarketId
    address: Address
    from_block: int
    sub_markets: frozenset[str] | None = None


def _aave_v3(plan: MarketPlan, abi: AbiLibrary) -> ProtocolMarket:
    return AaveV3Market(plan.name, plan.address, plan.from_block, AaveAbi.of(abi))


def _morpho_blue(plan: MarketPlan, abi: AbiLibrary) -> ProtocolMarket:
    scope = Scope(plan.name, plan.address, plan.from_block, plan.sub_markets)
    return MorphoBlue(scope, MorphoAbi.of(abi))


PROTOCOLS: Mapping[str, Callable[[MarketPlan, AbiLibrary], ProtocolMarket]] = {
    "aave_v3": _aave_v3,
    "morpho_blue": _morpho_blue,
}
"""Configuration's `protocol` to the plug-in that follows it."""
