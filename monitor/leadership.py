"""Who leads: whether this daemon may write and speak, and if not, who does."""

import structlog

from monitor.store.lease import Lease

log = structlog.stdlib.get_logger(__name__)


class Leadership:
    """What this daemon knows of its lease without asking anybody."""

    def __init__(self, lease: Lease, *, is_standby: bool) -> None:
        self.is_standby = is_standby
        self._lease = lease
        self._other = ""

    @property
    def leader(self) -> str:
        """The leader's name; empty where none is known."""
        return self._other if self.is_standby else self._lease.owner

    def may_speak(self) -> bool:
        """Whether anything may be said to the outside at this moment."""
        return not self.is_standby and self._lease.is_current()

    def reasons(self) -> list[str]:
        """Why this daemon is not the one to ask."""
        if self.is_standby:
            return [f"standby: led by {self._other or 'nobody known yet'}"]
        if not self._lease.is_current():
            return ["the lease ran out and is not renewed yet: nothing is sent"]
        return []

    def see(self, leader: str) -> None:
        """Another leads."""
        if leader != self._other:
            log.info("standing_by", leader=leader, name=self._lease.owner)
        self._other = leader

    def begin(self) -> None:
        """From here on this daemon leads."""
        self.is_standby = False
        log.info("leading", name=self._lease.owner, token=self._lease.token)
