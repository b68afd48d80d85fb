"""Positions as few bytes: there are a hundred thousand of them, and a block writes dozens.

A packed position is a version byte and, in MessagePack, its e-mode, its supplies, its debts, and
under version 2 what it lends; a holding is asset, scaled amount, checkpoint and use as collateral.
Integers are signed big-endian bytes, for MessagePack knows none beyond 64 bits.
`cascade-monitor positions --json` shows them.
"""

from collections.abc import Iterable
from functools import lru_cache

from msgspec.msgpack import Decoder, Encoder

from monitor.core.ledger import Holding, Position
from monitor.core.units import Ray, ScaledAmount
from monitor.store.keys import address_bytes, address_text

VERSION, WITH_LENT = b"\x01", b"\x02"

_Holding = tuple[bytes, bytes, bytes, bool]
_encode = Encoder().encode
_Side = tuple[_Holding, ...]
_decode = Decoder(tuple[bytes, _Side, _Side]).decode
_decode_with_lent = Decoder(tuple[bytes, _Side, _Side, _Side]).decode


def pack_position(position: Position) -> bytes:
    sides = (_int_bytes(position.e_mode), _side(position.supplies), _side(position.debts))
    if position.lent:
        return WITH_LENT + _encode((*sides, _side(position.lent)))
    return VERSION + _encode(sides)


def unpack_position(data: bytes) -> Position:
    """The inverse of `pack_position`. Raises ValueError for what it did not make."""
    body = memoryview(data)[1:]
    if data[:1] == VERSION:
        e_mode, supplies, debts = _decode(body)
        return Position(_holdings(supplies), _holdings(debts), _int(e_mode))
    if data[:1] == WITH_LENT:
        e_mode, supplies, debts, lent = _decode_with_lent(body)
        return Position(_holdings(supplies), _holdings(debts), _int(e_mode), _holdings(lent))
    raise ValueError(f"it has the layout {data[:1].hex() or 'none'}: expected 01 or 02")


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
