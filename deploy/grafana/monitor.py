"""The dashboard *Monitor*: whether blocks come, are understood, and what is said arrives."""

from grafana_foundation_sdk.builders import dashboard

from grafana.machinery import COUNT, RATE, ledger, machine, telling
from grafana.panels import (
    DAEMONS,
    GREEN,
    RED,
    YELLOW,
    Look,
    Query,
    board,
    choice,
    figure,
    graph,
    heat,
    limit,
    linked,
    rows,
    source,
    states,
)
from grafana.risk import LEADS

SEEING = ((0, "sees", GREEN), (1, "blind", RED))
PER_SECOND = Look("reqps")


def monitor() -> dashboard.Dashboard:
    """The whole dashboard."""
    by_chain = 'cascade_monitor_chain_info{job=~"$job",chain_id=~"$chain"}'
    made = board(
        "Cascade monitor",
        "Whether the monitor is well: blocks, nodes, alerts, Redis, the process.",
        "monitor",
        (
            source(),
            choice("job", "Job", "label_values(cascade_monitor_chain_info, job)"),
            choice(
                "chain", "Chain", 'label_values(cascade_monitor_chain_info{job=~"$job"}, chain_id)'
            ),
            choice("instance", "Daemon", f"label_values({by_chain}, instance)"),
        ),
    )
    for title, panels in (
        ("", _health()),
        ("Blocks", _blocks()),
        ("Node", _node()),
        ("Ledger", ledger()),
        ("Alerts", telling()),
        ("Redis and process", machine()),
    ):
        if title:
            made = made.with_row(dashboard.Row(title))
        for panel in panels:
            made = made.with_panel(panel)
    return made


def _health() -> tuple[object, ...]:
    daemons = figure(
        "Daemons",
        "Who leads. A value leads to the daemon's own page, where it is to be reached from here. "
        "Alerts: CascadeMonitorNoLeader, CascadeMonitorTwoLeaders, CascadeMonitorDown.",
        4,
        Look(words=LEADS),
        Query(f"cascade_monitor_leader{{{DAEMONS}}}", "{{instance}}"),
    )
    return (
        linked(daemons, "The page of this daemon", "http://${__field.labels.instance}/"),
        figure(
            "Blocks behind",
            "Blocks that the node told of and that are not judged yet. Alert: "
            "CascadeMonitorBehind.",
            4,
            Look(steps=((None, GREEN), (3, YELLOW), (10, RED)), decimals=0),
            Query(f"max(instance:cascade_monitor_behind:blocks{{{DAEMONS}}})", "behind"),
        ),
        figure(
            "Age of the head",
            "How old the newest block is that a node told of. Alert: CascadeMonitorHeadTooOld.",
            4,
            Look("s", ((None, GREEN), (60, YELLOW), (180, RED)), decimals=0),
            Query(f"max(cascade_monitor_head_age_seconds{{{DAEMONS}}})", "age"),
        ),
        figure(
            "Blind in so many ways",
            "Conditions under which the monitor cannot see. Alerts: CascadeMonitorBlind, "
            "CascadeMonitorPriceUnknown, CascadeMonitorDrift, CascadeMonitorStoreFails.",
            4,
            Look(steps=((None, GREEN), (1, RED)), decimals=0),
            Query(f"sum(max by (condition) (cascade_monitor_blind{{{DAEMONS}}}))", "blind"),
        ),
        figure(
            "Oldest alert that waits",
            "How long a receiver has not taken an alert that it may have. Alert: "
            "CascadeMonitorOutboxStuck.",
            4,
            Look("s", ((None, GREEN), (60, YELLOW), (300, RED)), decimals=0),
            Query(f"max(cascade_monitor_outbox_overdue_seconds{{{DAEMONS}}})", "waits"),
        ),
        figure(
            "Up since, and version",
            "How long each process has been up, and what it runs. Alert: CascadeMonitorRestarts.",
            4,
            Look("s", decimals=0),
            Query(
                f"time() - process_start_time_seconds{{{DAEMONS}}} * on (job, instance) "
                f"group_left (version) cascade_monitor_build_info{{{DAEMONS}}}",
                "{{version}}",
            ),
        ),
        states(
            "Sight",
            "The ways in which the monitor can be blind, each with its reasons at /api/v1/status.",
            16,
            Look(words=SEEING),
            Query(f"max by (condition) (cascade_monitor_blind{{{DAEMONS}}})", "{{condition}}"),
        ),
        rows(
            "What fires",
            "Alerts of Prometheus about the chosen daemons; what to do is in deploy/RUNBOOKS.md, "
            "under the alert's name.",
            8,
            ("job", "alertstate"),
            Query(f'ALERTS{{alertname=~"CascadeMonitor.+",alertstate="firing",{DAEMONS}}}'),
        ),
    )


def _blocks() -> tuple[object, ...]:
    head = f"cascade_monitor_head_block{{{DAEMONS}}}"
    alerts = f"rate(cascade_monitor_block_to_alert_seconds_bucket{{{DAEMONS}}}[{RATE}])"
    mean = "rate(cascade_monitor_stage_seconds_{}{{{}}}[{}])"
    return (
        graph(
            "Behind the head",
            "Blocks between the head and what is applied, judged and final. Alerts: "
            "CascadeMonitorNoProgress, CascadeMonitorBehind, CascadeMonitorFinalityStuck.",
            8,
            Look(decimals=0),
            *(
                Query(
                    f"{head} - cascade_monitor_{name}_block{{{DAEMONS}}}",
                    f"{{{{instance}}}} {name}",
                )
                for name in ("applied", "evaluated", "finalized")
            ),
        ),
        graph(
            "Age of the head",
            "Its teeth are the chain's block time. Alert: CascadeMonitorHeadTooOld.",
            8,
            Look("s"),
            Query(f"cascade_monitor_head_age_seconds{{{DAEMONS}}}", "{{instance}}"),
            limit("head_age_seconds"),
        ),
        graph(
            "Time spent on blocks",
            "Of the time that passes: at 100 % the daemon cannot keep up. Alert: "
            "CascadeMonitorBusy.",
            8,
            Look("percentunit"),
            Query(f"instance:cascade_monitor_busy:ratio_rate10m{{{DAEMONS}}}", "{{instance}}"),
            limit("busy_ratio"),
        ),
        graph(
            "A block, step by step",
            "fold: read and committed; judge: projected, its alerts in the outbox. The mean, and "
            "the slowest twentieth.",
            8,
            Look("s"),
            Query(
                f"{mean.format('sum', DAEMONS, RATE)} / {mean.format('count', DAEMONS, RATE)}",
                "{{instance}} {{stage}}, mean",
            ),
            Query(
                f"stage:cascade_monitor_stage_seconds:p95_rate5m{{{DAEMONS}}}",
                "{{instance}} {{stage}}, p95",
            ),
        ),
        heat(
            "From block to alert",
            "From a block's time to its alerts in the outbox: how many alerts took how long.",
            8,
            Look("s"),
            Query(
                f"sum by (le) (increase(cascade_monitor_block_to_alert_seconds_bucket{{{DAEMONS}}}"
                f"[{RATE}]))",
                "{{le}}",
            ),
        ),
        graph(
            "From block to alert, quantiles",
            "The same; nothing where no block had an alert.",
            8,
            Look("s"),
            *(
                Query(f"histogram_quantile({share}, sum by (le) ({alerts}))", f"p{share * 100:.0f}")
                for share in (0.5, 0.95)
            ),
        ),
    )


def _node() -> tuple[object, ...]:
    requests = f"cascade_monitor_rpc_requests_total{{{DAEMONS}}}"
    reorgs = f"increase(cascade_monitor_reorgs_total{{{DAEMONS}}}[{RATE}])"
    return (
        graph(
            "Requests, by endpoint and outcome",
            "Endpoints by their number in chain.endpoints, from 0.",
            8,
            PER_SECOND,
            Query(
                f"sum by (instance, endpoint, outcome) (rate({requests}[{RATE}]))",
                "{{instance}} {{endpoint}} {{outcome}}",
            ),
        ),
        graph(
            "Requests, by method",
            "What the node is asked.",
            8,
            PER_SECOND,
            Query(
                f"sum by (instance, method) (rate({requests}[{RATE}]))", "{{instance}} {{method}}"
            ),
        ),
        graph(
            "Requests that fail",
            "Errors and timeouts of each endpoint, by all it was asked. Alert: "
            "CascadeMonitorRpcErrors.",
            8,
            Look("percentunit"),
            Query(
                f"endpoint:cascade_monitor_rpc_failed:ratio_rate5m{{{DAEMONS}}}",
                "{{instance}} {{endpoint}}",
            ),
            limit("rpc_failed_ratio"),
        ),
        graph(
            "Time of an answer",
            "How long a header takes from each endpoint, smoothed. Alert: CascadeMonitorRpcSlow.",
            8,
            Look("s"),
            Query(
                f"cascade_monitor_endpoint_answer_seconds{{{DAEMONS}}}", "{{instance}} {{endpoint}}"
            ),
        ),
        graph(
            "Reorganisations",
            "How many, and how many blocks the last one took back. Alert: CascadeMonitorReorgDeep.",
            8,
            COUNT,
            Query(reorgs, "{{instance}}"),
            Query(f"cascade_monitor_reorg_depth{{{DAEMONS}}}", "{{instance}}, depth of the last"),
        ),
        states(
            "Do the endpoints agree",
            "Whether they have one block at each height. Alert: CascadeMonitorBlind.",
            8,
            Look(words=((0, "agree", GREEN), (1, "differ", RED))),
            Query(f"cascade_monitor_endpoints_disagree{{{DAEMONS}}}", "{{instance}}"),
        ),
    )
