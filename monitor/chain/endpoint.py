"""One node, and what is known of it by now: whether it may be asked, and how fast it answers."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from monitor.chain.budget import TokenBucket
from monitor.chain.faults import RevertError, RpcTimeout, fault_of
from monitor.chain.preference import Candidate, Pace
from monitor.chain.rpc import Call, Reply, Transport
from monitor.errors import RpcInconsistent, RpcUnavailable

T = TypeVar("T")
Observe = Callable[[int, str, str], None]
"""Told (endpoint number, method, "ok" | "error" | "timeout") of every request made."""

LONGEST_REST_SECONDS = 60.0
LONGEST_LIMIT_SECONDS = 120.0
"""A node that wants to be left alone for longer is asked again after this."""
MEASURED = "eth_getBlockByNumber"
"""The call by which nodes are compared: one header costs every node the same. How long logs take
says more about the question."""


def backoff_seconds(failures: int, longest: float = 10.0) -> float:
    """How long to wait after so many failures in a row (from 1): doubling, with jitter."""
    return float(min(longest, 0.2 * 2 ** min(failures, 16)) * random.uniform(0.5, 1.0))


@dataclass(slots=True)
class Endpoint:
    """One node. `budget` is None where it may be asked without limit."""

    number: int
    transport: Transport
    observe: Observe
    budget: TokenBucket | None = None
    pace: Pace = field(default_factory=Pace)
    checked_connection: int | None = None
    trusted_until: float = 0.0
    failures: int = 0
    is_behind: bool = False
    checking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _rests_until: float = 0.0
    _limited_until: float = 0.0

    @property
    def name(self) -> str:
        return self.transport.name

    @property
    def is_resting(self) -> bool:
        return max(self._rests_until, self._limited_until) > time.monotonic()

    @property
    def limited_seconds(self) -> float:
        """How long the node still wants to be left alone."""
        return max(0.0, self._limited_until - time.monotonic())

    @property
    def is_to_be_checked(self) -> bool:
        """Whether another node may answer than the one whose chain is known."""
        is_known = self.checked_connection == self.transport.connections
        return not is_known and time.monotonic() >= self.trusted_until

    def check_anew(self) -> None:
        """Ask for its chain again, before its next answer is believed."""
        self.checked_connection, self.trusted_until = None, 0.0

    def failed(self) -> None:
        """Prefer others for a while, and check it anew afterwards."""
        self.failures += 1
        self.check_anew()
        rest_seconds = backoff_seconds(self.failures, LONGEST_REST_SECONDS)
        self._rests_until = time.monotonic() + rest_seconds

    def answered(self) -> None:
        """It is well: who answers although it was to rest need not rest any longer."""
        self.failures, self._rests_until = 0, 0.0

    def limited(self, seconds: float) -> None:
        """Leave it alone for as long as it asked, within reason."""
        self._limited_until = time.monotonic() + min(max(0.0, seconds), LONGEST_LIMIT_SECONDS)

    def candidate(self, calls: int) -> Candidate:
        """How it stands for a question of so many calls; 0: budget is no matter."""
        now = time.monotonic()
        return Candidate(
            max(0.0, self._rests_until - now, self._limited_until - now),
            self.budget.wait_seconds(calls, now) if self.budget is not None and calls else 0.0,
            self.pace.seconds(now),
            self.is_behind,
        )

    async def ask(
        self, calls: Sequence[Call], read: Callable[[msgspec.Raw], T]
    ) -> list[T | RevertError]:
        """What `read` makes of each answer. Raises what any answer but a revert comes to."""
        outcome = "error"
        try:
            replies = await self._exchange(calls)
            answers = [
                self._answer(call, reply, read) for call, reply in zip(calls, replies, strict=True)
            ]
            outcome = "ok"
            return answers
        except RpcTimeout:
            outcome = "timeout"
            raise
        finally:
            for call in calls:
                self.observe(self.number, call.method, outcome)

    def _answer(
        self, call: Call, reply: Reply, read: Callable[[msgspec.Raw], T]
    ) -> T | RevertError:
        if reply.error is not None:
            fault = fault_of(self.name, reply.error, call.method, self.transport.keys)
            if isinstance(fault, RevertError):
                return fault
            raise fault
        if reply.result == msgspec.Raw():
            raise RpcUnavailable(f"{self.name} answered with neither a result nor an error")
        try:
            return read(reply.result)
        except (RpcUnavailable, RpcInconsistent) as error:
            raise type(error)(f"{self.name}: {error}") from None

    async def _exchange(self, calls: Sequence[Call]) -> list[Reply]:
        """The answers in order, asked as fast as the budget allows."""
        if self.budget is None:
            return await self._timed(calls)
        replies: list[Reply] = []
        for start in range(0, len(calls), self.budget.most):
            part = calls[start : start + self.budget.most]
            await asyncio.sleep(self.budget.take(len(part), time.monotonic()))
            replies += await self._timed(part)
        return replies

    async def _timed(self, calls: Sequence[Call]) -> list[Reply]:
        """Measures answers and timeouts; a refusal is quick and says nothing of the pace."""
        started = time.monotonic()
        try:
            replies = await self.transport.exchange(calls)
        except RpcTimeout:
            self._took(started)
            raise
        if len(calls) == 1 and calls[0].method == MEASURED:
            self._took(started)
        return replies

    def _took(self, started: float) -> None:
        now = time.monotonic()
        self.pace.measure(now - started, now)
