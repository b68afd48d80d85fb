"""How often an endpoint may be asked: a bucket that fills steadily and is emptied by calls. Pure:
the clock is handed in."""

from dataclasses import dataclass


@dataclass(slots=True)
class TokenBucket:
    """Holds what one second allows, at least one call. Times are monotonic seconds.

    A call that finds it empty goes into debt and waits: first come, first served, and nobody is
    turned away.
    """

    per_second: float
    _tokens: float = 0.0
    _filled_at: float | None = None

    @property
    def most(self) -> int:
        """The most calls that may go out together."""
        return max(1, int(self.per_second))

    def wait_seconds(self, calls: int, now: float) -> float:
        """How long so many calls would have to wait; nothing is taken."""
        return max(0.0, (min(calls, self.most) - self._level(now)) / self.per_second)

    def take(self, calls: int, now: float) -> float:
        """Take so many calls, at most `most`; how long to wait before they are made."""
        wait_seconds = self.wait_seconds(calls, now)
        self._tokens, self._filled_at = self._level(now) - calls, now
        return wait_seconds

    def _level(self, now: float) -> float:
        if self._filled_at is None:
            return float(self.most)
        return min(float(self.most), self._tokens + (now - self._filled_at) * self.per_second)
