"""JSON-RPC to one endpoint: what every transport speaks, and the one over HTTP.

No message here holds a URL, and library exceptions are not chained: both would carry API keys.
"""

import asyncio
import errno
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, NoReturn, Protocol

import aiohttp
import msgspec

from monitor.chain.faults import RateLimited, RpcError, RpcRefused, RpcTimeout, keys_in
from monitor.errors import RpcInconsistent, RpcUnavailable

MAX_ANSWER_BYTES = 64 * 2**20
"""Some 80,000 logs. What is larger is asked for in smaller pieces."""


@dataclass(frozen=True, slots=True)
class Call:
    """One JSON-RPC request."""

    method: str
    params: Sequence[Any] = ()


class Notice(msgspec.Struct, frozen=True):
    """What a subscription says. Both stay as they were sent, to be compared and read later."""

    subscription: msgspec.Raw = msgspec.Raw()
    result: msgspec.Raw = msgspec.Raw()


class Reply(msgspec.Struct, frozen=True):
    """An answer, or (with `params`) a message of a subscription."""

    id: int | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: RpcError | None = None
    params: Notice | None = None


class Transport(Protocol):
    """One endpoint. Raises RpcUnavailable and RpcInconsistent, and retries nothing."""

    name: str
    keys: tuple[str, ...]
    """What no message may hold."""

    @property
    def connections(self) -> int:
        """Connections made so far: after a change the other side may be another node."""
        ...

    async def exchange(self, calls: Sequence[Call]) -> list[Reply]:
        """The answers, in the order of the calls."""
        ...

    async def drop(self, reason: str) -> None:
        """Close connections; the next exchange opens a new one."""
        ...


_ANSWERS = msgspec.json.Decoder(list[Reply] | Reply)


def encoded(call: Call, id: int) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "method": call.method, "params": call.params}


def decoded(name: str, body: bytes | str) -> list[Reply]:
    try:
        answer = _ANSWERS.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise RpcUnavailable(
            f"{name} sent {len(body)} bytes that are not JSON-RPC: check that its URL is a node's"
        ) from None
    return answer if isinstance(answer, list) else [answer]


class Redirected(aiohttp.ClientConnectionError):
    """Following one would hand requests, and the key in them, to somebody else."""


async def _refuse_redirect(_session: Any, _context: Any, params: Any) -> NoReturn:
    raise Redirected(params.response.status)


def open_session(connected: Callable[[], None] | None = None) -> aiohttp.ClientSession:
    """A session that follows no redirect; `connected` is called at every new connection."""

    async def tell(*_: Any) -> None:
        if connected is not None:
            connected()

    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_refuse_redirect)
    trace.on_connection_create_end.append(tell)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=8),
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=[trace],
    )


def retry_after_seconds(header: str | None, now_unix: float) -> float | None:
    """How long a Retry-After header asks to wait, in seconds or as a date; None: it does not."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now_unix)
    except (ValueError, OverflowError):
        return None


def refused_status(name: str, status: int, retry_after: str | None) -> RpcUnavailable:
    """The exception for an HTTP status that carries no answer, over either transport."""
    said = f"{name} answered HTTP {status}"
    if status == 429:
        return RateLimited(
            f"{said}. It limits our rate: raise the plan or add an endpoint.",
            retry_after_seconds(retry_after, time.time()),
        )
    if 300 <= status < 400:
        return RpcUnavailable(f"{said}: it redirects, which is not followed: correct its URL")
    return RpcUnavailable(f"{said}, expected a node's answer")


def not_reached(name: str, error: OSError | aiohttp.ClientError) -> RpcUnavailable:
    """The exception for what a connection came to, without the URL in the library's words."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            said = "cannot be reached: its host name is unknown: check its URL, and the name server"
        case aiohttp.ClientConnectorCertificateError():
            said = "cannot be reached: its certificate is not one to trust, expected a valid one"
        case aiohttp.ClientSSLError():
            said = "cannot be reached: it speaks no TLS: check the scheme and the port of its URL"
        case aiohttp.ClientConnectorError() if error.os_error.errno == errno.ECONNREFUSED:
            said = "refuses connections: check that it runs, and the port of its URL"
        case _:
            said = f"failed: {type(error).__name__}"
    return RpcUnavailable(f"{name} {said}")


class HttpTransport:
    """JSON-RPC over keep-alive HTTP; several calls travel as one batch."""

    def __init__(
        self,
        name: str,
        url: str,
        timeout_seconds: float,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self.name = name
        self.keys = keys_in(url)
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._max_answer_bytes = max_answer_bytes
        self._ids = itertools.count(1)
        self._session: aiohttp.ClientSession | None = None
        self._connections = 0

    @property
    def connections(self) -> int:
        return self._connections

    async def exchange(self, calls: Sequence[Call]) -> list[Reply]:
        numbered = {next(self._ids): call for call in calls}
        requests = [encoded(call, id) for id, call in numbered.items()]
        body = msgspec.json.encode(requests if len(calls) > 1 else requests[0])
        try:
            async with asyncio.timeout(self._timeout_seconds):
                answers = await self._post(body)
        except TimeoutError:
            raise RpcTimeout(f"{self.name}: no answer in {self._timeout_seconds:g} s") from None
        except aiohttp.ClientError as error:
            raise not_reached(self.name, error) from None
        return self._in_order(list(numbered), answers)

    def _connected(self) -> None:
        self._connections += 1

    async def _post(self, body: bytes) -> list[Reply]:
        if self._session is None:
            self._session = open_session(self._connected)
        headers = {"Content-Type": "application/json"}
        async with self._session.post(
            self._url, data=body, headers=headers, allow_redirects=False
        ) as response:
            content = await self._bounded(response)
        status = response.status
        if status == 413:
            raise RpcRefused(f"{self.name} finds the request too large (HTTP 413)")
        is_client_fault = 400 <= status < 500 and status not in (401, 403, 429)
        if status != 200 and not (is_client_fault and b'"jsonrpc"' in content):
            raise refused_status(self.name, status, response.headers.get("Retry-After"))
        return decoded(self.name, content)

    async def _bounded(self, response: aiohttp.ClientResponse) -> bytes:
        """The body; read no further than the limit, whatever length it claims or unpacks to."""
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_any():
            chunks.append(chunk)
            size += len(chunk)
            if max(size, response.content_length or 0) > self._max_answer_bytes:
                raise RpcRefused(f"{self.name}: the answer exceeds {self._max_answer_bytes} bytes")
        return b"".join(chunks)

    def _in_order(self, ids: list[int], answers: list[Reply]) -> list[Reply]:
        if len(ids) > 1 and len(answers) == 1 and answers[0].error is not None:
            raise RpcRefused(f"{self.name} refuses a batch of {len(ids)}: {answers[0].error.code}")
        if len(ids) == 1 and len(answers) == 1 and answers[0].id is None and answers[0].error:
            return answers
        by_id = {answer.id: answer for answer in answers}
        if by_id.keys() != set(ids) or len(answers) != len(ids):
            raise RpcInconsistent(
                f"{self.name} answered requests {sorted(map(str, by_id))[:3]}, asked were "
                f"{ids[:3]}: a proxy in between mixes up answers"
            )
        return [by_id[id] for id in ids]

    async def drop(self, reason: str) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()
