"""One node, and what is known of it by now: whether it may be asked, and how fast it answers."""

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from monitor.chain.budget import TokenBucket
from monitor.chain.faults import RpcTimeout
from monitor.chain.preference import Candidate, Pace
from monitor.chain.rpc import Call, Reply, Transport

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
    budget: TokenBucket | None = None
    pace: Pace = field(default_factory=Pace)
    checked_connection: int | None = None
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

    def failed(self) -> None:
        """Prefer others for a while, and check it anew afterwards."""
        self.failures += 1
        self.checked_connection = None
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

    async def exchange(self, calls: Sequence[Call]) -> list[Reply]:
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
