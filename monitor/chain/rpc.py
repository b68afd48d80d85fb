"""JSON-RPC to one endpoint: what every transport speaks, and the one over HTTP.

No message here holds a URL, and library exceptions are not chained: both would carry API keys.
"""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

import aiohttp
import msgspec

from monitor.chain.faults import RpcError, RpcRefused, RpcTimeout
from monitor.errors import RpcInconsistent, RpcUnavailable

MAX_ANSWER_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Call:
    """One JSON-RPC request."""

    method: str
    params: Sequence[Any] = ()


class Notice(msgspec.Struct, frozen=True):
    result: msgspec.Raw


class Reply(msgspec.Struct, frozen=True):
    """An answer, or (with `params`) a message of a subscription."""

    id: int | None = None
    result: msgspec.Raw = msgspec.Raw()
    error: RpcError | None = None
    params: Notice | None = None


class Transport(Protocol):
    """One endpoint. Raises RpcUnavailable and RpcInconsistent, and retries nothing."""

    name: str

    @property
    def connections(self) -> int:
        """How often a connection was made: after a change the other side may be another node."""
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
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise RpcUnavailable(
            f"{name} sent {len(body)} bytes that are not JSON-RPC: check that its URL is a node's"
        ) from None
    return answer if isinstance(answer, list) else [answer]


async def _refuse_redirect(*_: Any) -> NoReturn:
    """Following one would hand requests, and the key in them, to somebody else."""
    raise aiohttp.ClientConnectionError("redirected")


def open_session() -> aiohttp.ClientSession:
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_refuse_redirect)
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=8),
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=[trace],
    )


class HttpTransport:
    """JSON-RPC over keep-alive HTTP; several calls travel as one batch."""

    def __init__(self, name: str, url: str, timeout_seconds: float) -> None:
        self.name = name
        self._url = url
        self._timeout_seconds = timeout_seconds
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
            raise RpcUnavailable(f"{self.name} failed: {type(error).__name__}") from None
        return self._in_order(list(numbered), answers)

    async def _post(self, body: bytes) -> list[Reply]:
        if self._session is None:
            self._session = open_session()
            self._connections += 1
        headers = {"Content-Type": "application/json"}
        async with self._session.post(self._url, data=body, headers=headers) as response:
            content = await self._bounded(response)
        if response.status == 413:
            raise RpcRefused(f"{self.name} finds the request too large (HTTP 413)")
        is_client_fault = 400 <= response.status < 500 and response.status not in (401, 403, 429)
        if response.status != 200 and not (is_client_fault and b'"jsonrpc"' in content):
            raise RpcUnavailable(f"{self.name} answered HTTP {response.status}, expected 200")
        return decoded(self.name, content)

    async def _bounded(self, response: aiohttp.ClientResponse) -> bytes:
        content = bytearray()
        async for chunk in response.content.iter_any():
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                raise RpcRefused(f"{self.name}: the answer exceeds {MAX_ANSWER_BYTES} bytes")
        return bytes(content)

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
