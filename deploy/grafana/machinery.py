"""Panels of *Monitor* about what stands behind the blocks: ledger, alerts, Redis, the process."""

from grafana.panels import DAEMONS, Look, Query, graph, limit

RATE = "$__rate_interval"
COUNT = Look(decimals=0)


def ledger() -> tuple[object, ...]:
    events = f"cascade_monitor_events_total{{{DAEMONS}}}"
    return (
        graph(
            "Events",
            "What the markets' logs told, by kind; logs that were not understood are Undecodable.",
            8,
            Look("cps"),
            Query(f"sum by (event) (rate({events}[{RATE}]))", "{{event}}"),
        ),
        graph(
            "Accounts audited",
            "Positions held against the contracts, and those of which the ledger differed. "
            "Alert: CascadeMonitorDrift.",
            8,
            COUNT,
            Query(
                "sum by (market) (increase(cascade_monitor_audited_accounts_total"
                f"{{{DAEMONS}}}[{RATE}]))",
                "{{market}}",
            ),
            Query(
                "sum by (market) (increase(cascade_monitor_ledger_drift_total"
                f"{{{DAEMONS}}}[{RATE}]))",
                "{{market}}, differ",
            ),
        ),
        graph(
            "Blocks since an audit",
            "How old the newest audit is. Alert: CascadeMonitorAuditStuck.",
            8,
            COUNT,
            Query(
                f"cascade_monitor_applied_block{{{DAEMONS}}}"
                f" - cascade_monitor_audit_block{{{DAEMONS}}}",
                "{{instance}}",
            ),
        ),
    )


def telling() -> tuple[object, ...]:
    def increase(metric: str, by: str) -> str:
        return f"sum by ({by}) (increase(cascade_monitor_{metric}_total{{{DAEMONS}}}[{RATE}]))"

    return (
        graph(
            "Alerts",
            "What was said, of breakers, watched positions and the monitor itself.",
            8,
            COUNT,
            Query(increase("alerts", "event"), "{{event}}"),
        ),
        graph(
            "Attempts to deliver",
            "By receiver. failed: is tried again; dead and overflow: given up. Alerts: "
            "CascadeMonitorReceiverFails, CascadeMonitorDeadLetters.",
            8,
            COUNT,
            Query(increase("deliveries", "webhook, outcome"), "{{webhook}} {{outcome}}"),
        ),
        graph(
            "What waits",
            "Deliveries not yet made; those to receivers that want finality wait for it.",
            8,
            COUNT,
            Query(f"cascade_monitor_outbox_pending{{{DAEMONS}}}", "{{instance}}"),
        ),
        graph(
            "Oldest alert that waits",
            "By receiver, of those it may have. Alert: CascadeMonitorOutboxStuck.",
            8,
            Look("s"),
            Query(
                f"max by (webhook) (cascade_monitor_outbox_overdue_seconds{{{DAEMONS}}})",
                "{{webhook}}",
            ),
            limit("outbox_overdue_seconds"),
        ),
        graph(
            "Dead man's switch",
            "Pings; withheld: not all was well. Alert: CascadeMonitorDeadmanFails.",
            8,
            COUNT,
            Query(increase("deadman_pings", "outcome"), "{{outcome}}"),
        ),
        graph(
            "Snapshots",
            "Of blocks with alerts. Alert: CascadeMonitorSnapshotsFail.",
            8,
            COUNT,
            Query(increase("snapshots_written", "outcome"), "{{outcome}}"),
        ),
    )


def machine() -> tuple[object, ...]:
    answers = f"rate(cascade_monitor_store_seconds_bucket{{{DAEMONS}}}[{RATE}])"
    ours = f"and on (job, instance) cascade_monitor_build_info{{{DAEMONS}}}"
    return (
        graph(
            "Redis: time of an answer",
            "One question a second. Alert: CascadeMonitorStoreSlow.",
            8,
            Look("s"),
            *(
                Query(
                    f"histogram_quantile({share}, sum by (instance, le) ({answers}))",
                    f"{{{{instance}}}} p{share * 100:.0f}",
                )
                for share in (0.5, 0.95)
            ),
        ),
        graph(
            "Redis: no answer",
            "How often it could not be asked. Alert: CascadeMonitorStoreFails.",
            8,
            COUNT,
            Query(
                f"increase(cascade_monitor_store_failures_total{{{DAEMONS}}}[{RATE}])",
                "{{instance}}",
            ),
        ),
        graph(
            "Starts",
            "How often the process began anew within an hour. Alert: CascadeMonitorRestarts.",
            8,
            COUNT,
            Query(f"changes(process_start_time_seconds{{{DAEMONS}}}[1h]) {ours}", "{{instance}}"),
        ),
        graph(
            "Memory",
            "What the process holds. Alert: CascadeMonitorMemoryHigh.",
            8,
            Look("bytes"),
            Query(f"process_resident_memory_bytes{{{DAEMONS}}} {ours}", "{{instance}}"),
            limit("resident_bytes"),
        ),
        graph(
            "Processor",
            "Cores in use.",
            8,
            Look(decimals=2),
            Query(f"rate(process_cpu_seconds_total{{{DAEMONS}}}[{RATE}]) {ours}", "{{instance}}"),
        ),
        graph(
            "Open files",
            "Of those that the process may open. Alert: CascadeMonitorFilesMany.",
            8,
            Look("percentunit"),
            Query(
                f"process_open_fds{{{DAEMONS}}} / process_max_fds{{{DAEMONS}}} {ours}",
                "{{instance}}",
            ),
            limit("open_files_ratio"),
        ),
    )
