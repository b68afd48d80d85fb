"""The one way out: an HTTP request that goes where it may, while we may, and says what came of it.

What is guarded, at every attempt: the address that is dialled is a public one unless the
destination permits others; certificates are verified; no redirect is followed; no proxy, cookie
or password of the environment is used; of an answer no more is read than is looked at; and the
last question before the first byte is whether we may still send.
"""

import ipaddress
import math
import os
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp.connector import Connection

from monitor.alerts.addresses import is_public
from monitor.errors import ConfigError, DeliveryFailed

TIMEOUT_SECONDS = 5.0
MOST_BYTES = 16 * 1024
"""Of an answer, where it is looked at."""
LONGEST_WAIT_SECONDS = 7 * 24 * 3600.0
"""What `Retry-After` is cut to; the outbox gives up before."""
HINTS = {
    401: ": check its credentials",
    403: ": check its credentials",
    404: ": check its URL",
    410: " (Gone): it says it is there no more; correct its URL, or take it out",
}

MaySend = Callable[[], bool]
"""Whether this process may speak now. Asked often: no I/O."""


@dataclass(frozen=True, slots=True)
class Destination:
    """One URL. `subject` names it in messages; `ca_file` holds the certificates to verify it by."""

    subject: str
    url: str = field(repr=False)
    allow_private: bool = False
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `body` is its beginning, and empty unless it was asked for."""

    status: int
    body: bytes = field(default=b"", repr=False)
    wait_seconds: float | None = None

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def refusal(self, subject: str, said: str = "") -> DeliveryFailed:
        """The failure an answer is; `said`: what the service gave as its reason."""
        hint = HINTS.get(self.status, "")
        if 300 <= self.status < 400:
            hint = ": redirects are not followed, configure where it leads"
        because = f": {said}" if said else hint
        return DeliveryFailed(
            f"{subject} answered {self.status}: expected 2xx{because}",
            self.wait_seconds,
            is_of_letter=self.status in REFUSED_AS_IT_IS,
        )


REFUSED_AS_IT_IS = frozenset({400, 413, 415, 422})
"""Statuses that say: not this body. Another one may be taken."""


class PrivateAddressError(OSError):
    """A name led to an address that is not public."""


class WithheldError(Exception):
    """We may not send any more; nothing left."""


class Post:
    """Requests to one destination, within an `async with`. The URL is in no message."""

    def __init__(
        self,
        to: Destination,
        may_send: MaySend,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.subject = to.subject
        self._to = to
        self._may_send = may_send
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Raises ConfigError for certificates that cannot be read."""
        connector = _Connector(
            self._may_send,
            limit=2,
            use_dns_cache=False,
            ssl=verifying(self._to),
            # The socket is made after the name is resolved: what is checked is what is dialled.
            socket_factory=None if self._to.allow_private else _public_socket,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def request(
        self, method: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> None:
        """Raises DeliveryFailed for anything but a 2xx."""
        answer = await self.ask(method, headers=headers, body=body)
        if not answer.is_success:
            raise answer.refusal(self.subject)

    async def ask(
        self,
        method: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        reads: bool = False,
    ) -> Answer:
        """Whatever the answer is; with `reads`, its beginning too. Raises DeliveryFailed."""
        if self._session is None:
            raise RuntimeError("Post.ask outside of `async with`")
        if not self._may_send():
            raise self._withheld()
        try:
            async with self._session.request(
                method,
                self._to.url,
                data=body,
                headers={
                    "user-agent": "cascade-monitor",
                    "accept-encoding": "identity",
                    **(headers or {}),
                },
                allow_redirects=False,
            ) as response:
                wait_seconds = retry_after(response.headers.get("Retry-After"), self._clock())
                read = await _beginning(response) if reads else b""
                return Answer(response.status, read, wait_seconds)
        except WithheldError:
            raise self._withheld() from None
        except TimeoutError:
            # `from None`, here and below: the library's own messages hold the URL.
            raise DeliveryFailed(
                f"{self.subject} did not answer: expected a status within {self._timeout.total} s"
            ) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise DeliveryFailed(f"{self.subject} {_cause(error)}") from None

    def _withheld(self) -> DeliveryFailed:
        return DeliveryFailed(
            f"{self.subject} was not sent to: this daemon does not hold the lease (any more)"
        )


class _Connector(aiohttp.TCPConnector):
    """Hands out a connection only if we may still send once it stands.

    To connect may take seconds, and a process can be stopped amid it. After this answer nothing is
    waited for before the request is written.
    """

    def __init__(self, may_send: MaySend, **options: Any) -> None:
        super().__init__(**options)
        self._may_send = may_send

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        if not self._may_send():
            connection.release()
            raise WithheldError
        return connection


def verifying(to: Destination) -> ssl.SSLContext | bool:
    """What a destination is verified by: True is what the system trusts, read once by aiohttp.

    Raises ConfigError when it cannot be read.
    """
    if to.ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=to.ca_file)
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{to.subject}: ca_file {to.ca_file} cannot be used ({type(error).__name__}): "
            "expected a file of certificates in PEM"
        ) from error


def _public_socket(found: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, address = found
    if not is_public(ipaddress.ip_address(str(address[0]).partition("%")[0])):
        raise PrivateAddressError("a private address: set allow_private = true if it is meant")
    return socket.socket(family=family, type=kind, proto=protocol)


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """The first bytes of a body. The status stands, whatever becomes of the rest."""
    read = b""
    try:
        while len(read) < MOST_BYTES and (more := await response.content.read(MOST_BYTES)):
            read += more
    except (aiohttp.ClientError, OSError):
        pass
    return read[:MOST_BYTES]


def _cause(error: Exception) -> str:
    """What went wrong, without the address it went wrong at."""
    reached = "could not be reached: "
    if isinstance(error, aiohttp.ClientResponseError):
        return "answered what is not HTTP"
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        # Behind the comma is the name the certificate was not made for.
        told = str(getattr(error.certificate_error, "verify_message", "")).partition(",")[0]
        return f"{reached}its certificate was refused ({told or 'not verified'})"
    if isinstance(error, ssl.SSLError | aiohttp.ClientConnectorSSLError):
        return f"{reached}TLS failed"
    reason = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(reason, PrivateAddressError):
        return reached + str(reason)
    if isinstance(reason, socket.gaierror):
        return f"{reached}its name does not resolve"
    # asyncio writes the address into the error's own text.
    if isinstance(reason, OSError) and reason.errno:
        return reached + os.strerror(reason.errno)
    return reached + type(reason).__name__


def retry_after(text: str | None, now_unix: float) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or a date; None when neither."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return min(float(text), LONGEST_WAIT_SECONDS)
    try:
        date = parsedate_to_datetime(text)
        unix = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, unix - now_unix), LONGEST_WAIT_SECONDS) if math.isfinite(unix) else None
