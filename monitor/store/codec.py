"""Records and what surrounds them as bytes and text.

Positions are packed (see `packing`), and so are undo records. All else is JSON, which holds
integers of any size: its fields are named, so that a record may gain a field with a default without
a new schema version, and an operator can read it with redis-cli.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from msgspec import MsgspecError, json, msgpack

from monitor.core.alerts import Alert, BreakerState, Judgement
from monitor.core.blocks import BlockRef
from monitor.core.delta import BlockDelta, Change
from monitor.core.ledger import RECORD_OF, Key, Kind, Position, Record
from monitor.core.ports import UndoRecord
from monitor.core.units import MarketId
from monitor.errors import LedgerCorrupt
from monitor.store.keys import field_of, group_of, key_of, kind_of
from monitor.store.packing import pack_position, unpack_position

T = TypeVar("T")


Row = tuple[str, bytes, bytes, bytes]
"""A changed record: its group, its field, and its bytes before and after; none is absence."""

UNDO_VERSION = b"\x01"


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
_pack = msgpack.Encoder().encode
_UNDO = msgpack.Decoder(tuple[bytes, tuple[Row, ...]])


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


def rows_of(delta: BlockDelta) -> list[Row]:
    """What a delta writes and what it wrote over."""
    return [
        (
            group_of(change.key),
            field_of(change.key),
            b"" if change.before is None else encode_record(change.before),
            b"" if change.after is None else encode_record(change.after),
        )
        for change in delta.changes
    ]


def encode_undo(block: BlockRef, rows: Iterable[Row]) -> bytes:
    """A version byte and, in MessagePack, the block in JSON and its rows."""
    return UNDO_VERSION + _pack((json.encode(block), rows))


def decode_undo(data: bytes, mark: bytes | None) -> UndoRecord:
    """An undo record from a block's packed delta and, if it was judged, its mark."""
    if data[:1] != UNDO_VERSION:
        raise _damaged("an undo record", f"it has the layout {data[:1].hex()}: expected 01")
    block, rows = _decode(_UNDO, data[1:], "an undo record")
    changes = []
    for group, field, before, after in rows:
        key = decode_key(group, field)
        changes.append(Change(key, _maybe(key, before), _maybe(key, after)))
    delta = BlockDelta(decode_block(block), tuple(changes))
    if mark is None:
        return UndoRecord(delta, None, {})
    noted = _decode(_MARK, mark, "a judgement")
    judgement = _decode(_JUDGEMENT, noted.judgement, "a judgement")
    states = {name: decode_breaker(name, state) for name, state in noted.breakers.items()}
    return UndoRecord(delta, judgement, states)


def digest(records: Mapping[Key, Record]) -> str:
    """SHA-256 over all records, sorted by key: equal ledgers, and only they, have equal digests."""
    hasher = hashlib.sha256()
    for key in sorted(records):
        hasher.update(json.encode((key, records[key])))
        hasher.update(b"\n")
    return hasher.hexdigest()


def _maybe(key: Key, data: bytes) -> Record | None:
    return decode_record(key, data) if data else None


def _decode(decoder: json.Decoder[T] | msgpack.Decoder[T], data: bytes | str, what: str) -> T:
    try:
        return decoder.decode(data)  # type: ignore[arg-type] # only JSON is ever text
    except (MsgspecError, ValueError) as exc:
        raise _damaged(what, exc) from exc


def _damaged(what: str, because: object) -> LedgerCorrupt:
    return LedgerCorrupt(
        f"{what} in the store does not decode: {because}. Something else wrote there: start again "
        "with an empty store (another store.namespace or state_dir)."
    )
