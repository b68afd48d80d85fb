"""One Aave V3.6 market as a plug-in: an event source and its rules."""

from collections.abc import Sequence

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.events import DomainEvent
from monitor.core.ledger import Kind, LedgerView, Market, Reserve, each, find, market_key
from monitor.core.ports import ContractReader, Readings, ViewCall
from monitor.core.units import Address, MarketId
from monitor.errors import ContractUpgraded
from monitor.protocols.aave_v3.bootstrap import PROTOCOL, REVISIONS, AaveSnapshot
from monitor.protocols.aave_v3.events import AaveAbi, AaveDecoder
from monitor.protocols.aave_v3.governance import token_calls
from monitor.protocols.aave_v3.rules import AaveRules


class AaveV3Market(AaveRules):
    """The market behind one PoolAddressesProvider (`entry`)."""

    protocol = PROTOCOL

    def __init__(self, market: MarketId, entry: Address, from_block: int, abi: AaveAbi) -> None:
        super().__init__(market)
        self._abi = abi
        self._snapshot = AaveSnapshot(market, entry, from_block, abi)

    @property
    def name(self) -> str:
        return self._market

    @property
    def market(self) -> MarketId:
        return self._market

    def addresses(self, view: LedgerView) -> frozenset[Address]:
        contracts = find(view, market_key(self._market), Market)
        if contracts is None:
            return frozenset()
        tokens = (
            token
            for _, reserve in each(view, Kind.RESERVE, self._market, Reserve)
            for token in (reserve.supply_token, reserve.debt_token)
        )
        return frozenset((contracts.entry, contracts.pool, contracts.configurator, *tokens))

    def questions(self, logs: Sequence[RawLog], view: LedgerView) -> tuple[ViewCall, ...]:
        contracts = find(view, market_key(self._market), Market)
        listing = self._abi.configurator.event("ReserveInitialized")
        return tuple(
            call
            for log in logs
            if contracts is not None
            and log.address == contracts.configurator
            and log.topics[:1] == (listing.topic0,)
            for call in token_calls(self._abi.erc20, listing.decode(log)[0])
        )

    def decoder(self, block: BlockRef, view: LedgerView, facts: Readings) -> AaveDecoder:
        return AaveDecoder(self._market, self._abi, block, view, facts)

    def polls(self, view: LedgerView) -> tuple[ViewCall, ...]:
        """The pool's revision: an upgrade changes the arithmetic, and no log of ours tells it."""
        contracts = find(view, market_key(self._market), Market)
        if contracts is None:
            return ()
        return (ViewCall(contracts.pool, self._abi.pool.functions["POOL_REVISION"]),)

    def polled(self, view: LedgerView, readings: Readings) -> tuple[DomainEvent, ...]:
        """Raises ContractUpgraded when the pool runs code that these rules are no twin of."""
        for call in self.polls(view):
            answer = readings.get(call)
            if isinstance(answer, tuple) and answer[0] not in REVISIONS:
                raise ContractUpgraded(
                    f"the pool of {self._market} at {call.to} was upgraded to revision "
                    f"{answer[0]}, expected {REVISIONS[0]} (Aave V3.6): it may round and liquidate "
                    "differently. Use a version of this monitor that supports it."
                )
        return ()

    async def bootstrap(
        self, reader: ContractReader, at: BlockRef, head: BlockRef
    ) -> tuple[DomainEvent, ...]:
        return await self._snapshot.read(reader, at, head)

    async def survey(self, reader: ContractReader, at: BlockRef) -> tuple[DomainEvent, ...]:
        return await self._snapshot.survey(reader, at)
