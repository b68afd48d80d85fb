"""What `systemctl status` shows of the daemon: one line, for who looks there first."""

from monitor.beginning import Beginning
from monitor.chain.reader import NodeReader
from monitor.leadership import Leadership
from monitor.standing import Standing

MOST_LETTERS = 300
NEAR_BLOCKS = 3
"""So far behind the head is who works on what has just come."""


class StatusLine:
    """Worded anew at each look; remembers only where it began to catch up."""

    def __init__(
        self, standing: Standing, leadership: Leadership, beginning: Beginning, reader: NodeReader
    ) -> None:
        self._standing = standing
        self._leadership = leadership
        self._beginning = beginning
        self._reader = reader
        self._first: int | None = None

    def text(self) -> str:
        """What the daemon does now, and the first thing that is wrong. One line, no secrets."""
        reasons = self._standing.ready().reasons
        if self._leadership.is_standby:
            return _short("; ".join(reasons))
        return _short(self._doing(reasons))

    def _doing(self, reasons: tuple[str, ...]) -> str:
        applied, head = self._standing.applied, self._standing.head
        if applied is None:
            return self._reading()
        if self._first is None or self._first > applied.number:
            self._first = applied.number  # the chain may turn back below it
        if head is None:
            return f"loaded block {applied.number}; waiting for the node to tell its head"
        if head.number - applied.number > NEAR_BLOCKS:
            done = 100 * (applied.number - self._first) // (head.number - self._first)
            return f"catching up: block {applied.number} of {head.number} ({done} %)"
        self._first = applied.number
        more = f" (and {len(reasons) - 1} more)" if len(reasons) > 1 else ""
        wrong = f"; not ready: {reasons[0]}{more}" if reasons else ""
        return f"following block {applied.number}{wrong}"

    def _reading(self) -> str:
        base = self._beginning.base
        if base is None:
            return "starting: loading the state"
        done = f", read up to {self._reader.past_read}" if self._reader.past_read else ""
        return f"first start: reading the markets' past until block {base.number}{done}"


def _short(text: str) -> str:
    # A further line would be a further message to systemd; what is no letter moves a cursor there.
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS - 2] + " …"
