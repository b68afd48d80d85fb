"""A node that polls and gives up quickly, for tests over fake endpoints."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fake_node import FakeNode

from monitor.chain.node import Node, NodeSettings
from monitor.core.blocks import BlockRef
from monitor.library import abi_library


@asynccontextmanager
async def quick_node(*urls: str, chain_id: int = 1, **settings: Any) -> AsyncIterator[Node]:
    """`settings` are those of NodeSettings."""
    quick = {"poll_seconds": 0.1, "timeout_seconds": 0.5, **settings}
    aggregate3 = abi_library("multicall3/Multicall3").functions["aggregate3"]
    node = Node(NodeSettings(urls, chain_id, **quick), aggregate3, lambda *_: None)
    try:
        yield node
    finally:
        await node.close()


def genesis(fake: FakeNode) -> list[BlockRef]:
    """The tail of who has followed nothing yet."""
    return [fake.blocks[0].ref]


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while True:
            if is_so():
                return
            await asyncio.sleep(0.02)
