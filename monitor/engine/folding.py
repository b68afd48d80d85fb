"""One block folded into the ledger: logs and reads in, a delta out. Nothing is written here."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple

from monitor.core.blocks import BlockAdded, BlockRef, RawLog
from monitor.core.delta import BlockDelta, collapse
from monitor.core.events import CollateralChanged, DebtChanged, DomainEvent
from monitor.core.keys import fault_key
from monitor.core.ledger import Fault, Ledger, LedgerView
from monitor.core.overlay import Overlay
from monitor.core.ports import ChainFeed, ContractReader, Readings, ViewCall, ViewResult
from monitor.core.sources import EventSource
from monitor.core.units import Address
from monitor.engine.growth import observe
from monitor.engine.recursion import Recursion
from monitor.engine.reducer import REDUCERS, reduce_all
from monitor.engine.standings import Moved
from monitor.engine.volatility import PriceLog
from monitor.errors import (
    BlockUnknown,
    RpcInconsistent,
    RpcUnavailable,
    StateUnavailable,
    UndecodableLog,
)

Told = tuple[str, type[DomainEvent]]
"""An event as it is counted: who told it, and its kind."""
Decode = Callable[[RawLog], tuple[DomainEvent, ...]]


class _Told(NamedTuple):
    """What a block's logs told, in log order."""

    events: list[Told]
    moves: list[Moved]


@dataclass(frozen=True, slots=True)
class Folded:
    """What a block does to the ledger, and what was noticed on the way."""

    delta: BlockDelta
    counts: Counter[Told]
    undecodable: tuple[tuple[str, UndecodableLog], ...]
    """Logs that could not be read, by source."""


class Folder:
    """Folds blocks over a ledger it only reads."""

    def __init__(
        self,
        sources: Sequence[EventSource],
        feed: ChainFeed,
        reader: ContractReader,
        recursion: Recursion | None = None,
        prices: PriceLog | None = None,
    ) -> None:
        """`recursion`: what finds loops; `prices`: what notes prices. Without them nothing does."""
        self._sources = tuple(sources)
        self._feed = feed
        self._reader = reader
        self._recursion = recursion
        self._prices = prices

    def begin(self, ledger: Ledger) -> None:
        """Blocks will be folded over this ledger."""
        if self._recursion is not None:
            self._recursion.begin(ledger)

    def apply(self, delta: BlockDelta) -> None:
        """The ledger now has this block, or (its inverse) has it no longer."""
        if self._recursion is not None:
            self._recursion.apply(delta)

    def addresses(self, view: LedgerView) -> frozenset[Address]:
        """Whose logs matter, given what is known."""
        return frozenset().union(*self._watched(view))

    async def fold(self, ledger: Ledger, added: BlockAdded) -> Folded:
        """Raises LedgerCorrupt when the chain contradicts the ledger, TransientError to retry."""
        watched, logs = self._watched(ledger), added.logs
        while True:
            overlay = Overlay(ledger)
            told, undecodable = await self._apply(added.block, logs, overlay, watched)
            seen = self._watched(overlay)
            if all(new <= old for new, old in zip(seen, watched, strict=True)):
                break
            # A contract announced in this block may have logged in it already.
            watched = [new | old for new, old in zip(seen, watched, strict=True)]
            with _absence_is_transient(StateUnavailable):
                logs = await self._feed.logs_of(added.block, frozenset().union(*watched))
        await self.poll(added.block, overlay)
        await self.recur(added.block, overlay, told.moves)
        return _folded(added.block, overlay, Counter(told.events), undecodable)

    async def recur(self, block: BlockRef, overlay: Overlay, moves: Sequence[Moved] = ()) -> None:
        """Find the loops of a block whose state is whole, how claims grow and how prices move."""
        observe(block, overlay)
        if self._prices is not None:
            self._prices.observe(block, overlay)
        if self._recursion is not None:
            await self._recursion.fold(block, overlay, moves)

    def _watched(self, view: LedgerView) -> list[frozenset[Address]]:
        """Whose logs each source wants."""
        return [source.addresses(view) for source in self._sources]

    async def poll(self, block: BlockRef, overlay: Overlay) -> None:
        """Read what no log tells, until the answers raise no further questions."""
        readings: dict[ViewCall, ViewResult] = {}
        wanted = self._wanted(overlay, readings)
        while True:
            answers = await self._read(block, wanted) if wanted else {}
            readings |= answers
            for source in self._sources:
                reduce_all(overlay, source.polled(overlay, readings))
            wanted = self._wanted(overlay, readings)
            if not (answers and wanted):
                return

    def _wanted(self, view: LedgerView, readings: Readings) -> list[ViewCall]:
        return [c for s in self._sources for c in s.polls(view) if c not in readings]

    async def _read(self, block: BlockRef, calls: Sequence[ViewCall]) -> Readings:
        """Answers by call; none at all where the node no longer has the state."""
        calls = list(dict.fromkeys(calls))
        try:
            with _absence_is_transient():
                return dict(zip(calls, await self._reader.read(block, calls), strict=True))
        except StateUnavailable:
            return {}

    async def _facts(self, block: BlockRef, logs: Sequence[RawLog], view: LedgerView) -> Readings:
        """What never changes may be read later too, where the node has forgotten the block.

        Raises RpcUnavailable while no node can say: decoding without would be a guess.
        """
        asked: list[ViewCall] = []
        for source in self._sources:
            # A log that does not decode asks nothing; its decoder will say so.
            with suppress(UndecodableLog):
                asked += source.questions(logs, view)
        if not asked:
            return {}
        facts, head = await self._read(block, asked), self._feed.newest_head
        if not facts and head is not None:
            facts = await self._read(head, asked)
        if not facts:
            raise RpcUnavailable(
                f"the logs of block {block.number} {block.hash} raise {len(asked)} questions about "
                "contracts, and no endpoint has the state of that block or of the head to answer "
                "them. Add one that has to chain.endpoints."
            )
        return facts

    async def _apply(
        self,
        block: BlockRef,
        logs: Sequence[RawLog],
        overlay: Overlay,
        watched: Sequence[frozenset[Address]],
    ) -> tuple[_Told, tuple[tuple[str, UndecodableLog], ...]]:
        """Each log to the sources that want it. What was told, and what could not be read."""
        told = _Told([], [])
        undecodable: list[tuple[str, UndecodableLog]] = []
        facts = await self._facts(block, logs, overlay)
        readers = self._readers(block, overlay, facts, watched)
        for log in logs:
            for name, decode in readers.get(log.address, ()):
                try:
                    events = decode(log)
                except UndecodableLog as fault:
                    undecodable.append((name, fault))
                    continue
                for event in events:
                    kind = type(event)
                    REDUCERS[kind](overlay, event)
                    told.events.append((name, kind))
                    if isinstance(event, CollateralChanged | DebtChanged):
                        told.moves.append((log.tx_hash, log.log_index, event))
        return told, tuple(undecodable)

    def _readers(
        self,
        block: BlockRef,
        view: LedgerView,
        facts: Readings,
        watched: Sequence[frozenset[Address]],
    ) -> Mapping[Address, Sequence[tuple[str, Decode]]]:
        """Who decodes an address's logs, by name and in the order of the sources."""
        readers: dict[Address, list[tuple[str, Decode]]] = {}
        for source, addresses in zip(self._sources, watched, strict=True):
            decode = source.decoder(block, view, facts).decode
            for address in addresses:
                readers.setdefault(address, []).append((source.name, decode))
        return readers


def _folded(
    block: BlockRef,
    overlay: Overlay,
    counts: Counter[Told],
    undecodable: tuple[tuple[str, UndecodableLog], ...],
) -> Folded:
    if undecodable:
        first = str(undecodable[0][1])
        overlay.put(fault_key(block.hash), Fault(block.number, len(undecodable), first))
    return Folded(collapse(block, overlay), counts, undecodable)


@contextmanager
def _absence_is_transient(kind: type[StateUnavailable] = BlockUnknown) -> Iterator[None]:
    """A block we were told of is there, or soon will be; that it is gone is found out by asking."""
    try:
        yield
    except kind as error:
        raise RpcInconsistent(str(error)) from error


async def bootstrap(
    sources: Sequence[EventSource],
    folder: Folder,
    reader: ContractReader,
    at: BlockRef,
    head: BlockRef,
) -> Ledger:
    """The whole state at the end of `at`, read from the contracts."""
    overlay = Overlay(Ledger())
    for source in sources:
        reduce_all(overlay, await source.bootstrap(reader, at, head))
    await folder.poll(at, overlay)
    ledger = Ledger({key: after for key, _, after in overlay.written() if after is not None})
    folder.begin(ledger)
    loops = Overlay(ledger)
    await folder.recur(at, loops)
    for key, _, after in loops.written():
        ledger.put(key, after)
    return ledger
