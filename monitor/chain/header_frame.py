"""A header as it comes in JSON, and the hash its fields have: a header whose hash is another was
changed by somebody.

Fields and their order: yellow paper, section 4.4; EIP-1559, 4895, 4844, 4788, 7685. The encoding
is RLP (yellow paper, appendix B), of a flat list only: a general encoder takes seven times as long.
"""

from typing import Any

import msgspec
from eth_utils.crypto import keccak

BASE_FIELDS = 15
"""So many fields every header has; those behind them came with forks, in this order."""
QUANTITIES = frozenset({7, 8, 9, 10, 11, 15, 17, 18})
"""Places of the fields that are numbers: these are hashed without leading zeros."""


def _lower(name: str) -> str:
    """`block_hash` to `blockhash`: an answer is put in lower case whole, before it is read."""
    return name.replace("_", "")


class HeaderFrame(msgspec.Struct, rename=_lower, kw_only=True):
    """A header in JSON, in lower case. The fields in the order they are hashed in, then the hash.

    What is only hashed may be missing or of any type: then there is no proof.
    """

    parent_hash: str
    sha3_uncles: Any = None
    miner: Any = None
    state_root: Any = None
    transactions_root: Any = None
    receipts_root: Any = None
    logs_bloom: str
    difficulty: Any = None
    number: str
    gas_limit: Any = None
    gas_used: str
    timestamp: str
    extra_data: Any = None
    mix_hash: Any = None
    nonce: Any = None
    base_fee_per_gas: Any = None
    withdrawals_root: Any = None
    blob_gas_used: Any = None
    excess_blob_gas: Any = None
    parent_beacon_block_root: Any = None
    requests_hash: Any = None
    hash: str


HASHED = frozenset(HeaderFrame.__struct_encode_fields__) - {"hash"}
"""The names of the fields, as they stand in JSON in lower case."""


def is_proven(frame: HeaderFrame) -> bool:
    """Whether the fields have the hash that the header names."""
    *fields, claimed = msgspec.structs.astuple(frame)
    if None in fields[:BASE_FIELDS]:
        return False
    try:
        items = [
            _item(_quantity(field) if place in QUANTITIES else _bytes(field))
            for place, field in enumerate(fields)
            if field is not None
        ]
    except (TypeError, ValueError):
        return False
    listed = b"".join(items)
    return bool(claimed == "0x" + keccak(_length(len(listed), 0xC0) + listed).hex())


def _bytes(field: Any) -> bytes:
    if field[:2] != "0x":
        raise ValueError("no hex")
    return bytes.fromhex(field[2:])


def _quantity(field: Any) -> bytes:
    if field[:2] != "0x":
        raise ValueError("no hex")
    digits = field[2:].lstrip("0")
    return bytes.fromhex("0" * (len(digits) % 2) + digits)


def _item(data: bytes) -> bytes:
    if len(data) == 1 and data[0] < 0x80:
        return data
    return _length(len(data), 0x80) + data


def _length(length: int, offset: int) -> bytes:
    """The head of a byte string (`offset` 0x80) or of a list (0xc0)."""
    if length < 56:
        return bytes((offset + length,))
    digits = length.to_bytes((length.bit_length() + 7) // 8)
    return bytes((offset + 55 + len(digits),)) + digits
