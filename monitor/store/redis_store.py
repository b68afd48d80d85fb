"""The exact state in Redis: one script, one block. `keys.py` has the layout."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from redis.asyncio import Redis

from monitor.core.alerts import Alert, ConditionState, Judgement, Silence
from monitor.core.blocks import BlockRef
from monitor.core.delta import BlockDelta
from monitor.core.keys import Key
from monitor.core.ledger import Record
from monitor.core.ports import StoredAlert, StoredState, UndoRecord
from monitor.core.steady import SteadyClock
from monitor.core.units import BlockHash
from monitor.errors import DeepReorg, StoreUnavailable
from monitor.store import codec
from monitor.store.connection import Scripts, check_server, read
from monitor.store.course import resume
from monitor.store.delivery_queue import RedisDeliveryQueue
from monitor.store.history import History
from monitor.store.identity import Identity, check_identity
from monitor.store.journal import Journal, misplaced
from monitor.store.keys import Keys
from monitor.store.lease import TTL_SECONDS, Lease, awake_or_not_seconds
from monitor.store.operation import KeyList, Part, flat, place

FILL_RECORDS = 2000
"""Records written by one call of `begin`: some 20 ms of the server's time."""


class RedisStore:
    """StateStore over Redis, Valkey or the embedded server. Made by `open` or `open_reader`."""

    def __init__(
        self,
        client: "Redis",
        keys: Keys,
        lease: Lease,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """`clock`: when something is queued, in unix seconds; by itself one that never jumps."""
        self.clock = clock or SteadyClock(time.time, awake_or_not_seconds)
        scripts = Scripts(client, keys, lambda: lease.token)
        self.lease = lease
        self.deliveries = RedisDeliveryQueue(client, keys, scripts, self.clock)
        self._client = client
        self._keys = keys
        self._scripts = scripts
        self._history = History(client, keys)
        self._journal = Journal(client, keys, scripts)

    @classmethod
    async def open(
        cls,
        client: "Redis",
        identity: Identity,
        *,
        take_over: bool = False,
        lease_seconds: float = TTL_SECONDS,
        clock: Callable[[], float] | None = None,
    ) -> Self:
        """The store as its only writer. Keep `lease.hold()` running; `lease.release()` at the end.

        `take_over`: any earlier writer is known to be dead. Raises ConfigError for a server that
        may lose state, SchemaMismatch for another's state, WriterFenced beside a living writer.
        """
        store = await cls.open_beside(client, identity, lease_seconds=lease_seconds, clock=clock)
        await store.lease.acquire(take_over=take_over)
        await store.enter(identity)
        return store

    @classmethod
    async def open_beside(
        cls,
        client: "Redis",
        identity: Identity,
        *,
        lease_seconds: float = TTL_SECONDS,
        clock: Callable[[], float] | None = None,
    ) -> Self:
        """The store beside its writer, whose place may be taken: with the lease, then by `enter`.

        Writes are fenced until then. Raises ConfigError and SchemaMismatch as `open` does.
        """
        await check_server(client)
        await check_identity(client, identity)
        lease = Lease(client, identity.keys(), lease_seconds)
        return cls(client, identity.keys(), lease, clock)

    async def enter(self, identity: Identity) -> None:
        """Begin to write, with the lease just taken. Raises SchemaMismatch for another's state."""
        # Looked at before, but while we waited another may have begun.
        await check_identity(self._client, identity)
        await self._scripts.run("adopt", {"meta": flat(identity.marks())})

    @classmethod
    async def open_reader(cls, client: "Redis", identity: Identity) -> Self:
        """The store to look at, beside a running daemon or a stopped one. Writes are fenced."""
        await check_identity(client, identity)
        return cls(client, identity.keys(), Lease(client, identity.keys()))

    async def load(self) -> StoredState:
        for _ in range(5):
            state = await self._load()
            if state is not None:
                return state
        raise StoreUnavailable(
            "blocks became final or were taken back five times while the state was read: the "
            "daemon is faster than this reads. Try again when it has caught up."
        )

    async def ledger_digest(self) -> str:
        """`codec.digest` of the stored records, to be compared with a fresh replay's."""
        return codec.digest((await self.load()).records)

    async def begin(self, block: BlockRef, records: Mapping[Key, Record]) -> None:
        # A million records are too many for one script. Only the last call brings the block, and
        # what a crash leaves without one is thrown away by the first call of the next attempt.
        [leftovers] = await read(self._client, ("SMEMBERS", self._of("groups")))
        await self._fill(block, [], stale=sorted(leftovers))
        items = list(records.items())
        for first in range(0, len(items), FILL_RECORDS):
            await self._fill(block, items[first : first + FILL_RECORDS])
        await resume(self._client, self._keys, self._scripts, block)
        await self._fill(block, [], is_last=True)

    async def commit(self, delta: BlockDelta) -> None:
        answer = await self._scripts.run(
            "commit", place(delta.block), more=[codec.encode_writes(delta)]
        )
        if answer[0] == "order":
            raise misplaced("committed", delta.block, "its parent as cursor", answer[1])

    async def judge(self, judgement: Judgement, webhooks: Mapping[str, Sequence[str]]) -> None:
        judgement = await self._in_stored_words(judgement)
        keys = KeyList(self._keys)
        breakers = {name: codec.encode_text(state) for name, state in judgement.breakers}
        alerts = [keys.posting(alert, webhooks.get(alert.id, ())) for alert in judgement.alerts]
        operation = {
            **place(judgement.block),
            "now": repr(self.clock()),
            "judgement": codec.encode_text(judgement),
            "breakers": flat(breakers),
            "alerts": alerts,
        }
        answer = await self._scripts.run("judge", operation, keys.names)
        if answer[0] == "order":
            wanted = "it among the kept blocks, after the newest judged one"
            raise misplaced("judged", judgement.block, wanted, answer[1])

    async def undo_record(self, block: BlockHash) -> UndoRecord:
        delta = await self._journal.delta(block)
        if delta is None:
            raise _too_deep(block)
        [mark] = await read(self._client, ("HGET", self._of("judged"), block))
        judgement, breakers = codec.decode_mark(mark) if mark else (None, {})
        return UndoRecord(delta, judgement, breakers)

    async def revert(
        self, undo: UndoRecord, retractions: Mapping[str, tuple[Alert, Sequence[str]]]
    ) -> tuple[Alert, ...]:
        block = undo.delta.block
        keys = KeyList(self._keys)
        operation = {
            **place(block),
            "now": repr(self.clock()),
            "dead": await self._dead(undo.judgement, retractions, keys),
        }
        answer = await self._scripts.run("revert", operation, keys.names)
        if answer[0] == "order":
            raise misplaced("reverted", block, "it as cursor", answer[1])
        if answer[0] == "deep":
            raise _too_deep(block.hash)
        by_id = {alert.id: alert for alert, _ in retractions.values()}
        return tuple(by_id[alert_id] for alert_id in answer[1:])

    async def forget(self, number: int) -> None:
        await self._journal.move_base(number)

    async def recent_alerts(self, limit: int) -> list[StoredAlert]:
        return await self._history.recent(limit)

    async def silences(self) -> Mapping[str, Silence]:
        [found] = await read(self._client, ("HGETALL", self._of("silences")))
        return {name: codec.decode_silence(name, text) for name, text in found.items()}

    async def conditions(self) -> Mapping[str, ConditionState]:
        [found] = await read(self._client, ("HGETALL", self._of("conditions")))
        return {name: codec.decode_condition(name, text) for name, text in found.items()}

    async def announce(
        self,
        conditions: Mapping[str, ConditionState],
        alerts: Sequence[Alert],
        webhooks: Mapping[str, Sequence[str]],
    ) -> None:
        keys = KeyList(self._keys)
        operation = {
            "now": repr(self.clock()),
            "conditions": flat({n: codec.encode_text(state) for n, state in conditions.items()}),
            "alerts": [keys.posting(alert, webhooks.get(alert.id, ())) for alert in alerts],
        }
        await self._scripts.run("announce", operation, keys.names)

    async def _load(self) -> StoredState | None:
        """The state of one moment; None when its blocks went while they were read."""
        tail, evaluated, breakers, groups = await read(
            self._client,
            ("LRANGE", self._of("tail"), 0, -1),
            ("GET", self._of("evaluated")),
            ("HGETALL", self._of("breakers")),
            ("SMEMBERS", self._of("groups")),
            at_once=True,
        )
        if not tail:
            return StoredState()
        blocks = tuple(codec.decode_block(block) for block in tail)
        records = await self._journal.records(blocks, groups)
        if records is None:
            return None
        return StoredState(
            cursor=blocks[-1],
            evaluated=codec.decode_block(evaluated or "", "the newest judged block"),
            tail=blocks,
            records=records,
            breakers={name: codec.decode_breaker(name, text) for name, text in breakers.items()},
        )

    async def _fill(
        self,
        block: BlockRef,
        records: Sequence[tuple[Key, Record]],
        *,
        stale: Sequence[str] = (),
        is_last: bool = False,
    ) -> None:
        """One call of fill.lua. `stale`: hashes to be thrown away first."""
        keys = KeyList(self._keys)
        rows = [codec.row_of(key, record) for key, record in records]
        operation: Part = {"hash": block.hash, "stale": keys.hashes(stale)}
        if is_last:
            operation["block"] = codec.encode_text(block)
        keys.hashes(row[0] for row in rows)
        answer = await self._scripts.run("fill", operation, keys.names, [codec.encode_rows(rows)])
        if answer[0] == "order":
            raise misplaced("the beginning", block, "an empty store", answer[1])

    async def _in_stored_words(self, judgement: Judgement) -> Judgement:
        """An alert that was said before, of a block that went and came back, says what it said:
        a receiver may have it, and one id has one body."""
        ids = [alert.id for alert in judgement.alerts]
        if not ids:
            return judgement
        [texts] = await read(self._client, ("HMGET", self._of("alerts"), *ids))
        stored = [codec.decode_posted(text).alert if text else None for text in texts]
        alerts = tuple(
            alert if old is None else replace(alert, body=old.body, is_first=old.is_first)
            for alert, old in zip(judgement.alerts, stored, strict=True)
        )
        return replace(judgement, alerts=alerts)

    async def _dead(
        self,
        judgement: Judgement | None,
        retractions: Mapping[str, tuple[Alert, Sequence[str]]],
        keys: KeyList,
    ) -> list[Part]:
        """The alerts a revert takes back, the last first, with their receivers and retractions."""
        ids = [alert.id for alert in reversed(judgement.alerts)] if judgement else []
        if not ids:
            return []
        [texts] = await read(self._client, ("HMGET", self._of("alerts"), *ids))
        dead: list[Part] = []
        for alert_id, text in zip(ids, texts, strict=True):
            webhooks = codec.decode_posted(text).webhooks if text else ()
            part: dict[str, Any] = {"id": alert_id, "receivers": keys.receivers(webhooks)}
            if alert_id in retractions:
                part["retraction"] = keys.posting(*retractions[alert_id])
            dead.append(part)
        return dead

    def _of(self, name: str) -> str:
        return self._keys.of(name)


def _too_deep(block: BlockHash) -> DeepReorg:
    return DeepReorg(
        f"block {block} cannot be undone: its undo record is not kept, for it was final or never "
        "applied. Check the node's chain; if it is right, build the ledger anew, "
        "alerts are kept: cascade-monitor store rebuild --config F."
    )
