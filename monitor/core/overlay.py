"""A ledger under change: what a block under way sees, until its changes are collapsed."""

from collections.abc import Iterator
from copy import copy

from monitor.core.keys import Key, Kind
from monitor.core.ledger import LedgerView, Record, RecordT, other_record
from monitor.core.units import MarketId


class _Unread:
    """What an overlay has not looked at yet: None is an absence."""


_UNREAD = _Unread()


class Overlay:
    """A ledger with uncommitted changes on top: what a block under way sees.

    The base is asked once for a key, as it may be read four times between a log and the delta.
    """

    def __init__(self, base: LedgerView) -> None:
        self._base = base
        self._now: dict[Key, Record | None] = {}
        self._before: dict[Key, Record | None] = {}
        """What was written, as the base has it."""
        self._written: dict[tuple[Kind, MarketId], list[Key]] = {}
        self._drafts: dict[Key, Record] = {}

    def get(self, key: Key) -> Record | None:
        found = self._now.get(key, _UNREAD)
        if isinstance(found, _Unread):
            found = self._now[key] = self._base.get(key)
        return found

    def keys(self, kind: Kind, market: MarketId) -> Iterator[Key]:
        for key in self._base.keys(kind, market):
            if key not in self._before:
                yield key
        for key in self._written.get((kind, market), ()):
            if self._now[key] is not None:
                yield key

    def items(self, kind: Kind, market: MarketId) -> Iterator[tuple[Key, Record]]:
        for key, record in self._base.items(kind, market):
            if key not in self._before:
                yield key, record
        for key in self._written.get((kind, market), ()):
            if (written := self._now[key]) is not None:
                yield key, written

    def put(self, key: Key, record: Record | None) -> None:
        if key not in self._before:
            self._before[key] = self.get(key)
            self._written.setdefault(key[:2], []).append(key)
        self._now[key] = record
        self._drafts.pop(key, None)

    def draft(self, key: Key, record: type[RecordT]) -> RecordT | None:
        """This block's own copy of a record, whose slots may be written until the block is done.

        Nearly every log moves one of a few reserves: they are copied once a block, not once a log.
        """
        draft = self._drafts.get(key)
        if draft is None:
            found = self.get(key)
            if found is None:
                return None
            draft = copy(found)
            self.put(key, draft)
            self._drafts[key] = draft
        if not isinstance(draft, record):
            raise other_record(key, draft, record)
        return draft

    def written(self) -> Iterator[tuple[Key, Record | None, Record | None]]:
        """(key, before, after) of everything that differs from the base."""
        for key, before in self._before.items():
            after = self._now[key]
            if before != after:
                yield key, before, after
