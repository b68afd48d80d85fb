"""Projections and curves on a terminal of 80 columns, and in a pipe."""

import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console
from unit.simulation.worlds import (
    SYMBOLS,
    USDC,
    WBTC,
    WETH,
    account_number,
    borrower,
    debt,
    market,
    pledge,
    pool,
    scenario,
    sheet_of,
    world,
)

from monitor.core.risk import DebtSpot, WorldSheet
from monitor.core.units import MarketId
from monitor.display import Document
from monitor.projection_display import curve, projection
from monitor.simulation.options import Options
from monitor.simulation.projection import curve as curve_through
from monitor.simulation.projection import names_of, project
from monitor.simulation.report import document_of
from monitor.simulation.scenarios import curve_of

BLOCK = {"number": 1, "hash": "0x" + "1" * 64, "timestamp": 0}
SUB_MARKET = "0x" + "1d" * 32


def hit_world() -> WorldSheet:
    """Two markets that sell into one pool; a WBTC that nobody can sell; a loop."""
    first = [
        borrower(1, pledge(WETH, 200), debt(USDC, 310_000)),
        borrower(2, pledge(WBTC, 2), debt(USDC, 63_000)),
    ]
    second = [borrower(3, pledge(WETH, 100), debt(USDC, 132_000))]
    paired = replace(market(second), market=MarketId("morpho"), sub_market=SUB_MARKET)
    looped = {DebtSpot("core", account_number(1), USDC): "correlated"}
    sheet = world([market(first), paired], [pool(WETH, USDC, 1.2e7)])
    return replace(sheet, looped=looped)


def answer(sheet: WorldSheet, **options: object) -> Document:
    asked = scenario(WETH=-0.15, WBTC=-0.15)
    return document_of(project(sheet, asked, Options().updated(options)), BLOCK)


def curved(steps: int = 100, **options: object) -> Document:
    sheet = hit_world()
    asked = curve_of("WETH", -0.5, steps, names_of(sheet, {}))
    return document_of(curve_through(sheet, asked, Options().updated(options)), BLOCK)


def shown(render: Callable[..., None], document: Document, width: int = 80) -> list[str]:
    out = io.StringIO()
    render(Console(file=out, width=width, color_system=None), document)
    return out.getvalue().splitlines()


def row(lines: list[str], name: str) -> list[str]:
    """The words of the first line that begins so."""
    (line, *_) = (line for line in lines if line.strip().startswith(name))
    return line.split()


def test_projection__totals__are_whole_and_to_the_cent() -> None:
    document = answer(hit_world())
    lines, result = shown(projection, document), document["result"]
    assert "shocks: WETH=-0.15, WBTC=-0.15" in lines
    assert row(lines, "liquidated")[1] == f"${float(result['liquidated_usd']):,.2f}"
    assert row(lines, "left unliquidated")[2] == "$63,000.00"
    assert row(lines, "amplification")[1] == f"{result['amplification']:.2f}"
    assert row(lines, "branching ratio")[2] == f"{result['branching_ratio']:.2f}"
    assert row(lines, "rounds") == ["rounds", str(result["rounds"])]
    assert row(lines, "no pools lead from collateral to debt")[-1] == "$63,000.00"


def test_projection__breakdowns__name_markets_kinds_causes_and_accounts() -> None:
    document = answer(hit_world())
    lines, result = shown(projection, document), document["result"]
    (push,) = result["contagion"]
    assert (push["from"], push["to"]) == ("core", f"morpho/{SUB_MARKET}")
    assert row(lines, "core   ")[1] == "$310,000"
    assert row(lines, "morpho/0x1d1d1d1d…")[1].startswith("$")
    below = lines[next(at for at, line in enumerate(lines) if "liquidations in" in line) :]
    assert row(below, "core   ")[:2] == ["core", "morpho/0x1d1d1d1d…"]
    assert row(lines, "correlated")[1].startswith("$")
    assert any(account_number(1) in line and "core, correlated loop" in line for line in lines)
    assert any(account_number(2) in line and line.endswith("$63,000 ") for line in lines)
    assert len(row(lines, "1 ")) == 5, "round 1 has none before it"
    assert len(row(lines, "2 ")) == 6


@pytest.mark.parametrize("document", [answer(hit_world()), curved()], ids=["projection", "curve"])
def test_tables__at_80_columns__are_not_wider_and_cut_nothing(document: dict[str, Any]) -> None:
    render = curve if "curve" in document else projection
    lines = shown(render, document)
    assert max(cell_len(line) for line in lines) <= 80
    assert not any("$" in line and "…$" in line for line in lines)


def test_accounts__of_long_markets_and_loops__stand_on_one_line_at_80_columns() -> None:
    """They are copied."""
    sheet = hit_world()
    spot = DebtSpot(f"morpho/{SUB_MARKET}", account_number(3), USDC)
    sheet = replace(sheet, looped={spot: "rehypothecated"})
    lines = shown(projection, answer(sheet))
    assert all(any(account_number(number) in line for line in lines) for number in (1, 2, 3))
    assert any("rehypothecated loop" in line for line in lines)


def test_projection__of_nothing__is_its_totals_alone() -> None:
    lines = shown(projection, answer(world(market([]))))
    assert row(lines, "liquidated")[1] == "$0.00"
    assert not any("kind of loop" in line or "largest" in line for line in lines)


def test_projection__that_is_unknown__says_so_and_shows_no_number() -> None:
    """Not a zero, nor a part."""
    accounts = [borrower(1, pledge(WETH, 10), debt(USDC, 15_000))]
    assets = [sheet_of(WETH), sheet_of(WBTC), sheet_of(USDC, price_base=None)]
    lines = shown(projection, answer(world(market(accounts, assets=assets))))
    for name in ("liquidated", "bad debt", "amplification", "branching ratio", "rounds"):
        assert "unknown" in row(lines, name)
    assert any(line.startswith("unknown: core: no price of USDC") for line in lines)


def test_projection__that_found_no_end__is_marked() -> None:
    lines = shown(projection, answer(hit_world(), max_rounds=1))
    assert row(lines, "rounds") == ["rounds", "1", "not", "converged"]


@pytest.mark.parametrize("symbol", ["[/x]", "[link=https://example.org]WETH[/link]"])
def test_symbol__that_looks_like_markup__is_shown_as_it_is(symbol: str) -> None:
    document = answer(hit_world())
    result = document["result"]
    result["prices"] = {symbol: result["prices"]["WETH"]}
    result["unknown"] = result["left_out"] = [symbol]
    document["scenario"]["shocks"] = {symbol: -0.1}
    text = "\n".join(shown(projection, document, width=200))
    assert text.count(symbol) == 4


def test_curve__picture__has_bars_by_what_is_liquidated() -> None:
    document = curved(10)
    lines = shown(curve, document)
    assert "WETH to -50.0% in 10 steps" in lines
    bars = {
        step["scenario"]["shocks"]["WETH"]: sum(line.count("█") for line in lines if name in line)
        for step in document["curve"]
        for name in [f"{step['scenario']['shocks']['WETH']:+.1%}"]
    }
    values = {
        step["scenario"]["shocks"]["WETH"]: float(step["result"]["liquidated_usd"])
        for step in document["curve"]
    }
    assert len(bars) == 10
    assert bars[max(values, key=values.__getitem__)] == max(bars.values()) > 20
    for ratio, value in values.items():
        assert bars[ratio] == pytest.approx(
            value / max(values.values()) * max(bars.values()), abs=1
        )


def test_curve__critical_shock__is_marked_in_the_picture_and_below() -> None:
    """Also where not every step is shown."""
    document = curved(100)
    lines = shown(curve, document)
    critical = document["critical_shock"]
    assert critical is not None
    (marked,) = (line for line in lines if line.strip().startswith("▶ ") and "critical" not in line)
    assert f"-{critical:.1%}" in marked
    assert lines[-1] == f"▶ critical shock: {critical:.1%}"
    assert len([line for line in lines if line.strip().startswith(("-", "▶ "))]) <= 27
    assert any("-50.0%" in line for line in lines), "the last step is always shown"


def test_curve__without_a_critical_shock__says_so() -> None:
    lines = shown(curve, curved(10, critical_usd=1e12))
    assert lines[-1] == "no shock on this curve is critical"
    assert not any("▶" in line for line in lines)


def test_curve__with_steps_that_find_no_end__is_marked() -> None:
    lines = shown(curve, curved(10, max_rounds=1))
    assert lines[-1] == "critical shock: unknown, for steps marked ? find no end"
    assert any(line.strip().startswith("?") for line in lines)


def test_curve__in_a_pipe__has_no_colours() -> None:
    out = io.StringIO()
    curve(Console(file=out), curved(10))
    assert "\x1b" not in out.getvalue()
    assert SYMBOLS[WETH] in out.getvalue()
