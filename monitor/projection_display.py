"""Projections on a terminal: sums, rounds, who was hit and by whom; curves as a picture.

Made for 80 columns. Tables have amounts in short; the JSON document has every cent and every row.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import islice

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from monitor.display import SHOWN_OF_ID, Document, headline, short_usd, status, usd

MOST_ROWS = 10
"""Of a table."""
CURVE_ROWS = 25
BESIDE_BARS = 51
"""Columns that a curve's row needs beside its bar."""
LEAST_BAR = 8
EIGHTHS = " ▏▎▍▌▋▊▉"
REASONS = {
    "not_allowed": "may not be repaid or seized",
    "no_collateral": "no collateral is left",
    "no_price": "a feed would have to say 0: its market's oracle answers nothing",
    "no_route": "no pools lead from collateral to debt",
    "no_cash": "the market has not the cash to pay collateral out",
    "no_profit": "no size brings more than it costs",
    "rounds_ran_out": "the rounds ran out",
}
BEFALLEN = ("liquidated_usd", "seized_usd", "bad_debt_usd", "unliquidated_usd")
HEADS = ("liquidated", "seized", "bad debt", "left")


def summary(out: Console, document: Document) -> None:
    """`run --once`: the status, and every scenario."""
    status(out, document)
    for name, answer in document["cascade"].items():
        out.print(f"\n[bold]{escape(name)}[/]")
        answered(out, answer)


def answered(out: Console, document: Document) -> None:
    """Of a scenario: one projection, or a curve of them."""
    (curve if "curve" in document else projection)(out, document)


def projection(out: Console, document: Document) -> None:
    headline(out, document)
    result = document["result"]
    shocks = document["scenario"]["shocks"]
    _say(out, "shocks: " + ", ".join(f"{key}={value}" for key, value in shocks.items()))
    _totals(out, result)
    _reasons(out, result)
    _prices(out, result["prices"])
    _rounds(out, result["round_log"])
    _befallen(out, "market", _shortened(result["by_market"]))
    kinds = {kind.replace("_", " "): row for kind, row in result["by_loop_kind"].items()}
    _befallen(out, "kind of loop", kinds if set(kinds) != {"none"} else {})
    _contagion(out, result["contagion"])
    _largest(out, "largest accounts", result["largest"], "liquidated_usd")
    _largest(out, "largest left", result["largest_unliquidated"], "unliquidated_usd")
    _told(out, result)


def _totals(out: Console, result: Document) -> None:
    table = Table(Column(), Column(justify="right"), Column(), box=None, show_header=False)
    realised = f"of it realised {usd(result['bad_debt_realised_usd'])}"
    branching = result["branching_ratio"]
    rounds = "unknown" if result["rounds"] is None else str(result["rounds"])
    share = result["largest_share"]
    for label, value, beside in (
        ("liquidated", usd(result["liquidated_usd"]), ""),
        ("of it in round 1", usd(result["first_round_usd"]), ""),
        ("of one account alone", "-" if share is None else f"{share:.1%}", ""),
        ("collateral seized", usd(result["seized_usd"]), ""),
        ("bad debt", usd(result["bad_debt_usd"]), realised),
        ("left unliquidated", usd(result["unliquidated_usd"]), "liquidatable, but not liquidated"),
        ("amplification", _factor(result["amplification"]), "the debt of round 1"),
        ("price amplification", _factor(result["price_amplification"]), "the shock"),
        ("branching ratio", "unknown" if branching is None else f"{branching:.2f}", ""),
        ("rounds", rounds, "" if result["converged"] else "[yellow]not converged[/]"),
    ):
        table.add_row(label, value, f"[dim]{beside}[/]" if beside else "")
    gone = result["unwinding"]
    if gone is not None:
        closed = "unknown" if gone["accounts"] is None else f"by {gone['accounts']} accounts"
        for label, key, beside in (
            ("loops closed before", "repaid_usd", closed),
            ("loops locked in", "locked_usd", "no cash to pay their collateral out"),
            ("loops left open", "left_usd", "what can be sold does not free them"),
        ):
            table.add_row(label, usd(gone[key]), f"[dim]{beside}[/]")
    out.print(table)


def _reasons(out: Console, result: Document) -> None:
    """Why debt that could be liquidated was not."""
    kept = {
        reason: value
        for reason, value in result["unliquidated_because"].items()
        if value is not None and Decimal(value)
    }
    if kept:
        table = _table("left unliquidated because", numbers=("",))
        for reason, value in sorted(kept.items(), key=lambda item: -Decimal(item[1])):
            table.add_row(REASONS.get(reason, reason), usd(value))
        out.print(table)


def _prices(out: Console, prices: Mapping[str, Document]) -> None:
    if not prices:
        return
    table = _table("market price", numbers=("before", "shocked", "after"))
    for name, path in islice(prices.items(), MOST_ROWS):
        table.add_row(escape(name), *(usd(path[key]) for key in ("before", "shocked", "after")))
    out.print(table)


def _rounds(out: Console, log: Sequence[Document]) -> None:
    if not log:
        return
    table = _table("round", numbers=("calls", "liquidated", "ratio", "seized", "bad debt realised"))
    for entry in log[:MOST_ROWS]:
        ratio = entry["ratio"]
        table.add_row(
            str(entry["round"]),
            str(entry["liquidations"]),
            short_usd(entry["liquidated_usd"]),
            "" if ratio is None else f"{ratio:.2f}",
            short_usd(entry["seized_usd"]),
            short_usd(entry["bad_debt_realised_usd"]),
        )
    out.print(table)
    _more(out, len(log) - MOST_ROWS, "rounds")


def _befallen(out: Console, head: str, rows: Mapping[str, Document]) -> None:
    """The same four sums of each; of all that something befell, the most first."""
    hit = [(name, row) for name, row in rows.items() if any(_number(row[key]) for key in BEFALLEN)]
    if not hit:
        return
    hit.sort(key=lambda item: -sum(_number(item[1][key]) for key in BEFALLEN))
    table = _table(head, numbers=HEADS)
    for name, row in hit[:MOST_ROWS]:
        table.add_row(escape(name), *(short_usd(row[key]) for key in BEFALLEN))
    out.print(table)
    _more(out, len(hit) - MOST_ROWS, "more")


def _contagion(out: Console, rows: Sequence[Document]) -> None:
    """What of a market's debt was liquidated for what liquidations did; the rest the shock did."""
    if not rows:
        return
    table = _table("because of liquidations in", "liquidated in", numbers=("", "of all there"))
    for row in rows[:MOST_ROWS]:
        names = (_short(row["from"]), _short(row["to"]))
        table.add_row(*names, short_usd(row["liquidated_usd"]), f"{row['share']:.1%}")
    out.print(table)
    _more(out, len(rows) - MOST_ROWS, "more")


def _largest(out: Console, head: str, rows: Sequence[Document], column: str) -> None:
    if not rows:
        return
    table = _table("in", numbers=("",), whole=(head,))
    for row in rows[:MOST_ROWS]:
        loop = "" if row["loop_kind"] is None else f", {row['loop_kind'].replace('_', ' ')} loop"
        table.add_row(row["account"], _short(row["market"]) + loop, short_usd(row[column]))
    out.print(table)


def _told(out: Console, result: Document) -> None:
    for reason in result["unknown"]:
        out.print(f"[yellow]unknown: {escape(reason)}[/]", soft_wrap=True)
    for reason in result["left_out"]:
        out.print(f"[dim]left out: {escape(reason)}[/]", soft_wrap=True)
    if result["snapshot"]:
        _say(out, f"snapshot {result['snapshot']}")


def curve(out: Console, document: Document) -> None:
    """Steps as bars of what is liquidated; from the critical shock on they are red."""
    headline(out, document)
    steps = document["curve"]
    asked = document["scenario"]["curve"]
    critical = document["critical_shock"]
    shocks = [_shock(step) for step in steps]
    at = next((at for at, ratio in enumerate(shocks) if abs(ratio) == critical), None)
    largest = max((_number(step["result"]["liquidated_usd"]) for step in steps), default=Decimal(0))
    table = _table("", numbers=("shock", "liquidated"), beside=("", "bad debt", "left"))
    for place in _rows(len(steps), at):
        result = steps[place]["result"]
        is_over = at is not None and place >= at
        bar = _bar(_number(result["liquidated_usd"]), largest, out.width - BESIDE_BARS)
        table.add_row(
            "[bold red]▶[/]" if place == at else "" if result["converged"] else "?",
            f"{shocks[place]:+.1%}",
            short_usd(result["liquidated_usd"]),
            f"[red]{bar}[/]" if is_over else bar,
            short_usd(result["bad_debt_usd"]),
            short_usd(result["unliquidated_usd"]),
        )
    _say(out, f"{asked['asset']} to {asked['to']:+.1%} in {asked['steps']} steps")
    out.print(table)
    for reason in document["unknown"]:
        out.print(f"[yellow]unknown: {escape(reason)}[/]", soft_wrap=True)
    _say(out, _critical(document))


def _critical(document: Document) -> str:
    shock = document["critical_shock"]
    if document["unknown"]:
        return "critical shock: unknown"
    if not all(step["result"]["converged"] for step in document["curve"]):
        return "critical shock: unknown, for steps marked ? find no end"
    return (
        "no shock on this curve is critical" if shock is None else f"▶ critical shock: {shock:.1%}"
    )


def _rows(steps: int, critical: int | None) -> list[int]:
    """The steps that are shown: evenly, with the last and the critical one."""
    stride = -(-steps // CURVE_ROWS)
    shown = set(range(steps - 1, -1, -stride))
    return sorted(shown if critical is None else shown | {critical})


def _shock(step: Document) -> float:
    (ratio,) = step["scenario"]["shocks"].values()
    return float(ratio)


def _bar(value: Decimal, largest: Decimal, width: int) -> str:
    """In eighths of a column; anything at all is seen."""
    if not largest or not value:
        return ""
    eighths = max(1, int(8 * max(width, LEAST_BAR) * value / largest))
    return "█" * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def _table(
    *names: str, numbers: Iterable[str], whole: Iterable[str] = (), beside: Sequence[str] = ()
) -> Table:
    """Of names at the left and `numbers` at the right; `beside`: a picture, and more numbers.

    `whole`: names that are on one line, to be copied; before the others.
    """
    uncut = (Column(name, no_wrap=True) for name in whole)
    left = (Column(name, overflow="fold") for name in names)
    right = (Column(name, justify="right", no_wrap=True) for name in numbers)
    picture = (Column(name, no_wrap=True) for name in beside[:1])
    more = (Column(name, justify="right", no_wrap=True) for name in beside[1:])
    return Table(*uncut, *left, *right, *picture, *more, box=SIMPLE_HEAD, pad_edge=False)


def _more(out: Console, count: int, what: str) -> None:
    if count > 0:
        out.print(f"[dim]and {count} {what}: see --json[/]")


def _shortened(rows: Mapping[str, Document]) -> dict[str, Document]:
    return {_short(name): row for name, row in rows.items()}


def _short(label: str) -> str:
    """`morpho/0x12345678…`; an address as it is."""
    market, _, sub_market = label.partition("/")
    return escape(f"{market}/{sub_market[:SHOWN_OF_ID]}…" if sub_market else label)


def _factor(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f} x"


def _number(text: str | None) -> Decimal:
    """For order and length alone: unknown is shown as such."""
    return Decimal(text or 0)


def _say(out: Console, text: str) -> None:
    out.print(text, highlight=False, markup=False, soft_wrap=True)
