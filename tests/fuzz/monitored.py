"""The monitor in this process: real follower over sockets, real pipeline, real Redis."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import cast

from devnet import World
from redis.asyncio import Redis

from monitor.chain.node import Node, NodeSettings
from monitor.core.alerts import Alert, Judgement
from monitor.core.blocks import BlockRef
from monitor.core.keys import Key, Kind
from monitor.core.ledger import Ledger, Record
from monitor.core.overlay import Overlay
from monitor.core.sources import EventSource
from monitor.core.units import Address, BlockHash, MarketId
from monitor.engine.cascade_runner import CascadeRunner
from monitor.engine.folding import Folded, Folder, bootstrap
from monitor.engine.judge import Judge
from monitor.engine.ownership import KnownAccounts
from monitor.engine.pipeline import Pipeline
from monitor.engine.recursion import Recursion, Rules
from monitor.errors import TransientError
from monitor.leverage.account_code import known_code
from monitor.leverage.steps import FlowTerms
from monitor.library import abi_library
from monitor.liquidity.source import PoolSource
from monitor.liquidity.uniswap_v3 import UniswapV3Pool
from monitor.oracles.sources import price_sources
from monitor.protocols.registry import PROTOCOLS, MarketPlan, ProtocolMarket
from monitor.store.connection import connect
from monitor.store.identity import Identity
from monitor.store.redis_store import RedisStore

MARKET = MarketId("aave")
PATIENCE_SECONDS = 60.0
KEPT_LEDGERS = 64
POLL_SECONDS = 0.2

Records = Mapping[Key, Record]
DERIVED = frozenset({Kind.OWNER, Kind.LOOPS})


class Plugins:
    """The world's market, its oracle and its pools."""

    def __init__(self, world: World) -> None:
        at = world.addresses
        entry = Address(at.addresses_provider)
        self.market: ProtocolMarket = PROTOCOLS["aave_v3"](
            MarketPlan(MARKET, entry, 0), abi_library
        )
        pool_abi = abi_library("uniswap_v3/UniswapV3Pool")
        pools = (UniswapV3Pool(Address(pool), pool_abi) for pool in at.pools.values())
        self.sources: tuple[EventSource, ...] = (
            self.market,
            *price_sources([MARKET], abi_library, {}),
            *(PoolSource(pool) for pool in pools),
        )


class Monitored:
    """One life of a monitor: `begin` or `resume`, then `ledger_at` block after block, then `end`.

    Lives of one namespace continue one another through the store.
    """

    def __init__(
        self,
        world: World,
        redis_url: str,
        namespace: str = "fuzz",
        ledgers: dict[str, Ledger] | None = None,
        sources: Sequence[EventSource] | None = None,
        *,
        finds_loops: bool = False,
        urls: Sequence[str] | None = None,
    ) -> None:
        """`ledgers`: what an earlier life came to, by block hash; added to.

        `sources`: what it follows, by default the world's market, its oracle and its pools.
        `finds_loops`: also who owns what, and where borrowed money goes, as the daemon does.
        `urls`: where it asks, by default the world's own node.
        """
        anvil = world.anvil
        self._world = world
        self._namespace = namespace
        self._client: Redis = connect(redis_url)
        asked = (anvil.ws_url, anvil.http_url) if urls is None else tuple(urls)
        aggregate3 = abi_library("multicall3/Multicall3").functions["aggregate3"]
        settings = NodeSettings(asked, anvil.chain_id, poll_seconds=POLL_SECONDS)
        self._node = Node(settings, aggregate3, lambda *_: None)
        plugins = Plugins(world)
        self.market = plugins.market
        self._sources = plugins.sources if sources is None else tuple(sources)
        self._rules = _rules(self._sources)
        recursion = self._recursion() if finds_loops else None
        follower, reader = self._node.follower, self._node.reader
        self._folder = Folder(self._sources, follower, reader, recursion)
        self._bare_folder = Folder(self._sources, follower, reader)
        self.reverted = 0
        self.ledgers = {} if ledgers is None else ledgers
        self._news = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._store: RedisStore | None = None
        self._pipeline: Pipeline | None = None

    async def begin(self, number: int) -> None:
        """Start with the state at the end of a block, read from the contracts."""
        block = await self._node.block_by(number)
        ledger = await self._bootstrap(block)
        store = await self._open_store()
        await store.begin(block, dict(ledger.records()))
        self._follow(ledger, [block], block)

    async def resume(self) -> None:
        """Start with what an earlier life left in the store."""
        state = await (await self._open_store()).load()
        self._follow(Ledger(state.records), state.tail, state.evaluated)

    async def ledger_at(self, block_hash: str) -> Ledger:
        """The ledger as it was after that block. Raises what broke the monitor, if that did."""
        await self._until(lambda: block_hash in self.ledgers)
        return self.ledgers[block_hash]

    async def back_at(self, block_hash: str) -> None:
        """Wait until that block, which it knew already, is its newest again."""
        await self._until(lambda: self._newest() == block_hash)
        assert self._pipeline is not None
        self.ledgers[block_hash] = self._pipeline.ledger.copy()

    def standing(self) -> str:
        """Where it is, and what it waits for: said when it does not come on."""
        assert self._pipeline is not None
        progress, follower = self._pipeline.progress, self._node.follower
        return (
            f"applied {progress.applied}, evaluated {progress.evaluated}, newest head heard of "
            f"{follower.newest_head} {progress.waiting_for} {follower.waiting_for}"
        )

    def _newest(self) -> str | None:
        assert self._pipeline is not None
        applied = self._pipeline.progress.applied
        return None if applied is None else applied.hash

    async def _until(self, holds: Callable[[], bool]) -> None:
        """Raises TimeoutError when nothing moves: a replay of many blocks may take its time."""
        while not holds():
            self._news.clear()
            news = asyncio.create_task(self._news.wait())
            done, _ = await asyncio.wait(
                [news, *self._tasks],
                timeout=PATIENCE_SECONDS,
                return_when=asyncio.FIRST_COMPLETED,
            )
            news.cancel()
            if not done:
                raise TimeoutError
            for task in self._tasks:
                if task.done():
                    await task

    async def snapshot(self, number: int, *, with_pools: bool = True) -> Records:
        """The state at a block as the contracts alone tell it."""
        block = await self._node.block_by(number)
        if with_pools:
            return dict((await self._bootstrap(block)).records())
        sources = [s for s in self._sources if not isinstance(s, PoolSource)]
        ledger = await bootstrap(sources, self._bare_folder, self._node.reader, block, block)
        return dict(ledger.records())

    async def loops_anew(self, number: int) -> Mapping[Key, Record]:
        """All loops by the stored positions and trails alone, owners asked again."""
        known = {k: r for k, r in (await self.stored()).items() if k.kind not in DERIVED}
        ledger = Ledger(known)
        overlay = Overlay(ledger)
        recursion = self._recursion()
        recursion.begin(ledger)
        await recursion.fold(await self._node.block_by(number), overlay, ())
        return {k: r for k, _, r in overlay.written() if k.kind is Kind.LOOPS and r is not None}

    async def stored(self) -> Records:
        """What is in Redis."""
        assert self._store is not None
        return (await self._store.load()).records

    async def end(self) -> None:
        """Kill it in the middle of whatever it does; only what is in the store is left."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self._node.close()
        await self._client.aclose()

    async def _bootstrap(self, block: BlockRef) -> Ledger:
        head = await self._node.block_by("latest")
        return await bootstrap(self._sources, self._bare_folder, self._node.reader, block, head)

    def _recursion(self) -> Recursion:
        known = KnownAccounts(known_code({}), abi_library("accounts/Account"))
        rules = Rules(self._rules, FlowTerms(3_600, Fraction(1, 20)), known, lambda view: {})
        return Recursion(rules, self._node.reader, self._node.follower)

    async def _open_store(self) -> RedisStore:
        genesis = BlockHash((await self._world.block_at(0)).hash)
        identity = Identity(self._namespace, self._world.anvil.chain_id, genesis, "fuzz")
        self._store = await RedisStore.open(self._client, identity, take_over=True)
        return self._store

    def _follow(self, ledger: Ledger, tail: Sequence[BlockRef], evaluated: BlockRef | None) -> None:
        assert self._store is not None
        judge = Judge(CascadeRunner((), (), {}, {}, ()), (), (), str)
        witness = _Witness(self, lambda: pipeline.ledger)
        pipeline = Pipeline(self._folder, self._node.follower, self._store, judge, witness)
        self._pipeline = pipeline
        self.ledgers[tail[-1].hash] = ledger.copy()
        self._tasks = [
            asyncio.create_task(pipeline.run(ledger, tail, evaluated)),
            asyncio.create_task(self._store.lease.hold()),
        ]

    def keep(self, block: BlockRef, ledger: Ledger) -> None:
        """Also of blocks that are gone: mined again just like that, they have the same hash."""
        self.ledgers[block.hash] = ledger.copy()
        while len(self.ledgers) > KEPT_LEDGERS:
            del self.ledgers[next(iter(self.ledgers))]
        self.wake()

    def wake(self) -> None:
        self._news.set()


def _rules(sources: Sequence[EventSource]) -> list[ProtocolMarket]:
    """The markets among the sources: what is a market has rules."""
    return [cast(ProtocolMarket, source) for source in sources if hasattr(source, "statement")]


class _Witness:
    """The pipeline's observer: keeps what it had come to after each block."""

    def __init__(self, monitored: Monitored, ledger: Callable[[], Ledger]) -> None:
        self._monitored = monitored
        self._ledger = ledger

    def applied(self, block: BlockRef, folded: Folded, seconds: float) -> None:
        for _, fault in folded.undecodable:
            raise fault

    async def judged(self, judgement: Judgement, seconds: float) -> None:
        self._monitored.keep(judgement.block, self._ledger())

    def reverted(self, blocks: Sequence[BlockRef]) -> None:
        self._monitored.reverted += len(blocks)
        self._monitored.wake()

    def retracted(self, alerts: Sequence[Alert]) -> None: ...

    def finalized(self, number: int) -> None:
        pass

    def retrying(self, what: str, error: TransientError) -> None:
        pass
