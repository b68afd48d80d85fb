"""Who is logged in on the page. It is kept in memory: a restart logs everybody out."""

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

COOKIE = "cascade_monitor_session"
LASTING_SECONDS = 12 * 3600
MOST_SESSIONS = 100
MOST_WRONG = 10
"""Wrong tokens of one peer in a minute, before it has to wait."""
WAIT_SECONDS = 60.0
_MOST_PEERS = 1000


def digest(text: str) -> bytes:
    """Digests are all of one length: how long a comparison takes tells nothing of the text."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


class Sessions:
    """What a browser holds is a random number, not the token, and worth nothing after its time."""

    def __init__(self, token: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._token = digest(token)
        self._clock = clock
        self._ends: OrderedDict[bytes, float] = OrderedDict()
        self._wrong: OrderedDict[str, list[float]] = OrderedDict()

    def is_token(self, text: str) -> bool:
        return hmac.compare_digest(digest(text), self._token)

    def log_in(self, text: str, peer: str) -> str | None:
        """A new session's secret, if this is the token. Ask `must_wait` first."""
        if not self.is_token(text):
            self._wrong.setdefault(peer, []).append(self._clock())
            while len(self._wrong) > _MOST_PEERS:
                self._wrong.popitem(last=False)
            return None
        self._wrong.pop(peer, None)
        secret = secrets.token_urlsafe(32)
        self._ends[digest(secret)] = self._clock() + LASTING_SECONDS
        while len(self._ends) > MOST_SESSIONS:
            self._ends.popitem(last=False)
        return secret

    def must_wait(self, peer: str) -> bool:
        """Whether this peer guessed too often of late."""
        since = self._clock() - WAIT_SECONDS
        recent = [when for when in self._wrong.get(peer, ()) if when > since]
        if recent:
            self._wrong[peer] = recent
        else:
            self._wrong.pop(peer, None)
        return len(recent) >= MOST_WRONG

    def knows(self, secret: str) -> bool:
        """Whether a session is open under this secret."""
        end = self._ends.get(digest(secret))
        return end is not None and self._clock() < end

    def log_out(self, secret: str) -> None:
        self._ends.pop(digest(secret), None)
