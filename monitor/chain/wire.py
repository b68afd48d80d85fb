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


PlacedLog = tuple[int, RawLog]
"""A block number and a log of that block."""


def _lower(name: str) -> str:
    """`block_hash` to `blockhash`: an answer is put in lower case whole, before it is read."""
    return name.replace("_", "")


class _HeaderFrame(msgspec.Struct, rename=_lower):
    number: str
    hash: str
    parent_hash: str
    timestamp: str
    logs_bloom: str
    gas_used: str


class _LogFrame(msgspec.Struct, rename=_lower):
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
        frame = _HEADER.decode(bytes(raw).lower())
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
    placed: list[PlacedLog] = []
    before = (-1, -1)
    try:
        for frame in _LOGS.decode(bytes(raw).lower()):
            number, log = _quantity(frame.block_number), _log(frame)
            here = (number, log.log_index)
            if here <= before:
                raise RpcInconsistent(f"log {here} (block, index) comes after {before}")
            placed.append((number, log))
            before = here
    except (msgspec.DecodeError, ValueError) as error:
        raise RpcUnavailable(f"expected logs, got something else: {error}") from None
    return placed


def _log(frame: _LogFrame) -> RawLog:
    if frame.removed:
        raise RpcInconsistent(f"a log of {frame.block_hash} is marked as removed")
    if len(frame.block_hash) != 66 or not frame.data.startswith("0x"):
        raise ValueError("a log without a block hash, or with data that are not hex")
    return RawLog(
        Address(frame.address),
        frame.topics,
        frame.data[2:],
        BlockHash(frame.block_hash),
        _quantity(frame.log_index),
        frame.transaction_hash,
    )


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
    return BlockHash(text)
