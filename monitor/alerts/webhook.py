"""Hands an alert to one receiver: a signed POST by Standard Webhooks."""

import ipaddress
import math
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import aiohttp
from standardwebhooks import Webhook

from monitor.alerts.addresses import is_public
from monitor.core.alerts import Delivery
from monitor.errors import DeliveryFailed

TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """One receiver. `secrets` are whsec_<base64>; the body is signed with each of them."""

    name: str
    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    allow_private: bool = False


class PrivateAddressError(OSError):
    """A receiver's name led to an address that is not public."""


class WebhookSender:
    """Sends to one receiver, within an `async with`. The URL is in no message."""

    def __init__(
        self,
        target: WebhookTarget,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._target = target
        self._signers = tuple(Webhook(secret) for secret in target.secrets)
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        # The socket is made after the name is resolved: what is checked is what is dialled.
        connector = aiohttp.TCPConnector(
            limit=2, socket_factory=None if self._target.allow_private else _public_socket
        )
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar()
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

    async def send(self, delivery: Delivery) -> None:
        """POST the body, byte for byte. Raises DeliveryFailed for anything but a 2xx."""
        if self._session is None:
            raise RuntimeError("WebhookSender.send outside of `async with`")
        name = self._target.name
        try:
            async with self._session.post(
                self._target.url,
                data=delivery.body.encode(),
                headers=self._headers(delivery),
                allow_redirects=False,
            ) as response:
                status = response.status
                wait_seconds = _retry_after(response.headers.get("Retry-After"), self._clock())
        except TimeoutError as error:
            raise DeliveryFailed(
                f"webhook {name} did not answer: expected a status within {self._timeout.total} s"
            ) from error
        except aiohttp.ClientError as error:
            # `from None`: the library's own message holds the URL.
            raise DeliveryFailed(f"webhook {name} could not be reached: {_cause(error)}") from None
        if not 200 <= status < 300:
            hint = ": redirects are not followed, configure where it leads" if status < 400 else ""
            raise DeliveryFailed(
                f"webhook {name} answered {status}: expected 2xx{hint}", wait_seconds
            )

    def _headers(self, delivery: Delivery) -> dict[str, str]:
        now = datetime.fromtimestamp(math.floor(self._clock()), UTC)
        signatures = (
            signer.sign(delivery.alert_id, now, delivery.body) for signer in self._signers
        )
        return {
            "content-type": "application/json",
            "user-agent": "cascade-monitor",
            "webhook-id": delivery.alert_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }


def _public_socket(found: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, address = found
    if not is_public(ipaddress.ip_address(str(address[0]).partition("%")[0])):
        raise PrivateAddressError("a private address: set allow_private = true if it is meant")
    return socket.socket(family=family, type=kind, proto=protocol)


def _cause(error: aiohttp.ClientError) -> str:
    """What went wrong, without the address it went wrong at."""
    reason = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(reason, PrivateAddressError):
        return str(reason)
    if isinstance(reason, socket.gaierror):
        return "its name does not resolve"
    # asyncio writes the address into the error's own text.
    if isinstance(reason, OSError) and reason.errno:
        return os.strerror(reason.errno)
    return type(reason).__name__


def _retry_after(text: str | None, now_unix: float) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or a date; None when neither."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now_unix)
    except (ValueError, OverflowError):
        return None
