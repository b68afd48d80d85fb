"""How long the outbox tries, whatever clocks and receivers say, and what it does with too much."""

import asyncio
import contextlib
import math
from collections.abc import Mapping

import pytest
from builders import a_block, a_delta, a_judgement, an_alert
from fakes import MemoryStore
from receiving import eventually

from monitor.alerts.outbox import Outbox, Patience
from monitor.core.alerts import AlertType, Delivery
from monitor.core.delivery import FURTHEST_SECONDS, AlertSender
from monitor.core.steady import SteadyClock
from monitor.errors import DeliveryFailed
from monitor.metrics import DeliveryOutcome

DAY = 86_400.0
HOUR = 3_600.0


class Times:
    """The machine's two clocks. People set the wall's; nobody sets the other."""

    def __init__(self, unix: float = 1_763_550_000.0) -> None:
        self.unix = unix
        self.elapsed = 77.0

    def pass_by(self, seconds: float) -> None:
        self.unix += seconds
        self.elapsed += seconds

    def steady(self) -> SteadyClock:
        return SteadyClock(lambda: self.unix, lambda: self.elapsed)


class Sender:
    """Takes nothing while it is `broken`, and notes when it was asked."""

    def __init__(self, times: Times, *, broken: bool = True) -> None:
        self.broken = broken
        self.asked: list[tuple[str, float]] = []
        self.taken: list[str] = []
        self.retry_after_seconds: float | None = None
        self._times = times

    async def send(self, delivery: Delivery) -> None:
        self.asked.append((delivery.alert_id, self._times.elapsed))
        if self.broken:
            raise DeliveryFailed("webhook hook answered 500", self.retry_after_seconds)
        self.taken.append(delivery.alert_id)


class Life:
    """One life of a daemon's outbox over a store in memory."""

    def __init__(
        self,
        times: Times,
        senders: Mapping[str, AlertSender],
        store: MemoryStore | None = None,
        *,
        max_pending: int | None = None,
        finalized: frozenset[str] = frozenset(),
    ) -> None:
        self.times = times
        clock = times.steady()
        self.store = store or MemoryStore(clock)
        self.store._clock = clock
        self.seen: list[DeliveryOutcome] = []
        self.block = a_block()
        self.outbox = Outbox(
            self.store,
            senders,
            lambda _, outcome: self.seen.append(outcome),
            patience=Patience(poll_seconds=0.01),
            clock=clock,
            max_pending=max_pending,
            finalized=finalized,
        )

    async def put(self, *webhooks: str, count: int = 1) -> list[str]:
        if (await self.store.load()).cursor is None:
            await self.store.begin(self.block, {})
        self.block = a_block(self.block)
        await self.store.commit(a_delta(self.block))
        alerts = [an_alert(self.block, str(number)) for number in range(count)]
        await self.store.judge(
            a_judgement(self.block, *alerts), {alert.id: webhooks for alert in alerts}
        )
        return [alert.id for alert in alerts]

    async def go(self) -> None:
        """Everything that is due now is tried once."""
        await self.outbox.flush()

    async def go_for(self, seconds: float, step_seconds: float = 20.0) -> None:
        for _ in range(int(seconds / step_seconds)):
            self.times.pass_by(step_seconds)
            await self.go()


async def test_outbox__clock_jumps_back_a_day__holds_nothing_back() -> None:
    times = Times()
    sender = Sender(times)
    life = Life(times, {"hook": sender})
    first, second = await life.put("hook", count=2)
    await life.go()
    times.unix -= DAY
    [third] = await life.put("hook")
    sender.broken = False
    await life.go_for(60)
    assert sender.taken == [first, second, third]


async def test_outbox__clock_jumps_forward_a_day__buries_nothing() -> None:
    times = Times()
    sender = Sender(times)
    life = Life(times, {"hook": sender})
    wanted = await life.put("hook", count=3)
    await life.go_for(HOUR)
    times.unix += 2 * DAY
    await life.go_for(HOUR)
    assert DeliveryOutcome.DEAD not in life.seen
    sender.broken = False
    await life.go_for(60)
    assert sender.taken == wanted


async def test_outbox__clock_jumps_back_while_it_fails__buries_nothing_that_is_new() -> None:
    times = Times()
    sender = Sender(times)
    life = Life(times, {"hook": sender})
    await life.put("hook")
    await life.go_for(HOUR)
    times.unix -= 3 * DAY
    await life.put("hook")
    await life.go_for(HOUR)
    assert DeliveryOutcome.DEAD not in life.seen


@pytest.mark.parametrize("jump_seconds", [-400 * DAY, -DAY, DAY, 400 * DAY])
async def test_outbox__next_life_has_another_time_of_day__tries_before_it_buries(
    jump_seconds: float,
) -> None:
    times = Times()
    sender = Sender(times)
    life = Life(times, {"hook": sender})
    wanted = await life.put("hook", count=2)
    await life.go()
    times.unix += jump_seconds
    life = Life(times, {"hook": sender}, life.store)
    asked_before = len(sender.asked)
    await life.go_for(300)
    assert len(sender.asked) > asked_before + 3
    assert DeliveryOutcome.DEAD not in life.seen
    sender.broken = False
    await life.go_for(60)
    assert sender.taken == wanted


@pytest.mark.parametrize("jump_seconds", [-400 * DAY, 0.0])
async def test_outbox__receiver_that_is_gone__is_given_up_after_a_day_of_this_life(
    jump_seconds: float,
) -> None:
    """Also what seems to be of the future: else the queue would stand still for a year."""
    times = Times()
    sender = Sender(times)
    life = Life(times, {"hook": sender})
    [wanted] = await life.put("hook")
    times.unix += jump_seconds
    life = Life(times, {"hook": sender}, life.store)
    await life.go_for(DAY - 120, step_seconds=60)
    assert life.store.letters == []
    await life.go_for(240, step_seconds=60)
    assert [letter.alert_id for letter, _ in life.store.letters] == [wanted]


async def test_outbox__daemon_that_was_down_for_two_days__gives_the_receiver_ten_minutes() -> None:
    times = Times()
    sender = Sender(times)
    life = Life(times, {"hook": sender})
    wanted = await life.put("hook", count=3)
    times.pass_by(2 * DAY)
    life = Life(times, {"hook": sender}, life.store)
    await life.go()
    await life.go_for(540)
    assert life.store.letters == []
    await life.go_for(180)
    # Of one age, and their receiver had its time: none is tried for minutes of its own.
    assert [letter.alert_id for letter, _ in life.store.letters] == wanted


async def test_outbox__backlog_of_a_long_outage__is_delivered_when_the_receiver_is_back() -> None:
    times = Times()
    sender = Sender(times)
    life = Life(times, {"hook": sender})
    wanted = await life.put("hook", count=3)
    times.pass_by(2 * DAY)
    life = Life(times, {"hook": sender}, life.store)
    await life.go_for(300)
    sender.broken = False
    await life.go_for(60)
    assert sender.taken == wanted


@pytest.mark.parametrize(
    ("asked_seconds", "waited_seconds"),
    [
        (90.0, 90.0),
        (604_800.0, FURTHEST_SECONDS),
        (math.inf, FURTHEST_SECONDS),
        (1e300, FURTHEST_SECONDS),
        (math.nan, 0.0),
        (-5.0, 0.0),
        (0.0, 0.0),
    ],
)
async def test_outbox__retry_after__is_followed_within_reason(
    asked_seconds: float, waited_seconds: float
) -> None:
    times = Times()
    sender = Sender(times)
    sender.retry_after_seconds = asked_seconds
    life = Life(times, {"hook": sender})
    await life.put("hook")
    await life.go()
    now = life.outbox._clock()
    if waited_seconds > 1:
        assert await life.store.due("hook", now + waited_seconds - 1) is None
    assert await life.store.due("hook", now + waited_seconds + 1) is not None


async def test_outbox__queue_too_long__says_so_and_keeps_the_newest(
    caplog: pytest.LogCaptureFixture,
) -> None:
    times = Times()
    sender = Sender(times)
    life = Life(times, {"hook": sender}, max_pending=5)
    many = await life.put("hook", count=20)
    await life.go()
    assert await life.store.pending() == 5
    assert life.seen.count(DeliveryOutcome.OVERFLOW) == 15
    assert life.outbox.overflowed() == {"hook": 15}
    assert "webhook hook has more than outbox.max_pending = 5" in caplog.text
    assert "alerts --config F --replay-dead" in caplog.text
    sender.broken = False
    await life.go_for(60)
    assert sender.taken == many[15:]
    times.pass_by(HOUR)
    assert life.outbox.overflowed() == {}


async def test_outbox__slow_receiver_that_takes_all__is_kept_within_its_bound_too() -> None:
    times = Times()
    sender = Sender(times, broken=False)
    life = Life(times, {"hook": sender}, max_pending=5)
    await life.put("hook", count=2)
    send = sender.send

    async def slowly(delivery: Delivery) -> None:
        """Ten more alerts come while it takes one."""
        if len(sender.taken) < 10:
            await life.put("hook", count=10)
        times.pass_by(5)
        await send(delivery)
        assert await life.store.pending() <= 5 + 10

    sender.send = slowly  # type: ignore[method-assign]
    await life.go()
    assert await life.store.pending() == 0
    assert len(sender.taken) == len(set(sender.taken))
    letters = {letter.alert_id for letter, _ in life.store.letters}
    assert not letters & set(sender.taken)
    assert len(letters) + len(sender.taken) == 102


async def test_outbox__finalized_receiver__gets_what_lasts_and_conditions_at_once() -> None:
    times = Times()
    instant, late = Sender(times, broken=False), Sender(times, broken=False)
    life = Life(times, {"ops": instant, "dao": late}, finalized=frozenset({"dao"}))
    gone = await life.put("ops", "dao")
    await life.go()
    assert (instant.taken, late.taken) == (gone, [])
    undo = await life.store.undo_record(life.block.hash)
    retraction = an_alert(life.block, type=AlertType.RETRACTED)
    await life.store.revert(undo, {gone[0]: (retraction, ("ops", "dao"))})
    life.block = (await life.store.load()).tail[-1]
    stays = await life.put("ops", "dao")
    blind = an_alert(life.block, "monitor.head", AlertType.BLIND)
    await life.store.announce({}, [blind], {blind.id: ("ops", "dao")})
    await life.go()
    assert late.taken == [blind.id]
    await life.store.forget(life.block.number)
    await life.go()
    assert late.taken == [blind.id, *stays]
    assert instant.taken == [*gone, retraction.id, *stays, blind.id]
    times.pass_by(50)
    assert await life.outbox.overdue_seconds() == {}


async def test_outbox__told_to_stop_amid_an_attempt__notes_its_end_and_begins_no_other() -> None:
    times = Times()
    sender = Sender(times, broken=False)
    life = Life(times, {"hook": sender})
    first, second = await life.put("hook", count=2)
    under_way, may_end = asyncio.Event(), asyncio.Event()
    send = sender.send

    async def held(delivery: Delivery) -> None:
        under_way.set()
        await may_end.wait()
        await send(delivery)

    sender.send = held  # type: ignore[method-assign]
    task = asyncio.create_task(life.outbox.run())
    await under_way.wait()
    task.cancel()
    asyncio.get_running_loop().call_soon(may_end.set)
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert sender.taken == [first]
    fates = {stored.alert.id: stored.deliveries for stored in await life.store.recent_alerts(9)}
    assert fates == {first: {"hook": "delivered"}, second: {"hook": "pending"}}
    assert await life.store.due("hook", life.outbox._clock()) is not None


async def test_outbox__slow_and_failing_receivers__delay_nobody() -> None:
    times = Times()
    quick, broken = Sender(times, broken=False), Sender(times)

    class Stuck:
        async def send(self, delivery: Delivery) -> None:
            await asyncio.Event().wait()

    life = Life(times, {"quick": quick, "broken": broken, "stuck": Stuck()})
    wanted = await life.put("quick", "broken", "stuck", count=50)
    task = asyncio.create_task(life.outbox.run())
    try:
        await eventually(lambda: quick.taken == wanted)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_steady_clock__set_by_somebody__goes_on_as_it_was() -> None:
    times = Times()
    clock = times.steady()
    began = clock()
    assert began == times.unix
    times.unix += 5 * DAY
    assert clock() == began
    times.pass_by(12)
    assert clock() == began + 12
