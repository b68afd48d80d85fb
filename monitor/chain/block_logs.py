"""Logs, pulled: by block hash at the head, by range where the chain is final. Never subscribed."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from monitor.chain import bloom
from monitor.chain.endpoints import Endpoints
from monitor.chain.rpc import Call
from monitor.chain.slices import in_slices
from monitor.chain.wire import Header, PlacedLog, read_logs
from monitor.core.blocks import BlockRef, RawLog
from monitor.core.units import Address
from monitor.errors import RpcInconsistent

WIDEST_RANGE_BLOCKS = 100_000


class BlockLogs:
    """Asks for logs and believes only what fits the question. Raises TransientError."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    async def of_header(self, header: Header, addresses: frozenset[Address]) -> tuple[RawLog, ...]:
        """The logs of a block; not asked for where its bloom excludes every address.

        A node may know a header before its receipts: where the bloom says "perhaps", "none" is
        believed only when it is said twice, by two endpoints if there are two.
        """
        says_something = header.logs_bloom is not None
        if header.logs_bloom is not None and bloom.excludes(header.logs_bloom, addresses):
            return ()
        logs = await self.of_block(header.block, addresses)
        if not logs and says_something:
            logs = await self.of_block(header.block, addresses, last_first=True)
        return logs

    async def of_block(
        self, block: BlockRef, addresses: frozenset[Address], last_first: bool = False
    ) -> tuple[RawLog, ...]:
        """The logs of exactly that block. Raises BlockUnknown when it was reorganised away."""
        if not addresses:  # a node takes an empty list for "any address"
            return ()

        def read(raw: msgspec.Raw) -> tuple[RawLog, ...]:
            placed = _filtered(raw, addresses)
            if any(log.block_hash != block.hash for _, log in placed):
                raise RpcInconsistent(f"asked for logs of block {block.hash}, got another's")
            return tuple(log for _, log in placed)

        call = _call({"blockHash": block.hash, "address": sorted(addresses)})
        return await self._endpoints.request(call, read, last_first)

    async def of_span(
        self, headers: Sequence[Header], addresses: frozenset[Address]
    ) -> list[tuple[RawLog, ...]]:
        """The logs of linked final blocks, one tuple per header."""
        first, last = headers[0].block.number, headers[-1].block.number
        logs: list[list[RawLog]] = [[] for _ in headers]
        for number, log in await self.in_range(addresses, first, last):
            block = headers[number - first].block
            if log.block_hash != block.hash:
                raise RpcInconsistent(
                    f"a log names block {number} {log.block_hash}, its header is {block.hash}"
                )
            logs[number - first].append(log)
        return [tuple(of_block) for of_block in logs]

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
            call = _range_call(addresses, start, stop - 1, topics)
            return await self._endpoints.request(call, _range_reader(addresses, start, stop))

        logs: list[PlacedLog] = []
        async for part in in_slices(first, last + 1, WIDEST_RANGE_BLOCKS, ask):
            logs += part
        return logs


def _call(wanted: dict[str, Any]) -> Call:
    return Call("eth_getLogs", (wanted,))


def _range_call(
    addresses: frozenset[Address], first: int, last: int, topics: Sequence[str] | None
) -> Call:
    wanted = {"fromBlock": hex(first), "toBlock": hex(last), "address": sorted(addresses)}
    return _call(wanted | ({"topics": [list(topics)]} if topics else {}))


def _range_reader(
    addresses: frozenset[Address], start: int, stop: int
) -> Callable[[msgspec.Raw], list[PlacedLog]]:
    def read(raw: msgspec.Raw) -> list[PlacedLog]:
        placed = _filtered(raw, addresses)
        if any(not start <= number < stop for number, _ in placed):
            raise RpcInconsistent(f"asked for logs of blocks {start} to {stop - 1}, got another's")
        return placed

    return read


def _filtered(raw: msgspec.Raw, addresses: frozenset[Address]) -> list[PlacedLog]:
    placed = read_logs(raw)
    for _, log in placed:
        if log.address not in addresses:
            raise RpcInconsistent(f"a log of {log.address}, which was not asked for")
    return placed
