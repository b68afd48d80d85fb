"""`check` of those who are told: receivers of alerts, and the dead man's switch."""

import time
from collections.abc import AsyncIterator

from monitor.alert_schema import Deadman
from monitor.alerts.notice import trial
from monitor.alerts.post import Post
from monitor.alerts.senders import sender_of
from monitor.alerts.target import Target
from monitor.errors import ConfigError, DeliveryFailed
from monitor.finding import Finding
from monitor.rim import target_of
from monitor.settings import Settings
from monitor.vigil import switch_of


async def receivers(settings: Settings, *, send_test: bool) -> AsyncIterator[Finding]:
    """One of each webhook, in the configuration's order; then of the switch, if there is one."""
    if not settings.webhooks:
        yield Finding("webhooks", warning="none is configured: nobody is told of an alert")
    for hook in settings.webhooks:
        yield await webhook(target_of(hook, settings.chain.chain_id), send_test=send_test)
    if settings.deadman is not None:
        yield await deadman(settings.deadman, send_test=send_test)


async def webhook(target: Target, *, send_test: bool) -> Finding:
    """Its certificates and its URL's form; whether it takes a message only if asked."""
    subject = f"webhook {target.name}"
    try:
        async with sender_of(target, lambda: True) as sender:
            if not send_test:
                return Finding(subject, f"of format {target.format}; nothing was sent")
            await sender.send(trial(target.name, time.time()))
    except (DeliveryFailed, ConfigError) as failure:
        return Finding(subject, fault=str(failure))
    return Finding(subject, "took the test message")


async def deadman(table: Deadman, *, send_test: bool) -> Finding:
    """Its certificates; whether it answers a ping only if asked, for that starts its watch."""
    subject = "dead man's switch"
    try:
        async with Post(switch_of(table), lambda: True) as post:
            if not send_test:
                return Finding(subject, f"to be asked every {table.every_seconds} s; was not now")
            await post.request("GET")
    except (DeliveryFailed, ConfigError) as failure:
        return Finding(subject, fault=str(failure))
    return Finding(subject, "answered a ping")
