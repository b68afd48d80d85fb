"""Who is logged in on the page. It is kept in memory: a restart logs everybody out."""

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable

COOKIE = "cascade_monitor_session"
LASTING_SECONDS = 12 * 3600
MOST_SESSIONS = 100
MOST_WRONG = 10
"""Wrong tokens of one peer in a minute, before it is told to wait."""
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
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def is_token(self, text: str) -> bool:
        return hmac.compare_digest(digest(text), self._token)

    def log_in(self, text: str, peer: str) -> str | None:
        """A new session's secret, if this is the token."""
        if not self.is_token(text):
            self._wrong.setdefault(peer, deque(maxlen=MOST_WRONG + 1)).append(self._clock())
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
        """Whether this peer guessed too often of late.

        Who has the token never has to: behind a proxy all are one peer, and a stranger who guesses
        must not keep them out.
        """
        since = self._clock() - WAIT_SECONDS
        return sum(when > since for when in self._wrong.get(peer, ())) > MOST_WRONG

    def knows(self, secret: str) -> bool:
        """Whether a session is open under this secret."""
        end = self._ends.get(digest(secret))
        return end is not None and self._clock() < end

    def log_out(self, secret: str) -> None:
        self._ends.pop(digest(secret), None)
