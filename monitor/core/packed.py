"""Mappings whose values stay as bytes until they are first read.

A daemon that starts holds a hundred thousand positions and touches a few of them a block: what it
never reads it never builds, in time nor in memory.
"""

from collections.abc import ItemsView, Iterator, Mapping, MutableMapping
from typing import Protocol, TypeVar

K = TypeVar("K")
V = TypeVar("V")
V_co = TypeVar("V_co", covariant=True)


class Packing(Protocol[K, V_co]):
    """How keys and values of one group are bytes, and back."""

    def field(self, key: K) -> bytes:
        """The key as bytes: equal keys, and only they, have equal fields."""
        ...

    def key(self, field: bytes) -> K:
        """The inverse of `field`."""
        ...

    def value(self, key: K, data: bytes) -> V_co:
        """A value unpacked. Raises LedgerCorrupt for bytes that are none."""
        ...


class PackedMap(MutableMapping[K, V]):
    """A dict by field, each value packed or not: unpacked once, when it is first read."""

    __slots__ = ("_entries", "_packing")

    def __init__(self, packing: Packing[K, V], entries: Mapping[bytes, bytes | V]) -> None:
        """`entries`: packed values, and others, by the field of their key."""
        self._packing = packing
        self._entries = dict(entries)

    def __getitem__(self, key: K) -> V:
        field = self._packing.field(key)
        return self._value(key, field, self._entries[field])

    def __setitem__(self, key: K, value: V) -> None:
        self._entries[self._packing.field(key)] = value

    def __delitem__(self, key: K) -> None:
        del self._entries[self._packing.field(key)]

    def __contains__(self, key: object) -> bool:
        return self._packing.field(key) in self._entries  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[K]:
        return map(self._packing.key, self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def items(self) -> ItemsView[K, V]:
        return _Items(self)

    def copy(self) -> "PackedMap[K, V]":
        """Its own entries. What is unpacked in one from now on is not in the other."""
        return PackedMap(self._packing, self._entries)

    def _value(self, key: K, field: bytes, entry: bytes | V) -> V:
        if not isinstance(entry, bytes):
            return entry
        value = self._packing.value(key, entry)
        self._entries[field] = value
        return value


class _Items(ItemsView[K, V]):
    """Key and value of each entry, without looking the key up again."""

    _mapping: PackedMap[K, V]

    def __iter__(self) -> Iterator[tuple[K, V]]:
        packed = self._mapping
        for field, entry in packed._entries.items():
            key = packed._packing.key(field)
            yield key, packed._value(key, field, entry)
