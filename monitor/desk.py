"""Answers from a store alone: beside a running daemon, or a stopped one. Needs no node."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from eth_utils.address import to_checksum_address

from monitor import __version__
from monitor.core.alerts import ConditionState
from monitor.core.blocks import BlockRef
from monitor.core.ledger import Ledger
from monitor.core.ports import Probe, StoredState
from monitor.core.risk import WorldSheet
from monitor.engine.answers import EngineAnswers, Nameplate
from monitor.engine.books import Books
from monitor.engine.judge import Judge
from monitor.engine.recursion import owners_in
from monitor.errors import QuestionError
from monitor.parts import Parts, parts_of, wards_of, watchers_of
from monitor.recursion_rules import loop_terms
from monitor.settings import Settings
from monitor.storage import identity_of, redis_of
from monitor.store.redis_store import RedisStore

NOT_ASKED = Probe(False, ("read from the store: the daemon itself was not asked",))


@dataclass(frozen=True, slots=True)
class StoredPresent:
    """The state as a store holds it."""

    ledger: Ledger
    applied: BlockRef | None
    evaluated: BlockRef | None
    leader: str
    blind: Mapping[str, ConditionState]

    def alive(self) -> Probe:
        return NOT_ASKED

    def ready(self) -> Probe:
        return NOT_ASKED


async def stored_world(settings: Settings, parts: Parts) -> WorldSheet:
    """All that a projection uses of the newest stored block. Raises as `desk` does."""
    async with _stored(settings) as (_, state):
        if state.cursor is None:
            raise QuestionError("no block has been applied yet: the daemon is starting up", 503)
        ledger = Ledger(state.records)
        return await asyncio.to_thread(parts.runner.world, ledger, state.cursor)


@asynccontextmanager
async def desk(settings: Settings) -> AsyncIterator[EngineAnswers]:
    """Raises ConfigError when there is no state, SchemaMismatch when it is another's."""
    async with _stored(settings) as (store, state):
        parts = parts_of(settings)
        wards = wards_of(settings, "", parts.markets)
        watchers = watchers_of(settings, "")
        judge = Judge(parts.runner, watchers, (), to_checksum_address, wards=wards)
        judge.resume(state.breakers)
        ledger = Ledger(state.records)
        books = Books(
            parts.markets,
            to_checksum_address,
            parts.pools,
            parts.named,
            owners_in(ledger).owner,
            loop_terms(settings, parts.recursion),
        )
        yield EngineAnswers(
            Nameplate(__version__, settings.chain.chain_id, settings.store.namespace),
            await _present(store, ledger, state),
            parts,
            judge,
            store,
            books,
        )


async def _present(store: RedisStore, ledger: Ledger, state: StoredState) -> StoredPresent:
    known = await store.conditions()
    return StoredPresent(
        ledger,
        state.cursor,
        state.evaluated,
        await store.lease.holder(),
        {name: condition for name, condition in known.items() if condition.is_blind},
    )


@asynccontextmanager
async def _stored(settings: Settings) -> AsyncIterator[tuple[RedisStore, StoredState]]:
    async with AsyncExitStack() as stack:
        client, _ = await redis_of(settings, stack, read_only=True)
        store = await RedisStore.open_reader(client, identity_of(settings, None))
        yield store, await store.load()
