"""Events for PagerDuty (Events API v2): one incident for what fires, closed when it is over.

The fingerprint is the `dedup_key`, so all that is said of one firing lands in one incident. A
breaker that is blind has an incident of its own: to see again must not close that of its trip.
"""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NoReturn

from monitor.alerts.message import message_of
from monitor.alerts.notice import Kind, Notice, notice_of, rfc3339
from monitor.alerts.ongoing import Ongoing, subject_of
from monitor.alerts.post import TIMEOUT_SECONDS, Answer, MaySend
from monitor.alerts.post_sender import PostSender
from monitor.alerts.recollection import recollected
from monitor.alerts.target import Target
from monitor.core.alerts import Delivery
from monitor.core.delivery import DeliveryQueue
from monitor.core.words import plain
from monitor.errors import DeliveryFailed, StoreUnavailable

CLIENT = "cascade-monitor"
LONGEST_SUMMARY = 1_024
LONGEST_DETAIL = 600
MOST_DETAILS = 10
LOOK_SECONDS = 1.0


class PagerDutySender(PostSender):
    """Sends to one service of PagerDuty, within an `async with`."""

    def __init__(
        self,
        target: Target,
        may_send: MaySend,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(target, may_send, timeout_seconds=timeout_seconds, clock=clock)
        self._ongoing = Ongoing()
        self._is_whole = False
        """Whether `ongoing` holds all that was ever taken, not only what this process sent."""
        self._turn = asyncio.Lock()

    async def send(self, delivery: Delivery) -> None:
        """Trigger or resolve, as things stand after this alert. Raises DeliveryFailed."""
        try:
            notice = notice_of(delivery.body)
        except ValueError as error:
            raise DeliveryFailed(f"{self._post.subject} was not sent to: {error}") from error
        async with self._turn:
            after = self._ongoing.taken(notice)
            stands = after.current(subject_of(notice))
            # A retraction may be of what another process sent: then only it says how things stand.
            is_its_word = notice.retracts and not self._is_whole
            fires = notice.is_firing if is_its_word else stands is not None
            if fires:
                await self._enqueue(self._trigger(stands or notice))
            if not fires or notice.kind is Kind.TEST:
                await self._enqueue(self._event("resolve", notice))
            self._ongoing = after

    async def keep(self, queue: DeliveryQueue) -> NoReturn:
        """Know for ever what was taken, also by other processes. Nothing is sent.

        So an alert that is replayed after its all-clear opens no incident, and a retraction leaves
        open what PagerDuty was told of before, and nothing else.
        """
        while True:
            if not self._may_send():
                self._ongoing, self._is_whole = Ongoing(), False
            elif not self._is_whole:
                with suppress(StoreUnavailable):
                    async with self._turn:
                        taken = await recollected(queue, self._target.name)
                        self._ongoing, self._is_whole = taken.and_then(self._ongoing), True
            await asyncio.sleep(LOOK_SECONDS)

    def _event(self, action: str, notice: Notice) -> dict[str, Any]:
        own = "/blind" if notice.kind is Kind.BLINDNESS and notice.is_of_chain else ""
        return {
            "routing_key": self._target.routing_key,
            "event_action": action,
            "dedup_key": notice.fingerprint + own,
        }

    def _trigger(self, notice: Notice) -> dict[str, Any]:
        page_url = self._target.page_url
        event = self._event("trigger", notice) | {"client": CLIENT}
        event["payload"] = {
            "summary": message_of(notice).title[:LONGEST_SUMMARY],
            "source": f"chain {self._target.chain_id}",
            "severity": "info" if notice.kind is Kind.TEST else notice.severity,
            "timestamp": rfc3339(notice.timestamp_unix),
            "component": notice.breaker,
            "class": notice.type,
            "custom_details": _details(notice),
        }
        if page_url:
            event |= {"client_url": page_url, "links": [{"href": page_url, "text": CLIENT}]}
        return event

    async def _enqueue(self, event: Mapping[str, Any]) -> None:
        body = json.dumps(event, ensure_ascii=False).encode()
        headers = {"content-type": "application/json"}
        answer = await self._post.ask("POST", headers=headers, body=body, reads=True)
        said = _said(answer)
        if not answer.is_success:
            raise answer.refusal(self._post.subject, self._reason(said))
        if said.get("status") != "success":
            raise DeliveryFailed(
                f"{self._post.subject} answered {answer.status}, but not that it took the event: "
                "expected 202 and status success. Is its URL PagerDuty's?"
            )

    def _reason(self, said: Mapping[str, Any]) -> str:
        """What it says is wrong with the event; never the key, should it repeat that."""
        errors = said.get("errors")
        told = [said.get("message"), *(errors if isinstance(errors, list) else ())]
        text = "; ".join(str(each) for each in told if each)
        return plain(text.replace(self._target.routing_key or "\0", "(key)"), LONGEST_DETAIL)


def _details(notice: Notice) -> dict[str, Any]:
    """What a person looks up: short, whatever was found."""
    data = notice.data
    details = {
        "what": list(message_of(notice).lines),
        "measure": data.get("measure"),
        "value": data.get("value"),
        "threshold": data.get("threshold"),
        "block": notice.block,
        "scenario": data["projection"].get("scenario"),
        "actions": [_short(action) for action in data["actions"][:MOST_DETAILS]],
        "reproduce": data.get("reproduce"),
    }
    return {key: _short(value) for key, value in details.items() if value not in (None, [], "")}


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return value[:LONGEST_DETAIL]
    if isinstance(value, Mapping):
        return {str(key): _short(each) for key, each in value.items()}
    return value


def _said(answer: Answer) -> Mapping[str, Any]:
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
