"""One Aave V3 market as a plug-in: an event source and its rules."""

from collections.abc import Sequence

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.events import DomainEvent
from monitor.core.keys import Kind, market_key
from monitor.core.ledger import LedgerView, Market, contracts_of, each, find
from monitor.core.ports import ContractReader, Readings, ViewCall
from monitor.core.reserves import Reserve
from monitor.core.units import Address, MarketId
from monitor.protocols.aave_v3.audit import Audit
from monitor.protocols.aave_v3.bootstrap import AaveSnapshot
from monitor.protocols.aave_v3.contracts import AaveAbi
from monitor.protocols.aave_v3.events import AaveDecoder
from monitor.protocols.aave_v3.events_3_0 import FormerDecoder
from monitor.protocols.aave_v3.governance import listing_calls
from monitor.protocols.aave_v3.guarding import AaveGuarding
from monitor.protocols.aave_v3.inspection import AaveInspection
from monitor.protocols.aave_v3.recognition import PROTOCOL
from monitor.protocols.aave_v3.rules import AaveRules
from monitor.protocols.aave_v3.strategies import Strategies
from monitor.protocols.aave_v3.unlogged import Unlogged
from monitor.protocols.aave_v3.upgrades import UPGRADED, upgrade_questions
from monitor.protocols.aave_v3.versions import FORMER, pool_rules

"""By the release of the pool."""


class AaveV3Market(AaveRules):
    """The market behind one PoolAddressesProvider (`entry`)."""

    protocol = PROTOCOL

    def __init__(self, market: MarketId, entry: Address, from_block: int, abi: AaveAbi) -> None:
        super().__init__(market)
        self._abi = abi
        self._snapshot = AaveSnapshot(market, entry, from_block, abi)
        self._audit = Audit(market, abi)
        self._unlogged = Unlogged(market, abi)
        self._strategies = Strategies(market, abi)
        self.guarding = AaveGuarding(market, abi)
        self.inspection = AaveInspection(market, abi, self)

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
        if contracts is None:
            return ()
        listing, upgraded = (
            self._abi.configurator.event(n) for n in ("ReserveInitialized", UPGRADED)
        )
        topics = {log.topics[0] for log in logs if log.topics}
        if topics.isdisjoint((listing.topic0, upgraded.topic0)):
            return ()
        listed = (
            call
            for log in logs
            if log.topics[:1] == (listing.topic0,)
            for call in listing_calls(self._abi, listing.decode(log))
        )
        return (*listed, *upgrade_questions(self._market, self._abi, logs, view))

    def decoder(self, block: BlockRef, view: LedgerView, facts: Readings) -> AaveDecoder:
        release = pool_rules(contracts_of(view, self._market)).release
        decoder = FormerDecoder if release == FORMER else AaveDecoder
        return decoder(self._market, self._abi, block, view, facts)

    def polls(self, view: LedgerView) -> tuple[ViewCall, ...]:
        """The pool's revision; what a start, an upgrade or a listing puts in doubt; cash, where
        donations move it; and by which curve rates are set, where that is not known.
        """
        return (
            *self._audit.calls(view),
            *self._unlogged.calls(view),
            *self._strategies.calls(view),
        )

    def polled(self, view: LedgerView, readings: Readings) -> tuple[DomainEvent, ...]:
        """Raises ContractUpgraded for code these rules are no twin of, LedgerCorrupt for drift."""
        return (
            *self._audit.events(view, readings),
            *self._unlogged.events(view, readings),
            *self._strategies.events(view, readings),
        )

    async def bootstrap(
        self, reader: ContractReader, at: BlockRef, head: BlockRef
    ) -> tuple[DomainEvent, ...]:
        events = await self._snapshot.read(reader, at, head)
        self._audit.spare_start()
        return events

    async def survey(self, reader: ContractReader, at: BlockRef) -> tuple[DomainEvent, ...]:
        events = await self._snapshot.survey(reader, at)
        self._audit.spare_start()
        return events
