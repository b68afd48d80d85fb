"""A cascade round by round: what each liquidates, and what that does to prices."""

from collections.abc import Sequence
from typing import Any

from monitor.core import words
from monitor.web.figures.drawing import (
    LEGEND,
    USD_TICKS,
    Document,
    Drawn,
    Summary,
    axis,
    color,
    exact,
    figure,
    label,
    number,
    percent,
    result_of,
    times,
)

MOST_PRICES = 3
MOST_MARKED = 25
"""Rounds: of more, points lie on one another."""
MOST_ROWS = 25
HEAD = ("round", "liquidations", "liquidated", "to the round before", "bad debt written off")
_UPPER, _LOWER = [0.42, 1.0], [0.0, 0.32]
"""Parts of the height: of the bars, and of the prices below them."""


def summary(row: Document) -> Summary:
    """`row`: of `Answers.judged`; of a curve, its last step."""
    result, fault = result_of(row)
    if result is None:
        return Summary(f"Not known: {fault}.")
    log = result["round_log"]
    if not log:
        return Summary("No round: nothing is liquidated.")
    count = f"{len(log)} round{'' if len(log) == 1 else 's'}"
    end = "" if result["converged"] else ", and no end was found"
    sentence = (
        f"{words.money(result['liquidated_usd'])} in {count}{end}, "
        f"{words.money(result['first_round_usd'])} of it in the first: "
        f"{times(result['amplification'])} amplified."
    )
    return Summary(sentence, HEAD, tuple(_row(entry) for entry in log[:MOST_ROWS]))


def draw(row: Document) -> Drawn:
    result, fault = result_of(row)
    if result is None:
        return Drawn(f"Not known: {fault}.")
    log = result["round_log"]
    if not log:
        return Drawn("No round: nothing is liquidated.")
    prices = price_paths(result)[:MOST_PRICES]
    plot = figure(
        [*_bars(log), *(_line(number, *each) for number, each in enumerate(prices))],
        xaxis=axis(
            "round",
            dtick=None if len(log) > 12 else 1,
            range=[-0.6, len(log) + 0.6],
            anchor="y2" if prices else "y",
        ),
        yaxis=USD_TICKS | axis("liquidated", domain=_UPPER if prices else [0, 1]),
        yaxis2=axis("price", domain=_LOWER, ticksuffix=" %", anchor="x"),
        hovermode="x unified",
        legend=LEGEND,
        barmode="overlay",
    )
    if not prices:
        del plot["layout"]["yaxis2"]
    return Drawn("" if result["converged"] else "No end was found: there may be more.", plot)


def price_paths(result: Document) -> list[tuple[str, list[tuple[int, float]]]]:
    """(asset, (round, per cent of the price before the shock)): the market's price when it is
    shocked and at the end, between them what the first oracle that moved says after each round.
    """
    found = []
    log = result["round_log"]
    for asset, path in result["prices"].items():
        before, shocked, after = (number(path[name]) for name in ("before", "shocked", "after"))
        if before is None or before <= 0 or shocked is None or after is None:
            continue
        told = _told(log, asset)
        points = [(0, shocked), *((at, price) for at, price in told if at < len(log))]
        points.append((len(log), after))
        found.append((asset, [(at, round(100 * price / before, 4)) for at, price in points]))
    return found


def _told(log: Sequence[Document], asset: str) -> list[tuple[int, float]]:
    """After which round one oracle said what: in the market where it first moved."""
    market, found = None, []
    for entry in log:
        for oracle in entry["oracles"]:
            price = number(oracle["price_usd"])
            if oracle["asset"] == asset and price is not None:
                market = market or oracle["market"]
                if oracle["market"] == market:
                    found.append((entry["round"], price))
    return found


def _bars(log: Sequence[Document]) -> list[Any]:
    from plotly import graph_objects as go

    rounds = [entry["round"] for entry in log]
    bars = [
        go.Bar(
            x=rounds,
            y=[number(entry["liquidated_usd"]) for entry in log],
            customdata=[_said(entry) for entry in log],
            hovertemplate="%{customdata}<extra></extra>",
            name="liquidated",
            marker={"color": color("series-1")},
        )
    ]
    if any(number(entry["bad_debt_realised_usd"]) for entry in log):
        bars.append(
            go.Bar(
                x=rounds,
                y=[number(entry["bad_debt_realised_usd"]) for entry in log],
                customdata=[exact(entry["bad_debt_realised_usd"]) for entry in log],
                hovertemplate="%{customdata} of bad debt written off<extra></extra>",
                name="bad debt written off",
                marker={"color": color("series-3")},
                width=0.4,
            )
        )
    return bars


def _line(index: int, asset: str, points: Sequence[tuple[int, float]]) -> Any:
    from plotly import graph_objects as go

    return go.Scatter(
        x=[at for at, _ in points],
        y=[value for _, value in points],
        text=[f"{label(asset)} at {value:.2f} % of its price before" for _, value in points],
        hovertemplate="%{text}<extra></extra>",
        name=label(asset),
        mode="lines+markers" if len(points) <= MOST_MARKED else "lines",
        line={"color": color(f"series-{4 + index % 3}"), "shape": "hv"},
        marker={"symbol": ("circle", "diamond", "square")[index % 3]},
        yaxis="y2",
    )


def _said(entry: Document) -> str:
    ratio = entry["ratio"]
    more = "" if ratio is None else f", {percent(ratio)} of the round before"
    count = entry["liquidations"]
    return (
        f"{exact(entry['liquidated_usd'])} in {count} liquidation{'' if count == 1 else 's'}{more}"
    )


def _row(entry: Document) -> tuple[str, ...]:
    return (
        str(entry["round"]),
        str(entry["liquidations"]),
        exact(entry["liquidated_usd"]),
        "—" if entry["ratio"] is None else percent(entry["ratio"]),
        exact(entry["bad_debt_realised_usd"]),
    )
