"""What a receiver took before this process began, or while another daemon led."""

import logging

from monitor.alerts.notice import notice_of
from monitor.alerts.ongoing import Ongoing
from monitor.core.delivery import DeliveryQueue

LOGGER = logging.getLogger(__name__)


async def recollected(queue: DeliveryQueue, webhook: str) -> Ongoing:
    """From what the queue knows was taken. Raises StoreUnavailable."""
    ongoing = Ongoing()
    for body in await queue.delivered_bodies(webhook):
        try:
            ongoing = ongoing.taken(notice_of(body))
        except ValueError as error:
            LOGGER.warning("%s: an alert kept in the store is none: %s", webhook, error)
    return ongoing
