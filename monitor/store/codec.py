"""Records and what surrounds them as JSON, which holds integers of any size.

Fields are named, so that a record may gain a field with a default without a new schema version,
and an operator can read the state with redis-cli.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from msgspec import DecodeError, Raw, ValidationError
from msgspec.json import Decoder, encode

from monitor.core.alerts import Alert, BreakerState, Judgement
from monitor.core.blocks import BlockRef
from monitor.core.delta import BlockDelta, Change
from monitor.core.ledger import RECORD_OF, Key, Kind, Record
from monitor.core.ports import UndoRecord
from monitor.errors import LedgerCorrupt

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Delta:
    """A BlockDelta with its records still encoded: a JSON union of dataclasses has no tags."""

    block: BlockRef
    changes: tuple[tuple[Key, Raw, Raw], ...]


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


_RECORDS: Mapping[Kind, Decoder[Record]] = {kind: Decoder(RECORD_OF[kind]) for kind in Kind}
_BLOCK = Decoder(BlockRef)
_BREAKER = Decoder(BreakerState)
_DELTA = Decoder(_Delta)
_JUDGEMENT = Decoder(Judgement)
_MARK = Decoder(_Mark)
_POSTED = Decoder(PostedAlert)


def encode_text(value: object) -> str:
    """Any value of this module as JSON text."""
    return encode(value).decode()


def decode_record(key: Key, data: str | Raw) -> Record:
    return _decode(_RECORDS[key.kind], data, str(key))


def decode_block(data: str) -> BlockRef:
    return _decode(_BLOCK, data, "a block reference")


def decode_breaker(name: str, data: str) -> BreakerState:
    return _decode(_BREAKER, data, f"breaker {name}")


def decode_posted(data: str) -> PostedAlert:
    return _decode(_POSTED, data, "an alert")


def encode_delta(delta: BlockDelta) -> str:
    changes = tuple((c.key, Raw(encode(c.before)), Raw(encode(c.after))) for c in delta.changes)
    return encode_text(_Delta(delta.block, changes))


def decode_undo(delta: str, mark: str | None) -> UndoRecord:
    """An undo record from a block's delta and, if it was judged, its mark."""
    packed = _decode(_DELTA, delta, "an undo record")
    changes = (Change(key, _maybe(key, old), _maybe(key, new)) for key, old, new in packed.changes)
    change_set = BlockDelta(packed.block, tuple(changes))
    if mark is None:
        return UndoRecord(change_set, None, {})
    noted = _decode(_MARK, mark, "a judgement")
    judgement = _decode(_JUDGEMENT, noted.judgement, "a judgement")
    before = {name: decode_breaker(name, state) for name, state in noted.breakers.items()}
    return UndoRecord(change_set, judgement, before)


def digest(records: Mapping[Key, Record]) -> str:
    """SHA-256 over all records, sorted by key: equal ledgers, and only they, have equal digests."""
    hasher = hashlib.sha256()
    for key in sorted(records):
        hasher.update(encode((key, records[key])))
        hasher.update(b"\n")
    return hasher.hexdigest()


def _maybe(key: Key, data: Raw) -> Record | None:
    return None if bytes(data) == b"null" else decode_record(key, data)


def _decode(decoder: Decoder[T], data: str | Raw, what: str) -> T:
    try:
        return decoder.decode(data)
    except (DecodeError, ValidationError) as exc:
        raise LedgerCorrupt(
            f"{what} in the store does not decode: {exc}. Something else wrote there: start again "
            "with an empty store (another store.namespace or state_dir)."
        ) from exc
