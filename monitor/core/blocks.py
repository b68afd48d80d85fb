"""Blocks and what a chain can tell us about them."""

from dataclasses import dataclass
from typing import NamedTuple

from monitor.core.units import Address, BlockHash


@dataclass(frozen=True, slots=True)
class BlockRef:
    """A block by name. Everything that is read or decided carries one."""

    number: int
    hash: BlockHash
    parent_hash: BlockHash
    timestamp: int


class RawLog(NamedTuple):
    """A log as the node gave it; hex strings, `data` without its 0x.

    A tuple, since there may be ten thousand in an answer: a frozen dataclass takes three times as
    long to make.
    """

    address: Address
    topics: tuple[str, ...]
    data: str
    block_hash: BlockHash
    log_index: int
    tx_hash: str


@dataclass(frozen=True, slots=True)
class BlockAdded:
    """The next block on top of the tail, with every log asked for, in log order."""

    block: BlockRef
    logs: tuple[RawLog, ...]


@dataclass(frozen=True, slots=True)
class BlocksReverted:
    """These blocks are gone, newest first; `ancestor` is the new tail."""

    blocks: tuple[BlockRef, ...]
    ancestor: BlockRef


@dataclass(frozen=True, slots=True)
class BlockFinalized:
    """Nothing up to this number can be reverted any more."""

    number: int


ChainEvent = BlockAdded | BlocksReverted | BlockFinalized
