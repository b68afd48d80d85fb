"""The way of a block: fold, commit, judge. One block at a time, each in one transaction."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import ParamSpec, Protocol, TypeVar

from monitor.core.alerts import Alert, Judgement
from monitor.core.blocks import BlockAdded, BlockFinalized, BlockRef, BlocksReverted, ChainEvent
from monitor.core.delta import BlockDelta, apply
from monitor.core.ledger import Ledger
from monitor.core.ports import ChainFeed, StateStore
from monitor.engine.folding import Folded, Folder
from monitor.engine.judge import Judge
from monitor.errors import TransientError

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 10.0


class Observer(Protocol):
    """Who is told what the pipeline does: metrics, logs, the watchdog."""

    def applied(self, block: BlockRef, folded: Folded, seconds: float) -> None: ...

    def reverted(self, blocks: Sequence[BlockRef]) -> None: ...

    def retracted(self, alerts: Sequence[Alert]) -> None: ...

    def finalized(self, number: int) -> None: ...

    async def judged(self, judgement: Judgement, seconds: float) -> None:
        """The ledger stands still until it returns."""
        ...

    def retrying(self, what: str, error: TransientError) -> None: ...


@dataclass(slots=True)
class Progress:
    """Where the pipeline stands; read by probes, written here only."""

    applied: BlockRef | None = None
    evaluated: BlockRef | None = None
    finalized: int | None = None
    waiting_for: str = ""
    """What is away just now, and why; empty when nothing is."""
    waits_for_store: bool = False
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    moved_monotonic: float = field(default_factory=time.monotonic)

    def move(self) -> None:
        """Wake who waits for the next step."""
        self.moved_monotonic = time.monotonic()
        self.moved.set()
        self.moved = asyncio.Event()


class Pipeline:
    """Folds the chain into the ledger and the store, and has every block judged."""

    def __init__(
        self,
        folder: Folder,
        feed: ChainFeed,
        store: StateStore,
        judge: Judge,
        observer: Observer,
        *,
        records: bool = True,
    ) -> None:
        """`records`: whether judgements are kept. A dry run's are not: it must silence nothing."""
        self._folder = folder
        self._feed = feed
        self._store = store
        self._judge = judge
        self._observer = observer
        self._records = records
        self.ledger = Ledger()
        self.progress = Progress()

    async def run(
        self, ledger: Ledger, tail: Sequence[BlockRef], evaluated: BlockRef | None
    ) -> None:
        """Follow the chain from the newest block of `tail`, for ever.

        A block that was applied but not judged when a daemon died is judged first, unless it is
        gone: nothing is said about what the chain took back.
        """
        self.ledger = ledger
        self._folder.begin(ledger)
        self.progress.applied = tail[-1]
        self.progress.evaluated = evaluated
        self._final(tail[0].number)  # what we cannot undo is final to us
        if evaluated == tail[-1]:
            await self._judge.look(ledger, tail[-1])
            await self._observer.judged(Judgement(tail[-1], (), ()), 0)
        elif await self._patiently("node", self._feed.has, tail[-1]):
            await self._evaluate(tail[-1])
        self.progress.move()
        while await self._follow(tail):
            tail = (await self._patiently("store", self._store.load)).tail

    async def _follow(self, tail: Sequence[BlockRef]) -> bool:
        """Follow from the newest block of `tail`, until a block vanishes while it is read.

        True then: what the feed has gone on from is not what we have. It may even come back, so
        nothing of it is kept.
        """
        feed = self._feed.follow(tail, lambda: self._folder.addresses(self.ledger))
        async with aclosing(feed) as events:
            async for event in events:
                if not await self._take(event):
                    return True
        return False

    async def _take(self, event: ChainEvent) -> bool:
        """Whether it could be taken."""
        match event:
            case BlockAdded():
                if not await self._add(event):
                    return False
            case BlocksReverted():
                await self._revert(event)
            case BlockFinalized():
                await self._patiently("store", self._store.forget, event.number)
                self._final(event.number)
        self.progress.move()
        return True

    async def _add(self, added: BlockAdded) -> bool:
        """Whether the block was there long enough to be read."""
        if self.progress.applied is not None and self.progress.evaluated != self.progress.applied:
            # It was gone when we began, and is back: here is a block on top of it.
            await self._evaluate(self.progress.applied)
        started = time.monotonic()
        folded = await self._folded(added)
        self.progress.move()
        if folded is None:
            return False
        await self._patiently("store", self._store.commit, folded.delta)
        self._apply(folded.delta)
        self.progress.applied = added.block
        self._observer.applied(added.block, folded, time.monotonic() - started)
        await self._evaluate(added.block)
        return True

    async def _folded(self, added: BlockAdded) -> Folded | None:
        """Fold until it works, or until no node has the block any more: then None."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                folded = await self._folder.fold(self.ledger, added)
                self.progress.waiting_for = ""
                return folded
            except TransientError as error:
                await self._wait("node", error, pause)
            pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
            with suppress(TransientError):
                if not await self._feed.has(added.block):
                    return None

    async def _evaluate(self, block: BlockRef) -> None:
        started = time.monotonic()
        judgement, webhooks = await self._patiently("store", self._judge.judge, self.ledger, block)
        if self._records:
            await self._patiently("store", self._store.judge, judgement, webhooks)
        self._judge.settle(judgement)
        self.progress.evaluated = block
        await self._observer.judged(judgement, time.monotonic() - started)

    async def _revert(self, reverted: BlocksReverted) -> None:
        """Take blocks back, newest first, each whole: ledger, breakers and alerts."""
        parents = (*reverted.blocks[1:], reverted.ancestor)
        for block, parent in zip(reverted.blocks, parents, strict=True):
            undo = await self._patiently("store", self._store.undo_record, block.hash)
            retractions = self._judge.retractions(undo)
            queued = await self._patiently("store", self._store.revert, undo, retractions)
            self._observer.retracted(queued)
            self._apply(undo.delta.inverse())
            self._judge.restore(undo)
            self.progress.applied = self.progress.evaluated = parent
        self._observer.reverted(reverted.blocks)

    def _final(self, number: int) -> None:
        self.progress.finalized = number
        self._observer.finalized(number)

    def _apply(self, delta: BlockDelta) -> None:
        apply(self.ledger, delta)
        self._folder.apply(delta)

    async def _patiently(
        self,
        what: str,
        attempt: Callable[Arguments, Awaitable[Result]],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """Try until it works: a monitor outlives an absent node or store, and says so meanwhile."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            try:
                done = await attempt(*args, **kwargs)
                self.progress.waiting_for = ""
                return done
            except TransientError as error:
                await self._wait(what, error, pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)

    async def _wait(self, what: str, error: TransientError, pause: float) -> None:
        self.progress.waiting_for = f"waiting for the {what}: {error}"
        self.progress.waits_for_store = what == "store"
        self._observer.retrying(what, error)
        self.progress.move()  # alive: it knows what it waits for
        await asyncio.sleep(pause)
