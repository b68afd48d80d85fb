"""Whether an endpoint serves our chain: asked on every new connection, and after every failure."""

import time

import msgspec

from monitor.chain.endpoint import Endpoint
from monitor.chain.faults import RevertError
from monitor.chain.rpc import Call
from monitor.chain.wire import Header, read_header, read_quantity
from monitor.core.units import BlockHash
from monitor.errors import BlockUnknown, RpcInconsistent, RpcUnavailable

CHAIN_ID = Call("eth_chainId")
FIRST_BLOCK = Call("eth_getBlockByNumber", ("0x0", False))
TRUSTED_SECONDS = 5.0
"""How long a check holds where no connection lasts: checked by connection, every question would
cost four more."""


class Membership:
    """Our chain: its number, and the first block that all endpoints have to share."""

    def __init__(self, chain_id: int) -> None:
        self._chain_id = chain_id
        self.genesis: BlockHash | None = None

    async def check(self, endpoint: Endpoint) -> None:
        """Raises RpcInconsistent for another chain, RpcUnavailable where it does not say."""
        failures = endpoint.failures
        async with endpoint.checking:
            if endpoint.failures > failures:
                raise RpcUnavailable(f"{endpoint.name} failed its check a moment ago")
            if not endpoint.is_to_be_checked:
                return
            await endpoint.ask([CHAIN_ID], self._read_our_chain)
            connection = endpoint.transport.connections
            self._compare(endpoint, await self._genesis_of(endpoint))
            endpoint.checked_connection = connection
            if endpoint.transport.connections != connection:
                endpoint.trusted_until = time.monotonic() + TRUSTED_SECONDS

    async def _genesis_of(self, endpoint: Endpoint) -> BlockHash:
        """Where its hash is not proven, it must be told twice: the first answer sets all others'.

        Many a chain's first block is built in its own way.
        """
        first = await self._first_block(endpoint)
        if not first.is_proven:
            again = await self._first_block(endpoint)
            if again.block != first.block:
                raise RpcInconsistent(f"{endpoint.name} told two first blocks when asked twice")
        return first.block.hash

    async def _first_block(self, endpoint: Endpoint) -> Header:
        try:
            [first] = await endpoint.ask([FIRST_BLOCK], read_header)
        except BlockUnknown as error:
            raise RpcUnavailable(f"{error}: it has no block 0 yet") from error
        if first is None or isinstance(first, RevertError):
            raise RpcUnavailable(f"{endpoint.name} has no block 0 yet")
        return first

    def _compare(self, endpoint: Endpoint, genesis: BlockHash) -> None:
        self.genesis = self.genesis or genesis
        if self.genesis != genesis:
            raise RpcInconsistent(
                f"{endpoint.name} has genesis {genesis}, the others {self.genesis}: it serves "
                "another chain of the same number"
            )

    def _read_our_chain(self, raw: msgspec.Raw) -> int:
        chain_id = read_quantity(raw)
        if chain_id != self._chain_id:
            raise RpcInconsistent(
                f"it serves chain {chain_id}, expected {self._chain_id}: "
                "correct chain.endpoints or chain.chain_id"
            )
        return chain_id
