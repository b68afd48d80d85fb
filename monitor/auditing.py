"""The live audit: some positions every few blocks, beside the way of the blocks.

What is found is logged, counted and told by the sentry as `monitor.drift`. The daemon goes on: what
is to be done about it, its operator decides.
"""

import asyncio
from collections.abc import Sequence
from typing import NoReturn, Protocol

import structlog

from monitor.alert_schema import Audit as AuditTable
from monitor.core.blocks import BlockRef
from monitor.core.conditions import Condition
from monitor.core.events import Place
from monitor.core.ledger import Ledger
from monitor.core.ports import ContractReader, StateStore
from monitor.engine.auditor import (
    Audited,
    Auditor,
    Candidate,
    Comparison,
    compared,
    questions_of,
)
from monitor.engine.books import Books
from monitor.engine.pipeline import Progress
from monitor.engine.positions import PositionBook
from monitor.errors import StateUnavailable, StoreUnavailable, TransientError
from monitor.metrics import Metrics

log = structlog.stdlib.get_logger(__name__)
RECALL_SECONDS = 1.0


class Course(Protocol):
    """The ledger, and where it stands: `engine.pipeline.Pipeline`."""

    ledger: Ledger
    progress: Progress


class Auditing:
    """One task. A node that does not answer is no drift: a later block is asked."""

    def __init__(
        self,
        table: AuditTable,
        markets: Sequence[Audited],
        books: Books,
        reader: ContractReader,
        metrics: Metrics,
    ) -> None:
        self._every_blocks = table.every_blocks
        self._markets = tuple(markets)
        self._books = books
        self._reader = reader
        self._metrics = metrics
        self._auditor = Auditor(table.accounts) if table.accounts else None
        self._asked: BlockRef | None = None
        self._due_number = 0

    @property
    def reasons(self) -> tuple[str, ...] | None:
        """Why the ledger is not to be trusted, as far as was looked; None: not known yet."""
        return () if self._auditor is None else self._auditor.reasons

    async def run(self, course: Course, store: StateStore) -> NoReturn:
        """Look again and again. Raises LedgerCorrupt."""
        if self._auditor is not None:
            await self._recall(self._auditor, store)
        while True:
            await self._until_due(course.progress)
            if self._auditor is not None:
                await self._look(self._auditor, course)

    async def _recall(self, auditor: Auditor, store: StateStore) -> None:
        """What an earlier daemon of this store found, and said."""
        while True:
            try:
                known = (await store.conditions()).get(Condition.DRIFT)
            except StoreUnavailable:
                await asyncio.sleep(RECALL_SECONDS)
                continue
            reasons = known.reasons if known is not None and known.is_blind else ()
            auditor.recall(reasons, frozenset(market.market for market in self._markets))
            return

    async def _until_due(self, progress: Progress) -> None:
        while True:
            moved, block = progress.moved, progress.evaluated
            if block is not None and self._is_due(block):
                return
            await moved.wait()

    def _is_due(self, block: BlockRef) -> bool:
        """Also when the chain turned back beyond the last one."""
        is_behind = self._asked is not None and block.number < self._asked.number
        return block.number >= self._due_number or is_behind

    async def _look(self, auditor: Auditor, course: Course) -> None:
        await self._books.made()
        book, newest = self._books.newest, course.progress.applied
        if book is None or newest is None:
            self._due_number = 1 + (newest.number if newest is not None else 0)
            return
        places = await asyncio.to_thread(_choose, auditor, book, newest)
        # From here to the reading nothing is awaited: ledger and block belong together.
        block = course.progress.applied or newest
        questions = questions_of(self._markets, course.ledger, places, block.timestamp)
        self._asked, self._due_number = block, block.number + self._every_blocks
        try:
            comparison = await compared(self._reader, block, questions)
        except (TransientError, StateUnavailable) as error:
            log.info("audit_put_off", block=block.number, because=str(error))
            self._due_number = block.number + 1
            return
        self._note(auditor, comparison)

    def _note(self, auditor: Auditor, comparison: Comparison) -> None:
        block, news = comparison.block, frozenset(auditor.take(comparison))
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


def _choose(auditor: Auditor, book: PositionBook, block: BlockRef) -> tuple[Place, ...]:
    """Takes some tenths of a second of a hundred thousand positions."""
    return auditor.choose([Candidate(*row) for row in book.healths()], block)
