"""The records at the base, and what every block above it wrote: the ledger at any kept block.

A commit only adds to the journal, so it is one small write whatever the block touched, and taking a
block back is forgetting what it wrote. The records take a block in once it is final.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from itertools import groupby

from redis.asyncio import Redis

from monitor.core.blocks import BlockRef
from monitor.core.delta import BlockDelta, Change
from monitor.core.keys import Key, Kind
from monitor.core.ledger import Group, GroupedRecords, Record
from monitor.core.packed import PackedMap
from monitor.core.units import BlockHash, MarketId
from monitor.errors import LedgerCorrupt
from monitor.store import codec
from monitor.store.connection import Scripts, read
from monitor.store.keys import Keys, group_in, place_of
from monitor.store.operation import KeyList

BLOCKS = 64
"""Blocks read at once, and taken into the records by one script."""
HASHES = 1024
"""Record hashes read by one round trip."""


class Journal:
    """Reads the ledger out of the store, and moves its base up. Made by the store."""

    def __init__(self, client: "Redis", keys: Keys, scripts: Scripts) -> None:
        self._client = client
        self._keys = keys
        self._scripts = scripts

    async def records(
        self, tail: Sequence[BlockRef], hashes: Iterable[str]
    ) -> GroupedRecords | None:
        """The ledger at the end of a tail that was just read. None: some of it went meanwhile."""
        # The blocks before the records: when the base moves on in between, records that have
        # taken a block in are only written once more, to the same. New blocks change neither.
        blocks = [data async for data in self._writes(tail[1:])]
        if None in blocks:
            block = tail[1 + blocks.index(None)]
            if block in (await self._tail())[1:]:
                raise _missing("loaded", block)
            return None
        records = await self._base(hashes)
        [base] = await read(self._client, ("LINDEX", self._keys.of("tail"), 0))
        if base is None or codec.decode_block(base) not in tail:
            return None
        for data in filter(None, blocks):
            for key, record in codec.decode_writes(data).items():
                records.put(key, record)
        return records

    async def delta(self, block: BlockHash) -> BlockDelta | None:
        """What a block did. None when it is not above the base."""
        tail = await self._tail()
        above = [ref.hash for ref in tail[1:]]
        if block not in above:
            return None
        blocks = tail[1 : above.index(block) + 2]
        *earlier, last = await self._decoded(blocks)
        present: codec.Writes = {}
        for writes in earlier:
            present |= writes
        unwritten = [key for key in last if key not in present]
        present |= await self._at_base(unwritten)
        changes = (Change(key, present[key], record) for key, record in last.items())
        return BlockDelta(blocks[-1], tuple(changes))

    async def move_base(self, number: int) -> None:
        """To block `number`, or the cursor: the records take in what was written up to there."""
        tail = await self._tail()
        final = [block for block in tail[1:] if block.number <= number]
        base = tail[0] if tail else None
        while base and final:
            batch, final = final[:BLOCKS], final[BLOCKS:]
            await self._take_in(base, batch)
            base = batch[-1]

    async def _take_in(self, base: BlockRef, blocks: Sequence[BlockRef]) -> None:
        written: codec.Writes = {}
        for writes in await self._decoded(blocks):
            written |= writes
        keys = KeyList(self._keys)
        rows = [codec.row_of(key, record) for key, record in written.items()]
        keys.hashes(name for name, _, _ in rows)
        operation = {"base": base.hash, "blocks": [block.hash for block in blocks]}
        answer = await self._scripts.run("forget", operation, keys.names, [codec.encode_rows(rows)])
        if answer[0] == "order":
            raise misplaced("forgotten", blocks[-1], f"{base.hash} as base", answer[1])

    async def _base(self, hashes: Iterable[str]) -> GroupedRecords:
        """All records at the base, the positions still packed."""
        groups: dict[tuple[Kind, MarketId], Group] = {}
        for group, names in groupby(sorted(hashes, key=group_in), group_in):
            entries: dict[bytes, bytes] = {}
            async for fields in self._fields(list(names)):
                entries.update(fields)
            kind, market = codec.decode_group(group)
            if kind is Kind.POSITION:
                groups[kind, market] = PackedMap(codec.PositionPacking(market), entries)
            else:
                keyed = ((codec.decode_key(group, field), data) for field, data in entries.items())
                groups[kind, market] = {k: codec.decode_record(k, data) for k, data in keyed}
        return GroupedRecords(groups)

    async def _fields(self, names: Sequence[str]) -> AsyncIterator[Mapping[bytes, bytes]]:
        for first in range(0, len(names), HASHES):
            commands = [("HGETALL", self._keys.of(name)) for name in names[first : first + HASHES]]
            for fields in await read(self._client, *commands, as_bytes=True):
                yield fields

    async def _at_base(self, keys: Sequence[Key]) -> dict[Key, Record | None]:
        places = [place_of(key) for key in keys]
        commands = [("HGET", self._keys.of(name), field) for name, field in places]
        found = await read(self._client, *commands, as_bytes=True) if commands else []
        return {
            key: codec.decode_record(key, data) if data else None
            for key, data in zip(keys, found, strict=True)
        }

    async def _tail(self) -> list[BlockRef]:
        [tail] = await read(self._client, ("LRANGE", self._keys.of("tail"), 0, -1))
        return [codec.decode_block(block) for block in tail]

    async def _decoded(self, blocks: Sequence[BlockRef]) -> list[codec.Writes]:
        """What blocks above the base wrote, read by the only one who writes."""
        found = [data async for data in self._writes(blocks)]
        if None in found:
            block = blocks[found.index(None)]
            raise _missing("undone or forgotten", block)
        # Beside the event loop: what a whole epoch wrote is many prices.
        whole = [data for data in found if data is not None]
        return await asyncio.to_thread(lambda: [codec.decode_writes(data) for data in whole])

    async def _writes(self, blocks: Sequence[BlockRef]) -> AsyncIterator[str | None]:
        """What the blocks wrote, encoded; None where it is not kept."""
        for first in range(0, len(blocks), BLOCKS):
            hashes = [block.hash for block in blocks[first : first + BLOCKS]]
            [found] = await read(self._client, ("HMGET", self._keys.of("undo"), *hashes))
            for data in found:
                yield data


def misplaced(deed: str, block: BlockRef, wanted: str, found: str) -> LedgerCorrupt:
    """The store is elsewhere than its only writer left it."""
    return LedgerCorrupt(
        f"{_named(block)} cannot be {deed}: expected {wanted}, found {found or 'an empty store'}. "
        "Start the daemon again: where Redis went back to an older state, as by a failover or a "
        f"restart from a dump, it goes on from that. If it says the same again, {_ANEW}"
    )


def _missing(deed: str, block: BlockRef) -> LedgerCorrupt:
    return LedgerCorrupt(
        f"{_named(block)} cannot be {deed}: expected what it wrote, found nothing: {_ANEW}"
    )


def _named(block: BlockRef) -> str:
    return f"block {block.number} {block.hash} on {block.parent_hash}"


_ANEW = (
    "the state cannot be trusted: build it anew, alerts are kept: cascade-monitor store rebuild "
    "--config F."
)
