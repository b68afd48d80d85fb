"""A cascade round by round, with the prices it leaves."""

from typing import Any

import pytest
from figure_rows import a_crash, a_curve, a_round

from monitor.web.figures.rounds import draw, price_paths, summary

PRICES = {"WETH": {"before": "2000.00", "shocked": "1400.00", "after": "1000.00"}}
LOG = [
    a_round(1, "600.00", ("spark", "WETH", "1300.00"), ("aave", "WETH", "1290.00")),
    a_round(2, "400.00", ("aave", "WETH", "1100.00"), bad="5.00"),
    a_round(3, "10.00"),
]


def crash(**more: Any) -> dict[str, Any]:
    return a_crash("1010.00", **({"round_log": LOG, "prices": PRICES} | more))


def test_rounds__known__are_bars_with_bad_debt_and_prices() -> None:
    plot = draw(crash()).plot
    assert plot is not None
    bars, bad, price = plot["data"]
    assert list(bars["y"]) == [600, 400, 10]
    assert list(bad["y"]) == [0, 5, 0]
    assert bars["customdata"][1] == "$400.00 in 3 liquidations, 50 % of the round before"
    assert (list(price["x"]), list(price["y"])) == ([0, 1, 3], [70, 65, 50])
    assert "yaxis2" in plot["layout"]


def test_prices__follow_the_oracle_that_moved_first() -> None:
    ((asset, points),) = price_paths(crash()["document"]["result"])
    assert asset == "WETH"
    assert points == [(0, 70), (1, 65), (3, 50)]


@pytest.mark.parametrize("name", ["before", "shocked", "after"])
def test_price__unknown__is_not_drawn(name: str) -> None:
    prices = {"WETH": PRICES["WETH"] | {name: None}}
    plot = draw(crash(prices=prices)).plot
    assert plot is not None
    assert [trace["type"] for trace in plot["data"]] == ["bar", "bar"]
    assert "yaxis2" not in plot["layout"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (a_crash("0.00"), "No round: nothing is liquidated."),
        (a_crash(None), "Not known: price of WETH."),
        (a_crash() | {"document": None, "fault": ""}, "Not known: not projected yet."),
    ],
)
def test_rounds__nothing_to_draw__says_why(row: dict[str, Any], said: str) -> None:
    assert draw(row).plot is None
    assert draw(row).note == summary(row).sentence == said


def test_rounds__of_a_curve__are_those_of_its_last_step() -> None:
    row = a_curve(("1.00", "7.00"), round_log=[a_round(1, "7.00")])
    assert summary(row).sentence == "$7 in 1 round, $4 of it in the first: 2.00x amplified."


def test_rounds__without_an_end__say_so() -> None:
    assert "no end was found" in summary(crash(converged=False)).sentence
    assert draw(crash(converged=False)).note == "No end was found: there may be more."


def test_summary__of_rounds__has_a_row_each() -> None:
    assert summary(crash()).rows[1] == ("2", "3", "$400.00", "50 %", "$5.00")
