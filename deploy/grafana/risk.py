"""The dashboard *Risk*: what the state is, how bad it would get, who and where, at which prices."""

from grafana_foundation_sdk.builders import dashboard

from grafana.holders import MARKET, SHARE, USD, holders
from grafana.panels import (
    DAEMONS,
    GREEN,
    ORANGE,
    PURPLE,
    RED,
    YELLOW,
    Look,
    Query,
    board,
    choice,
    figure,
    graph,
    limit,
    linked,
    source,
    states,
)

SCENARIO = f'{DAEMONS},scenario=~"$scenario"'
PHASES = (
    (-1, "blind", PURPLE),
    (0, "armed", GREEN),
    (1, "warned", YELLOW),
    (2, "pending", ORANGE),
    (3, "tripped", RED),
    (4, "recovering", "light-orange"),
)
LEADS = ((0, "stands by", "blue"), (1, "leads", GREEN))


def risk() -> dashboard.Dashboard:
    """The whole dashboard. Pairs of daemons show as one: the standby's series are unknown."""
    by_chain = 'cascade_monitor_chain_info{job=~"$job",chain_id=~"$chain"}'
    of_market = f"label_values(cascade_monitor_debt_usd{{{DAEMONS}}}, market)"
    of_scenario = f"label_values(cascade_monitor_cascade_liquidated_usd{{{DAEMONS}}}, scenario)"
    made = board(
        "Cascade risk",
        "What would be liquidated, by whom it is owed, and whether the breakers say so.",
        "risk",
        (
            source(),
            choice("job", "Job", "label_values(cascade_monitor_chain_info, job)"),
            choice(
                "chain",
                "Chain",
                'label_values(cascade_monitor_chain_info{job=~"$job"}, chain_id)',
                many=False,
            ),
            choice("instance", "Daemon", f"label_values({by_chain}, instance)"),
            choice("market", "Market", of_market),
            choice("scenario", "Scenario", of_scenario),
        ),
    )
    for title, panels in (
        ("What is the state", _state()),
        ("How bad would it get", _cascades()),
        ("Who, and where", holders()),
        ("At which prices", _prices()),
    ):
        if title != "What is the state":
            made = made.with_row(dashboard.Row(title))
        for panel in panels:
            made = made.with_panel(panel)
    return made


def _state() -> tuple[object, ...]:
    worst = "scenario:cascade_monitor_{}:ratio_debt"
    return (
        figure(
            "Tripped breakers",
            "Breakers that are tripped, or tripped and not yet safe again. Alert: "
            "CascadeMonitorBreakerTripped.",
            4,
            Look(steps=((None, GREEN), (1, RED)), decimals=0),
            Query(
                f"sum(max by (breaker) (cascade_monitor_breaker_state{{{DAEMONS}}}) >= bool 3)",
                "tripped",
            ),
        ),
        figure(
            "Blind breakers",
            "Breakers whose measure is unknown: they keep the phase they had. Alert: "
            "CascadeMonitorBreakerBlind.",
            4,
            Look(steps=((None, GREEN), (1, PURPLE)), decimals=0),
            Query(
                f"sum(max by (breaker) (cascade_monitor_breaker_state{{{DAEMONS}}}) == bool -1)",
                "blind",
            ),
        ),
        figure(
            "Worst projection",
            "Debt that the worst of the chosen scenarios would liquidate, by all debt. Alert: "
            "CascadeMonitorCascadeLarge.",
            4,
            Look(
                "percentunit", ((None, GREEN), (0.02, YELLOW), (0.05, ORANGE), (0.15, RED)), (), 1
            ),
            Query(f"max({worst.format('liquidated')}{{{SCENARIO}}})", "of all debt"),
        ),
        figure(
            "Worst bad debt",
            "What the worst of the chosen scenarios would leave unpaid. Alert: "
            "CascadeMonitorBadDebtLarge.",
            4,
            Look("currencyUSD", ((None, GREEN), (1, ORANGE))),
            Query(f"max(cascade_monitor_cascade_bad_debt_usd{{{SCENARIO}}})", "bad debt"),
        ),
        figure(
            "At risk now",
            "Debt of accounts with health below 1.05, in the chosen markets.",
            4,
            USD,
            Query(f"sum(max by (market) (cascade_monitor_at_risk_usd{{{MARKET}}}))", "at risk"),
        ),
        linked(
            figure(
                "Daemons",
                "Who leads. A value leads to the daemon's own page, where it is to be reached "
                "from here.",
                4,
                Look(words=LEADS),
                Query(f"cascade_monitor_leader{{{DAEMONS}}}", "{{instance}}"),
            ),
            "The page of this daemon",
            "http://${__field.labels.instance}/",
        ),
        states(
            "Breakers",
            "The state of each breaker, block by block. Alerts: CascadeMonitorBreakerTripped, "
            "CascadeMonitorBreakerWarned, CascadeMonitorBreakerBlind.",
            12,
            Look(words=PHASES),
            Query(f"max by (breaker) (cascade_monitor_breaker_state{{{DAEMONS}}})", "{{breaker}}"),
        ),
        graph(
            "How near to the trip",
            "What each breaker measures, by its trip threshold: it trips at 1. Where lower is "
            "worse, the threshold by the measure.",
            12,
            Look(steps=((None, GREEN), (1, RED)), decimals=2),
            Query(
                f"max by (breaker) (cascade_monitor_breaker_trip_ratio{{{DAEMONS}}})",
                "{{breaker}}",
            ),
        ),
    )


def _cascades() -> tuple[object, ...]:
    def by_scenario(metric: str) -> Query:
        return Query(f"max by (scenario) ({metric}{{{SCENARIO}}})", "{{scenario}}")

    return (
        graph(
            "Would be liquidated",
            "Debt repaid in the projected cascade of each scenario, if it came at that block. "
            "Alert, where it is unknown: CascadeMonitorProjectionUnknown.",
            8,
            USD,
            by_scenario("cascade_monitor_cascade_liquidated_usd"),
        ),
        graph(
            "Would be liquidated, of all debt",
            "The same, by the debt of all markets. Alert: CascadeMonitorCascadeLarge.",
            8,
            SHARE,
            by_scenario("scenario:cascade_monitor_liquidated:ratio_debt"),
            limit("cascade_liquidated_ratio"),
        ),
        graph(
            "Would stay unpaid",
            "Bad debt after the projected cascade of each scenario.",
            8,
            USD,
            by_scenario("cascade_monitor_cascade_bad_debt_usd"),
        ),
        graph(
            "Amplification",
            "What is liquidated in all, by what the first round liquidates: above 1 the falling "
            "prices of the sales take more accounts along.",
            8,
            Look(decimals=2, lowest=None),
            by_scenario("cascade_monitor_cascade_amplification"),
        ),
        graph(
            "Would stay unpaid, of all debt",
            "The same bad debt, by the debt of all markets. Alert: CascadeMonitorBadDebtLarge.",
            8,
            SHARE,
            by_scenario("scenario:cascade_monitor_bad_debt:ratio_debt"),
            limit("cascade_bad_debt_ratio"),
        ),
        graph(
            "Critical fall",
            "The smallest fall of each asset that liquidates what its curve calls critical: lower "
            "is worse. None where no fall of the curve is. Alert: "
            "CascadeMonitorCriticalShockNear.",
            8,
            SHARE,
            Query(
                f"max by (asset) (cascade_monitor_cascade_critical_shock_ratio{{{DAEMONS}}})",
                "{{asset}}",
            ),
            limit("critical_shock_ratio"),
        ),
    )


def _prices() -> tuple[object, ...]:
    deviation = f"max by (market, asset) (cascade_monitor_oracle_deviation_ratio{{{MARKET}}})"
    return (
        graph(
            "Oracle beside market",
            "The oracle's price by that of the pools, less 1. What an oracle does not follow "
            "liquidates nobody, and is bad debt in the making. Alert: "
            "CascadeMonitorOracleDeviates.",
            12,
            Look("percentunit", lowest=None),
            Query(deviation, "{{market}} {{asset}}"),
        ),
        graph(
            "Age of prices",
            "How long ago the feed of each asset answered anew. Alert: CascadeMonitorPriceOld.",
            12,
            Look("s"),
            Query(
                f"max by (asset) (cascade_monitor_price_age_seconds{{{DAEMONS}}})",
                "{{asset}}",
            ),
            limit("price_age_seconds"),
        ),
    )
