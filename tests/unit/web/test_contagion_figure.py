"""Contagion as a map: every cell as it is told, the rest of a market the shock's own."""

from typing import Any

import pytest
from figure_rows import a_crash, a_push, texts

from monitor.web.figures.contagion import MOST_MARKETS, MOST_TOLD, Cell, cells_of, draw, summary
from monitor.web.figures.kinds import sub_market_names

NOTHING_SPREADS = "All that is liquidated, the shock does itself: nothing spreads."


def crash(*pushes: dict[str, Any], **liquidated: str) -> dict[str, Any]:
    markets = {name: {"liquidated_usd": usd} for name, usd in liquidated.items()}
    return a_crash(contagion=list(pushes), by_market=markets)


def cells(row: dict[str, Any]) -> list[Cell]:
    return cells_of(row["document"]["result"])


def test_contagion__rest_of_a_market__is_the_shock_s() -> None:
    row = crash(a_push("aave", "spark", "30.00", 0.3), aave="500.00", spark="100.00")
    assert cells(row) == [
        Cell("aave", "spark", 30, 0.3),
        Cell("the shock itself", "aave", 500, 1),
        Cell("the shock itself", "spark", 70, 0.7),
    ]


def test_contagion__rest_within_the_rounding__is_none() -> None:
    row = crash(a_push("aave", "spark", "99.99", 1.0), spark="100.00")
    assert [cell.source for cell in cells(row)] == ["aave"]


def test_contagion__cut_off__leaves_the_shock_out() -> None:
    pushes = [a_push(f"m{n}", "spark", "1.00", 0.01) for n in range(MOST_TOLD)]
    row = crash(*pushes, spark="500.00")
    assert len(cells(row)) == MOST_TOLD
    assert "The largest 100 only" in draw(row).note


def test_contagion__drawn__shows_usd_and_tells_the_share() -> None:
    plot = draw(crash(a_push("aave", "spark", "30.00", 0.3), spark="100.00")).plot
    assert plot is not None
    (trace,) = plot["data"]
    assert set(trace["text"]) == {"$30", "$70"}
    said = next(text for text in trace["customdata"] if text.startswith("$30.00"))
    assert said == (
        "$30.00 liquidated in spark<br>because of sales in aave<br>30 % of all liquidated there"
    )
    assert len(plot["layout"]["shapes"]) == 2
    assert not any("data:" in text for text in texts(plot))


def test_contagion__many_markets__are_gathered_and_none_is_lost() -> None:
    row = crash(*(a_push(f"m{n}", f"m{n}", f"{n}.00") for n in range(1, 31)))
    plot = draw(row).plot
    assert plot is not None
    names = list(plot["layout"]["xaxis"]["ticktext"])
    assert len(names) == MOST_MARKETS
    assert names[-1] == "others"
    assert "$276" in plot["data"][0]["text"]  # 1 to 23


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (crash(), "Nothing is liquidated."),
        (crash(aave="500.00"), NOTHING_SPREADS),
        (a_crash(None), "Not known: price of WETH."),
        (a_crash() | {"document": None, "fault": "no such asset"}, "Not known: no such asset."),
    ],
)
def test_contagion__nothing_to_draw__says_why(row: dict[str, Any], said: str) -> None:
    assert draw(row).plot is None
    assert draw(row).note == summary(row).sentence == said


def test_sub_market__goes_by_its_assets_where_a_position_shows_them() -> None:
    market_id = "0x" + "ab" * 32
    position = {
        "sub_market": market_id,
        "collateral": [{"symbol": "wstETH"}],
        "debt": [{"symbol": "<i>USDC</i>"}],
    }
    row = crash(a_push("aave", f"morpho/{market_id}", "30.00"))
    names = sub_market_names([position, {"sub_market": None}])
    assert summary(row, names).rows[0][0] == "morpho wstETH/(i)USDC(/i) (0xabab…abab)"
    plot = draw(row, names).plot
    assert plot is not None
    assert plot["layout"]["yaxis"]["ticktext"][0] == "morpho wstETH/(i)USDC(/…"
    bare = draw(row).plot
    assert bare is not None
    assert list(bare["layout"]["yaxis"]["ticktext"]) == ["morpho 0xabab…abab"]


def test_summary__of_contagion__names_the_worst() -> None:
    row = crash(
        *(a_push("aave", "spark", "30.00", 0.3), a_push("aave", "aave", "20.00", 0.1)),
        spark="100.00",
    )
    found = summary(row)
    assert found.sentence == (
        "$30 is liquidated in spark by sales in aave, of $50 that the sales of liquidators cause "
        "in all."
    )
    assert found.rows[0] == ("spark", "the shock itself", "$70.00", "70 %")
