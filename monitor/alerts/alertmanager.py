"""Pushes to Prometheus' Alertmanager, and keeps what fires firing.

Alertmanager forgets an alert it does not hear of again (`resolve_timeout`, five minutes). So what
fires is sent again all the time, and what it is told at each delivery is not that delivery but how
things stand after it: a trip resolves the warning, a retraction brings back the one below.
Labels are identity alone; everything that changes is an annotation.
"""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn
from urllib.parse import urlsplit, urlunsplit

from monitor.alerts.message import message_of
from monitor.alerts.notice import Kind, Notice, notice_of, rfc3339
from monitor.alerts.ongoing import Ongoing
from monitor.alerts.post import TIMEOUT_SECONDS, Answer, MaySend
from monitor.alerts.post_sender import PostSender
from monitor.alerts.recollection import recollected
from monitor.alerts.target import Target
from monitor.core.alerts import Delivery
from monitor.core.delivery import DeliveryQueue
from monitor.errors import DeliveryFailed, StoreUnavailable

LOGGER = logging.getLogger(__name__)
API = "/api/v2/alerts"
SEVERITIES = ("critical", "warning")
MOST_AT_ONCE = 64
"""Alerts in one request."""
RETRY_SECONDS = 5.0
"""After it was away: it may have been restarted, and remembers no alerts then."""
RECOLLECT_SECONDS = 3600.0
"""How often it is looked up whether an all-clear was given up: what it ends is kept no longer."""
LONGEST = 1_000
"""Characters of an annotation."""
NAMES = {
    Kind.BREAKER: "CascadeBreaker",
    Kind.WATCH: "CascadeWatch",
    Kind.BLINDNESS: "CascadeMonitorBlind",
    Kind.TEST: "CascadeMonitorTest",
}
Push = Mapping[str, Any]


class Identity(NamedTuple):
    """What tells Alertmanager's alerts apart. All positions of one watch are one alert there."""

    alertname: str
    breaker: str
    severity: str


class AlertmanagerSender(PostSender):
    """Sends to one Alertmanager, within an `async with`."""

    def __init__(
        self,
        target: Target,
        may_send: MaySend,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        url = _with_path(target.url)
        super().__init__(target, may_send, url=url, timeout_seconds=timeout_seconds, clock=clock)
        self._ongoing = Ongoing()
        self._is_whole = False
        """Whether `ongoing` holds all that was ever taken, not only what this process sent."""
        self._recollect_at = 0.0
        self._turn = asyncio.Lock()

    async def send(self, delivery: Delivery) -> None:
        """Tell how things stand after this alert. Raises DeliveryFailed."""
        try:
            notice = notice_of(delivery.body)
        except ValueError as error:
            raise DeliveryFailed(f"{self._post.subject} was not sent to: {error}") from error
        async with self._turn:
            after = self._ongoing.taken(notice)
            await self._push(self._news(notice, after))
            self._ongoing = after

    async def keep(self, queue: DeliveryQueue) -> NoReturn:
        """Send again for ever what fires; after a restart, from what the queue says was taken."""
        said = False
        while True:
            try:
                await self._again(queue)
                said, seconds = False, float(self._target.resend_seconds)
            except (DeliveryFailed, StoreUnavailable) as error:
                if not said:
                    LOGGER.warning("%s: cannot keep alerts firing: %s", self._target.name, error)
                said, seconds = True, min(RETRY_SECONDS, self._target.resend_seconds)
            await asyncio.sleep(seconds)

    async def keep_own(self, is_needed: Callable[[], bool]) -> NoReturn:
        """Send again for ever what went through here alone and fires, as long as that is needed.

        For letters past the outbox: when it can speak again, it is told of everything.
        """
        while True:
            if not is_needed():
                self._ongoing = Ongoing()
            elif self._may_send():
                with suppress(DeliveryFailed):
                    async with self._turn:
                        await self._push_firing()
            await asyncio.sleep(self._target.resend_seconds)

    async def _again(self, queue: DeliveryQueue) -> None:
        if not self._may_send():
            # Another daemon speaks now; what it said is looked up if we ever may again.
            self._ongoing, self._is_whole = Ongoing(), False
            return
        now = asyncio.get_running_loop().time()
        async with self._turn:
            if not self._is_whole or now >= self._recollect_at:
                self._ongoing = await self._remembered(queue)
                self._is_whole, self._recollect_at = True, now + RECOLLECT_SECONDS
            await self._push_firing()

    async def _push_firing(self) -> None:
        standing = _standing(self._ongoing).items()
        firing = [each for each in standing if self._is_configured(each[1])]
        for first in range(0, len(firing), MOST_AT_ONCE):
            some = firing[first : first + MOST_AT_ONCE]
            await self._push([self._firing(*one) for one in some])

    def _is_configured(self, notice: Notice) -> bool:
        names = self._target.breakers
        return names is None or not notice.is_of_chain or notice.breaker in names

    async def _remembered(self, queue: DeliveryQueue) -> Ongoing:
        """What the queue knows was taken, and what was taken since but is not written down yet."""
        taken = await recollected(queue, self._target.name)
        return taken.and_then(self._ongoing)

    def _news(self, notice: Notice, after: Ongoing) -> list[Push]:
        """Both severities of what the notice is about, as they stand now."""
        standing, told = _standing(after), []
        for severity in SEVERITIES:
            identity = Identity(NAMES[notice.kind], notice.breaker, severity)
            fires = standing.get(identity)
            told.append(
                self._resolved(identity, notice) if fires is None else self._firing(identity, fires)
            )
        return told

    def _firing(self, identity: Identity, notice: Notice) -> Push:
        return self._alert(identity, notice) | {
            # A chain's clock may be ahead of ours; what begins later than now is not shown.
            "startsAt": rfc3339(min(notice.starts_unix, self._clock()))
        }

    def _resolved(self, identity: Identity, notice: Notice) -> Push:
        """Ended at the block that says so, but not later than now: it would fire until then."""
        ends_unix = min(notice.ends_unix or notice.timestamp_unix, self._clock())
        return self._alert(identity, notice) | {
            "startsAt": rfc3339(min(notice.starts_unix, ends_unix)),
            "endsAt": rfc3339(ends_unix),
        }

    def _alert(self, identity: Identity, notice: Notice) -> dict[str, Any]:
        page_url = self._target.page_url
        labels = identity._asdict() | {"chain_id": str(self._target.chain_id)}
        alert: dict[str, Any] = {
            "labels": labels,
            "annotations": _annotations(notice, page_url),
        }
        return alert | ({"generatorURL": page_url} if page_url else {})

    async def _push(self, alerts: Iterable[Push]) -> None:
        body = json.dumps(list(alerts), ensure_ascii=False).encode()
        if body == b"[]":
            return
        headers = {"content-type": "application/json"}
        if self._target.bearer is not None:
            headers["authorization"] = f"Bearer {self._target.bearer}"
        answer = await self._post.ask("POST", headers=headers, body=body, reads=True)
        if not answer.is_success:
            raise answer.refusal(self._post.subject)
        if not _is_its_own(answer):
            raise DeliveryFailed(
                f"{self._post.subject} answered {answer.status} with a page: expected what "
                "Alertmanager says, which is nothing. Is there a login in front of it?"
            )


def _standing(ongoing: Ongoing) -> dict[Identity, Notice]:
    """By identity the newest of what fires under it."""
    standing: dict[Identity, Notice] = {}
    for notice in ongoing.firing():
        identity = Identity(NAMES[notice.kind], notice.breaker, notice.severity)
        held = standing.get(identity)
        if held is None or notice.timestamp_unix >= held.timestamp_unix:
            standing[identity] = notice
    return standing


def _annotations(notice: Notice, page_url: str | None) -> dict[str, str]:
    message = message_of(notice, page_url)
    data = notice.data
    told = {
        "summary": message.title,
        "description": message.body,
        "value": data.get("value"),
        "threshold": data.get("threshold"),
        "block": notice.block,
        "reproduce": data.get("reproduce"),
        "page": page_url,
    }
    return {key: str(text)[:LONGEST] for key, text in told.items() if text is not None}


def _is_its_own(answer: Answer) -> bool:
    """Alertmanager says nothing, its relatives something in JSON; a page is of somebody else."""
    text = answer.body.strip()
    return not text or text[:1] in b'{["'


def _with_path(url: str) -> str:
    """Where alerts are pushed, from the base of an Alertmanager or from the whole address."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    return urlunsplit(parts._replace(path=path if path.endswith(API) else path + API))
