"""Records and what surrounds them as bytes and text.

Stored positions are packed (see `packing`). All else, what a block did included, is JSON, which
holds integers of any size: its fields are named, so that a record may gain a field with a default
without a new schema version, and an operator can read it with redis-cli.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from struct import Struct
from typing import TypeVar

from msgspec import MsgspecError, Raw, json

from monitor.core.alerts import (
    Alert,
    BreakerState,
    ConditionState,
    Delivery,
    Judgement,
    Silence,
)
from monitor.core.blocks import BlockRef
from monitor.core.delta import BlockDelta
from monitor.core.keys import OBSERVED, Key, Kind
from monitor.core.ledger import RECORD_OF, Position, Record
from monitor.core.prices import Edge, Price
from monitor.core.units import MarketId
from monitor.errors import LedgerCorrupt
from monitor.store.keys import field_of, key_of, kind_of, place_of
from monitor.store.packing import pack_position, unpack_position

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Writes:
    """What a block wrote, its records still encoded: a JSON union of dataclasses has no tags."""

    block: BlockRef
    writes: tuple[tuple[Key, Raw], ...]
    paths: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """The path of a price, by its place among the writes: places among the edges."""
    edges: tuple[Edge, ...] = ()


Row = tuple[str, bytes, bytes]
"""A record to be written: its hash, its field, and its bytes. No bytes: to be deleted."""

Writes = dict[Key, Record | None]
"""What a block wrote; None is a removal."""

ROWS_VERSION = b"\x01"
LONGEST_CAUSE = 300
"""Characters of a library's words: they may repeat what was found."""


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


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A delivery that was given up. `died_unix` is None for one of an older version."""

    delivery: Delivery
    reason: str
    died_unix: float | None = None


@dataclass(frozen=True, slots=True)
class KeptCondition:
    """A way in which the monitor can be blind, and the episode of it that was last told of."""

    state: ConditionState
    episode: str = ""


_RECORDS: Mapping[Kind, json.Decoder[Record | None]] = {
    kind: json.Decoder(RECORD_OF[kind] | None) for kind in Kind
}
_BLOCK = json.Decoder(BlockRef)
_BREAKER = json.Decoder(BreakerState)
_JUDGEMENT = json.Decoder(Judgement)
_MARK = json.Decoder(_Mark)
_POSTED = json.Decoder(PostedAlert)
_BODY = json.Decoder(dict[str, Raw])
_LETTER = json.Decoder(DeadLetter)
_SILENCE = json.Decoder(Silence)
_CONDITION = json.Decoder(KeptCondition)
_WRITES = json.Decoder(_Writes)
_SIZES = Struct(">HHI")


def encode_text(value: object) -> str:
    """Any value of this module as JSON text."""
    return json.encode(value).decode()


def encode_record(record: Record) -> bytes:
    return pack_position(record) if isinstance(record, Position) else json.encode(record)


def decode_record(key: Key, data: bytes) -> Record:
    if key.kind is not Kind.POSITION:
        record = decode_json_record(key, data)
        if record is None:
            raise _damaged(key, "it is null")
        return record
    try:
        return unpack_position(data)
    except ValueError as exc:
        raise _damaged(key, exc) from exc


def decode_json_record(key: Key, data: bytes | str | Raw) -> Record | None:
    """A record that is not packed, whatever its kind; null is none."""
    return _decode(_RECORDS[key.kind], data, key)


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


def decode_block(data: bytes | str, what: str = "a block reference") -> BlockRef:
    return _decode(_BLOCK, data, what)


def decode_breaker(name: str, data: bytes | str) -> BreakerState:
    return _decode(_BREAKER, data, f"breaker {name}")


def decode_posted(data: bytes | str) -> PostedAlert:
    posted = _decode(_POSTED, data, "an alert")
    _decode(_BODY, posted.alert.body, f"the body of alert {posted.alert.id}")
    return posted


def decode_letter(data: bytes | str) -> DeadLetter:
    return _decode(_LETTER, data, "a dead letter")


def decode_silence(breaker: str, data: bytes | str) -> Silence:
    return _decode(_SILENCE, data, f"the silence of {breaker}")


def decode_condition(name: str, data: bytes | str) -> ConditionState:
    return _decode(_CONDITION, data, f"condition {name}").state


def row_of(key: Key, record: Record | None) -> Row:
    name, field = place_of(key)
    return name, field, b"" if record is None else encode_record(record)


def encode_rows(rows: Iterable[Row]) -> bytes:
    """A version byte, then row by row: the lengths of its three parts, and these. Lua reads it."""
    parts = [ROWS_VERSION]
    for name, entry, data in rows:
        named = name.encode()
        parts += _SIZES.pack(len(named), len(entry), len(data)), named, entry, data
    return b"".join(parts)


def encode_writes(delta: BlockDelta) -> bytes:
    """What a block writes. What it writes over follows from the blocks before it.

    Paths are most of it, and every block moves them; but they meet in the same few feeds. So each
    edge is told once.
    """
    writes: list[tuple[Key, Record | None]] = []
    paths: dict[int, list[int]] = {}
    edges: dict[Edge, int] = {}
    for place, change in enumerate(delta.changes):
        record = change.after
        if isinstance(record, Price) and record.path:
            paths[place] = [edges.setdefault(edge, len(edges)) for edge in record.path]
            record = replace(record, path=())
        writes.append((change.key, record))
    told = {"block": delta.block, "writes": writes, "paths": paths, "edges": list(edges)}
    return json.encode(told)


def decode_writes(data: bytes | str) -> Writes:
    told = _decode(_WRITES, data, "what a block wrote")
    found: Writes = {}
    for place, (key, after) in enumerate(told.writes):
        record = decode_json_record(key, after)
        if isinstance(record, Price) and place in told.paths:
            try:
                path = tuple(told.edges[edge] for edge in told.paths[place])
            except IndexError as exc:
                raise _damaged("what a block wrote", f"the path of {key} has lost edges") from exc
            record = replace(record, path=path)
        found[key] = record
    return found


def decode_mark(mark: bytes | str) -> tuple[Judgement, dict[str, BreakerState]]:
    """A judgement, and the breakers before it."""
    noted = _decode(_MARK, mark, "a judgement")
    judgement = _decode(_JUDGEMENT, noted.judgement, "a judgement")
    return judgement, {n: decode_breaker(n, state) for n, state in noted.breakers.items()}


def digest(records: Mapping[Key, Record], *, with_observed: bool = False) -> str:
    """SHA-256 over the records, sorted by key: equal ledgers, and only they, have equal digests.

    `with_observed`: also over what was seen on the way. Ledgers that began at different blocks
    differ in that.
    """
    hasher = hashlib.sha256()
    for key in sorted(records):
        if key.kind in OBSERVED and not with_observed:
            continue
        hasher.update(json.encode((key, records[key])))
        hasher.update(b"\n")
    return hasher.hexdigest()


def _decode(decoder: json.Decoder[T], data: bytes | str | Raw, what: object) -> T:
    try:
        return decoder.decode(data)
    except (MsgspecError, ValueError, RecursionError) as exc:
        raise _damaged(what, exc) from exc


def _damaged(what: object, because: object) -> LedgerCorrupt:
    return LedgerCorrupt(
        f"{what} in the store does not decode: {str(because)[:LONGEST_CAUSE]}. Something else "
        "wrote there: build the ledger anew, alerts are kept: cascade-monitor store rebuild "
        "--config F. If that does not help, forget them too: store rebuild --forget-alerts."
    )
