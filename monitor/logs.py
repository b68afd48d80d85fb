"""Logs: JSON lines on stderr, colours on a terminal, and no secret in either.

In systemd's journal each line has its priority, for `journalctl --priority`.
"""

import base64
import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, TextIO
from urllib.parse import parse_qsl, quote, unquote, urlsplit

import structlog

HIDDEN = "…"
_URL = re.compile(r"\b([A-Za-z][A-Za-z0-9+.-]*)://([^\s'\"<>]*)")
# Elsewhere what stands for the host may be the key: tgram://<token>/…, slack://<token>/….
_WITH_HOSTS = frozenset({"http", "https", "ws", "wss", "redis", "rediss"})
_JSON_SAFE_INTEGER = 2**53
# What is shorter is a word of the log's own; hiding it would hide the log. Path segments are words
# more often than keys, so they must be longer.
_SHORTEST_SECRET = 6
_SHORTEST_PATH_SECRET = 16


_PRIORITIES = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6}
"""Of syslog, by the level they begin at."""


class Redaction:
    """Hides secrets in whatever is logged: URLs keep scheme, host and port, nothing else.

    Those of chat services keep their scheme.

    `register` also hides the parts of a URL that may be keys, for libraries that log a path alone.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.register(*secrets)

    def register(self, *secrets: str) -> None:
        for secret in secrets:
            self._secrets |= {part for part in _parts(secret) if len(part) >= _SHORTEST_SECRET}
        longest_first = sorted(self._secrets, key=len, reverse=True)
        self._pattern = (
            re.compile("|".join(map(re.escape, longest_first))) if self._secrets else None
        )

    def text(self, text: str) -> str:
        return self.without(_URL.sub(_origin, text))

    def without(self, text: str) -> str:
        """The text without what was registered; URLs that are no secret stay whole."""
        return self._pattern.sub(HIDDEN, text) if self._pattern else text

    def value(self, value: Any) -> Any:
        """The same value, fit to be logged: redacted throughout, large integers as text."""
        match value:
            case bool() | float() | None:
                return value
            case int():
                return value if abs(value) <= _JSON_SAFE_INTEGER else str(value)
            case dict():
                return {self.text(str(key)): self.value(item) for key, item in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self.value(item) for item in value]
            case _:
                return self.text(str(value))

    def __call__(
        self, _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """A structlog processor: goes last before the renderer, when tracebacks are text."""
        for key, item in event.items():
            # structlog's own record and markers, taken out again before rendering.
            if not key.startswith("_"):
                event[key] = self.value(item)
        return event


class _Handler(logging.StreamHandler[TextIO]):
    def format(self, record: logging.LogRecord) -> str:
        return journal_mark(record.levelno, self.stream) + super().format(record)


def journal_mark(
    level: int, stream: TextIO | None = None, environ: Mapping[str, str] = os.environ
) -> str:
    """What before a line tells the journal its priority; empty where no journal reads.

    `stream` None: stderr. Source: sd-daemon(3), and JOURNAL_STREAM in systemd.exec(5).
    """
    try:
        found = os.fstat((stream or sys.stderr).fileno())
    except OSError:
        return ""
    if environ.get("JOURNAL_STREAM") != f"{found.st_dev}:{found.st_ino}":
        return ""
    fitting = (priority for least, priority in _PRIORITIES.items() if level >= least)
    return f"<{next(fitting, 7)}>"


def configure(redaction: Redaction, *, level: str = "info", stream: TextIO | None = None) -> None:
    """Send every log of this process, also the libraries', through the redaction to `stream`."""
    out = sys.stderr if stream is None else stream
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if out.isatty()
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    handler = _Handler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.processors.format_exc_info,
                redaction,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("monitor").setLevel(level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _origin(match: re.Match[str]) -> str:
    scheme, rest = match.groups()
    if scheme.lower() not in _WITH_HOSTS:
        return f"{scheme}://{HIDDEN if rest else ''}"
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    host = authority.rpartition("@")[2]
    tail = "" if rest in (host, f"{host}/") else f"/{HIDDEN}"
    return f"{scheme}://{host}{tail}"


def _parts(secret: str) -> set[str]:
    """A secret, and what in it may be logged without the rest, in the forms it may be logged in."""
    found = _parts_of_url(secret) if "://" in secret else {secret, secret.removeprefix("whsec_")}
    found |= {unquote(part) for part in found}
    return found | {quote(part, safe="") for part in found} | {quote(part) for part in found}


def _parts_of_url(secret: str) -> set[str]:
    scheme, _, rest = secret.partition("://")
    if scheme not in _WITH_HOSTS:
        return {secret, *re.split(r"[/?#&@]|\w+=", rest)}
    parts = urlsplit(secret)
    user, password = parts.username or "", parts.password or ""
    found = {secret, user, password, *(value for _, value in parse_qsl(parts.query))}
    if user or password:
        login = f"{unquote(user)}:{unquote(password)}"
        found |= {login, base64.b64encode(login.encode()).decode()}
    return found | {part for part in parts.path.split("/") if len(part) >= _SHORTEST_PATH_SECRET}
