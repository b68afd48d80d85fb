"""The cascade curve as a figure: what is drawn, and what nobody knows and is not."""

from itertools import pairwise
from typing import Any

import pytest
from figure_rows import a_breaker, a_crash, a_curve, not_asked, texts

from monitor.web.figures.curve import MOST_ROWS, draw, summary
from monitor.web.figures.marks import ROW
from monitor.web.figures.thresholds import thresholds_of

AMOUNTS = ("0.00", "100000.00", "400000.00", "2000000.00", "2500000.00")


def plot_of(row: dict[str, Any], *breakers: dict[str, Any]) -> dict[str, Any]:
    plot = draw(row, thresholds_of(row, breakers, [row, a_crash()])).plot
    assert plot is not None
    return plot


def lines(plot: dict[str, Any], axis: str) -> list[float]:
    """Where straight lines stand on an axis."""
    shapes = [shape for shape in plot["layout"]["shapes"] if shape["type"] == "line"]
    return [each[f"{axis}0"] for each in shapes if each[f"{axis}0"] == each[f"{axis}1"]]


def test_curve__known__draws_all_rounds_the_first_and_bad_debt() -> None:
    total, first, bad = plot_of(a_curve(AMOUNTS))["data"]
    assert list(total["x"]) == [-10, -20, -30, -40, -50]
    assert list(total["y"]) == [0, 100_000, 400_000, 2_000_000, 2_500_000]
    assert list(first["y"]) == [0, 50_000, 200_000, 1_000_000, 1_250_000]
    assert list(bad["y"]) == [0, 10_000, 40_000, 200_000, 250_000]
    assert total["text"][3].startswith("$2,000,000.00 liquidated in all rounds, 2.00x")


def test_curve__that_falls__goes_from_no_move_at_the_left() -> None:
    assert plot_of(a_curve(AMOUNTS))["layout"]["xaxis"]["range"] == [0, -55]
    assert plot_of(a_curve(AMOUNTS, to="0.5"))["layout"]["xaxis"]["range"] == [0, 55]


def test_curve__critical__is_marked_there() -> None:
    plot = plot_of(a_curve(AMOUNTS, critical=0.4))
    assert lines(plot, "x") == [-40]
    assert "critical at −40 %" in set(texts(plot["layout"]["annotations"]))  # noqa: RUF001
    assert lines(plot_of(a_curve(AMOUNTS, to="0.5", critical=0.4)), "x") == [40]


def test_curve__breaker_of_one_move__stands_across_it_and_at_its_move() -> None:
    breaker = a_breaker("liquidated_usd", "eth-crash", "300000", "1000000")
    plot = plot_of(a_curve(AMOUNTS), breaker)
    assert lines(plot, "y") == [300_000, 1_000_000]
    places = [(trace["x"][0], trace["y"][0]) for trace in plot["data"][3:]]
    assert places == [(-30, 300_000), (-30, 1_000_000)]
    assert "eth-cascade trips at $1.0M, −30 %" in set(texts(plot))  # noqa: RUF001


def test_curve__breaker_of_the_critical_shock__stands_upright() -> None:
    breaker = a_breaker("critical_shock", "eth-curve", "0.12", "0.08")
    assert lines(plot_of(a_curve(AMOUNTS), breaker), "x") == [-12, -8]


def test_curve__one_measure_of_several__is_found() -> None:
    inner = a_breaker("liquidated_usd", "eth-crash", "1", "2")
    other = a_breaker("liquidated_usd", "another", "8", "9", measures=[inner])
    assert lines(plot_of(a_curve(AMOUNTS), other), "y") == [1, 2]


@pytest.mark.parametrize(
    "change",
    [{"scenario": "another"}, {"measure": "amplification"}, {"markets": ["aave-core"]}],
)
def test_curve__breaker_that_judges_something_else__is_not_drawn(change: dict[str, Any]) -> None:
    breaker = a_breaker("liquidated_usd", "eth-crash", "1", "2") | change
    assert thresholds_of(a_curve(AMOUNTS), [breaker], [a_crash()]) == []


def test_curve__breaker_of_several_shocks__is_not_drawn() -> None:
    crash = a_crash() | {"shocks": {"WETH": -0.3, "gas": 10}}
    breaker = a_breaker("liquidated_usd", "eth-crash", "1", "2")
    assert thresholds_of(a_curve(AMOUNTS), [breaker], [crash]) == []


def test_curve__unknown_step__is_a_gap_and_says_so() -> None:
    row = a_curve(("100.00", None, "300.00"))
    drawn = draw(row)
    assert drawn.plot is not None
    for trace in drawn.plot["data"]:
        assert trace["y"][1] is None
        assert not trace["connectgaps"]
        assert trace.get("fill") is None
    bands = [shape for shape in drawn.plot["layout"]["shapes"] if shape["type"] == "rect"]
    assert [(band["x0"] + band["x1"]) / 2 for band in bands] == [pytest.approx(-33.333333)]
    assert "unknown" in {each["text"] for each in drawn.plot["layout"]["annotations"]}
    assert drawn.note == "Of 1 of 3 moves nobody knows: price of WETH."
    assert summary(row).rows[1][1:] == ("unknown",) * 4


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (a_curve((None, None)), "price of WETH"),
        (not_asked(), "WETH is not known"),
        (not_asked(""), "not projected yet"),
        (a_curve(()), "no step"),
    ],
)
def test_curve__of_which_nothing_is_known__is_not_drawn(row: dict[str, Any], why: str) -> None:
    assert draw(row).plot is None
    assert draw(row).note == summary(row).sentence == f"Not known: {why}."


def test_curve__of_one_step__is_drawn() -> None:
    assert list(plot_of(a_curve(("7.00",)))["data"][0]["y"]) == [7]


def test_curve__where_nothing_is_liquidated__is_a_line_at_zero() -> None:
    plot = plot_of(a_curve(("0.00", "0.00")))
    assert list(plot["data"][0]["y"]) == [0, 0]
    low, high = plot["layout"]["yaxis"]["range"]
    assert low == 0 < high


@pytest.mark.parametrize("huge", ["1" + "0" * 300, "1" + "0" * 400 + ".00"])
def test_curve__beyond_any_axis__is_no_point_but_told(huge: str) -> None:
    row = a_curve(("5.00", huge))
    total = plot_of(row)["data"][0]
    assert list(total["y"]) == [5, None]
    assert "e+" in summary(row).rows[1][2]


def test_curve__far_above_its_thresholds__is_logarithmic_and_draws_no_zero() -> None:
    breaker = a_breaker("liquidated_usd", "eth-crash", "500", "1000")
    plot = plot_of(a_curve(AMOUNTS), breaker)
    assert plot["layout"]["yaxis"]["type"] == "log"
    assert plot["data"][0]["y"][0] is None
    assert lines(plot, "y") == [500, 1000]


def test_curve__without_an_end__says_that_it_may_be_more() -> None:
    row = a_curve(AMOUNTS, converged=False)
    assert "circle-open" in plot_of(row)["data"][0]["marker"]["symbol"]
    assert "no end was found: it may be more" in summary(row).sentence


def test_summary__of_a_curve__has_the_figure_s_numbers() -> None:
    found = summary(a_curve(AMOUNTS, critical=0.4))
    assert found.sentence == (
        "WETH falls 50 %: $2,500,000.00 is liquidated, $1,250,000.00 of it in the first round; "
        "bad debt $250,000.00. From a move of 40 % it is critical."
    )
    assert found.rows[3] == (
        *("−40 %", "$1,000,000.00", "$2,000,000.00"),  # noqa: RUF001
        *("2.00x", "$200,000.00"),
    )
    assert all(len(row) == len(found.head) for row in found.rows)


def test_summary__of_a_fine_curve__leaves_steps_out_but_not_the_critical_one() -> None:
    found = summary(a_curve(["1.00"] * 100, critical=0.255))
    assert len(found.rows) <= MOST_ROWS
    moves = [float(row[0].removesuffix(" %").replace("−", "-")) for row in found.rows]  # noqa: RUF001
    assert moves[-1] == -50
    assert -25.5 in moves
    assert all(a > b for a, b in pairwise(moves))


def test_words__of_lines_close_together__do_not_lie_on_one_another() -> None:
    """A limit near the top, another right below it, and three upright lines."""
    row = a_curve(AMOUNTS, critical=0.4)
    breakers = [
        a_breaker("liquidated_usd", "eth-crash", "6000000", "6400000"),
        a_breaker("critical_shock", "eth-curve", "0.12", "0.08", name="eth-distance"),
    ]
    layout = plot_of(row, *breakers)["layout"]
    top = layout["yaxis"]["range"][1]
    bands = []
    for each in layout["annotations"]:
        height = each["y"] if each.get("yref") == "paper" else each["y"] / top
        bands.append((height - ROW, height) if each["yanchor"] == "top" else (height, height + ROW))
    for (_, high), (low, _) in pairwise(sorted(bands)):
        assert high <= low + 1e-9
    assert len(bands) == 5
