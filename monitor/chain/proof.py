"""Whether a header is believed. Where its fields have the hash it names, nobody changed any."""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

import msgspec

from monitor.chain.endpoints import Endpoints
from monitor.chain.header_frame import HASHED
from monitor.chain.rpc import Call
from monitor.chain.wire import Header, read_header
from monitor.core.blocks import BlockRef
from monitor.errors import RpcInconsistent

LOGGER = logging.getLogger(__name__)
T = TypeVar("T")
LOOKS = 6
"""How often the endpoints are asked again about headers that are in doubt."""
ALIKE = 3
"""So often the very same header must be told to be the chain's own: damage differs every time."""
ADDED = frozenset(
    {"hash", "size", "totaldifficulty", "transactions", "uncles", "withdrawals", "author"}
)
"""What nodes tell beside a header's own fields."""

_NAMED = msgspec.json.Decoder(dict[str, msgspec.Raw])


class HeaderProof:
    """Demands of every header that its fields have its hash.

    Some chains build headers otherwise, and a fork may add a field we do not know. A header
    without proof whose fields are others than those of proven ones is therefore looked into: it and
    its neighbours are asked for again. One header with proof confirms the demand. Where there is
    none, and the very same two headers are told `ALIKE` times, the demand is given up, with one
    warning: then a header is believed where it is plausible (`check_time`). A fork is thus followed
    once its second block is there.
    """

    def __init__(self, endpoints: Endpoints, is_demanded: bool = True) -> None:
        self._endpoints = endpoints
        self.is_demanded = is_demanded
        self._names: frozenset[str] = frozenset()
        self._doubted: int | None = None

    def believes(self, header: Header) -> bool:
        return header.is_proven or not self.is_demanded

    def read(self, raw: msgspec.Raw) -> Header | None:
        """An answer to a question for a header. Raises RpcInconsistent where it is not believed."""
        header = read_header(raw)
        if header is None:
            return None
        if not self.believes(header):
            if self._is_built_otherwise(raw):
                self._doubted = header.block.number
            raise RpcInconsistent(
                f"the header of block {header.block.number} was changed: its fields have another "
                f"hash than {header.block.hash}. If this stays, replace the endpoint; if the chain "
                "hashes headers in its own way, set chain.prove_headers = false"
            )
        if header.is_proven and not self._names:
            self._names = frozenset(_named(raw))
        return header

    async def settled(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What `ask` comes to; asked again where a header without proof was looked into."""
        try:
            return await ask()
        except RpcInconsistent:
            doubted, self._doubted = self._doubted, None
            if doubted is None:
                raise
            await self._look_into(doubted)
            return await ask()

    def check_time(self, parent: BlockRef, child: BlockRef) -> None:
        """Raises RpcInconsistent for a child older than its parent. With proof there is none."""
        if (
            not self.is_demanded
            and child.parent_hash == parent.hash
            and child.timestamp < parent.timestamp
        ):
            raise RpcInconsistent(
                f"block {child.number} is said to be of {child.timestamp}, which is before its "
                f"parent's {parent.timestamp}"
            )

    def _is_built_otherwise(self, raw: msgspec.Raw) -> bool:
        """Whether there are fields more or fewer than in headers that are proven."""
        names = frozenset(_named(raw))
        missing = self._names & HASHED - names
        return not self._names or bool(missing or names - HASHED - ADDED - self._names)

    async def _look_into(self, number: int) -> None:
        """Give the demand up, if this chain's headers have no proof around that height."""
        calls = [numbered(near) for near in range(max(0, number - 1), number + 2)]
        told: Counter[_Told] = Counter()
        for _ in range(LOOKS):
            answers = await self._endpoints.everyone(calls, _told, rested_only=True)
            answered = chain.from_iterable(a for a in answers if isinstance(a, list))
            headers = [header for header in answered if isinstance(header, _Told)]
            proven = [header.names for header in headers if header.is_proven]
            self._names = self._names.union(*proven)
            # The block before may be the last one before a fork: it confirms nothing.
            if any(header.is_proven and header.number >= number for header in headers):
                return
            told.update(header for header in headers if not header.is_proven)
            alike = {header.number for header, times in told.items() if times >= ALIKE}
            if len(alike) >= 2 or (alike and number == 0 and not self._names):
                break
        else:
            return
        self.is_demanded = False
        LOGGER.warning(
            "headers of this chain cannot be proven by hash: the fields of block %d have another "
            "hash than it names, however often it is asked for. From now on a header is believed "
            "where it is plausible",
            number,
        )


@dataclass(frozen=True, slots=True)
class _Told:
    """A header as a node told it. `fields`: those that are hashed, and the hash."""

    number: int
    is_proven: bool
    names: frozenset[str]
    fields: tuple[bytes, ...]


def _told(raw: msgspec.Raw) -> _Told | None:
    header = read_header(raw)
    if header is None:
        return None
    named = _named(raw)
    fields = tuple(named.get(name, b"") for name in sorted({*HASHED, "hash"}))
    return _Told(header.block.number, header.is_proven, frozenset(named), fields)


def _named(raw: msgspec.Raw) -> dict[str, bytes]:
    """What an answer that is a header tells, by name in lower case; null is not told."""
    named = _NAMED.decode(bytes(raw).lower())
    return {name: bytes(value) for name, value in named.items() if bytes(value) != b"null"}


def numbered(number: int) -> Call:
    """Asks for the header at a height."""
    return Call("eth_getBlockByNumber", (hex(number), False))
