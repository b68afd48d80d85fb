"""A time of day that does not jump."""

from collections.abc import Callable


class SteadyClock:
    """The time of day as it was when this was made, moved on by a clock that nobody sets.

    Unix seconds. What is counted by it within one life neither ages nor gets younger when somebody
    sets the machine's clock; the next life begins with what the machine says then.
    """

    def __init__(self, wall: Callable[[], float], elapsed: Callable[[], float]) -> None:
        self._elapsed = elapsed
        self._offset_seconds = wall() - elapsed()

    def __call__(self) -> float:
        return self._elapsed() + self._offset_seconds
