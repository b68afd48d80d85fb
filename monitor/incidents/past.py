"""The past of a chain as the pipeline asks for it: from a node, or from what was recorded of one.

Nothing here is retried for ever, and nothing is guessed: what cannot be answered ends the replay.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Protocol, TypeVar

import structlog

from monitor.chain.block_logs import BlockLogs
from monitor.chain.endpoint import backoff_seconds
from monitor.chain.node import Node
from monitor.chain.wire import Header
from monitor.core.blocks import BlockAdded, BlockRef, ChainEvent, RawLog
from monitor.core.ports import AccountReader, Code, ContractReader, ViewCall, ViewResult
from monitor.core.units import Address, BlockHash
from monitor.errors import (
    BlockUnknown,
    MonitorError,
    RpcInconsistent,
    StateUnavailable,
    TransientError,
)

log = structlog.stdlib.get_logger(__name__)
Addresses = Callable[[], frozenset[Address]]
Answer = TypeVar("Answer")
MOST_TRIES = 8
"""Of one question. Each asks every endpoint several times."""


class PastError(MonitorError):
    """What the pipeline asked has no answer in this past. Not a kind that anybody makes do with:
    a replay that went on without would say something else than the daemon had said.
    """


class Past(ContractReader, AccountReader, Protocol):
    """Blocks, logs and views of the past. Raises PastError, and TransientError to ask again."""

    async def block(self, number: int) -> BlockRef:
        """The block at a height."""
        ...

    async def genesis(self) -> BlockHash:
        """The chain's first block."""
        ...

    async def logs(self, block: BlockRef, addresses: frozenset[Address]) -> tuple[RawLog, ...]:
        """The logs of one block by these addresses, in log order."""
        ...

    async def transfers(self, block: BlockRef, accounts: frozenset[Address]) -> tuple[RawLog, ...]:
        """As of a TransferFeed."""
        ...


class PastFeed:
    """A ChainFeed and TransferFeed that ends with a block. Nothing turns there."""

    def __init__(self, past: Past, last: BlockRef) -> None:
        self._past = past
        self._last = last

    @property
    def newest_head(self) -> BlockRef:
        return self._last

    async def follow(
        self, tail: Sequence[BlockRef], addresses: Addresses
    ) -> AsyncGenerator[ChainEvent, None]:
        before = tail[-1]
        while before.number < self._last.number:
            block = await self._past.block(before.number + 1)
            if block.parent_hash != before.hash:
                raise RpcInconsistent(
                    f"block {block.number} {block.hash} does not follow {before.hash}: the chain "
                    "turned meanwhile, or its endpoints disagree. Replay blocks that are final."
                )
            yield BlockAdded(block, await self._past.logs(block, addresses()))
            before = block

    async def has(self, block: BlockRef) -> bool:
        """The past does not go away."""
        return True

    async def logs_of(self, block: BlockRef, addresses: frozenset[Address]) -> tuple[RawLog, ...]:
        return await self._past.logs(block, addresses)

    async def transfers_of(
        self, block: BlockRef, accounts: frozenset[Address]
    ) -> tuple[RawLog, ...]:
        return await self._past.transfers(block, accounts)


class NodePast:
    """The past of a node that still has it."""

    def __init__(self, node: Node, *, proves_logs: bool) -> None:
        self._node = node
        self._reader = node.reader
        self._block_logs = BlockLogs(node.endpoints, proves_logs)
        self._header: Header | None = None

    async def block(self, number: int) -> BlockRef:
        self._header = await _asked(None, lambda: self._node.headers.by_number(number))
        return self._header.block

    async def genesis(self) -> BlockHash:
        return await self._node.endpoints.genesis_hash()

    async def logs(self, block: BlockRef, addresses: frozenset[Address]) -> tuple[RawLog, ...]:
        header, self._header = self._header, None
        logs = self._block_logs
        if header is not None and header.block == block:
            return await _asked(block, lambda: logs.of_header(header, addresses))
        return await _asked(block, lambda: logs.of_block(block, addresses))

    async def transfers(self, block: BlockRef, accounts: frozenset[Address]) -> tuple[RawLog, ...]:
        return await _asked(block, lambda: self._block_logs.transfers_of(block, accounts))

    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        return await _asked(at, lambda: self._reader.read(at, calls))

    async def has_code(self, at: BlockRef, contract: Address) -> bool:
        return await _asked(at, lambda: self._reader.has_code(at, contract))

    async def codes(self, at: BlockRef, accounts: Sequence[Address]) -> list[Code]:
        return await _asked(at, lambda: self._reader.codes(at, accounts))

    async def storage(self, at: BlockRef, slots: Sequence[tuple[Address, int]]) -> list[int]:
        return await _asked(at, lambda: self._reader.storage(at, slots))

    async def past_logs(
        self,
        addresses: Sequence[Address],
        topics: Sequence[str],
        from_block: int,
        to_block: int,
    ) -> list[RawLog]:
        logs = self._reader.past_logs
        return await _asked(None, lambda: logs(addresses, topics, from_block, to_block))


async def _asked(at: BlockRef | None, ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Ask until it works, within half a minute or so: a replay of hours outlives a node's blip.

    A block that is not there (yet) is the pipeline's to wait for; forgotten state does not come
    back, and ends it.
    """
    failures = 0
    while True:
        try:
            return await ask()
        except TransientError as error:
            failures += 1
            if failures == MOST_TRIES:
                raise
            log.warning("retrying", waiting_for="node", error=str(error))
            await asyncio.sleep(backoff_seconds(failures))
        except BlockUnknown:
            raise
        except StateUnavailable as error:
            which = "these blocks" if at is None else f"block {at.number}"
            raise PastError(
                f"no endpoint has the state of {which} any more: expected an archive node for "
                "blocks older than about 128. Add one to chain.endpoints, or replay a recording "
                f"(--recording FILE). It said: {error}"
            ) from error
