"""From schema 1 to 2: positions and undo records, which were JSON, are packed.

`await migrate(client, identity, progress)`. The new records are written beside the old ones, which
stay whole until one script puts the new in their place: after a crash it is done again.

Schema 1: records lie in `<kind>:<bucket>:<market>`, field `<subject>/<sub_market>`, as JSON; an
undo record is a delta in JSON. All else is as today.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

from msgspec import Raw
from msgspec.json import Decoder
from redis.asyncio import Redis

from monitor.core.blocks import BlockRef
from monitor.core.delta import BlockDelta, Change
from monitor.core.ledger import RECORD_OF, Key, Kind, Record
from monitor.core.units import MarketId
from monitor.errors import LedgerCorrupt, SchemaMismatch, StoreUnavailable, WriterFenced
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
"""Told how many of how many hashes and undo records are done."""


@dataclass(frozen=True, slots=True)
class _OldDelta:
    block: BlockRef
    changes: tuple[tuple[Key, Raw, Raw], ...]


_RECORDS: Mapping[Kind, Decoder[Record]] = {kind: Decoder(RECORD_OF[kind]) for kind in Kind}
_DELTA = Decoder(_OldDelta)


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
        self._scripts = Scripts(client, keys, token)

    async def run(self, progress: Progress) -> None:
        groups, undone, leftovers = await read(
            self._client,
            ("SMEMBERS", self._keys.of("groups")),
            ("HKEYS", self._keys.of("undo")),
            ("SMEMBERS", self._keys.of("new_groups")),
        )
        # An earlier attempt's records may be older than those it was to copy.
        await self._call("discard", sorted(leftovers))
        done, total = 0, len(groups) + len(undone)
        for names in _batches(sorted(groups), HASHES):
            async for rows in self._rows(names):
                await self._call("copy", {row[0] for row in rows}, codec.encode_rows(rows))
            done += len(names)
            progress(done, total)
        for block in undone:
            await self._call("copy_undo", (), block, await self._undo(block))
            done += 1
            progress(done, total)
        await self._call("switch", sorted(groups))

    async def _rows(self, names: Sequence[str]) -> AsyncIterator[tuple[codec.Row, ...]]:
        """What some old hashes hold, as new rows."""
        hashes = await read(self._client, *(("HGETALL", self._keys.of(name)) for name in names))
        for rows in _batches(_new_rows(zip(names, hashes, strict=True)), ROWS):
            yield rows

    async def _undo(self, block: str) -> bytes:
        [text] = await read(self._client, ("HGET", self._keys.of("undo"), block))
        delta = _old_delta(text, block)
        before, after = map(codec.encode_rows, codec.rows_of(delta))
        return codec.encode_undo(delta.block, before, after)

    async def _call(self, step: str, names: Iterable[str], *more: str | bytes) -> None:
        keys = KeyList(self._keys)
        places = dict(zip(("groups", "undo"), keys.hashes(["new_groups", "new_undo"]), strict=True))
        operation: dict[str, Any] = {
            "step": step,
            "old": str(OLD_SCHEMA),
            "new": str(SCHEMA_VERSION),
            "place": places,
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


def _new_rows(hashes: Iterable[tuple[str, Mapping[str, str]]]) -> Iterator[codec.Row]:
    for name, fields in hashes:
        for field, text in fields.items():
            kind, _, market = name.split(":", 2)
            subject, _, sub_market = field.partition("/")
            key = Key(Kind(kind), MarketId(market), sub_market, subject)
            yield codec.row_of(key, _record(key, text))


def _old_delta(text: str, block: str) -> BlockDelta:
    try:
        old = _DELTA.decode(text)
    except ValueError as exc:
        raise _damaged(f"the undo record of block {block}", exc) from exc
    changes = (
        Change(key, _maybe(key, before), _maybe(key, after)) for key, before, after in old.changes
    )
    return BlockDelta(old.block, tuple(changes))


def _maybe(key: Key, data: Raw) -> Record | None:
    return None if bytes(data) == b"null" else _record(key, data)


def _record(key: Key, data: str | Raw) -> Record:
    try:
        return _RECORDS[key.kind].decode(data)
    except ValueError as exc:
        raise _damaged(str(key), exc) from exc


def _damaged(what: str, because: object) -> LedgerCorrupt:
    return LedgerCorrupt(
        f"{what} does not decode as schema {OLD_SCHEMA}: {because}. Something else wrote there. "
        "Restore a backup, or build the ledger anew: cascade-monitor store rebuild --config F."
    )
