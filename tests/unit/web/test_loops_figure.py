"""Loops as streams: what flows, what is gathered, and what strangers' symbols cannot do."""

import json
from itertools import pairwise
from typing import Any

import pytest
from figure_rows import a_loop, texts

from monitor.web.figures.loops import MOST_OF_COLUMN, draw, streams_of, summary

HOSTILE = (
    "<script>alert(1)</script>",
    '<a href="javascript:alert(1)">WETH</a>',
    "<b>WETH</b><br>",
    "&lt;b&gt;WETH&lt;/b&gt;",
    "\N{RIGHT-TO-LEFT OVERRIDE}HTEW\N{RIGHT-TO-LEFT ISOLATE}",
    "W" * 10_000,
    "%{customdata}",
    "\n\t\0",
    "",
)


def sankey_of(*loops: dict[str, Any]) -> dict[str, Any]:
    plot = draw({"loops": loops}).plot
    assert plot is not None
    trace: dict[str, Any] = plot["data"][0]
    return trace


def flows(trace: dict[str, Any]) -> dict[tuple[str, str], float]:
    names = trace["node"]["label"]
    link = trace["link"]
    ends = zip(link["source"], link["target"], link["value"], strict=True)
    return {(names[start], names[end]): value for start, end, value in ends}


def test_loops__two_of_one_way__are_one_stream() -> None:
    trace = sankey_of(a_loop(debt_usd="100.50"), a_loop(debt_usd="49.50"))
    way = ["correlated", "wstETH", "aave-core", "WETH"]
    assert list(trace["node"]["label"]) == way
    assert flows(trace) == dict.fromkeys(pairwise(way), 150)
    assert "$150.00 of debt in 2 loops" in trace["link"]["customdata"][0]


def test_loop__over_two_markets__flows_once_with_all_its_debt() -> None:
    loop = a_loop(debt_usd="80.00")
    loop["path"] += a_loop("sUSDe", "USDC", market="morpho")["path"]
    (stream,) = streams_of([loop])
    assert stream.way[1:] == ("wstETH + sUSDe", "aave-core + morpho", "WETH + USDC")
    assert stream.debt_usd == 80


def test_loops__of_tokens_of_one_symbol__stay_apart() -> None:
    loops = [a_loop("USDC", address=f"0x{n}{n:039d}") for n in (1, 2)]
    assert len({stream.way for stream in streams_of(loops)}) == 2


def test_loops__of_many_assets__are_gathered_and_none_is_lost() -> None:
    loops = [a_loop(f"T{n}", debt_usd=f"{n}.00") for n in range(1, 31)]
    trace = sankey_of(*loops)
    labels = list(trace["node"]["label"])
    assert "others" in labels
    assert len(labels) <= 3 + MOST_OF_COLUMN
    into = flows(trace)
    assert into["aave-core", "WETH"] == sum(range(1, 31))
    assert into["correlated", "others"] == sum(range(1, 31 - MOST_OF_COLUMN + 1))


def test_loop__of_unknown_debt__is_told_and_not_drawn() -> None:
    drawn = draw({"loops": [a_loop(), a_loop("X", debt_usd=None)]})
    assert drawn.plot is not None
    assert "X" not in set(texts(drawn.plot["data"]))
    assert drawn.note == "What 1 loop owes is unknown: not drawn."
    assert drawn.note in set(texts(drawn.plot["layout"]))


def test_loops__none_or_none_known__are_words_alone() -> None:
    assert draw({"loops": []}).plot is None
    assert draw({"loops": []}).note == "No loops are known."
    unknown = draw({"loops": [a_loop(debt_usd=None)]})
    assert unknown.plot is None
    assert unknown.note == "None of 1 loops has a debt that is known."


@pytest.mark.parametrize("symbol", HOSTILE)
def test_loops__hostile_symbol__is_text_in_the_figure(symbol: str) -> None:
    """What plotly reads as markup is `<…>` and `&…;`; a name in a template would be `%{…}`."""
    trace = sankey_of(a_loop(symbol, address="0x" + "ab" * 20))
    for text in texts({"node": trace["node"], "link": trace["link"]}):
        bare = text.replace("<br>", "").replace("<extra></extra>", "")
        assert "<" not in bare
        assert ">" not in bare
        assert "&" not in bare.replace("&amp;", "")
        assert len(text) < 200
        assert text.isprintable()
    assert trace["node"]["hovertemplate"] == "%{customdata}<extra></extra>"
    assert len(json.dumps(trace)) < 5_000


def test_summary__of_loops__names_the_largest_stream_and_all_rows() -> None:
    loops = [a_loop(debt_usd="300.00"), a_loop("WBTC", "USDC", "100.00", kind="directional")]
    found = summary({"loops": loops, "next": True})
    assert found.sentence == (
        "The largest 2 loops owe $400; the largest stream is WETH owed on wstETH in aave-core "
        "(correlated), 75 % of it."
    )
    assert found.rows[0] == ("correlated", "wstETH", "aave-core", "WETH", "1", "$300.00")
    assert summary({"loops": loops[:1]}).sentence.startswith("1 loop owes $300;")
