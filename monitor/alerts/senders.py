"""Makes the sender of a receiver by its format."""

from types import TracebackType
from typing import Protocol, Self

from monitor.alerts.post import MaySend
from monitor.alerts.target import Target
from monitor.alerts.webhook import WebhookSender
from monitor.core.alerts import Delivery


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
    return WebhookSender(target, may_send)
