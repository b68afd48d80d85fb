"""Headers by name: number, hash, the finalised one, or a linked span of them."""

from collections.abc import Callable
from itertools import pairwise

import msgspec

from monitor.chain.endpoints import Endpoints
from monitor.chain.faults import RpcRefused
from monitor.chain.rpc import Call
from monitor.chain.slices import Width, in_slices
from monitor.chain.wire import Header, read_header
from monitor.core.blocks import BlockRef
from monitor.core.units import BlockHash
from monitor.errors import BlockUnknown, MonitorError, RpcInconsistent

WIDEST_BATCH = 100


class Headers:
    """Asks for headers. Raises TransientError, or StateUnavailable where history is pruned."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._width = Width(WIDEST_BATCH)

    async def by_number(self, number: int) -> Header:
        """The canonical header at a height that is known to be reached."""
        return await self._endpoints.request(_numbered(number), _at(number))

    async def by_hash(self, hash: BlockHash) -> Header | None:
        """The header of that hash, if the node has it."""
        header = await self._endpoints.request(
            Call("eth_getBlockByHash", (hash, False)), read_header
        )
        if header is not None and header.block.hash != hash:
            raise RpcInconsistent(f"asked for block {hash}, got {header.block.hash}")
        return header

    async def finalized(self) -> BlockRef | None:
        """The newest final block; None where the node has no such tag, or nothing is final yet."""
        call = Call("eth_getBlockByNumber", ("finalized", False))
        try:
            header = await self._endpoints.request(call, read_header, rounds=1)
        except (BlockUnknown, RpcRefused):
            return None
        return header.block if header is not None else None

    async def span(self, first: int, last: int) -> list[Header]:
        """Canonical headers `first` to `last`, each the parent of the next."""
        headers: list[Header] = []
        async for part in in_slices(first, last + 1, self._width, self._numbered):
            headers += part
        for parent, child in pairwise(headers):
            if child.block.parent_hash != parent.block.hash:
                raise RpcInconsistent(f"block {child.block.number} is no child of the one before")
        return headers

    async def holders(self, block: BlockRef) -> list[bool | None]:
        """Whether each endpoint has the block in its chain; None where it does not say."""
        answers = await self._endpoints.everyone([_numbered(block.number)], read_header)
        return [
            None
            if isinstance(answer, MonitorError)
            else isinstance(answer[0], Header) and answer[0].block == block
            for answer in answers
        ]

    async def hashes_at(self, number: int) -> list[BlockHash | None]:
        """Each endpoint's hash at a height; None where it has none yet, or does not say."""
        call = _numbered(number)
        answers = await self._endpoints.everyone([call], _at_or_none(number), rested_only=True)
        return [
            None
            if isinstance(answer, MonitorError) or not isinstance(answer[0], Header)
            else answer[0].block.hash
            for answer in answers
        ]

    def check_anew(self) -> None:
        """Have every endpoint say again which chain it serves, before it is believed."""
        self._endpoints.check_anew()

    async def _numbered(self, start: int, stop: int) -> list[Header]:
        answers = await self._endpoints.batch([_numbered(n) for n in range(start, stop)], _present)
        headers = [answer for answer in answers if isinstance(answer, Header)]
        if [header.block.number for header in headers] != list(range(start, stop)):
            raise RpcInconsistent(f"asked for blocks {start} to {stop - 1}, got others")
        return headers


def _numbered(number: int) -> Call:
    return Call("eth_getBlockByNumber", (hex(number), False))


def _present(raw: msgspec.Raw) -> Header:
    header = read_header(raw)
    if header is None:
        raise RpcInconsistent("a block it should have is not there: it lags, or was rolled back")
    return header


def _at(number: int) -> Callable[[msgspec.Raw], Header]:
    def read(raw: msgspec.Raw) -> Header:
        return _of_height(number, _present(raw))

    return read


def _at_or_none(number: int) -> Callable[[msgspec.Raw], Header | None]:
    def read(raw: msgspec.Raw) -> Header | None:
        header = read_header(raw)
        return None if header is None else _of_height(number, header)

    return read


def _of_height(number: int, header: Header) -> Header:
    if header.block.number != number:
        raise RpcInconsistent(f"asked for block {number}, got {header.block.number}")
    return header
