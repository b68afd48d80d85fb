"""Deliveries a receiver refuses for what they say: others may pass one, or it would silence all.

A receiver that checks what it is sent may refuse one alert for ever (a type it does not know, a
size it does not take) and take every other. Order is kept as long as that is not certain: the next
alert of another breaker is tried, and if it is refused too, the receiver is at fault and nothing
may pass. What was said later of the same breaker waits: no end comes before its beginning.
"""

import math

from monitor.core.alerts import Delivery

REFUSALS = 3
"""So often it is refused before the next one is tried."""
MOST = 100
AGAIN_SECONDS = 600.0
"""After a receiver refused two in a row, so long nothing may pass."""
LEAST_SECONDS = 1.0


class Aside:
    """What stands aside at one receiver, in this life; each is tried again when it is due."""

    def __init__(self) -> None:
        self._until_unix: dict[str, float] = {}
        self._unsure = ""
        """The one that was set aside last, until another was taken."""
        self._not_before_unix = -math.inf

    def ids(self, now_unix: float) -> tuple[str, ...]:
        """The alerts that are passed over now."""
        return tuple(id for id, until_unix in self._until_unix.items() if until_unix > now_unix)

    def holds(self, alert_id: str) -> bool:
        """Whether it stands aside rightly."""
        return alert_id in self._until_unix and alert_id != self._unsure

    def failed(
        self, delivery: Delivery, due_unix: float, now_unix: float, *, is_of_letter: bool
    ) -> bool:
        """An attempt failed; whether the alert is set aside by it, and was not before.

        `is_of_letter`: it was refused for what it says. `due_unix`: when it is tried again.
        """
        id, until_unix = delivery.alert_id, max(due_unix, now_unix + LEAST_SECONDS)
        if id in self._until_unix:
            self._until_unix[id] = until_unix
            return False
        if not is_of_letter:
            return False
        if self._unsure:
            self.over(self._unsure)
            self._not_before_unix = now_unix + AGAIN_SECONDS
            return False
        if delivery.attempts + 1 < REFUSALS or len(self._until_unix) >= MOST:
            return False
        if now_unix < self._not_before_unix:
            return False
        self._until_unix[id], self._unsure = until_unix, id
        return True

    def taken(self, delivery: Delivery) -> None:
        """The receiver took one: if that is another, what stands aside does so rightly."""
        self.over(delivery.alert_id)
        self._unsure = ""

    def over(self, alert_id: str) -> None:
        """It is delivered, given up, or nothing may pass it any more."""
        self._until_unix.pop(alert_id, None)
        if self._unsure == alert_id:
            self._unsure = ""
