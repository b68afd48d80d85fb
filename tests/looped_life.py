"""A ledger with its loops beside a world: the daemon's own folding, in memory."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from devnet import World
from devnet.configuration import Wiring, configuration

from monitor.chain.node import Node, NodeSettings
from monitor.core.blocks import BlockAdded, BlockRef, BlocksReverted, ChainEvent
from monitor.core.delta import BlockDelta, apply
from monitor.core.keys import OBSERVED, Key, Kind
from monitor.core.ledger import Ledger, Record, each
from monitor.core.loops import Loop, Loops
from monitor.core.overlay import Overlay
from monitor.core.units import Address, MarketId
from monitor.engine.folding import Folder, bootstrap
from monitor.engine.recursion import Recursion
from monitor.library import abi_library
from monitor.parts import Parts, parts_of
from monitor.settings import load


@dataclass
class LoopedLife:
    """`follow` brings it to the head; `loops` are those of an account's owner."""

    world: World
    parts: Parts
    node: Node
    recursion: Recursion
    folder: Folder
    kept: Ledger = field(default_factory=Ledger)
    tail: list[BlockRef] = field(default_factory=list)
    done: list[BlockDelta] = field(default_factory=list)
    events: AsyncGenerator[ChainEvent, None] | None = None

    async def begin(self) -> None:
        """A snapshot of the head."""
        head = await self.node.block_by((await self.world.head()).number)
        self.kept = await bootstrap(self.parts.sources, self.folder, self.node.reader, head, head)
        self.tail = [head]
        self.folder.begin(self.kept)
        self.events = self.node.follower.follow([head], lambda: self.folder.addresses(self.kept))

    async def follow(self) -> None:
        assert self.events is not None
        head = await self.world.head()
        while self.tail[-1].hash != head.hash:
            match await anext(self.events):
                case BlockAdded() as added:
                    folded = await self.folder.fold(self.kept, added)
                    self._apply(folded.delta)
                    self.done.append(folded.delta)
                    self.tail.append(added.block)
                case BlocksReverted(blocks=blocks):
                    for block in blocks:
                        assert self.tail.pop() == block
                        self._apply(self.done.pop().inverse())

    async def loops(self, account: str) -> tuple[Loop, ...]:
        """At the head."""
        await self.follow()
        owner = self.recursion.owner(Address(account))
        found = {key.subject: told for key, told in each(self.kept, Kind.LOOPS, _ALL, Loops)}
        return found[owner].loops if owner in found else ()

    def observed(self) -> dict[Key, Record]:
        """Owners, trails and loops, as they are kept."""
        return {key: record for key, record in self.kept.records() if key.kind in OBSERVED}

    async def anew(self) -> dict[Key, Record]:
        """The same, found by somebody who knows positions and trails only."""
        known = {k: r for k, r in self.kept.records() if k.kind not in (Kind.OWNER, Kind.LOOPS)}
        ledger = Ledger(known)
        reader, feed = self.node.reader, self.node.follower
        fresh = Recursion(self.parts.recursion, reader, feed)
        fresh.begin(ledger)
        overlay = Overlay(ledger)
        await fresh.fold(self.tail[-1], overlay, ())
        for key, _, after in overlay.written():
            ledger.put(key, after)
        return {key: record for key, record in ledger.records() if key.kind in OBSERVED}

    def _apply(self, delta: BlockDelta) -> None:
        apply(self.kept, delta)
        self.folder.apply(delta)


_ALL = MarketId("")


@asynccontextmanager
async def looped_life(world: World, folder: Path, more: str = "") -> AsyncIterator[LoopedLife]:
    """Over the configuration that the devnet writes for a world, and `more`, from the head on."""
    config = folder / "loops.toml"
    config.write_text(configuration(world, Wiring(folder / "state")) + more)
    parts = parts_of(load(config, {}))
    settings = NodeSettings((world.anvil.http_url,), world.anvil.chain_id, poll_seconds=0.05)
    aggregate3 = abi_library("multicall3/Multicall3").functions["aggregate3"]
    node = Node(settings, aggregate3, lambda *_: None)
    recursion = Recursion(parts.recursion, node.reader, node.follower)
    life = LoopedLife(
        world,
        parts,
        node,
        recursion,
        Folder(parts.sources, node.follower, node.reader, recursion),
    )
    try:
        await life.begin()
        yield life
    finally:
        if life.events is not None:
            async with aclosing(life.events):
                pass
        await node.close()
