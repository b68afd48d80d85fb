"""Makes the sender of a receiver by its format."""

from collections.abc import Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, Protocol, Self

from monitor.alerts.alertmanager import AlertmanagerSender
from monitor.alerts.chat import ChatSender
from monitor.alerts.pagerduty import PagerDutySender
from monitor.alerts.post import MaySend
from monitor.alerts.target import Format, Target
from monitor.alerts.webhook import WebhookSender
from monitor.core.alerts import Delivery
from monitor.core.delivery import AlertSender, DeliveryQueue


class Sender(Protocol):
    """An AlertSender that is open within an `async with`."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    async def send(self, delivery: Delivery) -> None: ...


def sender_of(target: Target, may_send: MaySend) -> Sender:
    """`may_send` is asked at each attempt, as late as can be."""
    match target.format:
        case Format.ALERTMANAGER:
            return AlertmanagerSender(target, may_send)
        case Format.PAGERDUTY:
            return PagerDutySender(target, may_send)
        case Format.APPRISE:
            return ChatSender(target, may_send)
        case Format.JSON:
            return WebhookSender(target, may_send)


def keeping(
    senders: Mapping[str, AlertSender], queue: DeliveryQueue
) -> dict[str, Coroutine[Any, Any, None]]:
    """The work of those who have something to do between deliveries, by a name for it."""
    return {
        f"keep-{name}": sender.keep(queue)
        for name, sender in senders.items()
        if isinstance(sender, AlertmanagerSender | PagerDutySender)
    }


def keeping_own(
    senders: Mapping[str, AlertSender], is_needed: Callable[[], bool]
) -> dict[str, Coroutine[Any, Any, None]]:
    """The same for senders of letters that go past the outbox."""
    return {
        f"keep-own-{name}": sender.keep_own(is_needed)
        for name, sender in senders.items()
        if isinstance(sender, AlertmanagerSender)
    }
