"""Depth off chain: what its user states, and nothing else. No log and no view tells of it."""

from dataclasses import dataclass

from monitor.core.blocks import BlockRef
from monitor.core.curves import ParametricCurve
from monitor.core.events import DomainEvent
from monitor.core.ledger import LedgerView
from monitor.core.ports import Readings, ViewCall
from monitor.core.sources import LogDecoder, PolledSource


@dataclass(frozen=True, slots=True)
class StatedDepth(PolledSource):
    """One venue off chain."""

    stated: ParametricCurve

    @property
    def name(self) -> str:
        return self.stated.pool

    def decoder(self, block: BlockRef, view: LedgerView, facts: Readings) -> LogDecoder:
        return self

    def polls(self, view: LedgerView) -> tuple[ViewCall, ...]:
        return ()

    def polled(self, view: LedgerView, readings: Readings) -> tuple[DomainEvent, ...]:
        return ()

    def curve(self, view: LedgerView) -> ParametricCurve:
        return self.stated
