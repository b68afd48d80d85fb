"""What the demo puts on the terminal."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from devnet.configuration import AAVE_3_0, AAVE_CORE, MORPHO
from devnet.executed import Executed
from devnet.receiver import Letter

MARKETS = {AAVE_CORE: "Aave 3.6", AAVE_3_0: "Aave 3.0.2", MORPHO: "Morpho Blue"}
MEANINGS = {
    "market": "a feed of its market",
    "exchange_rate": "its exchange rate",
    "capped": "its exchange rate, capped",
    "fixed": "a fixed price",
}
SAME = 0.0005
console = Console(highlight=False)


def say(text: str) -> None:
    console.print(text, soft_wrap=True)


def usd(value: str | float | Fraction) -> str:
    return f"${float(value):,.0f}"


def show_prices(rows: Iterable[Mapping[str, Any]]) -> None:
    """Prices as `GET /api/v1/prices` has them, each beside its market."""
    table = Table("wstETH in", "costs", "by", "and in the pools")
    for row in rows:
        by = MEANINGS[row["kind"]]
        table.add_row(MARKETS[row["market"]], _price(row), by, _beside(row["oracle_deviation"]))
    console.print(table)


def _beside(deviation: float) -> str:
    """Where the pools are, seen from an oracle that is so far off them."""
    slipped = 1 / (1 + deviation) - 1
    if abs(slipped) < SAME:
        return "the same"
    return f"{abs(slipped):.1%} {'more' if slipped > 0 else 'less'}"


def _price(row: Mapping[str, Any]) -> str:
    price = Decimal(row["price"]) / Decimal(row["unit"])
    if row["numeraire"] is None:
        return f"${price:,.0f}"
    whole = price.scaleb(row["decimals"] - row["numeraire_decimals"])
    return f"{whole:.4f} {row['numeraire_symbol']}"


def show_loops(rows: Iterable[Mapping[str, Any]]) -> None:
    """Loops as `GET /api/v1/loops` has them."""
    table = Table("owner", "kind", "debt", "lever", "hops", "built", "breaks at")
    for row in rows:
        hops = "?" if row["hops"] is None else str(row["hops"])
        leverage = "?" if row["leverage"] is None else f"{row['leverage']:.2f}"
        debt = "?" if row["debt_usd"] is None else usd(row["debt_usd"])
        kind = row["kind"].replace("_", " ")
        table.add_row(row["owner"][:8], kind, debt, leverage, hops, row["built"], _break(row))
    console.print(table)


def show_path(which: str, row: Mapping[str, Any]) -> None:
    """The way one loop's money took."""
    legs = []
    for leg in row["path"]:
        owes = "" if leg["debt"] is None else f" owes {leg['debt_symbol']}"
        legs.append(f"{leg['collateral_symbol']} on {MARKETS[leg['market']]}{owes}")
    say(f"{which}, {row['owner'][:8]}, {usd(row['debt_usd'])}: [bold]{' → '.join(legs)}[/]")


def _break(row: Mapping[str, Any]) -> str:
    """The smallest of the moves of a price that each would break it."""
    moves = {key: at for key, at in row["breaks_at"].items() if isinstance(at, float)}
    first = min(moves, key=lambda key: abs(moves[key]), default="")
    return f"{first} {moves[first]:+.0%}" if first else ""


def show_letter(letter: Letter) -> None:
    data = letter.body["data"]
    colour = "red" if letter.type == "breaker.tripped" else "yellow"
    text = (
        f"{data['measure']} [bold]{usd(data['value'])}[/] is beyond {usd(data['threshold'])} "
        f"in block {data['block']['number']}\nwebhook-id {letter.id}, signature verified"
    )
    console.print(Panel(text, title=f"webhook: {letter.type}", border_style=colour, expand=False))


def show_chat(text: str) -> None:
    """What a chat's members read; the option that repeats it is left out."""
    lines = (line.split(" --option")[0] for line in text.splitlines())
    said = escape("\n".join(lines))
    console.print(Panel(said, title="the same in a chat", border_style="red", expand=False))


def show_comparison(projected: Mapping[str, Any], executed: Executed) -> None:
    table = Table("", "projected", "what happened", "error", title="projected beside executed")

    def add(label: str, told: float, happened: Fraction) -> None:
        table.add_row(label, usd(told), usd(happened), _off(told, happened))

    add("debt liquidated", float(projected["liquidated_usd"]), executed.liquidated_usd)
    for market, name in MARKETS.items():
        happened = executed.figures_in(market).liquidated_usd
        add(f"  on {name}", liquidated_in(projected, market), happened)
    rows = {
        "of it in round 1": ("first_round_usd", executed.first_round_usd),
        "collateral seized": ("seized_usd", executed.seized_usd),
        "bad debt": ("bad_debt_usd", executed.bad_debt_usd),
        "left unliquidated": ("unliquidated_usd", executed.unliquidated_usd),
    }
    for label, (key, happened) in rows.items():
        add(label, float(projected[key]), happened)
    after = float(projected["prices"]["WETH"]["after"])
    add("WETH afterwards", after, executed.prices["WETH"].after)
    table.add_row("rounds", str(projected["rounds"]), str(executed.rounds), "")
    factor = f"{projected['amplification']:.2f} x"
    table.add_row("amplification", factor, f"{float(executed.amplification):.2f} x", "")
    console.print(table)


def show_vault(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """What the crash cost those who lend through a vault of dollars with six decimals."""
    worth = [Fraction(int(each["assets"]), int(each["shares"])) for each in (before, after)]
    lost = 1 - worth[1] / worth[0]
    free, whole = (
        usd(Fraction(int(after[key]), 10**6)) for key in ("withdrawable", "total_assets")
    )
    say(
        f"Morpho's lenders bear its bad debt: a share of the vault of USDC lost [bold]"
        f"{float(lost):.2%}[/]; {free} of its {whole} can be withdrawn now. "
        f"It has {after['holders']['count']} holders, the largest of them "
        f"{after['holders']['top'][0]['share']:.0%}"
    )


def liquidated_in(projected: Mapping[str, Any], market: str) -> float:
    """A market's part of a projection, its sub-markets together."""
    return sum(
        float(figures["liquidated_usd"])
        for label, figures in projected["by_market"].items()
        if label.split("/")[0] == market
    )


def _off(projected: float, happened: Fraction) -> str:
    return f"{abs(projected / float(happened) - 1):.2%}" if happened else ""
