"""What nodes send, as values: headers and logs out of JSON, read strictly.

A reader raises RpcUnavailable for an answer of another shape; Endpoints adds who sent it.
"""

from dataclasses import dataclass
from typing import Annotated

import msgspec

from monitor.chain.header_frame import HeaderFrame, is_proven
from monitor.core.blocks import BlockRef, RawLog
from monitor.core.units import Address, BlockHash
from monitor.errors import RpcInconsistent, RpcUnavailable


@dataclass(frozen=True, slots=True)
class Header:
    """A block header, as far as it is used. `logs_bloom` is None where it says nothing.

    `is_proven`: its fields have the hash that it names.
    """

    block: BlockRef
    logs_bloom: int | None
    is_proven: bool


BLOOM_DIGITS = 2 + 512
MOST_BLOCKS = 2**63
YEAR_10000_UNIX = 253_402_300_800
"""No date can be written from there on."""
PlacedLog = tuple[int, RawLog]
"""A block number and a log of that block."""


class _LogFrame(msgspec.Struct, rename="camel", gc=False):
    address: Address
    topics: tuple[str, ...]
    data: str
    block_hash: Annotated[BlockHash, msgspec.Meta(min_length=66, max_length=66)]
    block_number: str
    transaction_hash: str
    log_index: str
    removed: bool = False


# One byte each: that is looked for as fast as memory is read.
_CAPITAL_DIGITS = (b"A", b"B", b"C", b"D", b"E", b"F")
_TO_SMALL = bytes.maketrans(b"ABCDEF", b"abcdef")
_new_tuple = tuple.__new__
"""Without the detour that a named tuple's own constructor takes."""

_HEADER = msgspec.json.Decoder(HeaderFrame | None)
_LOGS = msgspec.json.Decoder(list[_LogFrame])
_TEXT = msgspec.json.Decoder(str)
_UNREADABLE = (msgspec.DecodeError, ValueError, RecursionError)
"""What decoding comes to where it is not what was asked for, or nested beyond all measure."""


def read_header(raw: msgspec.Raw) -> Header | None:
    """A block header; None where the node has no such block."""
    try:
        frame = _HEADER.decode(bytes(raw).lower())
        return None if frame is None else _header(frame)
    except _UNREADABLE as error:
        raise RpcUnavailable(f"expected a block header, got something else: {error}") from None


def _header(frame: HeaderFrame) -> Header:
    block = BlockRef(
        number=_quantity(frame.number),
        hash=_hash(frame.hash),
        parent_hash=_hash(frame.parent_hash),
        timestamp=_quantity(frame.timestamp),
    )
    if block.number >= MOST_BLOCKS or block.timestamp >= YEAR_10000_UNIX:
        raise ValueError("a number or a timestamp beyond all measure")
    bloom = int(frame.logs_bloom, 16)
    if bloom and len(frame.logs_bloom) != BLOOM_DIGITS:
        raise ValueError(f"a bloom of {len(frame.logs_bloom)} digits, expected {BLOOM_DIGITS}")
    # Some chains leave the bloom of a block with transactions empty: that excludes nothing.
    says_nothing = bloom == 0 and _quantity(frame.gas_used) > 0
    return Header(block, None if says_nothing else bloom, is_proven(frame))


def read_logs(raw: msgspec.Raw) -> list[PlacedLog]:
    """Logs, checked to be in strictly rising order and not marked as removed."""
    try:
        frames = _LOGS.decode(_with_small_digits(bytes(raw)))
        return _in_order(frames)
    except _UNREADABLE as error:
        raise RpcUnavailable(f"expected logs, got something else: {error}") from None


def _with_small_digits(answer: bytes) -> bytes:
    """Hex in lower case. No name of a field that is read holds a capital from A to F."""
    if any(digit in answer for digit in _CAPITAL_DIGITS):
        return answer.translate(_TO_SMALL)
    return answer


def _in_order(frames: list[_LogFrame]) -> list[PlacedLog]:
    """One loop without calls of our own: an answer may hold a hundred thousand logs."""
    placed: list[PlacedLog] = []
    number, named, last_index = -1, "", -1
    for frame in frames:
        if frame.block_number != named:
            before, named, last_index = number, frame.block_number, -1
            number = _quantity(named)
            if number <= before:
                raise RpcInconsistent(f"a log of block {number} comes after one of {before}")
        data, index_text = frame.data, frame.log_index
        if data[:2] != "0x" or index_text[:2] != "0x":
            raise ValueError("a log's data or index without 0x")
        index = int(index_text, 16)
        if index <= last_index:
            raise RpcInconsistent(f"log {index} of block {number} comes after {last_index}")
        last_index = index
        if frame.removed:
            raise RpcInconsistent(f"a log of {frame.block_hash} is marked as removed")
        topics, tx_hash = frame.topics, frame.transaction_hash
        fields = (frame.address, topics, data[2:], frame.block_hash, index, tx_hash)
        placed.append((number, _new_tuple(RawLog, fields)))
    return placed


def read_quantity(raw: msgspec.Raw) -> int:
    """A hex number."""
    try:
        return _quantity(_TEXT.decode(raw))
    except _UNREADABLE:
        raise RpcUnavailable("expected a hex number, got something else") from None


def read_bytes(raw: msgspec.Raw) -> bytes:
    """Hex bytes."""
    try:
        text = _TEXT.decode(raw)
        if not text.startswith("0x"):
            raise ValueError(text)
        return bytes.fromhex(text[2:])
    except _UNREADABLE:
        raise RpcUnavailable("expected hex bytes, got something else") from None


def _quantity(text: str) -> int:
    if not text.startswith("0x"):
        raise ValueError(f"{text[:20]!r} is no hex number")
    return int(text, 16)


def _hash(text: str) -> BlockHash:
    if len(text) != 66 or not text.startswith("0x"):
        raise ValueError(f"{text[:70]!r} is no hash")
    int(text, 16)
    return BlockHash(text)
