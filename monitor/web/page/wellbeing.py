"""Whether the monitor itself is well: what its own metrics say, for a person."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from monitor.metrics import Metrics


class Series(Protocol):
    """A metric of several series."""

    def collect(self) -> object: ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A node, by its number from 0: addresses may hold keys. `milliseconds` None: not asked yet."""

    number: str
    milliseconds: int | None
    answered: int
    failed: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of the attempts to reach one receiver."""

    webhook: str
    delivered: int
    failed: int
    dead: int


@dataclass(frozen=True, slots=True)
class Wellbeing:
    """Numbers are None while they are unknown."""

    head: int | None
    applied: int | None
    evaluated: int | None
    finalized: int | None
    pending: int | None
    leads: bool
    audited_block: int | None
    drifted: int
    reorganisations: int
    endpoints: tuple[Endpoint, ...]
    deliveries: tuple[Delivery, ...]

    @property
    def waiting(self) -> int | None:
        """Blocks between the head and the newest judged."""
        if self.head is None or self.evaluated is None:
            return None
        return max(0, self.head - self.evaluated)


def wellbeing_of(metrics: Metrics) -> Wellbeing:
    return Wellbeing(
        head=_whole(metrics.head_block),
        applied=_whole(metrics.applied_block),
        evaluated=_whole(metrics.evaluated_block),
        finalized=_whole(metrics.finalized_block),
        pending=_whole(metrics.outbox_pending),
        leads=_whole(metrics.leader) == 1,
        audited_block=_whole(metrics.audit_block),
        drifted=sum(count for _, count in _counts(metrics.ledger_drift_total)),
        reorganisations=sum(count for _, count in _counts(metrics.reorgs_total)),
        endpoints=tuple(_endpoints(metrics)),
        deliveries=tuple(_deliveries(metrics)),
    )


def _endpoints(metrics: Metrics) -> Iterator[Endpoint]:
    told = {"ok": dict[str, int](), "failed": dict[str, int]()}
    for labels, count in _counts(metrics.rpc_requests_total):
        side = told["ok" if labels["outcome"] == "ok" else "failed"]
        side[labels["endpoint"]] = side.get(labels["endpoint"], 0) + count
    for labels, seconds in _samples(metrics.endpoint_answer_seconds):
        number = labels["endpoint"]
        yield Endpoint(
            number,
            None if math.isnan(seconds) else round(seconds * 1000),
            told["ok"].get(number, 0),
            told["failed"].get(number, 0),
        )


def _deliveries(metrics: Metrics) -> Iterator[Delivery]:
    found: dict[str, dict[str, int]] = {}
    for labels, count in _counts(metrics.deliveries_total):
        found.setdefault(labels["webhook"], {})[labels["outcome"]] = count
    for webhook, told in found.items():
        dead = told.get("dead", 0) + told.get("overflow", 0)
        yield Delivery(webhook, told.get("delivered", 0), told.get("failed", 0), dead)


def _whole(gauge: Series) -> int | None:
    (value,) = (value for _, value in _samples(gauge))
    return None if math.isnan(value) else int(value)


def _counts(counter: Series) -> Iterator[tuple[dict[str, str], int]]:
    return ((labels, int(value)) for labels, value in _samples(counter))


def _samples(metric: Series) -> Iterator[tuple[dict[str, str], float]]:
    """Labels and value of each series; when a counter began is none."""
    for family in metric.collect():  # type: ignore[attr-defined]
        for sample in family.samples:
            if not sample.name.endswith("_created"):
                yield sample.labels, sample.value
