"""What nodes send, as values: headers and logs out of JSON, read strictly.

A reader raises RpcUnavailable for an answer of another shape; Endpoints adds who sent it.
"""

from dataclasses import dataclass

import msgspec

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.units import Address, BlockHash
from monitor.errors import RpcInconsistent, RpcUnavailable


@dataclass(frozen=True, slots=True)
class Header:
    """A block header, as far as it is used. `logs_bloom` is None where it says nothing."""

    block: BlockRef
    logs_bloom: int | None


@dataclass(frozen=True, slots=True)
class PlacedLog:
    """A log and the number of its block."""

    block_number: int
    log: RawLog


class _HeaderFrame(msgspec.Struct, frozen=True, rename="camel"):
    number: str
    hash: str
    parent_hash: str
    timestamp: str
    logs_bloom: str
    gas_used: str


class _LogFrame(msgspec.Struct, frozen=True, rename="camel"):
    address: str
    topics: tuple[str, ...]
    data: str
    block_hash: str
    block_number: str
    transaction_hash: str
    log_index: str
    removed: bool = False


_HEADER = msgspec.json.Decoder(_HeaderFrame | None)
_LOGS = msgspec.json.Decoder(list[_LogFrame])
_TEXT = msgspec.json.Decoder(str)


def read_header(raw: msgspec.Raw) -> Header | None:
    """A block header; None where the node has no such block."""
    try:
        frame = _HEADER.decode(raw)
        return None if frame is None else _header(frame)
    except (msgspec.DecodeError, ValueError) as error:
        raise RpcUnavailable(f"expected a block header, got something else: {error}") from None


def _header(frame: _HeaderFrame) -> Header:
    block = BlockRef(
        number=_quantity(frame.number),
        hash=_hash(frame.hash),
        parent_hash=_hash(frame.parent_hash),
        timestamp=_quantity(frame.timestamp),
    )
    bloom = int(frame.logs_bloom, 16)
    # Some chains leave the bloom of a block with transactions empty: that excludes nothing.
    return Header(block, None if bloom == 0 and _quantity(frame.gas_used) else bloom)


def read_logs(raw: msgspec.Raw) -> list[PlacedLog]:
    """Logs, checked to be in strictly rising order and not marked as removed."""
    try:
        placed = [_log(frame) for frame in _LOGS.decode(raw)]
    except (msgspec.DecodeError, ValueError) as error:
        raise RpcUnavailable(f"expected logs, got something else: {error}") from None
    before = (-1, -1)
    for item in placed:
        here = (item.block_number, item.log.log_index)
        if here <= before:
            raise RpcInconsistent(f"log {here} (block, index) comes after {before}")
        before = here
    return placed


def _log(frame: _LogFrame) -> PlacedLog:
    if frame.removed:
        raise RpcInconsistent(f"a log of {frame.block_hash} is marked as removed")
    if not frame.data.startswith("0x"):
        raise ValueError("data without 0x")
    log = RawLog(
        address=Address(frame.address.lower()),
        topics=tuple(topic.lower() for topic in frame.topics),
        data=frame.data[2:].lower(),
        block_hash=_hash(frame.block_hash),
        log_index=_quantity(frame.log_index),
        tx_hash=frame.transaction_hash.lower(),
    )
    return PlacedLog(_quantity(frame.block_number), log)


def read_quantity(raw: msgspec.Raw) -> int:
    """A hex number."""
    try:
        return _quantity(_TEXT.decode(raw))
    except (msgspec.DecodeError, ValueError):
        raise RpcUnavailable("expected a hex number, got something else") from None


def read_bytes(raw: msgspec.Raw) -> bytes:
    """Hex bytes."""
    try:
        text = _TEXT.decode(raw)
        if not text.startswith("0x"):
            raise ValueError(text)
        return bytes.fromhex(text[2:])
    except (msgspec.DecodeError, ValueError):
        raise RpcUnavailable("expected hex bytes, got something else") from None


def _quantity(text: str) -> int:
    if not text.startswith("0x"):
        raise ValueError(f"{text[:20]!r} is no hex number")
    return int(text, 16)


def _hash(text: str) -> BlockHash:
    if len(text) != 66 or not text.startswith("0x"):
        raise ValueError(f"{text[:70]!r} is no hash")
    int(text, 16)
    return BlockHash(text.lower())
