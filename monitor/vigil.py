"""Watches over the daemon itself: the sentry and the dead man's switch, wired and open."""

import math
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from monitor.alert_schema import Deadman as DeadmanTable
from monitor.alerts.deadman import Deadman
from monitor.alerts.outbox import Outbox
from monitor.alerts.post import Destination, Post
from monitor.alerts.senders import keeping_own
from monitor.core.alerts import ConditionState
from monitor.core.conditions import Condition
from monitor.core.delivery import AlertSender
from monitor.engine.breaker import Origin
from monitor.leadership import Leadership
from monitor.logs import Redaction
from monitor.lookout import Lookout, Reasons
from monitor.observation import Observation
from monitor.rim import Rim, senders_of
from monitor.sentry import Sentry, Voice
from monitor.settings import Settings
from monitor.standing import Standing


@dataclass(frozen=True, slots=True)
class Scene:
    """What of the daemon is watched."""

    standing: Standing
    observation: Observation
    outbox: Outbox
    leadership: Leadership
    audited: Callable[[], Reasons]


@dataclass(frozen=True, slots=True)
class Vigil:
    """`deadman` is None where none is configured."""

    sentry: Sentry
    deadman: Deadman | None
    kept: Mapping[str, Coroutine[Any, Any, None]]

    def work(self) -> dict[str, Coroutine[Any, Any, None]]:
        """The tasks, by name; none ends by itself."""
        tasks: dict[str, Coroutine[Any, Any, None]] = {"sentry": self.sentry.run(), **self.kept}
        if self.deadman is not None:
            tasks["deadman"] = self.deadman.run()
        return tasks


@asynccontextmanager
async def vigil(
    settings: Settings, rim: Rim, scene: Scene, *, is_mute: bool
) -> AsyncIterator[Vigil]:
    """`is_mute`: a dry run, which says nothing. Raises ConfigError for an unusable ca_file."""
    async with AsyncExitStack() as stack:
        standing = scene.standing
        lookout = Lookout(
            standing,
            rim.pulse,
            scene.outbox,
            lambda: scene.observation.seen,
            settings.blindness,
            audited=scene.audited,
        )
        # Made before it has senders: whether these may send is for it to say.
        senders: dict[str, AlertSender] = {}
        voice = Voice(
            receivers=[hook.name for hook in settings.webhooks],
            senders=senders,
            may=scene.leadership.may_speak,
            observe=scene.observation.raised,
            is_mute=is_mute,
        )
        sentry = Sentry(
            Origin(settings.store.namespace, rim.genesis),
            lookout,
            rim.store,
            voice,
            hold_seconds=float(settings.blindness.hold_seconds),
            show=lambda blind: _show(rim, standing, blind, _waits(settings, lookout)),
            redact=Redaction(settings.secrets()).text,
        )
        if not is_mute:
            senders |= await senders_of(settings, stack, sentry.may_speak)
        deadman = None
        if settings.deadman is not None and not is_mute:
            deadman = await _deadman(stack, settings.deadman, rim, scene, sentry)
        lease = rim.store.lease
        yield Vigil(sentry, deadman, keeping_own(senders, lambda: not lease.is_current()))


def switch_of(table: DeadmanTable) -> Destination:
    """Where the dead man's switch is."""
    url = table.url.get_secret_value()
    return Destination("the URL of deadman", url, table.allow_private, table.ca_file)


async def _deadman(
    stack: AsyncExitStack, table: DeadmanTable, rim: Rim, scene: Scene, sentry: Sentry
) -> Deadman:
    leads = scene.leadership.may_speak
    post = await stack.enter_async_context(Post(switch_of(table), leads))
    counter = rim.metrics.deadman_pings_total

    def is_well() -> bool:
        blind = sentry.has_reasons(Condition.HEAD, Condition.LAG, Condition.OUTBOX)
        return leads() and scene.standing.ready().ok and not blind

    return Deadman(
        post, table.every_seconds, is_well, lambda outcome: counter.labels(outcome).inc()
    )


def _waits(settings: Settings, lookout: Lookout) -> dict[str, float]:
    """Of every receiver how long its oldest alert waits; NaN where nobody can tell now."""
    told = lookout.overdue_seconds
    names = (hook.name for hook in settings.webhooks)
    return {name: math.nan if told is None else told.get(name, 0.0) for name in names}


def _show(
    rim: Rim,
    standing: Standing,
    blind: Mapping[str, ConditionState],
    waits: Mapping[str, float],
) -> None:
    standing.blind = blind
    for condition in Condition:
        rim.metrics.blind.labels(condition).set(condition in blind)
    for webhook, seconds in waits.items():
        rim.metrics.outbox_overdue_seconds.labels(webhook).set(seconds)
