"""The composition root: builds every object, runs them in one TaskGroup, and stops them in order.

A task that dies takes the daemon down: a deaf monitor must not look alive.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import structlog
from eth_utils.address import to_checksum_address

from monitor import __version__, garbage
from monitor.alerts.outbox import Outbox
from monitor.alerts.senders import Sender, keeping
from monitor.auditing import Auditing
from monitor.beginning import Beginning, verify_scenarios
from monitor.core.ledger import Ledger
from monitor.engine.answers import EngineAnswers, Nameplate
from monitor.engine.books import Books
from monitor.engine.breaker import Origin
from monitor.engine.folding import Folder
from monitor.engine.guarding import Guards
from monitor.engine.judge import Judge
from monitor.engine.pipeline import Pipeline
from monitor.engine.recursion import Recursion
from monitor.errors import MonitorError, TransientError
from monitor.filing import filing_of
from monitor.guardians import guards_of, verify
from monitor.heartbeat import Heartbeat
from monitor.leadership import Leadership
from monitor.manners import manners_of
from monitor.observation import Observation
from monitor.parts import Parts, parts_of, wards_of, watchers_of
from monitor.recursion_rules import loop_terms
from monitor.rim import Rim, open_rim, senders_of
from monitor.settings import Settings
from monitor.standby import Standby
from monitor.standing import Standing
from monitor.status_line import StatusLine
from monitor.storage import identity_of
from monitor.systemd import Notifier
from monitor.vigil import Scene, Vigil, vigil
from monitor.web.server import WebServer
from monitor.web.stream import Stream

log = structlog.stdlib.get_logger(__name__)
FLUSH_SECONDS = 2.5
"""A receiver that hangs may take it all, after the second that its last attempt had: five seconds
after SIGTERM nothing of us is left, whoever listens and whoever hangs."""
Task = Coroutine[Any, Any, None]


@dataclass(frozen=True, slots=True)
class Mode:
    """How `run` was asked to behave. `dry_run` sends nothing; `standby` waits beside a leader."""

    dry_run: bool = False
    standby: bool = False


class Daemon:
    """One configuration, running. Made by `daemon`."""

    def __init__(self, settings: Settings, parts: Parts, rim: Rim, mode: Mode) -> None:
        self._settings = settings
        self._parts = parts
        self._rim = rim
        self._mode = mode
        self._notifier = Notifier()
        self._stopping = asyncio.Event()
        self.leadership = Leadership(rim.store.lease, is_standby=mode.standby)
        recursion = Recursion(parts.recursion, rim.node.reader, rim.node.follower)
        books = Books(
            parts.markets,
            to_checksum_address,
            parts.pools,
            parts.named,
            recursion.owner,
            loop_terms(settings, parts.recursion),
        )
        self._guards = guards_of(settings, parts, rim.node)
        self.judge = _judge_of(settings, parts, rim, self._guards, mode)
        folder = Folder(parts.sources, rim.node.follower, rim.node.reader, recursion, parts.prices)
        self._beginning = Beginning(settings.chain, parts, rim.node, folder)
        self._stream = Stream()
        self._observation = Observation(
            *(rim.metrics, self.judge, parts.markets, books),
            lambda: self.pipeline.ledger,
            self._stream,
        )
        self._auditing = Auditing(
            settings.audit, parts.markets, books, rim.node.reader, rim.metrics
        )
        self.pipeline = Pipeline(
            folder,
            rim.node.follower,
            rim.store,
            self.judge,
            self._observation,
            records=not mode.dry_run,
        )
        self.standing = Standing(
            rim.node,
            self.pipeline,
            parts.markets,
            settings.chain.max_head_age_seconds,
            self.leadership,
        )
        line = StatusLine(self.standing, self.leadership, self._beginning, rim.node.reader)
        self._heartbeat = Heartbeat(rim, self.standing, self.leadership, self._notifier, line)
        self.answers = EngineAnswers(
            Nameplate(__version__, settings.chain.chain_id, settings.store.namespace),
            self.standing,
            parts,
            self.judge,
            rim.store,
            books,
        )

    def stop(self) -> None:
        """Finish: no new block, no more answers, outbox flushed; then the lease is given back."""
        self._stopping.set()

    async def serve(self) -> None:
        """Run until `stop`. Raises an ExceptionGroup of what broke, when something did."""
        async with AsyncExitStack() as stack:
            await self._listen(stack)
            if await self._is_our_turn():
                await self._work_until(self._stopping.wait(), is_watched=True)

    async def catch_up(self) -> None:
        """`--once`: apply what there is, judge the newest block, deliver what is due."""
        await self._work_until(self._until_current(), is_watched=False)

    async def _is_our_turn(self) -> bool:
        """At once; a standby's, when it has the lease. False when it was told to stop before."""
        if self._mode.standby:
            lease, node = self._rim.store.lease, self._rim.node
            standby = Standby(lease, node, self.leadership, self.standing)
            if not await standby.wait(self._stopping, self._notifier, self._heartbeat.show):
                self._notifier.stopping()
                return False
            await self._rim.store.enter(identity_of(self._settings, self._rim.genesis))
        self.leadership.begin()
        return True

    async def _work_until(self, end: Awaitable[object], *, is_watched: bool) -> None:
        """Work as the leader, which we are until the last word is out.

        `is_watched`: whether it is said when the monitor is blind.
        """
        async with asyncio.TaskGroup() as group:
            lease = group.create_task(_forever(self._rim.store.lease.hold(), "lease"), name="lease")
            await self._lead_until(end, is_watched=is_watched)
            lease.cancel()

    async def _lead_until(self, end: Awaitable[object], *, is_watched: bool) -> None:
        async with AsyncExitStack() as stack:
            may_send = self._rim.store.lease.is_current
            is_mute = self._mode.dry_run
            senders = {} if is_mute else await senders_of(self._settings, stack, may_send)
            outbox = self._outbox(senders)
            if not is_mute:
                await outbox.retire()
            work: dict[str, Task] = {
                "pipeline": self._follow(),
                "beat": self._heartbeat.beat(self.pipeline, outbox),
            }
            if len(self._settings.chain.endpoints) > 1:
                work["agreement"] = self._rim.node.agreement.watch(lambda: self.standing.applied)
            if self._rim.server is not None:
                work["redis"] = self._rim.server.hold()
            if outbox.webhooks:
                work["outbox"] = outbox.run()
            work |= keeping(senders, self._rim.store.deliveries)
            if is_watched and self._auditing.is_on:
                work["audit"] = self._auditing.run(self.pipeline, self._rim.store)
            watch = await self._watch(stack, outbox) if is_watched else None
            work |= watch.work() if watch is not None else {}
            try:
                await self._all_until(end, work)
            except BaseExceptionGroup as broken:
                if watch is not None and await watch.sentry.last_words(broken):
                    with suppress(MonitorError, ExceptionGroup):  # what broke first is told
                        await _flush(outbox)
                raise
            await _flush(outbox)

    async def _all_until(self, end: Awaitable[object], work: Mapping[str, Task]) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(_forever(task, name), name=name) for name, task in work.items()
            ]
            await end
            self._notifier.stopping()
            for task in tasks:
                task.cancel()

    async def _watch(self, stack: AsyncExitStack, outbox: Outbox) -> Vigil:
        scene = Scene(
            self.standing,
            self._observation,
            outbox,
            self.leadership,
            lambda: self._auditing.reasons,
        )
        return await stack.enter_async_context(
            vigil(self._settings, self._rim, scene, is_mute=self._mode.dry_run)
        )

    async def _until_current(self) -> None:
        while not self.standing.is_current():
            moved = self.pipeline.progress.moved
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await moved.wait()

    async def _follow(self) -> None:
        """Load the state, or read it from the contracts where there is none; then follow."""
        state = await self._rim.store.load()
        if state.cursor is None:
            state = await self._beginning.fill(self._rim.store)
        ledger, tail, evaluated = Ledger(state.records), state.tail, state.evaluated
        verify_scenarios(self._parts, ledger, tail[-1])
        window = self._settings.chain.reorg_window
        await verify(self._guards, self._rim.node, ledger, tail[-1], window)
        self.judge.resume(state.breakers)
        del state  # the ledger has its own copy; this one would stay as long as the daemon
        garbage.settle()
        await self.pipeline.run(ledger, tail, evaluated)

    async def _listen(self, stack: AsyncExitStack) -> None:
        http = self._settings.http
        token = None if http.token is None else http.token.get_secret_value()
        stream, metrics = self._stream, self._rim.metrics
        web = WebServer(
            *(self.answers, metrics, stream),
            version=__version__,
            token=token,
            manners=manners_of(self._settings),
        )
        port = await web.start(http.host, http.port)
        closing = asyncio.create_task(self._close(web), name="closing")
        stack.push_async_callback(self._closed, closing)
        log.info("listening", host=http.host, port=port)

    async def _close(self, web: WebServer) -> None:
        """Once we are to stop, beside the outbox's flush: both take their seconds at once."""
        await self._stopping.wait()
        await web.stop()

    async def _closed(self, closing: asyncio.Task[None]) -> None:
        self._stopping.set()  # where we end because something broke, nobody has said so
        await closing

    def _outbox(self, senders: Mapping[str, Sender]) -> Outbox:
        counter = self._rim.metrics.deliveries_total
        return Outbox(
            self._rim.store.deliveries,
            senders,
            lambda webhook, outcome: counter.labels(webhook, outcome).inc(),
            clock=self._rim.store.clock,
            finalized=frozenset(
                hook.name for hook in self._settings.webhooks if hook.delivery == "finalized"
            ),
            max_pending=self._settings.outbox.max_pending,
        )


def _judge_of(
    settings: Settings, parts: Parts, rim: Rim, guards: Guards | None, mode: Mode
) -> Judge:
    # A dry run keeps no judgement and sends nothing; but what a reorganisation takes back has
    # to be retracted, and that waits in the outbox for the next real run.
    archive = None if mode.dry_run else filing_of(settings, parts, rim.metrics)
    return Judge(
        parts.runner,
        watchers_of(settings, rim.genesis),
        parts.receivers,
        to_checksum_address,
        archive,
        silences=rim.store.silences,
        wards=wards_of(settings, rim.genesis, parts.markets) if settings.watch else None,
        guards=guards,
        origin=Origin(settings.store.namespace, rim.genesis),
    )


@asynccontextmanager
async def daemon(settings: Settings, mode: Mode = Mode()) -> AsyncIterator[Daemon]:
    """A daemon with its node and its store open, and closed again at the end."""
    async with open_rim(settings, standby=mode.standby) as rim:
        yield Daemon(settings, parts_of(settings), rim, mode)


async def run_once(settings: Settings, mode: Mode) -> dict[str, Any]:
    """`run --once`: catch up, judge one block; what is to be printed."""
    async with daemon(settings, mode) as made:
        await made.catch_up()
        scenarios = {name: await made.answers.cascade(name) for name in settings.scenarios}
        return await made.answers.status() | {"cascade": scenarios}


async def run_until_stopped(settings: Settings, mode: Mode) -> None:
    """`run`: until SIGTERM or SIGINT, which from here on end it in order."""
    async with daemon(settings, mode) as made:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, made.stop)
        await made.serve()


async def _flush(outbox: Outbox) -> None:
    with suppress(TransientError, TimeoutError):
        async with asyncio.timeout(FLUSH_SECONDS):
            log.info("stopped", outbox_pending=await outbox.flush(FLUSH_SECONDS))


async def _forever(task: Awaitable[None], name: str) -> None:
    await task
    raise RuntimeError(f"task {name} ended, but it must not: this is a bug")
