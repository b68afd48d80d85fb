import math
import re

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from monitor.core.alerts import AlertType
from monitor.core.conditions import Condition
from monitor.metrics import DeliveryOutcome, Labels, Metrics

LABELS = Labels(
    markets=("aave-core",),
    curve_assets=("WETH",),
    scenarios=("eth-crash",),
    breakers=("eth-cascade",),
    webhooks=("0",),
    endpoints=2,
    watches=("treasury",),
    chain_id=1,
    namespace="default",
)
CONTRACT = [
    "build_info",
    "head_block",
    "applied_block",
    "evaluated_block",
    "finalized_block",
    "head_age_seconds",
    "block_to_alert_seconds_bucket",
    "stage_seconds_bucket",
    "events_total",
    "rpc_requests_total",
    "reorgs_total",
    "reorg_depth",
    "ledger_drift_total",
    "positions",
    "collateral_usd",
    "collateral_net_usd",
    "debt_usd",
    "looped_debt_usd",
    "at_risk_usd",
    "concentration_ratio",
    "cascade_liquidated_usd",
    "cascade_bad_debt_usd",
    "cascade_amplification",
    "cascade_critical_shock_ratio",
    "breaker_state",
    "breaker_trip_ratio",
    "alerts_total",
    "deliveries_total",
    "outbox_pending",
    "outbox_overdue_seconds",
    "audit_every_blocks",
    "store_seconds_bucket",
    "store_failures_total",
    "chain_info",
]


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> Metrics:
    return Metrics(registry, LABELS, version="0.1.0")


def samples(metrics: Metrics) -> dict[str, list[dict[str, str]]]:
    """Label sets by sample name."""
    found: dict[str, list[dict[str, str]]] = {}
    for family in text_string_to_metric_families(metrics.render().decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample.labels)
    return found


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"cascade_monitor_{name}", labels)


@pytest.mark.parametrize("name", CONTRACT)
def test_metrics__at_the_start__has_each_series_of_the_contract(
    metrics: Metrics, name: str
) -> None:
    assert samples(metrics)[f"cascade_monitor_{name}"]


@pytest.mark.parametrize("name", ["utilisation_ratio", "price_age_seconds"])
def test_metrics__of_assets__are_declared_until_the_chain_names_them(
    metrics: Metrics, name: str
) -> None:
    assert f"# TYPE cascade_monitor_{name} gauge" in metrics.render().decode()


def test_metrics__labels__hold_no_address(metrics: Metrics) -> None:
    assert not re.search(r'"0x[0-9a-fA-F]{4,}', metrics.render().decode())


def test_metrics__unknown_gauges__are_nan(metrics: Metrics, registry: CollectorRegistry) -> None:
    for name, labels in (
        ("head_block", {}),
        ("debt_usd", {"market": "aave-core"}),
        ("cascade_critical_shock_ratio", {"asset": "WETH"}),
    ):
        assert math.isnan(value(registry, name, **labels) or 0)


def test_metrics__of_loops__have_every_kind_from_the_start(metrics: Metrics) -> None:
    assert samples(metrics)["cascade_monitor_looped_debt_usd"] == [
        {"market": "aave-core", "kind": kind}
        for kind in ("rehypothecated", "cross_protocol", "same_asset", "correlated", "directional")
    ]


def test_metrics__breaker_never_evaluated__is_blind(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    assert value(registry, "breaker_state", breaker="eth-cascade") == -1


def test_metrics__alerts__have_each_event_there_can_be_from_the_start(metrics: Metrics) -> None:
    events: dict[str, set[str]] = {}
    for labels in samples(metrics)["cascade_monitor_alerts_total"]:
        events.setdefault(labels["breaker"], set()).add(labels["event"])
    of_sight = {"monitor.blind", "monitor.recovered"}
    watched = {"watch.below", "watch.recovered", "breaker.retracted"} | of_sight
    assert events.pop("treasury") == watched
    assert events.pop("eth-cascade") == set(AlertType) - {"watch.below", "watch.recovered"}
    assert events == dict.fromkeys(Condition, of_sight)


def test_metrics__a_delivery__is_counted_from_zero(
    metrics: Metrics, registry: CollectorRegistry
) -> None:
    labels = {"webhook": "0", "outcome": "delivered"}
    assert value(registry, "deliveries_total", **labels) == 0
    metrics.deliveries_total.labels("0", DeliveryOutcome.DELIVERED).inc()
    assert value(registry, "deliveries_total", **labels) == 1


def test_metrics__two_daemons_in_one_process__share_nothing() -> None:
    first = CollectorRegistry()
    Metrics(first, LABELS, version="0.1.0").reorgs_total.inc()
    second = CollectorRegistry()
    Metrics(second, LABELS, version="0.1.0")
    assert (value(first, "reorgs_total"), value(second, "reorgs_total")) == (1, 0)
