"""Records and what surrounds them as bytes and text.

Positions are packed (see `packing`), and so are undo records. All else is JSON, which holds
integers of any size: its fields are named, so that a record may gain a field with a default without
a new schema version, and an operator can read it with redis-cli.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from struct import Struct
from struct import error as struct_error
from typing import TypeVar

from msgspec import MsgspecError, json

from monitor.core.alerts import Alert, BreakerState, Judgement
from monitor.core.blocks import BlockRef
from monitor.core.delta import BlockDelta, Change
from monitor.core.ledger import RECORD_OF, Key, Kind, Position, Record
from monitor.core.ports import UndoRecord
from monitor.core.units import MarketId
from monitor.errors import LedgerCorrupt
from monitor.store.keys import field_of, group_in, key_of, kind_of, place_of
from monitor.store.packing import pack_position, unpack_position

T = TypeVar("T")


Row = tuple[str, bytes, bytes]
"""A record to be written: its hash, its field, and its bytes. No bytes: to be deleted."""

ROWS_VERSION = b"\x01"


@dataclass(frozen=True, slots=True)
class _Mark:
    """What judge.lua notes about a block. All but the names is JSON in a string."""

    evaluated: str
    judgement: str
    breakers: dict[str, str]


@dataclass(frozen=True, slots=True)
class PostedAlert:
    """An alert in the store, with the webhooks it was first queued for."""

    alert: Alert
    webhooks: tuple[str, ...]


_RECORDS: Mapping[Kind, json.Decoder[Record]] = {
    kind: json.Decoder(RECORD_OF[kind]) for kind in Kind if kind is not Kind.POSITION
}
_BLOCK = json.Decoder(BlockRef)
_BREAKER = json.Decoder(BreakerState)
_JUDGEMENT = json.Decoder(Judgement)
_MARK = json.Decoder(_Mark)
_POSTED = json.Decoder(PostedAlert)
_SIZES, _SIZE = Struct(">HHI"), Struct(">I")


def encode_text(value: object) -> str:
    """Any value of this module as JSON text."""
    return json.encode(value).decode()


def encode_record(record: Record) -> bytes:
    return pack_position(record) if isinstance(record, Position) else json.encode(record)


def decode_record(key: Key, data: bytes) -> Record:
    if key.kind is not Kind.POSITION:
        return _decode(_RECORDS[key.kind], data, str(key))
    try:
        return unpack_position(data)
    except ValueError as exc:
        raise _damaged(str(key), exc) from exc


def decode_group(name: str) -> tuple[Kind, MarketId]:
    try:
        return kind_of(name)
    except ValueError as exc:
        raise _damaged(f"the name {name!r} of a group", exc) from exc


def decode_key(group: str, field: bytes) -> Key:
    try:
        return key_of(group, field)
    except ValueError as exc:
        raise _damaged(f"a field of {group}", exc) from exc


class PositionPacking:
    """The packing of one market's positions, as a ledger keeps them."""

    def __init__(self, market: MarketId) -> None:
        self._group = f"{Kind.POSITION}:{market}"

    def field(self, key: Key) -> bytes:
        return field_of(key)

    def key(self, field: bytes) -> Key:
        return decode_key(self._group, field)

    def value(self, key: Key, data: bytes) -> Record:
        return decode_record(key, data)


def decode_block(data: bytes | str) -> BlockRef:
    return _decode(_BLOCK, data, "a block reference")


def decode_breaker(name: str, data: bytes | str) -> BreakerState:
    return _decode(_BREAKER, data, f"breaker {name}")


def decode_posted(data: bytes | str) -> PostedAlert:
    return _decode(_POSTED, data, "an alert")


def row_of(key: Key, record: Record | None) -> Row:
    name, field = place_of(key)
    return name, field, _bytes(record)


def rows_of(delta: BlockDelta) -> tuple[list[Row], list[Row]]:
    """What a delta wrote over, and what it writes."""
    before: list[Row] = []
    after: list[Row] = []
    for change in delta.changes:
        name, field = place_of(change.key)
        before.append((name, field, _bytes(change.before)))
        after.append((name, field, _bytes(change.after)))
    return before, after


def _bytes(record: Record | None) -> bytes:
    return b"" if record is None else encode_record(record)


def encode_rows(rows: Iterable[Row]) -> bytes:
    """A version byte, then row by row: the lengths of its three parts, and these. Lua reads it."""
    parts = [ROWS_VERSION]
    for name, field, data in rows:
        named = name.encode()
        parts += _SIZES.pack(len(named), len(field), len(data)), named, field, data
    return b"".join(parts)


def decode_rows(packed: bytes) -> list[Row]:
    """Raises ValueError for what `encode_rows` did not make."""
    if packed[:1] != ROWS_VERSION:
        raise ValueError(f"it has the layout {packed[:1].hex() or 'none'}: expected 01")
    rows, at = [], 1
    while at < len(packed):
        ends = list(accumulate(_sizes(_SIZES, packed, at), initial=at + _SIZES.size))
        name, field, data = (packed[start:end] for start, end in pairwise(ends))
        rows.append((name.decode(), field, data))
        at = ends[-1]
    if at != len(packed):
        raise ValueError(f"it has {len(packed)} bytes: expected {at}")
    return rows


def encode_undo(block: BlockRef, before: bytes, after: bytes) -> bytes:
    """An undo record, as commit.lua makes it: the block in JSON, and its rows of either time."""
    return json.encode(block) + b"\n" + _SIZE.pack(len(before)) + before + after


def decode_undo(data: bytes, mark: bytes | None) -> UndoRecord:
    """An undo record from what a block wrote and, if it was judged, its mark."""
    try:
        block, changes = _decode_changes(data)
    except ValueError as exc:
        raise _damaged("an undo record", exc) from exc
    delta = BlockDelta(block, changes)
    if mark is None:
        return UndoRecord(delta, None, {})
    noted = _decode(_MARK, mark, "a judgement")
    judgement = _decode(_JUDGEMENT, noted.judgement, "a judgement")
    states = {name: decode_breaker(name, state) for name, state in noted.breakers.items()}
    return UndoRecord(delta, judgement, states)


def _decode_changes(data: bytes) -> tuple[BlockRef, tuple[Change, ...]]:
    block, _, rest = data.partition(b"\n")
    [size] = _sizes(_SIZE, rest, 0)
    middle = _SIZE.size + size
    changes = []
    pairs = zip(decode_rows(rest[_SIZE.size : middle]), decode_rows(rest[middle:]), strict=True)
    for (name, field, before), (other_name, other_field, after) in pairs:
        if (name, field) != (other_name, other_field):
            raise ValueError(f"{name} before the block is {other_name} after it")
        key = decode_key(group_in(name), field)
        changes.append(Change(key, _maybe(key, before), _maybe(key, after)))
    return decode_block(block), tuple(changes)


def _sizes(layout: Struct, data: bytes, at: int) -> tuple[int, ...]:
    try:
        return layout.unpack_from(data, at)
    except struct_error as exc:
        raise ValueError(str(exc)) from exc


def digest(records: Mapping[Key, Record]) -> str:
    """SHA-256 over all records, sorted by key: equal ledgers, and only they, have equal digests."""
    hasher = hashlib.sha256()
    for key in sorted(records):
        hasher.update(json.encode((key, records[key])))
        hasher.update(b"\n")
    return hasher.hexdigest()


def _maybe(key: Key, data: bytes) -> Record | None:
    return decode_record(key, data) if data else None


def _decode(decoder: json.Decoder[T], data: bytes | str, what: str) -> T:
    try:
        return decoder.decode(data)
    except (MsgspecError, ValueError) as exc:
        raise _damaged(what, exc) from exc


def _damaged(what: str, because: object) -> LedgerCorrupt:
    return LedgerCorrupt(
        f"{what} in the store does not decode: {because}. Something else wrote there: build "
        "the ledger anew, alerts are kept: cascade-monitor store rebuild --config F."
    )
