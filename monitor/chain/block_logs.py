"""Logs, pulled: by block hash at the head, by range where the chain is final. Never subscribed."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from monitor.chain import bloom
from monitor.chain.completeness import proven, whole_block
from monitor.chain.endpoints import Endpoints
from monitor.chain.faults import RevertError, RpcRefused
from monitor.chain.rpc import Call
from monitor.chain.slices import Width, in_slices
from monitor.chain.transfer_logs import TransferLogs, transfers_among
from monitor.chain.wire import Header, PlacedLog, read_logs
from monitor.core.blocks import BlockRef, RawLog
from monitor.core.units import Address, BlockHash
from monitor.errors import MonitorError, RpcInconsistent

WIDEST_RANGE_BLOCKS = 100_000
HANDY_LOGS = 2_000
"""An answer is read without a pause, and nothing else is done meanwhile: so many take some 5 ms."""
WIDEST_BATCH = 100
MOST_ADDRESSES = 1_000
ABOUT_ADDRESSES = re.compile(r"\baddress", re.I)
"""A refusal that is cured by fewer addresses, not by fewer blocks."""


class BlockLogs:
    """Asks for logs and believes only what fits the question. Raises TransientError.

    A node may know a header before its receipts. Near the head the logs of everybody are asked for
    and have to explain the header's bloom. In a range, and where a node refuses that (or
    `is_proven` is False), "none" under a bloom that says "perhaps" is believed only when it is said
    again, by every endpoint that answers. It is believed then: a bloom is right to say "perhaps" of
    a block without any of our logs, so it proves nobody wrong.
    """

    def __init__(self, endpoints: Endpoints, is_proven: bool = True) -> None:
        self._endpoints = endpoints
        self._is_proven = is_proven
        self._transfers = TransferLogs(endpoints)
        self._newest: tuple[RawLog, ...] = ()
        self._quiet: BlockHash | None = None
        self._width = Width(WIDEST_RANGE_BLOCKS)
        self._batch_width = Width(WIDEST_BATCH)
        self._most_addresses = MOST_ADDRESSES

    async def of_header(self, header: Header, addresses: frozenset[Address]) -> tuple[RawLog, ...]:
        """The logs of a block; not asked for where its bloom excludes every address."""
        self._quiet = header.block.hash if header.logs_bloom == 0 else None
        if header.logs_bloom is not None and bloom.excludes(header.logs_bloom, addresses):
            return ()
        if self._is_proven and header.logs_bloom is not None:
            with suppress(RpcRefused):
                call = whole_block(header.block)
                self._newest = await self._endpoints.request(call, proven(header))
                return _ours(self._newest, addresses)
        logs = await self.of_block(header.block, addresses)
        if not logs and _is_doubtful(header, addresses):
            [logs] = await self._again([header.block], addresses)
        return logs

    async def of_block(self, block: BlockRef, addresses: frozenset[Address]) -> tuple[RawLog, ...]:
        """The logs of exactly that block. Raises BlockUnknown when it was reorganised away."""
        if not addresses:  # a node takes an empty list for "any address"
            return ()
        if self._newest and self._newest[0].block_hash == block.hash:
            return _ours(self._newest, addresses)
        return await self._endpoints.request(_of_hash(block, addresses), _reader(block, addresses))

    async def transfers_of(
        self, block: BlockRef, accounts: frozenset[Address]
    ) -> tuple[RawLog, ...]:
        """ERC-20 transfers from or to these; not asked for where all logs are at hand."""
        if not accounts or block.hash == self._quiet:
            return ()
        if self._newest and self._newest[0].block_hash == block.hash:
            return transfers_among(self._newest, accounts)
        return await self._transfers.of_block(block, accounts)

    async def of_span(
        self, headers: Sequence[Header], addresses: frozenset[Address]
    ) -> list[tuple[RawLog, ...]]:
        """The logs of linked final blocks, one tuple per header."""
        first, last = headers[0].block.number, headers[-1].block.number
        logs: dict[BlockHash, list[RawLog]] = {header.block.hash: [] for header in headers}
        for number, log in await self.in_range(addresses, first, last):
            block = headers[number - first].block
            if log.block_hash != block.hash:
                raise RpcInconsistent(
                    f"a log names block {number} {log.block_hash}, its header is {block.hash}"
                )
            logs[block.hash].append(log)
        doubtful = [
            header.block
            for header in headers
            if not logs[header.block.hash] and _is_doubtful(header, addresses)
        ]
        for block, told in zip(doubtful, await self._again(doubtful, addresses), strict=True):
            logs[block.hash] += told
        return [tuple(logs[header.block.hash]) for header in headers]

    async def in_range(
        self,
        addresses: frozenset[Address],
        first: int,
        last: int,
        topics: Sequence[str] | None = None,
    ) -> list[PlacedLog]:
        """Logs of blocks `first` to `last` in order; with one of these first topics, if given."""
        if not addresses or (topics is not None and not topics):
            return []

        async def ask(start: int, stop: int) -> list[PlacedLog]:
            part = await self._of_range(_Range(sorted(addresses), start, stop - 1, topics))
            self._width.weigh(stop - start, len(part), HANDY_LOGS)
            return part

        logs: list[PlacedLog] = []
        async for part in in_slices(first, last + 1, self._width, ask):
            logs += part
        return logs

    async def _of_range(self, wanted: "_Range") -> list[PlacedLog]:
        """One range, by fewer addresses at a time where a node takes no more."""
        most = self._most_addresses
        if len(wanted.addresses) <= most:
            try:
                return await self._endpoints.request(wanted.call(), wanted.read)
            except RpcRefused as refusal:
                if len(wanted.addresses) == 1 or not ABOUT_ADDRESSES.search(str(refusal)):
                    raise
                most = self._most_addresses = len(wanted.addresses) // 2
        logs: list[PlacedLog] = []
        for start in range(0, len(wanted.addresses), most):
            part = wanted.addresses[start : start + most]
            logs += await self._of_range(replace(wanted, addresses=part))
        return sorted(logs, key=lambda placed: (placed[0], placed[1].log_index))

    async def _again(
        self, blocks: Sequence[BlockRef], addresses: frozenset[Address]
    ) -> list[tuple[RawLog, ...]]:
        """What every endpoint that answers says of blocks that seemed empty: the most of it."""

        async def ask(start: int, stop: int) -> list[tuple[RawLog, ...]]:
            part = blocks[start:stop]
            calls = [_of_hash(block, addresses) for block in part]
            told = await self._endpoints.everyone(
                calls, lambda raw: _filtered(raw, addresses), rested_only=True
            )
            answers = [_by_block(answer, part) for answer in told]
            if not any(isinstance(answer, list) for answer in answers):
                raise next(answer for answer in answers if isinstance(answer, MonitorError))
            believed = [answer for answer in answers if isinstance(answer, list)]
            return [max(of_block, key=len) for of_block in zip(*believed, strict=True)]

        logs: list[tuple[RawLog, ...]] = []
        async for part in in_slices(0, len(blocks), self._batch_width, ask):
            logs += part
        return logs


@dataclass(frozen=True, slots=True)
class _Range:
    """Logs of blocks `first` to `last` by these addresses; with one of these first topics."""

    addresses: Sequence[Address]
    first: int
    last: int
    topics: Sequence[str] | None

    def call(self) -> Call:
        wanted: dict[str, Any] = {
            "fromBlock": hex(self.first),
            "toBlock": hex(self.last),
            "address": list(self.addresses),
        }
        return _call(wanted | ({"topics": [list(self.topics)]} if self.topics else {}))

    def read(self, raw: msgspec.Raw) -> list[PlacedLog]:
        placed = _filtered(raw, frozenset(self.addresses))
        # They come in rising order.
        if placed and (placed[0][0] < self.first or placed[-1][0] > self.last):
            raise RpcInconsistent(
                f"asked for logs of blocks {self.first} to {self.last}, got another's"
            )
        return placed


def _ours(logs: Sequence[RawLog], addresses: frozenset[Address]) -> tuple[RawLog, ...]:
    return tuple(log for log in logs if log.address in addresses)


def _call(wanted: dict[str, Any]) -> Call:
    return Call("eth_getLogs", (wanted,))


def _of_hash(block: BlockRef, addresses: frozenset[Address]) -> Call:
    return _call({"blockHash": block.hash, "address": sorted(addresses)})


def _is_doubtful(header: Header, addresses: frozenset[Address]) -> bool:
    """Whether the bloom says "perhaps", so that "no logs" has to be said again."""
    if header.logs_bloom is None or not addresses:
        return False
    return not bloom.excludes(header.logs_bloom, addresses)


def _by_block(
    answer: Sequence[list[PlacedLog] | RevertError] | MonitorError, blocks: Sequence[BlockRef]
) -> list[tuple[RawLog, ...]] | MonitorError:
    """One endpoint's logs of each block; a failure where any of them is another block's."""
    if isinstance(answer, MonitorError):
        return answer
    logs = []
    for block, placed in zip(blocks, answer, strict=True):
        if isinstance(placed, RevertError):
            return placed
        if any(log.block_hash != block.hash for _, log in placed):
            return _foreign(block)
        logs.append(tuple(log for _, log in placed))
    return logs


def _foreign(block: BlockRef) -> RpcInconsistent:
    return RpcInconsistent(f"asked for logs of block {block.hash}, got another's")


def _reader(
    block: BlockRef, addresses: frozenset[Address]
) -> Callable[[msgspec.Raw], tuple[RawLog, ...]]:
    def read(raw: msgspec.Raw) -> tuple[RawLog, ...]:
        placed = _filtered(raw, addresses)
        if any(log.block_hash != block.hash for _, log in placed):
            raise _foreign(block)
        return tuple(log for _, log in placed)

    return read


def _filtered(raw: msgspec.Raw, addresses: frozenset[Address]) -> list[PlacedLog]:
    placed = read_logs(raw)
    strangers = {log.address for _, log in placed} - addresses
    if strangers:
        raise RpcInconsistent(f"a log of {min(strangers)}, which was not asked for")
    return placed
