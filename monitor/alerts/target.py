"""A receiver as it was configured."""

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from monitor.alerts.post import Destination


class Format(StrEnum):
    """What a receiver understands."""

    JSON = "json"
    ALERTMANAGER = "alertmanager"
    PAGERDUTY = "pagerduty"
    APPRISE = "apprise"


@dataclass(frozen=True, slots=True)
class Target:
    """One receiver. `secrets` are whsec_<base64>; a body of format json is signed with each.

    `page_url`: where people reach the daemon's page. `resend_seconds`: how often Alertmanager is
    told again of what fires. `breakers`: the names it may still be told of, those of watches too;
    None: any. What is configured no more is cleared by nobody, and must not fire for ever.
    """

    name: str
    url: str = field(repr=False)
    format: Format = Format.JSON
    secrets: tuple[str, ...] = field(default=(), repr=False)
    routing_key: str | None = field(default=None, repr=False)
    bearer: str | None = field(default=None, repr=False)
    chain_id: int = 0
    page_url: str | None = None
    resend_seconds: int = 60
    allow_private: bool = False
    ca_file: Path | None = None
    breakers: frozenset[str] | None = None

    @property
    def subject(self) -> str:
        """How messages name it."""
        return f"webhook {self.name}"

    def destination(self, url: str | None = None) -> Destination:
        """Where its requests go: its own URL, or one that follows from it."""
        return Destination(self.subject, url or self.url, self.allow_private, self.ca_file)
