"""The way of a block with every rim a fake: what is stored, undone and said."""

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from builders import a_block, a_market, a_price, an_address
from fakes import MemoryStore

from monitor.core.alerts import Alert, AlertType, BreakerPhase, BreakerState, Judgement
from monitor.core.blocks import BlockAdded, BlockRef, BlocksReverted, ChainEvent, RawLog
from monitor.core.events import DomainEvent, MarketChanged, PriceMoved
from monitor.core.keys import market_key, price_key
from monitor.core.ledger import Ledger, LedgerView, Market, find
from monitor.core.ports import ContractReader, Readings, UndoRecord, ViewCall, ViewResult
from monitor.core.units import Address, BaseValue, MarketId
from monitor.engine.folding import Folded, Folder
from monitor.engine.pipeline import Pipeline
from monitor.engine.totals import faults
from monitor.errors import BlockUnknown, StoreUnavailable, TransientError

MARKET = MarketId("m")
OLD, NEW, ASSET = (an_address(name) for name in ("old", "new", "asset"))


@dataclass
class Source:
    """Each log sets the price to its index; a log of OLD with data "new" announces NEW."""

    name: str = MARKET

    def addresses(self, view: LedgerView) -> frozenset[Address]:
        market = find(view, market_key(MARKET), Market)
        return frozenset({OLD} if market is None else {OLD, NEW})

    def questions(self, logs: Sequence[RawLog], view: LedgerView) -> tuple[ViewCall, ...]:
        return ()

    def decoder(self, block: BlockRef, view: LedgerView, facts: Readings) -> "Source":
        return self

    def decode(self, log: RawLog) -> tuple[DomainEvent, ...]:
        price = PriceMoved(MARKET, ASSET, a_price(log.log_index))
        return (price, MarketChanged(MARKET, a_market())) if log.data == "new" else (price,)

    def polls(self, view: LedgerView) -> tuple[ViewCall, ...]:
        return ()

    def polled(self, view: LedgerView, readings: Readings) -> tuple[DomainEvent, ...]:
        return ()

    async def bootstrap(
        self, reader: ContractReader, at: BlockRef, head: BlockRef
    ) -> tuple[DomainEvent, ...]:
        return ()


@dataclass
class Feed:
    """Gives the events it was made with, each once; `logs` are all there are, by block.

    `is_gone`: no block is there. `comes_back`: all are there again, once that was told.
    """

    events: Sequence[ChainEvent]
    logs: dict[str, tuple[RawLog, ...]] = field(default_factory=dict)
    is_gone: bool = False
    comes_back: bool = False
    newest_head: BlockRef | None = None
    begun_at: list[BlockRef] = field(default_factory=list)
    _rest: Iterator[ChainEvent] | None = None

    async def follow(
        self, tail: Sequence[BlockRef], addresses: Callable[[], frozenset[Address]]
    ) -> AsyncGenerator[ChainEvent, None]:
        self.begun_at.append(tail[-1])
        self._rest = self._rest or iter(self.events)
        for event in self._rest:
            yield event

    async def has(self, block: BlockRef) -> bool:
        was_gone, self.is_gone = self.is_gone, self.is_gone and not self.comes_back
        return not was_gone

    async def logs_of(self, block: BlockRef, addresses: frozenset[Address]) -> tuple[RawLog, ...]:
        if self.is_gone:
            raise BlockUnknown("unknown block")
        return tuple(log for log in self.logs[block.hash] if log.address in addresses)


class NoReader:
    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        raise AssertionError("nothing asks")

    async def has_code(self, at: BlockRef, contract: Address) -> bool:
        return True

    async def past_logs(
        self, addresses: Sequence[Address], topics: Sequence[str], from_block: int, to_block: int
    ) -> list[RawLog]:
        return []


class PriceJudge:
    """Alerts whenever the price is above 100."""

    def __init__(self) -> None:
        self.settled: list[str] = []

    async def look(self, view: LedgerView, block: BlockRef) -> None: ...

    async def judge(
        self, view: LedgerView, block: BlockRef
    ) -> tuple[Judgement, dict[str, tuple[str, ...]]]:
        price = view.get(price_key(MARKET, ASSET))
        value = getattr(price, "value", None) or 0
        state = BreakerState(BreakerPhase.TRIPPED if value > 100 else BreakerPhase.ARMED)
        alerts = (_alert(block),) if value > 100 else ()
        return Judgement(block, (("b", state),), alerts), {a.id: ("hook",) for a in alerts}

    def settle(self, judgement: Judgement) -> None:
        self.settled.append(judgement.block.hash)

    def retractions(self, undo: UndoRecord) -> dict[str, tuple[Alert, tuple[str, ...]]]:
        alerts = undo.judgement.alerts if undo.judgement else ()
        return {a.id: (_alert(a.block, AlertType.RETRACTED), ("hook",)) for a in alerts}

    def restore(self, undo: UndoRecord) -> None: ...


def _alert(block: BlockRef, type: AlertType = AlertType.TRIPPED) -> Alert:
    return Alert(f"{type} {block.hash}", "f", "e", "b", type, block, "{}")


@dataclass
class Notes:
    folded: list[Folded] = field(default_factory=list)
    retries: list[str] = field(default_factory=list)
    final: list[int] = field(default_factory=list)

    def applied(self, block: BlockRef, folded: Folded, seconds: float) -> None:
        self.folded.append(folded)

    def reverted(self, blocks: Sequence[BlockRef]) -> None: ...

    def retracted(self, alerts: Sequence[Alert]) -> None: ...

    def finalized(self, number: int) -> None:
        self.final.append(number)

    async def judged(self, judgement: Judgement, seconds: float) -> None: ...

    def retrying(self, what: str, error: TransientError) -> None:
        self.retries.append(what)


BASE = a_block()
FIRST = a_block(BASE)
SECOND = a_block(FIRST)
OTHER = a_block(FIRST, fork="other")


def a_log(block: BlockRef, index: int, address: Address = OLD, data: str = "") -> RawLog:
    return RawLog(address, (), data, block.hash, index, "0x")


def added(block: BlockRef, *indices: int) -> BlockAdded:
    return BlockAdded(block, tuple(a_log(block, index) for index in indices))


async def played(feed: Feed, store: MemoryStore) -> tuple[Pipeline, Notes]:
    """Run the feed to its end over an empty ledger at BASE."""
    await store.begin(BASE, {})
    notes = Notes()
    pipeline = Pipeline(Folder([Source()], feed, NoReader()), feed, store, PriceJudge(), notes)  # type: ignore[arg-type]
    await pipeline.run(Ledger(), (BASE,), BASE)
    return pipeline, notes


def price_of(pipeline: Pipeline) -> int | None:
    price = pipeline.ledger.get(price_key(MARKET, ASSET))
    return getattr(price, "value", None)


async def test_block__with_two_logs__applies_them_in_order() -> None:
    store = MemoryStore()
    pipeline, _ = await played(Feed([added(FIRST, 7, 9)]), store)
    assert price_of(pipeline) == BaseValue(9)
    assert (await store.load()).records == dict(pipeline.ledger.records())
    assert pipeline.progress.evaluated == FIRST


async def test_finality__before_the_node_tells_of_it__is_the_oldest_block_kept() -> None:
    pipeline, notes = await played(Feed([]), MemoryStore())
    assert (pipeline.progress.finalized, notes.final) == (BASE.number, [BASE.number])


async def test_reorg__to_another_branch__equals_that_branch_alone() -> None:
    straight, forked = MemoryStore(), MemoryStore()
    await played(Feed([added(FIRST, 1), added(OTHER, 3)]), straight)
    turned = BlocksReverted((SECOND,), FIRST)
    await played(Feed([added(FIRST, 1), added(SECOND, 200), turned, added(OTHER, 3)]), forked)
    assert (await forked.load()).records == (await straight.load()).records
    assert (await forked.load()).breakers == (await straight.load()).breakers


async def test_reorg__before_an_alert_left__drops_it_unsent() -> None:
    store = MemoryStore()
    await played(Feed([added(FIRST, 200), BlocksReverted((FIRST,), BASE)]), store)
    assert await store.pending() == 0


async def test_announced_contract__logged_in_the_same_block__is_heard() -> None:
    logs = (a_log(FIRST, 1, OLD, "new"), a_log(FIRST, 2, NEW))
    feed = Feed([BlockAdded(FIRST, logs[:1])], {FIRST.hash: logs})
    pipeline, _ = await played(feed, MemoryStore())
    assert price_of(pipeline) == BaseValue(2)


async def test_block__that_vanishes_while_it_is_read__is_neither_stored_nor_judged() -> None:
    feed = Feed([BlockAdded(FIRST, (a_log(FIRST, 1, OLD, "new"),))], is_gone=True)
    store = MemoryStore()
    pipeline, _ = await played(feed, store)
    state = await store.load()
    assert (state.cursor, state.evaluated, state.records) == (BASE, BASE, {})
    assert pipeline.progress.applied == BASE
    assert faults(pipeline.ledger) == ()
    assert feed.begun_at == [BASE, BASE]


async def test_block__that_vanished_and_comes_back__is_read_whole() -> None:
    logs = (a_log(FIRST, 1, OLD, "new"), a_log(FIRST, 200, NEW))
    announced = BlockAdded(FIRST, logs[:1])
    events = [announced, announced, added(SECOND)]
    feed = Feed(events, {FIRST.hash: logs}, is_gone=True, comes_back=True)
    store = MemoryStore()
    pipeline, _ = await played(feed, store)
    assert price_of(pipeline) == BaseValue(200)
    assert [stored.alert.block for stored in await store.recent_alerts(10)] == [SECOND, FIRST]


async def test_dry_run__of_an_alert__keeps_no_judgement() -> None:
    store = MemoryStore()
    await store.begin(BASE, {})
    feed = Feed([added(FIRST, 200)])
    folder = Folder([Source()], feed, NoReader())
    pipeline = Pipeline(folder, feed, store, PriceJudge(), Notes(), records=False)  # type: ignore[arg-type]
    await pipeline.run(Ledger(), (BASE,), BASE)
    state = await store.load()
    assert (state.cursor, state.evaluated, state.breakers) == (FIRST, BASE, {})
    assert await store.pending() == 0


async def test_reorg__while_the_store_is_away__never_names_a_block_that_is_gone() -> None:
    class Away(MemoryStore):
        seen: tuple[BlockRef | None, object] | None = None

        async def revert(self, undo: UndoRecord, retractions: object) -> tuple[Alert, ...]:
            if undo.delta.block == FIRST:
                applied = made[0].progress.applied
                self.seen = (applied, price_of(made[0]))
            return await super().revert(undo, retractions)  # type: ignore[arg-type]

    made: list[Pipeline] = []
    store = Away()
    await store.begin(BASE, {})
    turned = BlocksReverted((SECOND, FIRST), BASE)
    feed = Feed([added(FIRST, 1), added(SECOND, 2), turned])
    pipeline = Pipeline(Folder([Source()], feed, NoReader()), feed, store, PriceJudge(), Notes())  # type: ignore[arg-type]
    made.append(pipeline)
    await pipeline.run(Ledger(), (BASE,), BASE)
    assert store.seen == (FIRST, 1)
    assert pipeline.progress.applied == BASE


class FlakyStore(MemoryStore):
    """Fails once at each commit, before or after it was done."""

    failures = 2

    async def commit(self, delta: object) -> None:
        self.failures -= 1
        if self.failures == 1:
            raise StoreUnavailable("away")
        await super().commit(delta)  # type: ignore[arg-type]
        if self.failures == 0:
            raise StoreUnavailable("the answer was lost")


async def test_store__away_for_a_moment__is_waited_for_and_doubles_nothing() -> None:
    store = FlakyStore()
    pipeline, notes = await played(Feed([added(FIRST, 4)]), store)
    assert notes.retries == ["store", "store"]
    assert price_of(pipeline) == BaseValue(4)
    assert len((await store.load()).tail) == 2


async def test_start__unjudged_block_that_is_gone__says_nothing_about_it() -> None:
    store, feed = MemoryStore(), Feed([BlocksReverted((FIRST,), BASE)], is_gone=True)
    await store.begin(BASE, {})
    judge = PriceJudge()
    folder = Folder([Source()], feed, NoReader())
    before = Pipeline(folder, Feed([added(FIRST, 200)]), store, judge, Notes(), records=False)  # type: ignore[arg-type]
    await before.run(Ledger(), (BASE,), BASE)
    state = await store.load()
    judge.settled.clear()
    pipeline = Pipeline(folder, feed, store, judge, Notes())  # type: ignore[arg-type]
    await pipeline.run(Ledger(state.records), state.tail, state.evaluated)
    assert judge.settled == []
    assert await store.recent_alerts(10) == []


async def test_start__unjudged_block_that_comes_back__is_judged_before_the_next() -> None:
    store, first = MemoryStore(), Feed([added(FIRST, 200)])
    await store.begin(BASE, {})
    folder = Folder([Source()], first, NoReader())
    before = Pipeline(folder, first, store, PriceJudge(), Notes(), records=False)  # type: ignore[arg-type]
    await before.run(Ledger(), (BASE,), BASE)
    state, judge = await store.load(), PriceJudge()
    feed = Feed([added(SECOND, 1)], is_gone=True, comes_back=True)
    pipeline = Pipeline(Folder([Source()], feed, NoReader()), feed, store, judge, Notes())  # type: ignore[arg-type]
    await pipeline.run(Ledger(state.records), state.tail, state.evaluated)
    assert judge.settled == [FIRST.hash, SECOND.hash]
