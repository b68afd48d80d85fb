"""What the status page is told of its daemon: the words of its alerts, and when it is stale."""

import json
from collections.abc import Mapping
from typing import Any

from monitor import __version__
from monitor.alerts.message import message_of
from monitor.alerts.notice import notice_of
from monitor.settings import Settings
from monitor.web.page.views import Manners, Said, unsaid


def manners_of(settings: Settings) -> Manners:
    limits = (settings.chain.max_head_age_seconds, settings.blindness.head_age_seconds)
    return Manners(
        version=__version__,
        stale_seconds=float(min(limit for limit in limits if limit is not None)),
        say=_said,
    )


def _said(alert: Mapping[str, Any]) -> Said:
    """In the words that its receivers got."""
    try:
        message = message_of(notice_of(json.dumps(alert)))
    except ValueError:
        return unsaid(alert)
    return Said(message.title, message.lines)
