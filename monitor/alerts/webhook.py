"""Hands an alert to one receiver: a signed POST by Standard Webhooks."""

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime

from standardwebhooks import Webhook

from monitor.alerts.post import TIMEOUT_SECONDS, MaySend
from monitor.alerts.post_sender import PostSender
from monitor.alerts.target import Target
from monitor.core.alerts import Delivery


class WebhookSender(PostSender):
    """Sends to one receiver, within an `async with`."""

    def __init__(
        self,
        target: Target,
        may_send: MaySend,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(target, may_send, timeout_seconds=timeout_seconds, clock=clock)
        self._signers = tuple(Webhook(secret) for secret in target.secrets)

    async def send(self, delivery: Delivery) -> None:
        """POST the body, byte for byte. Raises DeliveryFailed for anything but a 2xx."""
        headers = self._headers(delivery)
        await self._post.request("POST", headers=headers, body=delivery.body.encode())

    def _headers(self, delivery: Delivery) -> dict[str, str]:
        now = datetime.fromtimestamp(math.floor(self._clock()), UTC)
        signatures = (
            signer.sign(delivery.alert_id, now, delivery.body) for signer in self._signers
        )
        return {
            "content-type": "application/json",
            "webhook-id": delivery.alert_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }
