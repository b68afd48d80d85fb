"""Says when the monitor cannot see, and when it sees again: one task beside the way of the blocks.

What is said is written down with the state it follows from, in one transaction, and goes out as
every alert does. While Redis is away it goes to the receivers directly, best effort, and is written
down under the same id, word for word, when Redis is back.
"""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NoReturn, Protocol

import structlog

from monitor.core.alerts import Alert, AlertType, ConditionState, Delivery
from monitor.core.conditions import Condition
from monitor.core.delivery import AlertSender
from monitor.core.ports import StateStore
from monitor.engine.breaker import Origin
from monitor.engine.conditions import Sight, turn
from monitor.errors import (
    ConfigError,
    DeliveryFailed,
    InvariantBroken,
    MonitorError,
    StoreUnavailable,
    TransientError,
    WriterFenced,
)
from monitor.lookout import Reasons, View
from monitor.store.lease import awake_or_not_seconds

log = structlog.stdlib.get_logger(__name__)
LOOK_SECONDS = 1.0
FRESH_SECONDS = 5.0
"""A look this old says nothing of the present any more: the process may have been stopped."""
UNBROKEN_SECONDS = 15.0
"""Looks further apart than that have a gap in which another daemon may have begun to lead."""
HAND_OVER_SECONDS = 8.0
AGAIN_SECONDS = 30.0
"""A receiver that did not take a letter is asked again so much later, while Redis is away."""
LAST_SECONDS = 5.0
"""How long the last words may take."""


class Lookout(Protocol):
    """Where the looking is done: `lookout.Lookout`."""

    async def look(self) -> View: ...


@dataclass(frozen=True, slots=True)
class Voice:
    """How to speak. `receivers`: everybody; `senders`: those to be reached without the outbox.

    `may`: whether this daemon leads. `is_mute`: a dry run says nothing and writes nothing.
    `observe` hears of every alert.
    """

    receivers: Sequence[str]
    senders: Mapping[str, AlertSender]
    may: Callable[[], bool]
    observe: Callable[[Alert], None]
    is_mute: bool = False


class Sentry:
    """Keeps the conditions, and speaks of them to every receiver, whatever breakers it wants."""

    def __init__(
        self,
        origin: Origin,
        lookout: Lookout,
        store: StateStore,
        voice: Voice,
        *,
        hold_seconds: float,
        show: Callable[[Mapping[str, ConditionState]], None],
        redact: Callable[[str], str] = str,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = awake_or_not_seconds,
    ) -> None:
        """`show` is told after every look which conditions are blind, with present reasons."""
        self._origin = origin
        self._lookout = lookout
        self._store = store
        self._voice = voice
        self._hold_seconds = hold_seconds
        self._show = show
        self._redact = redact
        self._clock = clock
        self._monotonic = monotonic
        self._states: dict[str, ConditionState] = dict.fromkeys(Condition, ConditionState())
        self._view: View | None = None
        self._looked_monotonic = monotonic()
        self._has_led = True
        """Whether we led when the sentry began, or at a look, and looked again and again since."""
        self._since: dict[Condition, tuple[bool, float]] = {}
        self._unwritten: list[Alert] = []
        self._handed: dict[tuple[str, str], float] = {}
        """By alert and webhook when it may be handed over (again); never for what was taken."""
        self._is_resumed = self._is_ending = False

    async def run(self) -> NoReturn:
        """Look again and again. Raises WriterFenced when another daemon leads."""
        await self._resume()
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    def has_reasons(self, *conditions: Condition) -> bool:
        """Whether one of these is so now, or nobody looked lately."""
        if self._view is None or not self._is_fresh():
            return True
        return any(self._view.reasons[condition] for condition in conditions)

    def may_speak(self) -> bool:
        """Whether letters may go out past the outbox.

        The lease alone would not do: it runs out while Redis is away, which is what is to be told.
        """
        is_cut_off = self._view is not None and self._view.is_away and self._is_fresh()
        return self._is_ending or (is_cut_off and self._has_led) or self._voice.may()

    async def look(self) -> None:
        """One look, and what it comes to."""
        view = await self._lookout.look()
        now = self._monotonic()
        is_unbroken = now - self._looked_monotonic <= UNBROKEN_SECONDS
        self._has_led = self._voice.may() or (self._has_led and is_unbroken)
        self._view, self._looked_monotonic = view, now
        sights = {name: self._sight(name, reasons) for name, reasons in view.reasons.items()}
        silenced = await self._silenced(sights)
        if self.may_speak():
            for name, sight in sights.items():
                # A daemon that is back is no guess.
                is_certain = name is Condition.STOPPED
                if name not in silenced:
                    self._turn(name, sight, 0 if is_certain else self._hold_seconds)
            await self._say()
        self._show(self._shown(view, silenced))

    async def last_words(self, error: BaseException) -> bool:
        """Say that the daemon stops, and why, for some seconds at most.

        False where there is nothing to be said, or another daemon speaks now.
        """
        because = stopped_because(error)
        if not because:
            return False
        self._is_ending = True
        with suppress(MonitorError, TimeoutError):
            async with asyncio.timeout(LAST_SECONDS):
                if not self._is_resumed:
                    await self.recall()
        self._turn(Condition.STOPPED, Sight((self._redact(because),)), 0)
        try:
            async with asyncio.timeout(LAST_SECONDS):
                await self._write()
        except WriterFenced:
            self._unwritten.clear()
            return False
        except (MonitorError, TimeoutError):
            await self._hand_over()
        return True

    async def _resume(self) -> None:
        while True:
            try:
                await self.recall()
                return
            except StoreUnavailable:
                await asyncio.sleep(LOOK_SECONDS)

    async def recall(self) -> None:
        """Take over what was written down. Raises StoreUnavailable."""
        known = await self._store.conditions()
        self._states |= {name: known[name] for name in self._states if name in known}
        self._is_resumed = True

    def _sight(self, name: Condition, reasons: Reasons) -> Sight:
        """How long it has been so. What nobody can tell just now neither begins nor breaks it."""
        now = self._monotonic()
        if reasons is None:
            return Sight(None)
        is_so, since = self._since.get(name, (bool(reasons), now))
        if is_so != bool(reasons):
            since = now
        self._since[name] = (bool(reasons), since)
        return Sight(tuple(map(self._redact, reasons)), now - since)

    async def _silenced(self, sights: Mapping[Condition, Sight]) -> frozenset[str]:
        """The conditions that begin, but that somebody wants to hear nothing of.

        They begin when the silence is over. What was told before it still ends in it.
        """
        due = {
            name
            for name, sight in sights.items()
            if sight.reasons and not self._states[name].is_blind
            if sight.for_seconds >= self._hold_seconds
        }
        if not due or (self._view is not None and self._view.is_silent):
            return frozenset()
        try:
            silences = await self._store.silences()
        except StoreUnavailable:
            return frozenset()
        now = self._clock()
        return frozenset(
            name for name in due if name in silences and now < silences[name].until_unix
        )

    def _turn(self, name: Condition, sight: Sight, hold_seconds: float) -> None:
        judged = None if self._view is None else self._view.judged
        state = self._states[name]
        after, alert = turn(self._origin, name, state, sight, judged, self._clock(), hold_seconds)
        self._states[name] = after
        if alert is not None:
            log.warning("alert", id=alert.id, type=alert.type, breaker=alert.breaker)
            self._voice.observe(alert)
            self._unwritten.append(alert)

    async def _say(self) -> None:
        """Write down what is not yet; where that cannot be, at least say it."""
        if self._view is not None and self._view.is_silent:
            await self._hand_over()
            return
        try:
            await self._write()
        except StoreUnavailable as error:
            log.warning("conditions_unwritten", because=str(error))
            await self._hand_over()

    async def _write(self) -> None:
        if self._voice.is_mute:
            self._unwritten.clear()
        if not self._unwritten:
            return
        alerts = tuple(self._unwritten)
        states = {alert.breaker: self._states[alert.breaker] for alert in alerts}
        receivers = {alert.id: tuple(self._voice.receivers) for alert in alerts}
        await self._store.announce(states, alerts, receivers)
        self._unwritten = self._unwritten[len(alerts) :]
        self._handed.clear()

    async def _hand_over(self) -> None:
        """Straight to the receivers, all at once, in order for each, until it takes a letter."""
        if not self._voice.is_mute:
            with suppress(TimeoutError):
                async with asyncio.timeout(HAND_OVER_SECONDS):
                    await asyncio.gather(*map(self._hand_to, self._voice.senders))

    async def _hand_to(self, webhook: str) -> None:
        """An end waits for Redis, unless nobody else can know of its beginning: who leads after us
        would say it too, under the same id, in words of a later time."""
        unwritten = tuple(self._unwritten)
        begun = {alert.episode for alert in unwritten if alert.type is AlertType.BLIND}
        for alert in unwritten:
            if alert.episode not in begun:
                continue
            key, since = (alert.id, webhook), self._monotonic()
            due = self._handed.get(key, since)
            if due == math.inf:
                continue
            if due > since:
                return
            self._handed[key] = since + AGAIN_SECONDS
            now = self._clock()
            letter = Delivery(alert.id, webhook, alert.body, 0, now, now)
            try:
                await self._voice.senders[webhook].send(letter)
            except DeliveryFailed as failure:
                log.warning("not_delivered_directly", webhook=webhook, because=str(failure))
                return
            self._handed[key] = math.inf

    def _shown(self, view: View, silenced: frozenset[str]) -> dict[str, ConditionState]:
        """The blind conditions, also those nobody is to hear of, with why they are so now."""
        return {
            name: replace(state, reasons=view.reasons[name] or state.reasons)
            for name, state in ((name, self._states[name]) for name in view.reasons)
            if state.is_blind or name in silenced
        }

    def _is_fresh(self) -> bool:
        return self._monotonic() - self._looked_monotonic < FRESH_SECONDS


def stopped_because(error: BaseException) -> str:
    """Why the daemon ends, if that is to be told: something that must hold does not.

    Empty where it was asked to end, where another leads, and where a restart may mend it.
    """
    leaves = list(_leaves(error))
    if any(isinstance(leaf, WriterFenced | ConfigError) for leaf in leaves):
        return ""
    broken = [leaf for leaf in leaves if isinstance(leaf, InvariantBroken)]
    if broken:
        return f"the daemon stops: {broken[0]}"
    bugs = [
        leaf
        for leaf in leaves
        if isinstance(leaf, Exception) and not isinstance(leaf, TransientError)
    ]
    # An unexpected error's own words may hold anything.
    return f"the daemon stops: {type(bugs[0]).__name__}, a bug: see its log" if bugs else ""


def _leaves(error: BaseException) -> Sequence[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for part in error.exceptions for leaf in _leaves(part)]
    return [error]
