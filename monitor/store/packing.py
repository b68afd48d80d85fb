"""Positions as few bytes: there are a hundred thousand of them, and a block writes dozens.

A packed position is a version byte and, in MessagePack, its e-mode, its supplies and its debts; a
holding is asset, scaled amount, checkpoint and use as collateral. Integers are signed big-endian
bytes, for MessagePack knows none beyond 64 bits. `cascade-monitor positions --json` shows them.
"""

from collections.abc import Iterable
from functools import lru_cache

from msgspec.msgpack import Decoder, Encoder

from monitor.core.ledger import Holding, Position
from monitor.core.units import Ray, ScaledAmount
from monitor.store.keys import address_bytes, address_text

VERSION = b"\x01"

_Holding = tuple[bytes, bytes, bytes, bool]
_encode = Encoder().encode
_decode = Decoder(tuple[bytes, tuple[_Holding, ...], tuple[_Holding, ...]]).decode


def pack_position(position: Position) -> bytes:
    return VERSION + _encode(
        (_int_bytes(position.e_mode), _side(position.supplies), _side(position.debts))
    )


def unpack_position(data: bytes) -> Position:
    """The inverse of `pack_position`. Raises ValueError for what it did not make."""
    if data[:1] != VERSION:
        raise ValueError(f"it has the layout {data[:1].hex() or 'none'}: expected 01")
    e_mode, supplies, debts = _decode(memoryview(data)[1:])
    return Position(_holdings(supplies), _holdings(debts), _int(e_mode))


# Assets are few, and met in every position: one text each, in memory too.
_asset_bytes = lru_cache(4096)(address_bytes)
_asset_text = lru_cache(4096)(address_text)


def _side(side: Iterable[Holding]) -> list[_Holding]:
    packed = []
    for held in side:
        # Written out: a block packs hundreds of integers, and a call costs as much as the packing.
        scaled, checkpoint = held.scaled, held.checkpoint_ray
        packed.append(
            (
                _asset_bytes(held.asset),
                scaled.to_bytes((scaled.bit_length() >> 3) + 1, "big", signed=True),
                checkpoint.to_bytes((checkpoint.bit_length() >> 3) + 1, "big", signed=True),
                held.used_as_collateral,
            )
        )
    return packed


def _holdings(side: Iterable[_Holding]) -> tuple[Holding, ...]:
    return tuple(
        [
            Holding(_asset_text(asset), ScaledAmount(_int(scaled)), Ray(_int(checkpoint)), used)
            for asset, scaled, checkpoint, used in side
        ]
    )


def _int_bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() >> 3) + 1, "big", signed=True)


def _int(data: bytes) -> int:
    return int.from_bytes(data, "big", signed=True)
