"""From schema 1 to 2: positions, which were JSON, are packed, and records are those at the base.

`await migrate(client, identity, progress)`. The new records are written beside the old ones, which
stay whole until one script puts the new in their place: after a crash it is done again.

Schema 1: records lie in `<kind>:<bucket>:<market>`, field `<subject>/<sub_market>`, as JSON, and
are those at the cursor. What a block above the base did is kept with the records before it. All
else is as today.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from msgspec import Raw
from msgspec.json import Decoder
from redis.asyncio import Redis

from monitor.core.blocks import BlockRef
from monitor.core.delta import BlockDelta, Change
from monitor.core.keys import Key, Kind
from monitor.core.ledger import Record
from monitor.core.units import MarketId
from monitor.errors import (
    LedgerCorrupt,
    MonitorError,
    SchemaMismatch,
    StoreUnavailable,
    WriterFenced,
)
from monitor.store import codec
from monitor.store.connection import Scripts, check_server, read
from monitor.store.identity import Identity
from monitor.store.keys import SCHEMA_VERSION, Keys
from monitor.store.lease import Lease
from monitor.store.operation import KeyList

T = TypeVar("T")

OLD_SCHEMA = 1
HASHES = 256
"""Old hashes read by one round trip."""
ROWS = 2000
"""Records written by one call: some 20 ms of the server's time."""

Progress = Callable[[int, int], None]
"""Told how many of how many hashes are done."""


@dataclass(frozen=True, slots=True)
class _OldDelta:
    block: BlockRef
    changes: tuple[tuple[Key, Raw, Raw], ...]


_DELTA = Decoder(_OldDelta)
ANEW = "Restore a backup, or build the ledger anew: cascade-monitor store rebuild --config F."


async def migrate(
    client: "Redis", identity: Identity, progress: Progress, *, take_over: bool = False
) -> bool:
    """Bring a stopped daemon's state to the present schema. False: it was already, or is none.

    `take_over` as in `RedisStore.open`. Raises WriterFenced beside a running daemon, SchemaMismatch
    for a schema that is neither, LedgerCorrupt for what does not decode, ConfigError and
    StoreUnavailable as the store does. Whatever is raised, the state is as it was.
    """
    keys = identity.keys()
    await check_server(client)
    [schema] = await read(client, ("HGET", keys.of("meta"), "schema"))
    if schema in (None, str(SCHEMA_VERSION)):
        return False
    if schema != str(OLD_SCHEMA):
        raise SchemaMismatch(
            f"the state under {keys.of('')} has schema {schema}: expected {OLD_SCHEMA}, which can "
            f"be brought to {SCHEMA_VERSION}. Use the version of the program that wrote it."
        )
    lease = Lease(client, keys)
    await lease.acquire(take_over=take_over)
    holding = asyncio.create_task(lease.hold())
    try:
        await _Migration(client, keys, lease.token).run(progress)
    finally:
        holding.cancel()
        await asyncio.gather(holding, return_exceptions=True)
        with suppress(StoreUnavailable, WriterFenced):  # what came first is what is to be told
            await lease.release()
    return True


class _Migration:
    """One attempt, by the holder of the lease."""

    def __init__(self, client: "Redis", keys: Keys, token: str) -> None:
        self._client = client
        self._keys = keys
        self._scripts = Scripts(client, keys, lambda: token)

    async def run(self, progress: Progress) -> None:
        # An earlier attempt's records may be older than those it was to copy.
        await self._discard()
        try:
            await self._take_over(progress)
        except BaseException:
            # The old program may have to go on: not in a memory that our copy has filled.
            with suppress(MonitorError):
                await self._discard()
            raise

    async def _discard(self) -> None:
        [leftovers] = await read(self._client, ("SMEMBERS", self._keys.of("new_groups")))
        await self._call("discard", sorted(leftovers))

    async def _take_over(self, progress: Progress) -> None:
        [groups] = await read(self._client, ("SMEMBERS", self._keys.of("groups")))
        done = 0
        for names in _batches(sorted(groups), HASHES):
            hashes = await read(self._client, *(("HGETALL", self._keys.of(name)) for name in names))
            await self._copy(_old_records(zip(names, hashes, strict=True)))
            done += len(names)
            progress(done, len(groups))
        await self._copy_blocks()
        await self._call("switch", sorted(groups))

    async def _copy_blocks(self) -> None:
        """What each block above the base wrote; and, as records, what they wrote over."""
        tail, deltas = await read(
            self._client,
            ("LRANGE", self._keys.of("tail"), 1, -1),
            ("HGETALL", self._keys.of("undo")),
        )
        before: dict[Key, Record | None] = {}
        for text in reversed(tail):
            block = codec.decode_block(text)
            delta = _old_delta(block, deltas.get(block.hash, ""))
            before.update((change.key, change.before) for change in delta.changes)
            await self._call("copy_undo", (), block.hash.encode(), codec.encode_writes(delta))
        await self._copy(before.items())

    async def _copy(self, records: Iterable[tuple[Key, Record | None]]) -> None:
        for batch in _batches(records, ROWS):
            rows = [codec.row_of(key, record) for key, record in batch]
            await self._call("copy", {name for name, _, _ in rows}, codec.encode_rows(rows))

    async def _call(self, step: str, names: Iterable[str], *more: bytes) -> None:
        keys = KeyList(self._keys)
        new_groups, new_undo = keys.hashes(["new_groups", "new_undo"])
        operation = {
            "step": step,
            "old": str(OLD_SCHEMA),
            "new": str(SCHEMA_VERSION),
            "new_groups": new_groups,
            "new_undo": new_undo,
            "hashes": keys.hashes(names),
        }
        answer = await self._scripts.run("migrate", operation, keys.names, more)
        if answer[0] != "ok":
            raise LedgerCorrupt(
                f"the state has schema {answer[1]} in the middle of its migration: expected "
                f"{OLD_SCHEMA}. Something else writes there: find it, then migrate again."
            )


def _batches(items: Iterable[T], size: int) -> Iterator[tuple[T, ...]]:
    rest = iter(items)
    while batch := tuple(islice(rest, size)):
        yield batch


def _old_records(
    hashes: Iterable[tuple[str, Mapping[str, str]]],
) -> Iterator[tuple[Key, Record | None]]:
    for name, fields in hashes:
        for field, text in fields.items():
            yield _old_record(name, field, text)


def _old_record(name: str, field: str, text: str) -> tuple[Key, Record | None]:
    try:
        kind, _, market = name.split(":", 2)
        subject, _, sub_market = field.partition("/")
        key = Key(Kind(kind), MarketId(market), sub_market, subject)
    except ValueError as exc:
        raise LedgerCorrupt(
            f"the records {name[:100]!r} are none of schema {OLD_SCHEMA}: expected "
            f"<kind>:<protocol>:<market>. {ANEW}"
        ) from exc
    return key, codec.decode_json_record(key, text)


def _old_delta(block: BlockRef, text: str) -> BlockDelta:
    try:
        changes = _DELTA.decode(text).changes
    except (ValueError, RecursionError) as exc:
        raise LedgerCorrupt(
            f"the undo record of block {block.number} does not decode as schema {OLD_SCHEMA}: "
            f"{str(exc)[:300]}. {ANEW}"
        ) from exc
    read = codec.decode_json_record
    return BlockDelta(
        block, tuple(Change(k, read(k, old), read(k, new)) for k, old, new in changes)
    )
