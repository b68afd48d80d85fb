"""Headers by name: number, hash, the finalised one, or a linked span of them."""

from itertools import pairwise

import msgspec

from monitor.chain.endpoints import Endpoints
from monitor.chain.faults import RpcRefused
from monitor.chain.proof import HeaderProof, numbered
from monitor.chain.rpc import Call
from monitor.chain.slices import Width, in_slices
from monitor.chain.wire import Header
from monitor.core.blocks import BlockRef
from monitor.core.units import BlockHash
from monitor.errors import BlockUnknown, MonitorError, RpcInconsistent

WIDEST_BATCH = 100


class Headers:
    """Asks for headers. Raises TransientError, or StateUnavailable where history is pruned."""

    def __init__(self, endpoints: Endpoints, proof: HeaderProof) -> None:
        self._endpoints = endpoints
        self._proof = proof
        self._width = Width(WIDEST_BATCH)

    async def by_number(self, number: int, parent: BlockRef | None = None) -> Header:
        """The canonical header at a height that is known to be reached.

        `parent`: the block below, where it is known; this one may follow another.
        """

        def read(raw: msgspec.Raw) -> Header:
            header = self._at(number, raw)
            if parent is not None:
                self._proof.check_time(parent, header.block)
            return header

        return await self._proof.settled(lambda: self._endpoints.request(numbered(number), read))

    async def by_hash(self, hash: BlockHash) -> Header | None:
        """The header of that hash, if the node has it."""
        call = Call("eth_getBlockByHash", (hash, False))
        read = self._proof.read
        header = await self._proof.settled(lambda: self._endpoints.request(call, read))
        if header is not None and header.block.hash != hash:
            raise RpcInconsistent(f"asked for block {hash}, got {header.block.hash}")
        return header

    async def finalized(self) -> BlockRef | None:
        """The newest final block; None where the node has no such tag, or nothing is final yet."""
        call = Call("eth_getBlockByNumber", ("finalized", False))
        try:
            header = await self._proof.settled(
                lambda: self._endpoints.request(call, self._proof.read, rounds=1)
            )
        except (BlockUnknown, RpcRefused):
            return None
        return header.block if header is not None else None

    async def span(self, first: int, last: int, parent: BlockRef | None = None) -> list[Header]:
        """Canonical headers `first` to `last`, each the parent of the next.

        `parent`: the block below, where ours goes on; the first may follow another.
        """
        headers: list[Header] = []
        async for part in in_slices(first, last + 1, self._width, self._slice):
            headers += part
        blocks = [header.block for header in headers]
        for block, child in pairwise(blocks):
            if child.parent_hash != block.hash:
                raise RpcInconsistent(f"block {child.number} is no child of the one before")
        for block, child in pairwise([*([parent] if parent is not None else []), *blocks]):
            self._proof.check_time(block, child)
        return headers

    async def holders(self, block: BlockRef) -> list[bool | None]:
        """Whether each endpoint has the block in its chain; None where it does not say."""
        answers = await self._endpoints.everyone([numbered(block.number)], self._proof.read)
        return [
            None
            if isinstance(answer, MonitorError)
            else isinstance(answer[0], Header) and answer[0].block == block
            for answer in answers
        ]

    async def hashes_at(self, number: int) -> list[BlockHash | None]:
        """Each endpoint's hash at a height; None where it has none yet, or does not say."""

        def read(raw: msgspec.Raw) -> Header | None:
            header = self._proof.read(raw)
            return None if header is None else _of_height(number, header)

        answers = await self._endpoints.everyone([numbered(number)], read, rested_only=True)
        return [
            None
            if isinstance(answer, MonitorError) or not isinstance(answer[0], Header)
            else answer[0].block.hash
            for answer in answers
        ]

    def check_anew(self) -> None:
        """Have every endpoint say again which chain it serves, before it is believed."""
        self._endpoints.check_anew()

    async def _slice(self, start: int, stop: int) -> list[Header]:
        calls = [numbered(number) for number in range(start, stop)]
        answers = await self._proof.settled(lambda: self._endpoints.batch(calls, self._present))
        headers = [answer for answer in answers if isinstance(answer, Header)]
        if [header.block.number for header in headers] != list(range(start, stop)):
            raise RpcInconsistent(f"asked for blocks {start} to {stop - 1}, got others")
        return headers

    def _present(self, raw: msgspec.Raw) -> Header:
        header = self._proof.read(raw)
        if header is None:
            raise RpcInconsistent(
                "a block it should have is not there: it lags, or was rolled back"
            )
        return header

    def _at(self, number: int, raw: msgspec.Raw) -> Header:
        return _of_height(number, self._present(raw))


def _of_height(number: int, header: Header) -> Header:
    if header.block.number != number:
        raise RpcInconsistent(f"asked for block {number}, got {header.block.number}")
    return header
