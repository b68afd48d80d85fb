"""A report is one file: it asks nobody, runs nothing, and takes no stranger's word for markup."""

import re
from html.parser import HTMLParser

from monitor.incidents.charts import MOST_POINTS, Chart, Line, Mark, Phase, svg, worded
from monitor.incidents.page import Card, Figure, Grid, Key, Page, Section, html_of
from monitor.incidents.wording import span

EVIL = '<script>alert("x")</script>'


class Tags(HTMLParser):
    """All elements and attributes there are."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}


def a_page() -> Page:
    chart = Chart(EVIL, EVIL, [Line(EVIL, "projected", [(1, 2.0), (2, None), (3, 1.0)])])
    return Page(
        EVIL,
        EVIL,
        [EVIL],
        [Card(EVIL, EVIL)],
        [
            Section(
                EVIL,
                [EVIL],
                [Figure(EVIL, svg(chart), EVIL, [Key("trip", EVIL)])],
                [Grid(EVIL, [EVIL], [[EVIL]], folded=True), Grid("", ["a"], [["false"]])],
            )
        ],
    )


def test_report__of_strange_words__holds_no_script_and_no_link() -> None:
    text = html_of(a_page())
    tags = Tags()
    tags.feed(text)
    assert tags.names.isdisjoint({"script", "iframe", "img", "object", "form", "a", "base"})
    assert tags.attributes.isdisjoint({"src", "onclick", "onload", "srcset", "xlink:href"})
    assert re.findall(r'href="([^"]*)"', text) == ["data:,"]
    assert "http:" not in text.replace("http-equiv", "")
    assert "https:" not in text
    assert EVIL not in text
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text


def test_chart__with_a_gap__draws_two_lines() -> None:
    assert (
        svg(Chart("t", "s", [Line("l", "p", [(1, 2.0), (2, None), (3, 1.0)])])).count("<path") == 2
    )


def test_chart__of_nothing__is_a_frame() -> None:
    assert "<path" not in svg(Chart("t", "s", [Line("l", "p", [])]))


def test_chart__of_many_blocks__keeps_the_extremes_in_few_points() -> None:
    points = [(at, 1.0) for at in range(100_000)]
    points[70_123] = (70_123, 9.0)
    drawn = svg(Chart("t", "s", [Line("l", "p", points)], [Mark("trip", "trip", 4.0)]))
    path = drawn.split('d="')[1].split('"')[0]
    assert path.count("L") <= 1.5 * MOST_POINTS
    lowest = min(float(y) for y in re.findall(r"L[0-9.]+ ([0-9.]+)", path))
    assert lowest < 40  # the peak, near the top


def test_chart__of_phases__names_each() -> None:
    drawn = svg(
        Chart("t", "s", [Line("l", "p", [(0, 1.0), (9, 1.0)])], phases=[Phase("tripped", 2, 9)])
    )
    assert "tripped from block 2" in drawn


def test_figures__in_words__are_short() -> None:
    told = [worded(value, "usd") for value in (0, 12, 1_234_567, -2_500, 3.2e9)]
    assert told == ["$0", "$12", "$1.23M", "-$2.5k", "$3.2B"]
    assert worded(-0.123, "percent") == "-12.3%"


def test_spans__in_words__are_of_two_units() -> None:
    told = [span(seconds) for seconds in (0, 98, 134, 120, 12_000, 187_200, -30)]
    assert told == ["0 s", "98 s", "2 min 14 s", "2 min", "3 h 20 min", "2 d 4 h", "-30 s"]
