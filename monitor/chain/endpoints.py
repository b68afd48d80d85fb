"""Several nodes seen as one: preference, failover, and the check that they serve our chain."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from monitor.chain.faults import RevertError, RpcRefused, RpcTimeout, fault_of
from monitor.chain.rpc import Call, HttpTransport, Reply, Transport
from monitor.chain.websocket import WebSocketTransport
from monitor.chain.wire import read_header, read_quantity
from monitor.core.units import BlockHash
from monitor.errors import (
    BlockUnknown,
    ConfigError,
    MonitorError,
    RpcInconsistent,
    RpcUnavailable,
    StateUnavailable,
    TransientError,
)

LOGGER = logging.getLogger(__name__)
T = TypeVar("T")
Observe = Callable[[int, str, str], None]
"""Told (endpoint number, method, "ok" | "error" | "timeout") of every request made."""
ROUNDS = 3
LONGEST_REST_SECONDS = 60.0


def backoff_seconds(failures: int, longest: float = 10.0) -> float:
    """How long to wait after so many failures in a row (from 1): doubling, with jitter."""
    return float(min(longest, 0.2 * 2 ** min(failures, 16)) * random.uniform(0.5, 1.0))


@dataclass(slots=True)
class Endpoint:
    """One node, and what is known of it by now."""

    number: int
    transport: Transport
    checked_connection: int | None = None
    failures: int = 0
    rests_until: float = 0.0
    checking: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def name(self) -> str:
        return self.transport.name

    def failed(self) -> None:
        """Prefer others for a while, and check it anew afterwards."""
        self.failures += 1
        self.checked_connection = None
        self.rests_until = time.monotonic() + backoff_seconds(self.failures, LONGEST_REST_SECONDS)


class Endpoints:
    """Asks the first endpoint that answers, in the order given."""

    def __init__(
        self, urls: Sequence[str], chain_id: int, observe: Observe, timeout_seconds: float = 10.0
    ) -> None:
        self._chain_id = chain_id
        self._observe = observe
        self._genesis: BlockHash | None = None
        self._endpoints = [
            Endpoint(number, _transport(number, url, timeout_seconds))
            for number, url in enumerate(urls)
        ]

    async def request(
        self,
        call: Call,
        read: Callable[[msgspec.Raw], T],
        last_first: bool = False,
        rounds: int = ROUNDS,
    ) -> T:
        """What `read` makes of the answer. Raises TransientError, StateUnavailable, RevertError.

        `read` raises RpcInconsistent for an answer it does not believe: another endpoint is
        asked. `last_first`: for a second opinion. `rounds`: how often every endpoint is tried.
        """
        [answer] = await self.batch([call], read, last_first, rounds)
        if isinstance(answer, RevertError):
            raise answer
        return answer

    async def batch(
        self,
        calls: Sequence[Call],
        read: Callable[[msgspec.Raw], T],
        last_first: bool = False,
        rounds: int = ROUNDS,
    ) -> list[T | RevertError]:
        """Like `request` for several calls of one endpoint; a revert fails its own call only."""
        for failed_rounds in range(1, rounds + 1):
            failures: list[MonitorError] = []
            for endpoint in self._by_preference(last_first):
                try:
                    return await self._ask(endpoint, calls, read)
                except (TransientError, StateUnavailable) as failure:
                    failures.append(failure)
            refused = [failure for failure in failures if isinstance(failure, RpcRefused)]
            if refused:
                raise refused[0]
            passing = [f for f in failures if isinstance(f, TransientError | BlockUnknown)]
            if not passing or failed_rounds == rounds:
                raise (passing or failures)[0]
            await asyncio.sleep(backoff_seconds(failed_rounds))
        raise AssertionError("the last round returns or raises")

    async def everyone(
        self, call: Call, read: Callable[[msgspec.Raw], T]
    ) -> list[T | MonitorError]:
        """Each endpoint's own answer, or why there is none."""
        answers: list[T | MonitorError] = []
        for endpoint in self._endpoints:
            try:
                [answer] = await self._ask(endpoint, [call], read)
                answers.append(answer)
            except (TransientError, StateUnavailable) as failure:
                answers.append(failure)
        return answers

    async def next_head(self, read: Callable[[msgspec.Raw], T]) -> T:
        """The next head from the first endpoint that pushes and does not rest after a failure."""
        for endpoint in self._by_preference():
            is_resting = endpoint.rests_until > time.monotonic()
            if is_resting or not isinstance(endpoint.transport, WebSocketTransport):
                continue
            try:
                await self._check(endpoint)
                return read(await endpoint.transport.next_head())
            except TransientError as failure:
                LOGGER.warning("no heads from %s: %s", endpoint.name, failure)
                endpoint.failed()
        raise RpcUnavailable("no endpoint pushes heads now")

    @property
    def can_push(self) -> bool:
        """Whether any endpoint is a WebSocket."""
        return any(isinstance(e.transport, WebSocketTransport) for e in self._endpoints)

    async def genesis_hash(self) -> BlockHash:
        """The hash of block 0, the same on every endpoint used."""
        if self._genesis is None:
            await self.request(Call("eth_chainId"), read_quantity)
        if self._genesis is None:
            raise AssertionError("an answer without the check of its endpoint")
        return self._genesis

    async def distrust_first(self, reason: str) -> None:
        """Prefer the others for a while and connect anew: it answers, but nothing new."""
        endpoint = self._by_preference()[0]
        LOGGER.warning("%s: %s", endpoint.name, reason)
        endpoint.failed()
        await endpoint.transport.drop(reason)

    async def close(self) -> None:
        for endpoint in self._endpoints:
            await endpoint.transport.drop("closed at the end")

    def _by_preference(self, last_first: bool = False) -> list[Endpoint]:
        """The order given; those that failed lately after the others."""
        now = time.monotonic()
        order = reversed(self._endpoints) if last_first else self._endpoints
        return sorted(order, key=lambda endpoint: max(endpoint.rests_until, now))

    async def _ask(
        self, endpoint: Endpoint, calls: Sequence[Call], read: Callable[[msgspec.Raw], T]
    ) -> list[T | RevertError]:
        try:
            await self._check(endpoint)
            answers = await self._exchange(endpoint, calls, read)
            await self._check(endpoint)
        except RpcRefused:
            raise
        except TransientError:
            endpoint.failed()
            raise
        endpoint.failures = 0
        return answers

    async def _exchange(
        self, endpoint: Endpoint, calls: Sequence[Call], read: Callable[[msgspec.Raw], T]
    ) -> list[T | RevertError]:
        outcome = "error"
        try:
            replies = await endpoint.transport.exchange(calls)
            answers = [_answer(endpoint.name, reply, read) for reply in replies]
            outcome = "ok"
            return answers
        except RpcTimeout:
            outcome = "timeout"
            raise
        finally:
            for call in calls:
                self._observe(endpoint.number, call.method, outcome)

    async def _check(self, endpoint: Endpoint) -> None:
        """On every new connection, and after every failure: is it the right chain?"""
        failures = endpoint.failures
        async with endpoint.checking:
            if endpoint.failures > failures:
                raise RpcUnavailable(f"{endpoint.name} failed its check a moment ago")
            if endpoint.checked_connection == endpoint.transport.connections:
                return
            [chain_id] = await self._exchange(endpoint, [Call("eth_chainId")], read_quantity)
            if chain_id != self._chain_id:
                raise RpcInconsistent(
                    f"{endpoint.name} serves chain {chain_id}, expected {self._chain_id}: "
                    "correct chain.endpoints or chain.chain_id"
                )
            first = Call("eth_getBlockByNumber", ("0x0", False))
            [genesis] = await self._exchange(endpoint, [first], read_header)
            if genesis is None or isinstance(genesis, RevertError):
                raise RpcUnavailable(f"{endpoint.name} has no block 0 yet")
            self._genesis = self._genesis or genesis.block.hash
            if self._genesis != genesis.block.hash:
                raise RpcInconsistent(
                    f"{endpoint.name} has genesis {genesis.block.hash}, the others "
                    f"{self._genesis}: it serves another chain of the same number"
                )
            endpoint.checked_connection = endpoint.transport.connections


def _answer(name: str, reply: Reply, read: Callable[[msgspec.Raw], T]) -> T | RevertError:
    if reply.error is not None:
        fault = fault_of(name, reply.error)
        if isinstance(fault, RevertError):
            return fault
        raise fault
    if reply.result == msgspec.Raw():
        raise RpcUnavailable(f"{name} answered with neither a result nor an error")
    try:
        return read(reply.result)
    except (RpcUnavailable, RpcInconsistent) as error:
        raise type(error)(f"{name}: {error}") from None


def _transport(number: int, url: str, timeout_seconds: float) -> Transport:
    name = f"endpoint {number}"
    scheme = url.partition("://")[0].lower()
    if scheme in ("http", "https"):
        return HttpTransport(name, url, timeout_seconds)
    if scheme in ("ws", "wss"):
        return WebSocketTransport(name, url, timeout_seconds)
    raise ConfigError(f"{name}: expected a URL that begins with http://, https://, ws:// or wss://")
