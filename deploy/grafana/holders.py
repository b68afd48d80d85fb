"""Panels of *Risk* about who owes, who holds, and where."""

from grafana.panels import DAEMONS, Look, Query, graph, limit

MARKET = f'{DAEMONS},market=~"$market"'
USD = Look("currencyUSD")
SHARE = Look("percentunit")


def holders() -> tuple[object, ...]:
    def by_market(metric: str, legend: str = "{{market}}") -> Query:
        return Query(f"max by (market) ({metric}{{{MARKET}}})", legend)

    concentration = f'cascade_monitor_concentration_ratio{{{MARKET},measure=~"top1|top5"}}'
    of_collateral = f'cascade_monitor_collateral_concentration_ratio{{{MARKET},measure="top1"}}'
    return (
        graph(
            "Debt",
            "What is owed in each market.",
            8,
            Look("currencyUSD", is_stacked=True),
            by_market("cascade_monitor_debt_usd"),
        ),
        graph(
            "Collateral",
            "What is pledged in each market; net: without claims on followed markets and what "
            "borrowed money pledged.",
            8,
            USD,
            by_market("cascade_monitor_collateral_usd"),
            by_market("cascade_monitor_collateral_net_usd", "{{market}}, net"),
        ),
        graph(
            "At risk",
            "Debt of accounts with health below 1.05.",
            8,
            USD,
            by_market("cascade_monitor_at_risk_usd"),
        ),
        graph(
            "Debt in loops, by kind",
            "Debt of positions in which borrowed value was pledged again, where it is owed.",
            8,
            Look("currencyUSD", is_stacked=True),
            Query(
                "sum by (kind) (max by (market, kind) "
                f"(cascade_monitor_looped_debt_usd{{{MARKET}}}))",
                "{{kind}}",
            ),
        ),
        graph(
            "Debt in loops, of a market's",
            "How much of each market's debt is in loops.",
            8,
            SHARE,
            by_market("market:cascade_monitor_looped_debt:ratio_debt"),
        ),
        graph(
            "Positions",
            "Accounts that hold anything.",
            8,
            Look(decimals=0),
            by_market("cascade_monitor_positions"),
        ),
        graph(
            "Concentration",
            "What the largest owner, and the largest five, have of each side of a market.",
            8,
            SHARE,
            Query(
                f"max by (market, side, measure) ({concentration})",
                "{{market}} {{side}}, {{measure}}",
            ),
        ),
        graph(
            "Largest holder of a collateral",
            "The largest owner's share of each collateral, by amount.",
            8,
            SHARE,
            Query(f"max by (market, asset) ({of_collateral})", "{{market}} {{asset}}"),
        ),
        graph(
            "Utilisation",
            "What is lent out of each reserve: at 100 % nobody can withdraw. Alert: "
            "CascadeMonitorUtilisationHigh.",
            8,
            SHARE,
            Query(
                f"max by (market, asset) (cascade_monitor_utilisation_ratio{{{MARKET}}})",
                "{{market}} {{asset}}",
            ),
            limit("utilisation_ratio"),
        ),
    )
