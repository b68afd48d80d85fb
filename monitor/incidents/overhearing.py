"""What logs told of liquidations and losses: overheard beside the ledger, which needs neither."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.events import DeficitMoved, DomainEvent, Liquidated
from monitor.core.ledger import LedgerView
from monitor.core.ports import ContractReader, Readings, ViewCall
from monitor.core.sources import EventSource, LogDecoder
from monitor.core.units import Address, BlockHash


@dataclass(slots=True)
class Overheard:
    """By block and log, so that a block that is decoded twice is heard once."""

    _of_block: dict[BlockHash, dict[int, tuple[DomainEvent, ...]]] = field(default_factory=dict)

    def note(self, log: RawLog, events: tuple[DomainEvent, ...]) -> None:
        kept = tuple(one for one in events if isinstance(one, Liquidated | DeficitMoved))
        if kept:
            self._of_block.setdefault(log.block_hash, {})[log.log_index] = kept

    def take(self, block: BlockHash) -> Iterator[Liquidated | DeficitMoved]:
        """All of one block, in log order, once."""
        told = self._of_block.pop(block, {})
        for index in sorted(told):
            for event in told[index]:
                if isinstance(event, Liquidated | DeficitMoved):
                    yield event


class Listener:
    """An EventSource that is overheard."""

    def __init__(self, source: EventSource, overheard: Overheard) -> None:
        self._source = source
        self._overheard = overheard

    @property
    def name(self) -> str:
        return self._source.name

    def addresses(self, view: LedgerView) -> frozenset[Address]:
        return self._source.addresses(view)

    def questions(self, logs: Sequence[RawLog], view: LedgerView) -> tuple[ViewCall, ...]:
        return self._source.questions(logs, view)

    def decoder(self, block: BlockRef, view: LedgerView, facts: Readings) -> LogDecoder:
        return _Heard(self._source.decoder(block, view, facts), self._overheard)

    def polls(self, view: LedgerView) -> tuple[ViewCall, ...]:
        return self._source.polls(view)

    def polled(self, view: LedgerView, readings: Readings) -> tuple[DomainEvent, ...]:
        return self._source.polled(view, readings)

    async def bootstrap(
        self, reader: ContractReader, at: BlockRef, head: BlockRef
    ) -> tuple[DomainEvent, ...]:
        return await self._source.bootstrap(reader, at, head)


@dataclass(frozen=True, slots=True)
class _Heard:
    decoder: LogDecoder
    overheard: Overheard

    def decode(self, log: RawLog) -> tuple[DomainEvent, ...]:
        events = self.decoder.decode(log)
        self.overheard.note(log, events)
        return events
