"""When the live audit looks, and what it does with what it finds."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from builders import a_block, an_address
from fakes import MemoryStore
from prometheus_client import CollectorRegistry

from monitor.alert_schema import Audit
from monitor.auditing import Auditing
from monitor.core.alerts import ConditionState
from monitor.core.blocks import BlockRef, RawLog
from monitor.core.conditions import Condition
from monitor.core.events import Place
from monitor.core.inspection import Entry
from monitor.core.ledger import Ledger, LedgerView
from monitor.core.ports import ViewCall, ViewResult
from monitor.core.units import WAD, Address, MarketId, Wad
from monitor.engine import auditor
from monitor.engine.auditor import Difference
from monitor.engine.pipeline import Progress
from monitor.errors import BlockUnknown, RpcUnavailable, StoreUnavailable
from monitor.library import abi_library
from monitor.metrics import Labels, Metrics

MARKET = MarketId("aave-core")
PLACES = [Place(MARKET, an_address(name)) for name in ("alice", "bob", "carol")]
VIEW = abi_library("erc20/Token").functions["decimals"]


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditor, "AGAIN_SECONDS", 0)


class Numbered:
    """The ledger says 7 of everybody."""

    market = MARKET

    @property
    def inspection(self) -> "Numbered":
        return self

    def entries(self, view: LedgerView, place: Place, at_unix: int) -> tuple[Entry, ...]:
        return (Entry("number", 7, (ViewCall(place.account, VIEW),)),)


@dataclass
class Node:
    """Says 7 of everybody but the `strange`."""

    strange: set[Address] = field(default_factory=set)
    fault: Exception | None = None
    asked: list[BlockRef] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, at: BlockRef, calls: Sequence[ViewCall]) -> list[ViewResult]:
        self.asked.append(at)
        self.news.set()
        if self.fault is not None:
            raise self.fault
        return [(8,) if call.to in self.strange else (7,) for call in calls]

    async def has_code(self, at: BlockRef, contract: Address) -> bool:
        raise NotImplementedError

    async def past_logs(
        self, addresses: Sequence[Address], topics: Sequence[str], from_block: int, to_block: int
    ) -> list[RawLog]:
        raise NotImplementedError


class Shelf:
    """One book, always there."""

    newest: "Shelf"
    is_wanted = False

    def __init__(self) -> None:
        self.newest = self

    async def made(self) -> None:
        self.is_wanted = True

    def healths(self) -> Iterator[tuple[Place, Wad | None]]:
        yield from ((place, Wad(WAD)) for place in PLACES)


@dataclass
class Course:
    ledger: Ledger = field(default_factory=Ledger)
    progress: Progress = field(default_factory=Progress)


async def settled() -> None:
    """Until the task waits, be it for a thread."""
    for _ in range(20):
        await asyncio.sleep(0)


@dataclass
class Scene:
    node: Node
    course: Course
    metrics: Metrics
    auditing: Auditing
    shelf: Shelf

    async def judged(self, number: int, *, applied: int | None = None) -> bool:
        """Whether the node is asked after this block."""
        self.shelf.is_wanted = False
        self.node.news.clear()
        self.course.progress.evaluated = a_block(number=number)
        self.course.progress.applied = a_block(number=applied or number)
        self.course.progress.move()
        await settled()
        if not self.shelf.is_wanted:
            return False
        await self.node.news.wait()
        await settled()
        return True

    def metric(self, name: str) -> str:
        lines = self.metrics.render().decode().splitlines()
        return next(
            line.split()[-1] for line in lines if line.startswith(f"cascade_monitor_{name}")
        )


@asynccontextmanager
async def a_scene(
    table: Audit, store: MemoryStore | None = None, node: Node | None = None
) -> AsyncIterator[Scene]:
    node = node or Node()
    metrics = Metrics(CollectorRegistry(), Labels(markets=[MARKET]), "1")
    shelf = Shelf()
    auditing = Auditing(table, [Numbered()], shelf, node, metrics)
    scene = Scene(node, Course(), metrics, auditing, shelf)
    task = asyncio.create_task(auditing.run(scene.course, store or MemoryStore()))
    yield scene
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_audit__every_few_blocks__asks_at_that_blocks_hash() -> None:
    async with a_scene(Audit(accounts=2, every_blocks=5)) as scene:
        asked = [number for number in range(10, 22) if await scene.judged(number)]
        assert asked == [10, 15, 20]
        assert scene.node.asked == [a_block(number=number) for number in asked]
        assert scene.metric("audited_accounts_total") == "6.0"
        assert scene.metric("audit_block") == "20.0"
        assert scene.metric("audit_every_blocks ") == "5.0"
        assert scene.auditing.reasons == ()


async def test_audit__chain_turns_back_beyond_the_last__looks_again() -> None:
    async with a_scene(Audit(accounts=2, every_blocks=5)) as scene:
        assert await scene.judged(10)
        assert not await scene.judged(11)
        assert await scene.judged(9)


async def test_audit__while_a_block_is_judged__waits() -> None:
    async with a_scene(Audit(accounts=2, every_blocks=1)) as scene:
        assert not await scene.judged(10, applied=11)
        assert await scene.judged(11)
        assert not await scene.judged(11, applied=12)


@pytest.mark.parametrize("fault", [RpcUnavailable("no answer"), BlockUnknown("it is gone")])
async def test_audit__node_fails__is_no_drift_and_the_next_block_is_asked(fault: Exception) -> None:
    async with a_scene(Audit(accounts=2, every_blocks=5)) as scene:
        scene.node.fault = fault
        assert await scene.judged(10)
        assert scene.metric("audit_block") == "NaN"
        scene.node.fault = None
        assert await scene.judged(11)
        assert not await scene.judged(12)
        assert scene.metric("audit_block") == "11.0"
        assert scene.metric("ledger_drift_total") == "0.0"
        assert scene.auditing.reasons == ()


async def test_audit__difference__is_counted_once_and_stands_until_it_is_gone() -> None:
    async with a_scene(Audit(accounts=3, every_blocks=1)) as scene:
        scene.node.strange = {PLACES[1].account}
        for number in (10, 11):
            assert await scene.judged(number)
            assert scene.metric("ledger_drift_total") == "1.0"
            assert PLACES[1].account in str(scene.auditing.reasons)
        scene.node.strange = set()
        assert await scene.judged(12)
        assert scene.auditing.reasons == ()
        assert scene.metric("ledger_drift_total") == "1.0"


def test_audit__of_no_accounts__is_off_and_finds_no_fault() -> None:
    metrics = Metrics(CollectorRegistry(), Labels(markets=[MARKET]), "1")
    auditing = Auditing(Audit(accounts=0), [Numbered()], Shelf(), Node(), metrics)
    assert not auditing.is_on
    assert auditing.reasons == ()


class Forgetful(MemoryStore):
    """Away the first time it is asked."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__()
        self._reasons = reasons
        self._was_asked = False

    async def conditions(self) -> dict[str, ConditionState]:
        if not self._was_asked:
            self._was_asked = True
            raise StoreUnavailable("Redis is away")
        return {Condition.DRIFT: ConditionState(is_blind=True, reasons=self._reasons)}


async def test_audit__after_a_restart_in_drift__looks_at_who_was_named_before_it_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("monitor.auditing.RECALL_SECONDS", 0)
    named = (str(Difference(PLACES[2], "number", "8", "7")),)
    node = Node(fault=RpcUnavailable("no answer"))
    async with a_scene(Audit(accounts=1, every_blocks=1), Forgetful(named), node) as scene:
        assert scene.auditing.reasons is None
        assert await scene.judged(10)
        assert scene.auditing.reasons is None
        scene.node.fault = None
        assert await scene.judged(11)
        assert scene.auditing.reasons == ()
