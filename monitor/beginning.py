"""How a daemon begins: an empty store filled, and the configuration held against the state."""

import asyncio
import time

import structlog

from monitor.chain.node import Node
from monitor.core.blocks import BlockRef
from monitor.core.keys import Kind
from monitor.core.ledger import Ledger
from monitor.core.ports import StateStore, StoredState
from monitor.engine.folding import Folder, bootstrap
from monitor.errors import ConfigError, QuestionError, StateUnavailable, TransientError
from monitor.parts import Parts
from monitor.schema import Chain

log = structlog.stdlib.get_logger(__name__)
KEPT_STATE_BLOCKS = 128
"""How far back a full node still has the state."""
MOST_FORGOTTEN = 4
"""Blocks whose state was forgotten before it is given up."""
MOST_BLIPS = 12
"""Failures of the node that are waited out, a second longer each: over a minute in all."""


class Beginning:
    """The first state of a store."""

    def __init__(self, chain: Chain, parts: Parts, node: Node, folder: Folder) -> None:
        self._chain = chain
        self._parts = parts
        self._node = node
        self._folder = folder
        self.base: BlockRef | None = None
        """The block whose state is read; None until then, and where there was a state."""

    async def fill(self, store: StateStore) -> StoredState:
        """Fill it, from a block that no reorganisation can take back where there is one.

        Reading a large market's past takes long. When the node has forgotten the block's state
        by then, a newer block is tried: what was read of the past is not read again.
        """
        head = await self._node.block_by("latest")
        at = await self._base(head)
        blips, forgotten = 0, 0
        while True:
            try:
                await self._read(store, at, head)
                return await store.load()
            except TransientError as error:
                blips += 1
                if blips == MOST_BLIPS:
                    raise
                log.warning("bootstrap_waits", because=str(error))
                await asyncio.sleep(blips)
            except StateUnavailable as error:
                forgotten += 1
                if forgotten == MOST_FORGOTTEN or self._chain.start_block != "snapshot":
                    raise StateUnavailable(
                        f"no endpoint has the state of block {at.number} (any more). Add an "
                        f"archive node to chain.endpoints for the first start. It said: {error}"
                    ) from error
                log.warning("bootstrap_again", block=at.number, because=str(error))
                at = head = await self._node.block_by("latest")

    async def _base(self, head: BlockRef) -> BlockRef:
        start = self._chain.start_block
        if start != "snapshot":
            return await self._node.block_by(max(0, int(start) - 1))
        try:
            final = await self._node.block_by("finalized")
        except StateUnavailable:
            return head
        return final if head.number - final.number <= KEPT_STATE_BLOCKS else head

    async def _read(self, store: StateStore, at: BlockRef, head: BlockRef) -> None:
        self.base = at
        log.info("bootstrap_started", block=at.number, hash=at.hash)
        started = time.monotonic()
        ledger = await bootstrap(self._parts.sources, self._folder, self._node.reader, at, head)
        await store.begin(at, dict(ledger.records()))
        log.info("bootstrap_done", seconds=round(time.monotonic() - started, 1))


def verify_scenarios(parts: Parts, ledger: Ledger, block: BlockRef) -> None:
    """Raises ConfigError for scenarios that name what no market lists."""
    listed = [next(ledger.keys(Kind.RESERVE, m.market), None) for m in parts.markets]
    if None in listed:  # a replay from before the market was: names come with its logs
        return
    faults = []
    for plan in parts.runner.plans:
        try:
            parts.runner.verify(ledger, block, plan)
        except QuestionError as error:
            faults.append(f"scenarios.{plan.name}: {error}")
    if faults:
        raise ConfigError(*faults)
