"""The composition root: builds every object, runs them in one TaskGroup, and stops them in order.

A task that dies takes the daemon down: a deaf monitor must not look alive.
"""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import structlog
from eth_utils.address import to_checksum_address

from monitor import __version__
from monitor.alerts.outbox import Outbox
from monitor.alerts.webhook import WebhookSender, WebhookTarget
from monitor.core.blocks import BlockRef
from monitor.core.ledger import Ledger, LedgerView
from monitor.core.ports import Probe, StoredState
from monitor.engine.answers import EngineAnswers, Identity, unknown_prices
from monitor.engine.folding import Folder, bootstrap
from monitor.engine.judge import Judge
from monitor.engine.pipeline import Pipeline
from monitor.errors import StateUnavailable, TransientError
from monitor.observation import Observation
from monitor.parts import Parts, parts_of, watchers_of
from monitor.rim import Rim, open_rim
from monitor.settings import Settings
from monitor.systemd import Notifier
from monitor.web.server import WebServer

log = structlog.stdlib.get_logger(__name__)
FLUSH_SECONDS = 5.0
STALL_SECONDS = 30.0
"""A pipeline that has blocks before it and does not move for so long is stuck."""
KEPT_STATE_BLOCKS = 128
"""How far back a full node still has the state."""
HEAD_SILENCE_SECONDS = 60.0
"""A node that has not told its head for so long may be gone."""


@dataclass(frozen=True, slots=True)
class Mode:
    """How `run` was asked to behave. `dry_run` sends nothing."""

    dry_run: bool = False


class Daemon:
    """One configuration, running. Made by `daemon`."""

    def __init__(self, settings: Settings, parts: Parts, rim: Rim, mode: Mode) -> None:
        self._settings = settings
        self._parts = parts
        self._node = rim.node
        self._store = rim.store
        self._server = rim.server
        self._mode = mode
        self._notifier = Notifier()
        self._stopping = asyncio.Event()
        self.metrics = rim.metrics
        receivers = () if mode.dry_run else parts.receivers
        watchers = watchers_of(settings, rim.genesis)
        self.judge = Judge(parts.runner, watchers, receivers, to_checksum_address)
        self._folder = Folder(parts.sources, rim.node.follower, rim.node.reader)
        self.pipeline = Pipeline(
            self._folder,
            rim.node.follower,
            rim.store,
            self.judge,
            Observation(self.metrics, self.judge, parts.markets, lambda: self.ledger),
        )
        self.answers = EngineAnswers(
            Identity(__version__, settings.chain.chain_id, settings.store.namespace),
            self,
            parts,
            self.judge,
            rim.store,
            to_checksum_address,
        )

    # -- the state that is asked about ----------------------------------------------------------

    @property
    def ledger(self) -> LedgerView:
        return self.pipeline.ledger

    @property
    def applied(self) -> BlockRef | None:
        return self.pipeline.progress.applied

    @property
    def evaluated(self) -> BlockRef | None:
        return self.pipeline.progress.evaluated

    def alive(self) -> Probe:
        """Dead is a pipeline that has blocks before it and does not move."""
        silent = time.monotonic() - self.pipeline.progress.moved_monotonic
        if self._lag() and silent > STALL_SECONDS:
            return Probe(False, (f"no block applied for {silent:.0f} s, {self._lag()} are due",))
        return Probe(True)

    def ready(self) -> Probe:
        """Whether what is said now can be trusted."""
        reasons: list[str] = []
        if self.applied is None or self._node.follower.newest_head is None:
            reasons.append("starting: no block applied yet")
        elif lag := self._lag():
            reasons.append(f"catching up: {lag} blocks behind head")
        silent = time.time() - self._node.clock.answered_unix
        if silent > HEAD_SILENCE_SECONDS:
            reasons.append(f"no node has told its head for {silent:.0f} s")
        if undecodable := sum(self.pipeline.progress.undecodable.values()):
            reasons.append(f"{undecodable} logs did not decode: positions may be wrong")
        reasons += unknown_prices(self.ledger, self._parts.markets)
        return Probe(not reasons, tuple(reasons))

    def is_current(self) -> bool:
        """Whether the newest head is applied and judged."""
        return self.applied is not None and not self._lag() and self.evaluated == self.applied

    def _lag(self) -> int:
        """Blocks between the newest head heard of and the newest applied."""
        head, applied = self._node.follower.newest_head, self.applied
        if head is None or applied is None or head.hash == applied.hash:
            return 0
        return max(1, head.number - applied.number)

    # -- life -----------------------------------------------------------------------------------

    def stop(self) -> None:
        """Finish in order: no new block, outbox flushed, lease given back."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve until `stop`. Raises an ExceptionGroup of what broke, when something did."""
        async with AsyncExitStack() as stack:
            await self._listen(stack)
            outbox = await self._outbox(stack)
            async with asyncio.TaskGroup() as group:
                work = {
                    "lease": self._store.lease.hold(),
                    "pipeline": self.follow(),
                    "beat": self._beat(outbox),
                }
                if self._server is not None:
                    work["redis"] = self._server.hold()
                if outbox.webhooks:
                    work["outbox"] = outbox.run()
                tasks = [
                    group.create_task(_forever(task, name), name=name)
                    for name, task in work.items()
                ]
                await self._stopping.wait()
                self._notifier.stopping()
                for task in tasks:
                    task.cancel()
            with suppress(TransientError):
                log.info("stopped", outbox_pending=await outbox.flush(FLUSH_SECONDS))

    async def follow(self) -> None:
        """Load the state, or read it from the contracts where there is none; then follow."""
        state = await self._store.load()
        if state.cursor is None:
            state = await self._begin()
        self.judge.resume(state.breakers)
        await self.pipeline.run(Ledger(state.records), state.tail, state.evaluated)

    async def catch_up(self) -> None:
        """`--once`: apply what there is, judge the newest block, return."""
        following = asyncio.create_task(self.follow())
        try:
            while not self.is_current():
                await asyncio.wait([following], timeout=0.05)
                if following.done():
                    following.result()
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)

    async def _begin(self) -> StoredState:
        """Fill the store, from a block that no reorganisation can take back where there is one."""
        head = await self._node.block_by("latest")
        at = await self._base(head)
        try:
            await self._bootstrap(at, head)
        except StateUnavailable as error:
            if at == head:
                raise
            log.warning("bootstrap_at_head", because=str(error))
            await self._bootstrap(head, head)
        return await self._store.load()

    async def _base(self, head: BlockRef) -> BlockRef:
        start = self._settings.chain.start_block
        if start != "snapshot":
            return await self._node.block_by(max(0, int(start) - 1))
        try:
            final = await self._node.block_by("finalized")
        except StateUnavailable:
            return head
        return final if head.number - final.number <= KEPT_STATE_BLOCKS else head

    async def _bootstrap(self, at: BlockRef, head: BlockRef) -> None:
        log.info("bootstrap_started", block=at.number, hash=at.hash)
        started = time.monotonic()
        ledger = await bootstrap(self._parts.sources, self._folder, self._node.reader, at, head)
        await self._store.begin(at, dict(ledger.records()))
        log.info("bootstrap_done", seconds=round(time.monotonic() - started, 1))

    async def _listen(self, stack: AsyncExitStack) -> None:
        http = self._settings.http
        token = None if http.token is None else http.token.get_secret_value()
        web = WebServer(self.answers, self.metrics, version=__version__, token=token)
        port = await web.start(http.host, http.port)
        stack.push_async_callback(web.stop)
        log.info("listening", host=http.host, port=port)

    async def _outbox(self, stack: AsyncExitStack) -> Outbox:
        senders = {}
        for hook in () if self._mode.dry_run else self._settings.webhooks:
            target = WebhookTarget(
                hook.name,
                hook.url.get_secret_value(),
                tuple(secret.get_secret_value() for secret in hook.secret),
                hook.allow_private,
            )
            senders[hook.name] = await stack.enter_async_context(WebhookSender(target))
        return Outbox(
            self._store.deliveries,
            senders,
            lambda webhook, outcome: self.metrics.deliveries_total.labels(webhook, outcome).inc(),
        )

    async def _beat(self, outbox: Outbox) -> None:
        """After every block, and every second without one: wake the outbox, tell how we are."""
        was_ready = False
        while True:
            moved = self.pipeline.progress.moved
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await moved.wait()
            outbox.notify()
            await self._show()
            if not was_ready and self.ready().ok:
                was_ready = True
                self._notifier.ready()
                log.info("ready", block=self.applied.number if self.applied else None)
            if was_ready and self.alive().ok:
                self._notifier.watchdog()

    async def _show(self) -> None:
        head = self._node.follower.newest_head
        if head is not None:
            self.metrics.head_block.set(head.number)
            self.metrics.head_age_seconds.set(max(0.0, time.time() - head.timestamp))
        with suppress(TransientError):
            self.metrics.outbox_pending.set(await self._store.deliveries.pending())


@asynccontextmanager
async def daemon(settings: Settings, mode: Mode = Mode()) -> AsyncIterator[Daemon]:
    """A daemon with its node and its store open, and closed again at the end."""
    async with open_rim(settings) as rim:
        yield Daemon(settings, parts_of(settings), rim, mode)


async def run_once(settings: Settings, mode: Mode) -> dict[str, Any]:
    """`run --once`: catch up, judge one block; what is to be printed."""
    async with daemon(settings, mode) as made:
        await made.catch_up()
        scenarios = {name: await made.answers.cascade(name) for name in settings.scenarios}
        return await made.answers.status() | {"cascade": scenarios}


async def run_until_stopped(settings: Settings, mode: Mode) -> None:
    """`run`: until SIGTERM or SIGINT."""
    async with daemon(settings, mode) as made:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, made.stop)
        await made.run()


async def _forever(task: Awaitable[None], name: str) -> None:
    await task
    raise RuntimeError(f"task {name} ended, but it must not: this is a bug")
