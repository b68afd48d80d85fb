"""Where the daemon stands: the state that answers are made from, and whether to trust it."""

import time
from collections.abc import Mapping, Sequence

from monitor.chain.node import Node
from monitor.core.alerts import ConditionState
from monitor.core.blocks import BlockRef
from monitor.core.ledger import Ledger
from monitor.core.ports import Probe
from monitor.core.sources import RiskRules
from monitor.engine.pipeline import Pipeline
from monitor.engine.symptoms import NODE_SILENCE_SECONDS
from monitor.engine.totals import faults, unknown_prices
from monitor.leadership import Leadership

STALL_SECONDS = 120.0
"""A pipeline that has blocks before it and takes no step for so long is stuck."""


class Standing:
    """The newest applied state, beside what the node says is newest."""

    def __init__(
        self,
        node: Node,
        pipeline: Pipeline,
        rules: Sequence[RiskRules],
        max_head_age_seconds: float | None,
        leadership: Leadership,
    ) -> None:
        self._node = node
        self._pipeline = pipeline
        self._rules = tuple(rules)
        self._max_head_age_seconds = max_head_age_seconds
        self._leadership = leadership
        self.store_fault = ""
        self.blind: Mapping[str, ConditionState] = {}
        """The ways in which the monitor is blind now, with reasons; kept by the sentry."""

    @property
    def ledger(self) -> Ledger:
        return self._pipeline.ledger

    @property
    def applied(self) -> BlockRef | None:
        return self._pipeline.progress.applied

    @property
    def evaluated(self) -> BlockRef | None:
        return self._pipeline.progress.evaluated

    @property
    def head(self) -> BlockRef | None:
        """The newest head heard of."""
        return self._node.follower.newest_head

    @property
    def leader(self) -> str:
        """The name of who leads; empty where none is known."""
        return self._leadership.leader

    @property
    def silent_seconds(self) -> float:
        """Since a node last told its head."""
        return time.monotonic() - self._node.clock.answered_monotonic

    @property
    def disagreement(self) -> str:
        """What endpoints differ about; empty when nothing."""
        standing = self._node.agreement.standing
        return "" if standing is None else str(standing)

    @property
    def store_wait(self) -> str:
        """Why the way of the blocks waits for the store; empty when it does not."""
        progress = self._pipeline.progress
        return progress.waiting_for if progress.waits_for_store else ""

    def is_current(self) -> bool:
        """Whether the newest head is applied and judged."""
        return self._lag() == 0 and self.evaluated == self.applied

    def alive(self) -> Probe:
        """Dead is a pipeline that has blocks before it and neither takes a step nor tries to."""
        node = self._node
        steps = (self._pipeline.progress.moved_monotonic, node.follower.tried_monotonic)
        silent = time.monotonic() - max(*steps, node.clock.changed_monotonic)
        lag = self._lag()
        if lag and silent > STALL_SECONDS:
            return Probe(False, (f"no step for {silent:.0f} s, but {lag} blocks are due",))
        return Probe(True)

    def ready(self) -> Probe:
        """Whether what is said now can be trusted."""
        lag = self._lag()
        if self._leadership.is_standby:
            absent = (self._node.clock.waiting_for, self.store_fault)
            return Probe(False, (*self._leadership.reasons(), *filter(None, absent)))
        if lag is None:
            return Probe(False, ("starting: the state is not loaded, or no head is known yet",))
        reasons = self._leadership.reasons()
        reasons += [f"catching up: {lag} blocks behind the head"] if lag else []
        waiting = (
            self._pipeline.progress.waiting_for,
            self._node.follower.waiting_for,
            self._node.clock.waiting_for,
        )
        reasons += [reason for reason in (*waiting, self.store_fault) if reason]
        reasons += self._head_faults()
        reasons += faults(self.ledger)
        reasons += unknown_prices(self.ledger, self._rules)
        return Probe(not reasons, tuple(reasons))

    def _head_faults(self) -> list[str]:
        now = time.time()
        found = []
        if self.disagreement:
            found.append(self.disagreement)
        if self.silent_seconds > NODE_SILENCE_SECONDS:
            found.append(f"no node has told its head for {self.silent_seconds:.0f} s")
        limit = self._max_head_age_seconds
        age = now - self.head.timestamp if self.head else 0.0
        if limit is not None and age > limit:
            found.append(f"the newest block is {age:.0f} s old, expected at most {limit:g} s")
        return found

    def _lag(self) -> int | None:
        """Blocks between the newest head heard of and the newest applied. None: not known yet."""
        if self.head is None or self.applied is None:
            return None
        if self.head.hash == self.applied.hash:
            return 0
        return max(1, self.head.number - self.applied.number)
