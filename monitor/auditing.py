"""The live audit: some positions every few blocks, beside the way of the blocks.

What is found is logged, counted and told by the sentry as `monitor.drift`. The daemon goes on: what
is to be done about it, its operator decides.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import NoReturn, Protocol

import structlog

from monitor.alert_schema import Audit as AuditTable
from monitor.core.blocks import BlockRef
from monitor.core.conditions import Condition
from monitor.core.events import Place
from monitor.core.ledger import Ledger
from monitor.core.ports import ContractReader, StateStore
from monitor.core.units import Wad
from monitor.engine.auditor import (
    Audited,
    Auditor,
    Candidate,
    Comparison,
    compared,
    questions_of,
)
from monitor.engine.pipeline import Progress
from monitor.errors import StateUnavailable, StoreUnavailable, TransientError
from monitor.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)
RECALL_SECONDS = 1.0


class Course(Protocol):
    """The ledger, and where it stands: `engine.pipeline.Pipeline`."""

    ledger: Ledger
    progress: Progress


class Book(Protocol):
    """Positions of a block: `engine.positions.PositionBook`."""

    def healths(self) -> Iterator[tuple[Place, Wad | None]]: ...


class Shelf(Protocol):
    """The newest book: `engine.books.Books`."""

    @property
    def newest(self) -> Book | None: ...

    async def made(self) -> None: ...


class Auditing:
    """One task. A node that does not answer is no drift: a later block is asked."""

    def __init__(
        self,
        table: AuditTable,
        markets: Sequence[Audited],
        books: Shelf,
        reader: ContractReader,
        metrics: Metrics,
    ) -> None:
        self._every_blocks = table.every_blocks
        self._markets = tuple(markets)
        self._books = books
        self._reader = reader
        self._metrics = metrics
        self._auditor = Auditor(table.accounts)
        self.is_on = table.accounts > 0
        if self.is_on:
            metrics.audit_every_blocks.set(table.every_blocks)
        self._asked: BlockRef | None = None
        self._due_number = 0

    @property
    def reasons(self) -> tuple[str, ...] | None:
        """Why the ledger is not to be trusted, as far as was looked; None: not known yet."""
        return self._auditor.reasons if self.is_on else ()

    async def run(self, course: Course, store: StateStore) -> NoReturn:
        """Look again and again; only where it is on. Raises LedgerCorrupt."""
        await self._recall(store)
        while True:
            await self._until_due(course.progress)
            await self._look(course)

    async def _recall(self, store: StateStore) -> None:
        """What an earlier daemon of this store found, and said."""
        while True:
            try:
                known = (await store.conditions()).get(Condition.DRIFT)
            except StoreUnavailable:
                await asyncio.sleep(RECALL_SECONDS)
                continue
            reasons = known.reasons if known is not None and known.is_blind else ()
            self._auditor.recall(reasons, frozenset(market.market for market in self._markets))
            return

    async def _until_due(self, progress: Progress) -> None:
        while True:
            moved, block = progress.moved, progress.evaluated
            if block is not None and block == progress.applied and self._is_due(block):
                return
            await moved.wait()

    def _is_due(self, block: BlockRef) -> bool:
        """Also when the chain turned back beyond the last one."""
        is_behind = self._asked is not None and block.number < self._asked.number
        return block.number >= self._due_number or is_behind

    async def _look(self, course: Course) -> None:
        await self._books.made()
        book, block = self._books.newest, course.progress.applied
        if book is None or block is None:
            await course.progress.moved.wait()
            return
        places = await asyncio.to_thread(_choose, self._auditor, book, block)
        # From here to the reading nothing is awaited: ledger and block belong together.
        block = course.progress.applied or block
        questions = questions_of(self._markets, course.ledger, places, block.timestamp)
        self._asked, self._due_number = block, block.number + self._every_blocks
        try:
            comparison = await compared(self._reader, block, questions)
        except (TransientError, StateUnavailable) as error:
            log.info("audit_put_off", block=block.number, because=str(error))
            self._due_number = block.number + 1
            return
        self._note(comparison)

    def _note(self, comparison: Comparison) -> None:
        block, news = comparison.block, frozenset(self._auditor.take(comparison))
        self._metrics.audit_block.set(block.number)
        for place in comparison.places:
            self._metrics.audited_accounts_total.labels(place.market).inc()
        for place in news:
            self._metrics.ledger_drift_total.labels(place.market).inc()
        for found in comparison.differences:
            if found.place in news:
                log.error(
                    "ledger_drift",
                    **found.place._asdict(),
                    what=found.what,
                    expected=found.expected,
                    found=found.found,
                    block=block.number,
                    hash=block.hash,
                )


def _choose(auditor: Auditor, book: Book, block: BlockRef) -> tuple[Place, ...]:
    """Takes some tenths of a second of a hundred thousand positions."""
    return auditor.choose([Candidate(*row) for row in book.healths()], block)
