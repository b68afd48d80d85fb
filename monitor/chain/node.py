"""All that speaks to the node, wired from one list of endpoints. Used by the composition root."""

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.chain.agreement import Agreement
from monitor.chain.block_logs import BlockLogs
from monitor.chain.endpoint import Observe
from monitor.chain.endpoints import Endpoints
from monitor.chain.follower import Follower
from monitor.chain.headers import Headers
from monitor.chain.heads import HeadClock
from monitor.chain.proof import HeaderProof
from monitor.chain.reader import NodeReader
from monitor.core.abi import FunctionAbi
from monitor.core.blocks import BlockRef
from monitor.core.units import BlockHash
from monitor.errors import StateUnavailable

LOOK_POLLS = 3
"""How many polls of the head go by between two comparisons of the endpoints."""


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """Where the node is and how it is asked. The order of `urls` is the order of preference."""

    urls: Sequence[str]
    chain_id: int
    poll_seconds: float = 2.0
    reorg_window: int = 128
    timeout_seconds: float = 10.0
    silence_seconds: float = 60.0
    requests_per_second: float | None = None
    prove_logs: bool = True
    prove_headers: bool = True


class Node:
    """The chain side of the daemon. Close it at the end."""

    def __init__(self, settings: NodeSettings, aggregate3: FunctionAbi, observe: Observe) -> None:
        self.endpoints = Endpoints(
            settings.urls,
            settings.chain_id,
            observe,
            settings.timeout_seconds,
            settings.requests_per_second,
        )
        proof = HeaderProof(self.endpoints, settings.prove_headers)
        self.headers = Headers(self.endpoints, proof)
        self.clock = HeadClock(
            self.endpoints, proof, settings.poll_seconds, settings.silence_seconds
        )
        self.agreement = Agreement(self.headers, LOOK_POLLS * settings.poll_seconds)
        self.reader = NodeReader(self.endpoints, aggregate3)
        self.follower = Follower(
            self.clock,
            self.headers,
            BlockLogs(self.endpoints, settings.prove_logs),
            self.agreement,
            settings.reorg_window,
        )

    async def block_by(self, name: int | BlockHash | str) -> BlockRef:
        """A block by number, by hash, or "latest" or "finalized".

        Raises StateUnavailable when there is no such block, and RpcInconsistent where the
        endpoints disagree about the final one.
        """
        if name == "latest":
            return await self.clock.latest()
        if name == "finalized":
            found = await self.headers.finalized()
            if found is not None:
                await self.agreement.demand(found.number)
        elif isinstance(name, int):
            found = (await self.headers.by_number(name)).block
        else:
            header = await self.headers.by_hash(BlockHash(name))
            found = header.block if header is not None else None
        if found is None:
            raise StateUnavailable(f"the node has no block {name}: expected one of its own chain")
        return found

    async def close(self) -> None:
        await self.endpoints.close()
