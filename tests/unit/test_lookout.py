"""What the lookout asks, and what it makes of no answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from builders import a_block

from monitor.alert_schema import Blindness
from monitor.core.blocks import BlockRef
from monitor.core.conditions import Condition
from monitor.engine.symptoms import Seen
from monitor.errors import StoreUnavailable
from monitor.lookout import DURABLE_SECONDS, Lookout, Reasons

BLOCK = a_block(number=1_000)


@dataclass
class AStand:
    store_fault: str = ""
    head: BlockRef | None = BLOCK
    evaluated: BlockRef | None = BLOCK
    silent_seconds: float = 0.0
    disagreement: str = ""
    store_wait: str = ""
    current: bool = True

    def is_current(self) -> bool:
        return self.current


@dataclass
class APulse:
    took_seconds: float = 0.01
    warning: str = ""
    is_away: bool = False
    durability_asked: int = 0

    async def round_trip_seconds(self) -> float:
        if self.is_away:
            raise StoreUnavailable("Redis does not answer")
        return self.took_seconds

    async def durability_warning(self) -> str:
        self.durability_asked += 1
        return self.warning


@dataclass
class SomeQueues:
    overdue: dict[str, float] = field(default_factory=dict)
    full: dict[str, int] = field(default_factory=dict)
    is_away: bool = False

    async def overdue_seconds(self) -> Mapping[str, float]:
        if self.is_away:
            raise StoreUnavailable("Redis does not answer")
        return self.overdue

    def overflowed(self) -> dict[str, int]:
        return self.full


class Scene:
    """A lookout over fakes, with clocks that stand still."""

    def __init__(self) -> None:
        self.stand, self.pulse, self.queues = AStand(), APulse(), SomeQueues()
        self.seen: Seen | None = Seen((), (), ())
        self.audited: Reasons = ()
        self.wall, self.elapsed = float(BLOCK.timestamp), 0.0
        self.lookout = Lookout(
            self.stand,
            self.pulse,
            self.queues,
            lambda: self.seen,
            Blindness(),
            audited=lambda: self.audited,
            clock=lambda: self.wall,
            monotonic=lambda: self.elapsed,
        )

    async def reasons(self) -> dict[Condition, Reasons]:
        """Those of the conditions that are so, or that nobody can tell."""
        view = await self.lookout.look()
        return {name: why for name, why in view.reasons.items() if why != ()}

    def pass_seconds(self, seconds: float) -> None:
        self.wall += seconds
        self.elapsed += seconds


async def test_look__all_well__tells_nothing() -> None:
    scene = Scene()
    view = await scene.lookout.look()
    assert view.reasons == dict.fromkeys(Condition, ())
    assert (view.judged, view.is_silent, view.is_away) == (BLOCK, False, False)


async def test_look__before_the_first_judged_block__cannot_tell_what_blocks_tell() -> None:
    scene = Scene()
    scene.seen, scene.stand.evaluated = None, None
    scene.stand.current = False
    of_blocks = (Condition.LOGS, Condition.PRICES, Condition.DRIFT, Condition.SCENARIOS)
    unknown = (*of_blocks, Condition.LAG, Condition.STOPPED)
    assert await scene.reasons() == dict.fromkeys(unknown)


async def test_look__redis_away__is_told_and_what_it_would_tell_is_unknown() -> None:
    scene = Scene()
    scene.pulse.is_away = True
    view = await scene.lookout.look()
    assert view.reasons[Condition.STORE] == ("Redis does not answer",)
    assert view.reasons[Condition.OUTBOX] is None
    assert view.is_silent
    assert view.is_away
    assert scene.lookout.overdue_seconds is None

    scene.pulse.is_away, scene.queues.is_away = False, True
    assert await scene.reasons() == {Condition.OUTBOX: None}


async def test_look__redis_that_takes_no_writes__is_away_but_answers() -> None:
    scene = Scene()
    scene.stand.store_wait = "waiting for the store: it is a replica"
    view = await scene.lookout.look()
    assert view.reasons[Condition.STORE] == ("waiting for the store: it is a replica",)
    assert (view.is_silent, view.is_away) == (False, True)


async def test_look__slow_and_forgetful_redis__is_told_and_durability_is_asked_now_and_then() -> (
    None
):
    scene = Scene()
    scene.pulse.took_seconds, scene.pulse.warning = 1.5, "Redis has appendonly no"
    [slow, forgetful] = (await scene.reasons())[Condition.STORE] or ()
    assert "took 1.5 s" in slow
    assert forgetful == "Redis has appendonly no"
    scene.pulse.took_seconds, scene.pulse.warning = 0.1, ""
    scene.pass_seconds(DURABLE_SECONDS - 1)
    assert await scene.reasons() == {Condition.STORE: ("Redis has appendonly no",)}
    scene.pass_seconds(1)
    assert await scene.reasons() == {}
    assert scene.pulse.durability_asked == 2


async def test_look__head_that_stays__is_told_by_the_clock_that_does_not_jump() -> None:
    scene = Scene()
    assert await scene.reasons() == {}
    scene.pass_seconds(100)
    scene.wall -= 100
    assert Condition.HEAD not in await scene.reasons()
    scene.pass_seconds(81)
    scene.wall -= 81
    assert "no newer block than 1000 for 181 s" in str((await scene.reasons())[Condition.HEAD])
    scene.stand.head = a_block(BLOCK)
    assert Condition.HEAD not in await scene.reasons()


async def test_look__each_fault__comes_under_its_own_name() -> None:
    scene = Scene()
    scene.seen = Seen(("no price",), ("no log",), ("drift",), ("no end",))
    scene.stand.disagreement = "two chains"
    scene.stand.evaluated = a_block(number=900)
    scene.queues.overdue, scene.queues.full = {"on-call": 999.0}, {"chat": 3}
    found = await scene.reasons()
    assert found[Condition.PRICES] == ("no price",)
    assert found[Condition.LOGS] == ("no log",)
    assert found[Condition.DRIFT] == ("drift",)
    assert found[Condition.SCENARIOS] == ("no end",)
    assert found[Condition.ENDPOINTS] == ("two chains",)
    assert "100 blocks wait" in str(found[Condition.LAG])
    assert [reason.split(":")[0] for reason in found[Condition.OUTBOX] or ()] == [
        "webhook on-call",
        "webhook chat",
    ]
    assert len(found) == 7


async def test_look__what_an_audit_found__is_drift_and_what_it_cannot_tell_is_no_end_of_it() -> (
    None
):
    scene = Scene()
    scene.audited = ("alice differs",)
    assert await scene.reasons() == {Condition.DRIFT: ("alice differs",)}
    scene.seen = Seen((), (), drift=("a log was not understood",))
    assert await scene.reasons() == {
        Condition.DRIFT: ("a log was not understood", "alice differs"),
    }
    scene.audited = None
    assert await scene.reasons() == {Condition.DRIFT: ("a log was not understood",)}
    scene.seen = Seen((), (), ())
    assert await scene.reasons() == {Condition.DRIFT: None}
