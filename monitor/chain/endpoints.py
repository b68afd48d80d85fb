"""Several nodes seen as one: preference, failover, and the check that they serve our chain."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from monitor.chain.budget import TokenBucket
from monitor.chain.endpoint import Endpoint, Observe, backoff_seconds
from monitor.chain.faults import RateLimited, RevertError, RpcRefused
from monitor.chain.membership import CHAIN_ID, Membership
from monitor.chain.preference import ranked
from monitor.chain.rpc import Call, HttpTransport, Transport
from monitor.chain.websocket import WebSocketTransport
from monitor.chain.wire import read_quantity
from monitor.core.blocks import BlockRef
from monitor.core.units import BlockHash
from monitor.errors import (
    BlockUnknown,
    ConfigError,
    MonitorError,
    RpcUnavailable,
    StateUnavailable,
    TransientError,
)

LOGGER = logging.getLogger(__name__)
T = TypeVar("T")
ROUNDS = 3
BEHIND_BLOCKS = 2
"""An endpoint so far below another is no hair's breadth late: it lags."""


class Endpoints:
    """Asks the first endpoint that answers, in the order of `preference.ranked`."""

    def __init__(
        self,
        urls: Sequence[str],
        chain_id: int,
        observe: Observe,
        timeout_seconds: float = 10.0,
        requests_per_second: float | None = None,
    ) -> None:
        """`requests_per_second`: the most each endpoint is asked; None: without limit."""
        self._membership = Membership(chain_id)
        self._endpoints = [
            Endpoint(
                number,
                transport_of(number, url, timeout_seconds),
                observe,
                None if requests_per_second is None else TokenBucket(requests_per_second),
            )
            for number, url in enumerate(urls)
        ]

    async def request(
        self,
        call: Call,
        read: Callable[[msgspec.Raw], T],
        rounds: int = ROUNDS,
    ) -> T:
        """What `read` makes of the answer. Raises TransientError, StateUnavailable, RevertError.

        `read` raises RpcInconsistent for an answer it does not believe: another endpoint is
        asked. `rounds`: how often every endpoint is tried.
        """
        [answer] = await self.batch([call], read, rounds)
        if isinstance(answer, RevertError):
            raise answer
        return answer

    async def batch(
        self,
        calls: Sequence[Call],
        read: Callable[[msgspec.Raw], T],
        rounds: int = ROUNDS,
    ) -> list[T | RevertError]:
        """Like `request` for several calls of one endpoint; a revert fails its own call only."""
        for failed_rounds in range(1, rounds + 1):
            failures: list[MonitorError] = []
            for endpoint in self._by_preference(len(calls)):
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
        self,
        calls: Sequence[Call],
        read: Callable[[msgspec.Raw], T],
        *,
        rested_only: bool = False,
    ) -> list[list[T | RevertError] | MonitorError]:
        """Each endpoint's own answers, or why there are none.

        `rested_only`: who rests after a failure is not waited for, unless all of them rest.
        """
        is_choosy = rested_only and not all(endpoint.is_resting for endpoint in self._endpoints)

        async def own(endpoint: Endpoint) -> list[T | RevertError] | MonitorError:
            if is_choosy and endpoint.is_resting:
                return RpcUnavailable(f"{endpoint.name} rests after a failure")
            try:
                return await self._ask(endpoint, calls, read)
            except (TransientError, StateUnavailable) as failure:
                return failure

        return list(await asyncio.gather(*(own(endpoint) for endpoint in self._endpoints)))

    async def newest_of_all(
        self, call: Call, read: Callable[[msgspec.Raw], BlockRef]
    ) -> BlockRef | None:
        """The highest head of all that answer `call`; who is well below goes behind the others.

        A claim, as every head is: who claims too much fails at the next question. None where no
        endpoint that does not rest answers.
        """
        answers = await self.everyone([call], read, rested_only=True)
        told = {
            endpoint.number: answer[0]
            for endpoint, answer in zip(self._endpoints, answers, strict=True)
            if isinstance(answer, list) and isinstance(answer[0], BlockRef)
        }
        newest = max(told.values(), key=lambda head: head.number, default=None)
        for number, head in told.items():
            was_behind = self._endpoints[number].is_behind
            is_behind = newest is not None and head.number <= newest.number - BEHIND_BLOCKS
            self._endpoints[number].is_behind = is_behind
            if is_behind and not was_behind:
                LOGGER.warning("endpoint %d lags at block %d: it goes last", number, head.number)
        return newest

    @property
    def is_any_behind(self) -> bool:
        """Whether an endpoint lacked blocks when heads were last compared."""
        return any(endpoint.is_behind for endpoint in self._endpoints)

    def answer_seconds(self) -> list[float | None]:
        """How long each endpoint takes for a header, smoothed; None where it is not known."""
        return [endpoint.candidate(0).answer_seconds for endpoint in self._endpoints]

    def check_anew(self) -> None:
        """Ask each endpoint for its chain again, before its next answer is believed.

        Behind a load balancer another node may answer on the same connection.
        """
        for endpoint in self._endpoints:
            endpoint.check_anew()

    async def next_head(self, read: Callable[[msgspec.Raw], T]) -> T:
        """The next head from the first endpoint that pushes and does not rest after a failure."""
        for endpoint in self._by_preference():
            if endpoint.is_resting or not isinstance(endpoint.transport, WebSocketTransport):
                continue
            try:
                await self._membership.check(endpoint)
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
        if self._membership.genesis is None:
            await self.request(CHAIN_ID, read_quantity)
        if self._membership.genesis is None:
            raise AssertionError("an answer without the check of its endpoint")
        return self._membership.genesis

    async def distrust_first(self, reason: str) -> None:
        """Prefer the others for a while and connect anew: it answers, but nothing new."""
        endpoint = self._by_preference()[0]
        LOGGER.warning("%s: %s", endpoint.name, reason)
        endpoint.failed()
        await endpoint.transport.drop(reason)

    async def open_sockets_anew(self, reason: str) -> None:
        """Drop every socket: the next question opens it, the next wait for heads subscribes."""
        for endpoint in self._endpoints:
            if isinstance(endpoint.transport, WebSocketTransport):
                LOGGER.warning("%s: %s", endpoint.name, reason)
                await endpoint.transport.drop(reason)

    async def close(self) -> None:
        for endpoint in self._endpoints:
            await endpoint.transport.drop("closed at the end")

    def _by_preference(self, calls: int = 0) -> list[Endpoint]:
        candidates = [endpoint.candidate(calls) for endpoint in self._endpoints]
        return [self._endpoints[index] for index in ranked(candidates)]

    async def _ask(
        self, endpoint: Endpoint, calls: Sequence[Call], read: Callable[[msgspec.Raw], T]
    ) -> list[T | RevertError]:
        if endpoint.limited_seconds:
            raise RateLimited(
                f"{endpoint.name} limits our rate and is left alone for "
                f"{endpoint.limited_seconds:.0f} s more"
            )
        try:
            await self._membership.check(endpoint)
            answers = await endpoint.ask(calls, read)
            await self._membership.check(endpoint)
        except RpcRefused:
            raise
        except RateLimited as limit:
            if limit.retry_after_seconds is None:
                endpoint.failed()
            else:
                endpoint.limited(limit.retry_after_seconds)
            raise
        except TransientError:
            endpoint.failed()
            raise
        endpoint.answered()
        return answers


def transport_of(number: int, url: str, timeout_seconds: float) -> Transport:
    """What speaks to an endpoint, by its URL's scheme. Raises ConfigError for another one."""
    name = f"endpoint {number}"
    scheme = url.partition("://")[0].lower()
    if scheme in ("http", "https"):
        return HttpTransport(name, url, timeout_seconds)
    if scheme in ("ws", "wss"):
        return WebSocketTransport(name, url, timeout_seconds)
    raise ConfigError(f"{name}: expected a URL that begins with http://, https://, ws:// or wss://")
