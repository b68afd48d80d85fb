"""A script performed: on the chain, and under the eyes of the monitor, which must keep up."""

from devnet import Block, Receipt
from steady_proxy import Gate, SteadyProxy

from fuzz.cast import Cast
from fuzz.facts import Mismatch, compare
from fuzz.monitored import Monitored, Records
from fuzz.script import Die, Mine, Reorg, Resume, Rollback, Step
from fuzz.sight import Sight
from monitor.core.keys import Kind
from monitor.core.ledger import Ledger
from monitor.store.codec import digest

DEEPEST = 50
"""No reorganisation goes further below the highest head there was: that is final by then."""


class Performance:
    """Begins at the chain's head; then `do` and `compare`, step after step; at last `end`.

    The monitor asks between blocks, never while the chain changes: `steady_proxy` says why.
    """

    def __init__(self, cast: Cast, redis_url: str, namespace: str = "fuzz") -> None:
        self.world = cast.world
        self._cast = cast
        self.compared = 0
        self.reverted = 0
        self._redis_url = redis_url
        self._namespace = namespace
        self._gate = Gate()
        anvil = self.world.anvil
        self._node = SteadyProxy(anvil.http_url, anvil.ws_url, self._gate)
        self._lived: Monitored | None = None
        self._is_alive = True
        self._floor = 0
        self._unseen: list[Block] = []
        """What happened since the last comparison, in the order of the chain."""
        self._seen: Sight | None = None
        self._replays = 0

    async def begin(self) -> Sight:
        head = await self.world.head()
        self._floor = head.number
        await self._node.start()
        self._lived = self._life(self._namespace)
        await self._monitored.begin(head.number)
        self._unseen = [head]
        return await self.look()

    async def look(self) -> Sight:
        """What the contracts say at the head."""
        return await self._see(await self.world.head())

    async def look_below(self, depth: int) -> Sight:
        """What they said so many blocks before it."""
        head = await self.world.head()
        return await self._see(await self.world.block_at(head.number - depth))

    async def do(self, step: Step) -> list[Receipt]:
        """One step; the receipts are those of its acts. Steps that make no sense do nothing."""
        match step:
            case Mine():
                return await self._mine(step)
            case Rollback():
                await self._roll_back(step)
            case Reorg():
                return await self._reorganise(step)
            case Die():
                await self._die()
            case Resume():
                await self._resume()
        return []

    async def compare(self) -> list[Mismatch]:
        """All facts, at every block that is new to the monitor. None while that is dead."""
        if not self._is_alive:
            return []
        found: list[Mismatch] = []
        while self._unseen:
            block = self._unseen.pop(0)
            ledger = await self._monitored.ledger_at(block.hash)
            sight = await self._see(block)
            seen, told = sight.facts(), self._cast.told(ledger, block.timestamp)
            self.compared += len(seen)
            found += compare(block.number, seen, told)
        return found

    async def keep_up(self) -> None:
        """Wait for the monitor, and compare nothing but what happens from now on."""
        if self._is_alive and self._unseen:
            self._unseen = self._unseen[-1:]
            await self._monitored.ledger_at(self._unseen[0].hash)

    async def compare_snapshot(self, *, with_pools: bool) -> list[str]:
        """The ledger in the store against what the contracts tell of the head.

        The monitor must have come to it: after `compare`. Pools are slow to read, tick by tick.
        """
        head = await self.world.head()
        snapshot = await self._monitored.snapshot(head.number, with_pools=with_pools)
        stored = {
            key: record
            for key, record in (await self._monitored.stored()).items()
            if with_pools or key.kind is not Kind.POOL
        }
        self.compared += 1
        return _differences(stored, "a snapshot", snapshot)

    async def compare_replay(self) -> list[str]:
        """The same against the whole chain again, from before there was a market."""
        replayed = await self._replay(await self.world.head())
        self.compared += 1
        return _differences(await self._monitored.stored(), "a replay", replayed)

    async def compare_loops(self) -> list[str]:
        """The loops in the store against those that its positions and trails make anew."""
        head = await self.world.head()
        kept = {k: r for k, r in (await self._monitored.stored()).items() if k.kind is Kind.LOOPS}
        anew = await self._monitored.loops_anew(head.number)
        self.compared += 1
        return [
            f"mismatch: {key}: {kept.get(key)}, found anew {anew.get(key)}"
            for key in sorted(kept.keys() | anew.keys())
            if kept.get(key) != anew.get(key)
        ]

    async def digest(self) -> str:
        """Of the ledger in the store."""
        return digest(await self._monitored.stored())

    def standing(self) -> str:
        """Where the monitor is."""
        return self._monitored.standing()

    async def end(self) -> None:
        if self._lived is not None:
            await self._lived.end()
        await self._node.stop()

    @property
    def _monitored(self) -> Monitored:
        assert self._lived is not None, "expected `begin` first"
        return self._lived

    def _life(self, namespace: str, known: dict[str, Ledger] | None = None) -> Monitored:
        sources = self._cast.sources()
        is_replay = namespace != self._namespace
        return Monitored(
            *(self.world, self._redis_url, namespace, known, sources),
            finds_loops=not is_replay,
            urls=(self._node.ws_url, self._node.http_url),
        )

    async def _see(self, block: Block) -> Sight:
        """Once for each block: it is drawn from and compared."""
        if self._seen is None or self._seen.block.hash != block.hash:
            self._seen = await self._cast.see(block)
        return self._seen

    # -- steps ----------------------------------------------------------------------------------

    async def _mine(self, step: Mine) -> list[Receipt]:
        head = await self.world.head()
        # Only in a script from which steps were left out, time could stand still.
        at_unix = max(step.at_unix, head.timestamp + 1)
        transactions = [act.tx for act in step.acts]
        async with self._gate.changing():
            receipts = await self.world.block(*transactions, timestamp=at_unix, check=False)
        await self._expect(head.number + 1)
        return receipts

    async def _roll_back(self, step: Rollback) -> None:
        depth = await self._allowed(step.depth)
        if not depth:
            return
        async with self._gate.changing():
            base = await self.world.rollback(depth)
        self._forget(base)
        if step.awaited and self._is_alive:
            await self._monitored.back_at(base.hash)
            self._unseen.append(base)

    async def _reorganise(self, step: Reorg) -> list[Receipt]:
        depth = await self._allowed(step.depth)
        if not depth:
            return []
        base = (await self.world.head()).number - depth
        placed = [(place, act.tx) for place, act in step.acts if place < depth]
        async with self._gate.changing():
            head = await self.world.anvil_reorg(depth, *placed)
        self._forget(await self.world.block_at(base))
        receipts = []
        for number in range(base + 1, head.number + 1):
            await self._expect(number)
            receipts += await self.world.receipts_of(number)
        return receipts

    async def _allowed(self, depth: int) -> int:
        head = await self.world.head()
        self._floor = max(self._floor, head.number - DEEPEST)
        return max(0, min(depth, head.number - self._floor))

    async def _die(self) -> None:
        if not self._is_alive:
            return
        async with self._gate.changing():
            await self.world.mine()
        self.reverted += self._monitored.reverted
        await self._monitored.end()
        self._is_alive = False
        await self._expect((await self.world.head()).number)

    async def _resume(self) -> None:
        if self._is_alive:
            return
        # A block that comes back with the chain it is in is no news to the monitor.
        known = self._monitored.ledgers
        self._lived = self._life(self._namespace, known)
        await self._monitored.resume()
        self._is_alive = True

    async def _expect(self, number: int) -> None:
        self._unseen.append(await self.world.block_at(number))

    def _forget(self, base: Block) -> None:
        self._unseen = [block for block in self._unseen if block.number <= base.number]

    async def _replay(self, head: Block) -> Records:
        self._replays += 1
        namespace = f"{self._namespace}-replay-{self._replays}"
        replay = self._life(namespace)
        try:
            await replay.begin(0)
            await replay.ledger_at(head.hash)
            return await replay.stored()
        finally:
            await replay.end()


def _differences(stored: Records, way: str, other: Records) -> list[str]:
    if digest(stored) == digest(other):
        return []
    return [
        f"mismatch: the ledger digest is {digest(stored)}, by {way} {digest(other)}",
        *(
            f"  {key}: {stored.get(key)}, by {way} {other.get(key)}"
            for key in sorted(stored.keys() | other.keys())
            if stored.get(key) != other.get(key)
        ),
    ]
