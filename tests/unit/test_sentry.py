"""The sentry over fakes: each once, past the outbox while Redis is away, mute if another leads."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from builders import a_block
from fakes import MemoryStore

from monitor.core.alerts import Alert, ConditionState, Delivery, Silence
from monitor.core.conditions import Condition
from monitor.engine.breaker import Origin
from monitor.errors import (
    ConfigError,
    ContractUpgraded,
    DeliveryFailed,
    LedgerCorrupt,
    MonitorError,
    StoreUnavailable,
    WriterFenced,
)
from monitor.lookout import View
from monitor.sentry import FRESH_SECONDS, UNBROKEN_SECONDS, Sentry, Voice, stopped_because

BLOCK = a_block(number=1_000)
HOLD = 10.0
RECEIVERS = ("on-call", "chat")


class AStore(MemoryStore):
    """Fails as it is told to, before it does anything."""

    failure: MonitorError | None = None

    async def announce(self, *args: Any) -> None:
        if self.failure is not None:
            raise self.failure
        await super().announce(*args)

    async def conditions(self) -> Mapping[str, ConditionState]:
        if self.failure is not None:
            raise self.failure
        return await super().conditions()


class ASender:
    """Takes letters, or refuses them."""

    def __init__(self) -> None:
        self.letters: list[Delivery] = []
        self.asked = 0
        self.refuses = False

    async def send(self, delivery: Delivery) -> None:
        self.asked += 1
        if self.refuses:
            raise DeliveryFailed("webhook on-call answered 500")
        self.letters.append(delivery)


class Post:
    """A sentry whose view and clocks the test sets."""

    def __init__(self, store: AStore | None = None, *, is_mute: bool = False) -> None:
        self.store = store or AStore()
        self.reasons: dict[Condition, tuple[str, ...] | None] = dict.fromkeys(Condition, ())
        self.is_silent = self.is_away = False
        self.leads = True
        self.elapsed = 1_000.0
        self.shown: Mapping[str, ConditionState] = {}
        self.observed: list[Alert] = []
        self.senders = {name: ASender() for name in RECEIVERS}
        voice = Voice(
            RECEIVERS, self.senders, lambda: self.leads, self.observed.append, is_mute=is_mute
        )
        self.sentry = Sentry(
            Origin("default", "0x01"),
            self,
            self.store,
            voice,
            hold_seconds=HOLD,
            show=self._show,
            redact=lambda text: text.replace("hunter2", "…"),
            clock=lambda: 1_700_000_000.0 + self.elapsed,
            monotonic=lambda: self.elapsed,
        )

    async def look(self) -> View:
        return View(dict(self.reasons), BLOCK, self.is_silent, self.is_away)

    async def looks(self, seconds: float = HOLD) -> None:
        """One look now, one when so many seconds went by."""
        await self.sentry.look()
        self.elapsed += seconds
        await self.sentry.look()

    async def told(self) -> list[tuple[str, str]]:
        """(type, condition) of what the store holds, oldest first."""
        alerts = [stored.alert for stored in await self.store.recent_alerts(100)]
        return [(alert.type, alert.breaker) for alert in reversed(alerts)]

    def _show(self, blind: Mapping[str, ConditionState]) -> None:
        self.shown = blind


def direct(post: Post, name: str = "on-call") -> list[tuple[str, str]]:
    bodies = [json.loads(letter.body) for letter in post.senders[name].letters]
    return [(body["type"], body["data"]["alert"]["breaker"]) for body in bodies]


BLIND_HEAD = ("monitor.blind", "monitor.head")
SEES_HEAD = ("monitor.recovered", "monitor.head")
BLIND_STORE = ("monitor.blind", "monitor.store")
SEES_STORE = ("monitor.recovered", "monitor.store")
BLIND_STOPPED = ("monitor.blind", "monitor.stopped")
SEES_STOPPED = ("monitor.recovered", "monitor.stopped")


async def test_condition__that_lasts__is_told_once_to_everybody_and_once_when_it_is_over() -> None:
    post = Post()
    post.reasons[Condition.HEAD] = ("hunter2 does not answer",)
    await post.looks()
    await post.looks()
    assert await post.told() == [BLIND_HEAD]
    assert await post.store.webhooks() == set(RECEIVERS)
    assert post.shown["monitor.head"].reasons == ("hunter2 does not answer",)
    [stored] = await post.store.recent_alerts(1)
    assert json.loads(stored.alert.body)["data"]["reasons"] == ["… does not answer"]

    post.reasons[Condition.HEAD] = ()
    await post.looks()
    await post.looks()
    assert await post.told() == [BLIND_HEAD, SEES_HEAD]
    assert post.shown == {}
    assert [alert.type for alert in post.observed] == ["monitor.blind", "monitor.recovered"]
    assert not any(sender.asked for sender in post.senders.values())


async def test_condition__that_flickers__is_not_told() -> None:
    post = Post()
    for _ in range(5):
        post.reasons[Condition.PRICES] = ("gone",)
        await post.looks(HOLD - 1)
        post.reasons[Condition.PRICES] = ()
        await post.looks(HOLD - 1)
    assert await post.told() == []


async def test_condition__nobody_can_tell_for_a_moment__goes_on_as_it_was() -> None:
    post = Post()
    post.reasons[Condition.OUTBOX] = ("stuck",)
    await post.looks(HOLD - 1)
    post.reasons[Condition.OUTBOX] = None
    await post.looks(1)
    assert await post.told() == []
    post.reasons[Condition.OUTBOX] = ("stuck",)
    await post.sentry.look()
    assert await post.told() == [("monitor.blind", "monitor.outbox")]


async def test_restart__while_blind__repeats_nothing_and_tells_the_end_under_the_same_episode() -> (
    None
):
    first = Post()
    first.reasons[Condition.HEAD] = ("gone",)
    await first.looks()
    second = Post(first.store)
    await second.sentry.recall()
    second.reasons[Condition.HEAD] = ("gone",)
    await second.looks()
    assert await second.told() == [BLIND_HEAD]
    second.reasons[Condition.HEAD] = ()
    await second.looks()
    assert await second.told() == [BLIND_HEAD, SEES_HEAD]
    episodes = {stored.alert.episode for stored in await second.store.recent_alerts(9)}
    assert len(episodes) == 1


async def test_redis_away__is_told_directly_once_and_written_down_when_it_is_back() -> None:
    post = Post()
    post.leads = False  # the lease ran out with the outage
    post.is_silent = post.is_away = True
    post.reasons |= {Condition.STORE: ("Redis does not answer",), Condition.OUTBOX: None}
    await post.looks()
    await post.looks()
    assert direct(post) == direct(post, "chat") == [BLIND_STORE]
    assert await post.told() == []

    post.is_silent = post.is_away = False
    post.reasons |= {Condition.STORE: (), Condition.OUTBOX: ()}
    await post.sentry.look()
    assert await post.told() == []  # not before the lease is ours again
    post.leads = True
    await post.looks()
    assert await post.told() == [BLIND_STORE, SEES_STORE]
    stored = await post.store.recent_alerts(9)
    [letter] = post.senders["on-call"].letters
    assert (letter.alert_id, letter.body) == (stored[-1].alert.id, stored[-1].alert.body)
    assert direct(post) == [BLIND_STORE]


async def test_redis_away__and_back_before_it_was_told__still_says_both_in_order() -> None:
    post = Post()
    post.is_silent = post.is_away = True
    post.reasons[Condition.STORE] = ("away",)
    await post.looks()
    post.is_silent = post.is_away = False
    post.reasons[Condition.STORE] = ()
    post.store.failure = StoreUnavailable("it is a replica")
    await post.looks()
    assert direct(post) == [BLIND_STORE, SEES_STORE]
    post.store.failure = None
    await post.sentry.look()
    assert await post.told() == [BLIND_STORE, SEES_STORE]


async def test_redis_away__end_of_what_was_written_down__waits_for_it() -> None:
    """Were it said and we killed, who leads then would say it again: one id, two bodies."""
    post = Post()
    post.reasons[Condition.HEAD] = ("old",)
    await post.looks()
    post.is_silent = post.is_away = True
    post.reasons |= {Condition.HEAD: (), Condition.STORE: ("away",)}
    await post.looks()
    assert direct(post) == [BLIND_STORE]
    post.is_silent = post.is_away = False
    await post.sentry.look()
    assert await post.told() == [BLIND_HEAD, SEES_HEAD, BLIND_STORE]


async def test_redis_that_takes_no_writes__is_told_directly_though_the_lease_ran_out() -> None:
    post = Post()
    post.leads, post.is_away = False, True
    post.store.failure = StoreUnavailable("it is a replica")
    post.reasons[Condition.STORE] = ("it is a replica",)
    await post.looks()
    assert direct(post) == [BLIND_STORE]


async def test_redis_away__receiver_refuses__is_asked_again_after_a_while_and_in_order() -> None:
    post = Post()
    post.senders["on-call"].refuses = True
    post.is_silent = post.is_away = True
    post.reasons[Condition.STORE] = ("away",)
    await post.looks()
    await post.looks()
    assert post.senders["on-call"].asked == 1
    assert direct(post, "chat") == [BLIND_STORE]
    post.reasons[Condition.HEAD] = ("old",)
    for _ in range(3):
        await post.looks()
    assert post.senders["on-call"].asked == 2
    assert direct(post, "chat") == [BLIND_STORE, BLIND_HEAD]
    post.senders["on-call"].refuses = False
    for _ in range(8):
        await post.looks()
    assert direct(post) == direct(post, "chat") == [BLIND_STORE, BLIND_HEAD]


async def test_not_leading__redis_there__says_nothing() -> None:
    post = Post()
    post.leads = False
    post.reasons[Condition.HEAD] = ("gone",)
    await post.looks()
    assert await post.told() == []
    assert not any(sender.asked for sender in post.senders.values())
    assert not post.sentry.may_speak()


async def test_fenced__at_the_announcement__ends_the_sentry_unheard() -> None:
    post = Post()
    post.store.failure = WriterFenced("another daemon")
    post.reasons[Condition.HEAD] = ("gone",)
    with pytest.raises(WriterFenced):
        await post.looks()
    assert not any(sender.asked for sender in post.senders.values())


async def test_may_speak__process_stopped_since_the_last_look__is_not_cut_off_any_more() -> None:
    post = Post()
    post.leads, post.is_silent, post.is_away = False, True, True
    await post.sentry.look()
    assert post.sentry.may_speak()
    post.elapsed += FRESH_SECONDS
    assert not post.sentry.may_speak()
    assert post.sentry.has_reasons(Condition.HEAD)


async def test_redis_away__to_one_that_slept_since_it_led__is_not_for_it_to_say() -> None:
    post = Post()
    await post.sentry.look()
    post.leads, post.is_silent, post.is_away = False, True, True
    post.reasons[Condition.STORE] = ("away",)
    post.elapsed += UNBROKEN_SECONDS + 1
    await post.looks()
    await post.looks()
    assert not post.sentry.may_speak()
    assert direct(post) == []


async def test_dry_run__blind__writes_and_sends_nothing() -> None:
    post = Post(is_mute=True)
    post.reasons[Condition.HEAD] = ("gone",)
    await post.looks()
    post.is_silent = post.is_away = True
    await post.looks()
    assert await post.told() == []
    assert await post.store.conditions() == {}
    assert not any(sender.asked for sender in post.senders.values())
    assert set(post.shown) == {"monitor.head"}


async def test_silence__of_a_condition__is_told_when_it_is_over_and_ends_are_told_in_it() -> None:
    post = Post()
    now = int(1_700_000_000 + post.elapsed)
    silence = Silence("monitor.head", now, now + 100, "we know")
    post.store.asked_silence["monitor.head"] = silence
    post.reasons[Condition.HEAD] = ("gone",)
    await post.looks()
    assert await post.told() == []
    assert set(post.shown) == {"monitor.head"}
    await post.looks(100)
    assert await post.told() == [BLIND_HEAD]
    now = int(1_700_000_000 + post.elapsed)
    silence = Silence("monitor.head", now, now + 100, "we know")
    post.store.asked_silence["monitor.head"] = silence
    post.reasons[Condition.HEAD] = ()
    await post.looks()
    assert await post.told() == [BLIND_HEAD, SEES_HEAD]


async def test_last_words__something_broke__are_written_and_taken_back_by_the_next() -> None:
    first = Post()
    await first.sentry.recall()
    broke = ExceptionGroup("group", [ContractUpgraded("hunter2 was upgraded")])
    assert await first.sentry.last_words(broke)
    assert await first.told() == [BLIND_STOPPED]
    [stored] = await first.store.recent_alerts(1)
    reasons = json.loads(stored.alert.body)["data"]["reasons"]
    assert reasons == ["the daemon stops: … was upgraded"]

    again = Post(first.store)
    again.reasons[Condition.STOPPED] = None  # not caught up
    await again.looks()
    assert await again.sentry.last_words(broke)
    assert await again.told() == [BLIND_STOPPED]

    ready = Post(first.store)
    await ready.sentry.recall()
    await ready.sentry.look()
    assert await ready.told() == [BLIND_STOPPED, SEES_STOPPED]


@pytest.mark.parametrize("failure", [StoreUnavailable("away"), LedgerCorrupt("it was flushed")])
async def test_last_words__store_of_no_use__go_directly(failure: MonitorError) -> None:
    post = Post()
    post.leads = False
    post.store.failure = failure
    assert await post.sentry.last_words(LedgerCorrupt("it was flushed"))
    assert direct(post) == direct(post, "chat") == [BLIND_STOPPED]


async def test_last_words__another_leads__are_none() -> None:
    post = Post()
    post.store.failure = WriterFenced("another daemon")
    assert not await post.sentry.last_words(ContractUpgraded("gone"))
    assert not any(sender.asked for sender in post.senders.values())


@pytest.mark.parametrize(
    ("error", "because"),
    [
        (LedgerCorrupt("it was flushed"), "the daemon stops: it was flushed"),
        (TypeError("at https://x"), "the daemon stops: TypeError, a bug: see its log"),
        (
            ExceptionGroup("", [StoreUnavailable("away"), ContractUpgraded("the pool")]),
            "the daemon stops: the pool",
        ),
        (ExceptionGroup("", [ContractUpgraded("the pool"), WriterFenced("taken")]), ""),
        (BaseExceptionGroup("", [KeyboardInterrupt()]), ""),
        (StoreUnavailable("away"), ""),
        (ConfigError("no such market"), ""),
    ],
)
def test_stopped__for_a_reason__tells_only_what_must_hold_and_does_not(
    error: BaseException, because: str
) -> None:
    assert stopped_because(error) == because
