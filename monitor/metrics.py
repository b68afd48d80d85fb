"""Every Prometheus metric and every label value (contract section 7). Nothing is global.

A gauge whose value is not known yet is NaN: unknown is not zero.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from monitor.core.alerts import AlertType, BreakerPhase
from monitor.core.conditions import Condition
from monitor.core.events import DomainEvent, FeedKnown, PoolMoved, ReceiptMoved
from monitor.core.loops import LoopKind

CONTENT_TYPE = CONTENT_TYPE_LATEST
PREFIX = "cascade_monitor"
_FAST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_STORE_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_ALERT_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 12, 20, 30, 60, 300)


class Stage(StrEnum):
    """The steps of one block: FOLD to its commit, JUDGE to its alerts in the outbox."""

    FOLD = "fold"
    JUDGE = "judge"


class RpcMethod(StrEnum):
    """The JSON-RPC methods that are called."""

    CALL = "eth_call"
    CHAIN_ID = "eth_chainId"
    GET_BLOCK_BY_HASH = "eth_getBlockByHash"
    GET_BLOCK_BY_NUMBER = "eth_getBlockByNumber"
    GET_CODE = "eth_getCode"
    GET_LOGS = "eth_getLogs"


class RpcOutcome(StrEnum):
    OK = "ok"
    ERROR = "error"
    TIMEOUT = "timeout"


class DeliveryOutcome(StrEnum):
    """What one attempt came to: FAILED is tried again, DEAD is not, OVERFLOW was too much."""

    DELIVERED = "delivered"
    FAILED = "failed"
    DEAD = "dead"
    OVERFLOW = "overflow"


class PingOutcome(StrEnum):
    """Of the dead man's switch. WITHHELD: not all was well, so none was sent."""

    OK = "ok"
    FAILED = "failed"
    WITHHELD = "withheld"


class SnapshotOutcome(StrEnum):
    """What became of the snapshot of a block with alerts."""

    WRITTEN = "written"
    FAILED = "failed"


EVENTS = tuple(
    event.__name__
    for event in get_args(DomainEvent)
    if event not in (PoolMoved, FeedKnown, ReceiptMoved)
)
"""Events that belong to a market; logs that did not decode are UNDECODABLE."""
UNDECODABLE = "Undecodable"

WATCH_EVENTS = (
    AlertType.WATCH_BELOW,
    AlertType.WATCH_RECOVERED,
    AlertType.RETRACTED,
    AlertType.BLIND,
    AlertType.RECOVERED,
)
"""What is said of a watched position."""
BREAKER_EVENTS = tuple(each for each in AlertType if not each.startswith("watch."))

SIDES = ("collateral", "debt")
CONCENTRATION = ("top1", "top5", "hhi")
"""The measures of a concentration."""


@dataclass(frozen=True, slots=True)
class Labels:
    """The label values there will be, from the configuration.

    Assets are known by the chain alone: their series begin with the first judged block.
    """

    markets: Sequence[str] = ()
    curve_assets: Sequence[str] = ()
    scenarios: Sequence[str] = ()
    breakers: Sequence[str] = ()
    webhooks: Sequence[str] = ()
    endpoints: int = 0
    watches: Sequence[str] = ()
    chain_id: int = 0
    namespace: str = ""


class Metrics:
    """The metrics of one daemon. Attributes are named as the metrics are, without the prefix."""

    def __init__(self, registry: CollectorRegistry, labels: Labels, version: str) -> None:
        self._registry = registry
        self._progress()
        self._chain()
        self._markets()
        self._concentration()
        self._risk()
        self._alerts()
        self._store()
        self._gauge("build_info", "The version that runs.", "version").labels(version).set(1)
        info = self._gauge(
            "chain_info",
            "1, by the chain that is followed and the namespace its state is kept under.",
            *("chain_id", "namespace"),
        )
        info.labels(str(labels.chain_id), labels.namespace).set(1)
        self._fill_in(labels)
        ProcessCollector(registry=registry)

    def render(self) -> bytes:
        """The text exposition format; its type is CONTENT_TYPE."""
        return generate_latest(self._registry)

    def _progress(self) -> None:
        self.head_block = self._gauge("head_block", "Newest block the node told of.")
        self.applied_block = self._gauge("applied_block", "Newest block in the store.")
        self.evaluated_block = self._gauge("evaluated_block", "Newest block that was judged.")
        self.finalized_block = self._gauge(
            "finalized_block", "Newest final block: no reorganisation below it is followed."
        )
        for gauge in (
            self.head_block,
            self.applied_block,
            self.evaluated_block,
            self.finalized_block,
        ):
            gauge.set(math.nan)
        self.head_age_seconds = self._gauge("head_age_seconds", "Age of the newest block.")
        self.head_age_seconds.set(math.nan)
        self.leader = self._gauge("leader", "1 where this daemon leads: it may write and send.")
        self.block_to_alert_seconds = Histogram(
            "block_to_alert_seconds",
            "From a block's timestamp to its alerts in the outbox.",
            namespace=PREFIX,
            registry=self._registry,
            buckets=_ALERT_SECONDS,
        )
        self.stage_seconds = Histogram(
            "stage_seconds",
            "Time of one step of a block.",
            ("stage",),
            namespace=PREFIX,
            registry=self._registry,
            buckets=_FAST_SECONDS,
        )

    def _chain(self) -> None:
        self.events_total = self._counter("events_total", "Events.", "market", "event")
        self.rpc_requests_total = self._counter(
            "rpc_requests_total",
            "Requests to the node; endpoints by their number from 0.",
            "endpoint",
            "method",
            "outcome",
        )
        self.endpoints_disagree = self._gauge(
            "endpoints_disagree", "1 while endpoints have different blocks at a height."
        )
        self.endpoint_answer_seconds = self._gauge(
            "endpoint_answer_seconds", "How long a header takes, smoothed.", "endpoint"
        )
        self.reorgs_total = self._counter("reorgs_total", "Reorganisations.")
        self.reorg_depth = self._gauge("reorg_depth", "Blocks the last reorganisation took back.")
        self.ledger_drift_total = self._counter(
            "ledger_drift_total", "Accounts on which ledger and contract differed.", "market"
        )
        self.audited_accounts_total = self._counter(
            "audited_accounts_total", "Positions held against the contracts.", "market"
        )
        self.audit_block = self._gauge("audit_block", "Newest block at which that was done.")
        self.audit_every_blocks = self._gauge(
            "audit_every_blocks", "Blocks from one audit to the next; NaN where none is made."
        )
        for gauge in (self.audit_block, self.audit_every_blocks):
            gauge.set(math.nan)

    def _markets(self) -> None:
        self.positions = self._gauge("positions", "Positions.", "market")
        self.collateral_usd = self._gauge("collateral_usd", "Collateral.", "market")
        self.collateral_net_usd = self._gauge(
            "collateral_net_usd",
            "Collateral, without claims on followed markets and what borrowed money pledged.",
            "market",
        )
        self.debt_usd = self._gauge("debt_usd", "Debt.", "market")
        self.looped_debt_usd = self._gauge(
            "looped_debt_usd", "Debt in loops, where it is owed.", "market", "kind"
        )
        self.at_risk_usd = self._gauge(
            "at_risk_usd", "Debt of accounts with health below 1.05.", "market"
        )
        self.utilisation_ratio = self._gauge(
            "utilisation_ratio", "Borrowed share of supply.", "market", "asset"
        )
        self.oracle_deviation_ratio = self._gauge(
            "oracle_deviation_ratio",
            "Oracle price by pool price, less 1; of a market's pairs the widest.",
            "market",
            "asset",
        )
        self.price_age_seconds = self._gauge("price_age_seconds", "Age of the price.", "asset")

    def _concentration(self) -> None:
        self.concentration_ratio = self._gauge(
            "concentration_ratio",
            "What the largest owner, or five, have of a side; hhi: sum of squared shares.",
            *("market", "side", "measure"),
        )
        self.collateral_concentration_ratio = self._gauge(
            "collateral_concentration_ratio",
            "The same, of one collateral by amount.",
            *("market", "asset", "measure"),
        )

    def _risk(self) -> None:
        self.cascade_liquidated_usd = self._gauge(
            "cascade_liquidated_usd", "Debt repaid in the projected cascade.", "scenario"
        )
        self.cascade_bad_debt_usd = self._gauge(
            "cascade_bad_debt_usd", "Bad debt after the projected cascade.", "scenario"
        )
        self.cascade_amplification = self._gauge(
            "cascade_amplification", "Liquidated over first round.", "scenario"
        )
        self.cascade_critical_shock_ratio = self._gauge(
            "cascade_critical_shock_ratio", "Smallest critical shock; NaN when none.", "asset"
        )
        self.breaker_state = self._gauge(
            "breaker_state",
            "0 armed, 1 warned, 2 pending, 3 tripped, 4 recovering, -1 blind.",
            "breaker",
        )
        self.breaker_trip_ratio = self._gauge(
            "breaker_trip_ratio",
            "What a breaker measures by its trip threshold (inverse where lower is worse).",
            "breaker",
        )

    def _alerts(self) -> None:
        self.alerts_total = self._counter("alerts_total", "Alerts.", "breaker", "event")
        self.deliveries_total = self._counter(
            "deliveries_total", "Attempts to deliver.", "webhook", "outcome"
        )
        self.snapshots_written_total = self._counter(
            "snapshots_written_total", "Blocks with alerts, kept or not.", "outcome"
        )
        self.outbox_pending = self._gauge("outbox_pending", "Deliveries not yet made.")
        self.outbox_pending.set(math.nan)
        self.outbox_overdue_seconds = self._gauge(
            "outbox_overdue_seconds",
            "How long the oldest alert waits that a receiver may have by now; 0 when none does.",
            "webhook",
        )
        self.blind = self._gauge("blind", "1 while the monitor is blind in this way.", "condition")
        self.deadman_pings_total = self._counter(
            "deadman_pings_total", "Pings of the dead man's switch, sent or not.", "outcome"
        )

    def _store(self) -> None:
        self.store_seconds = Histogram(
            "store_seconds",
            "How long Redis took to tell the length of the outbox, asked every second.",
            namespace=PREFIX,
            registry=self._registry,
            buckets=_STORE_SECONDS,
        )
        self.store_failures_total = self._counter(
            "store_failures_total", "How often it could not be asked that."
        )

    def _fill_in(self, labels: Labels) -> None:
        """Every series from the start: a counter that is not there cannot be seen to rise."""
        markets = [(market,) for market in labels.markets]
        scenarios = [(scenario,) for scenario in labels.scenarios]
        endpoints = [str(number) for number in range(labels.endpoints)]
        for metric, series in (
            (self.stage_seconds, [(stage,) for stage in Stage]),
            (self.events_total, product(labels.markets, (*EVENTS, UNDECODABLE))),
            (self.ledger_drift_total, markets),
            (self.audited_accounts_total, markets),
            (self.positions, markets),
            (self.collateral_usd, markets),
            (self.collateral_net_usd, markets),
            (self.debt_usd, markets),
            (self.at_risk_usd, markets),
            (self.looped_debt_usd, product(labels.markets, LoopKind)),
            (self.concentration_ratio, product(labels.markets, SIDES, CONCENTRATION)),
            (self.cascade_critical_shock_ratio, [(asset,) for asset in labels.curve_assets]),
            (self.cascade_liquidated_usd, scenarios),
            (self.cascade_bad_debt_usd, scenarios),
            (self.cascade_amplification, scenarios),
            (self.breaker_trip_ratio, [(breaker,) for breaker in labels.breakers]),
            (self.endpoint_answer_seconds, [(number,) for number in endpoints]),
            (self.alerts_total, product(labels.breakers, BREAKER_EVENTS)),
            (self.alerts_total, product(labels.watches, WATCH_EVENTS)),
            (self.alerts_total, product(Condition, (AlertType.BLIND, AlertType.RECOVERED))),
            (self.blind, [(condition,) for condition in Condition]),
            (self.deadman_pings_total, [(outcome,) for outcome in PingOutcome]),
            (self.snapshots_written_total, [(outcome,) for outcome in SnapshotOutcome]),
            (self.deliveries_total, product(labels.webhooks, DeliveryOutcome)),
            (self.outbox_overdue_seconds, [(webhook,) for webhook in labels.webhooks]),
            (self.rpc_requests_total, product(endpoints, RpcMethod, RpcOutcome)),
        ):
            for values in series:
                child = metric.labels(*values)
                if isinstance(child, Gauge):
                    child.set(math.nan)
        for breaker in labels.breakers:
            self.breaker_state.labels(breaker).set(BreakerPhase.BLIND)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(name, text, labels, namespace=PREFIX, registry=self._registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, namespace=PREFIX, registry=self._registry)
