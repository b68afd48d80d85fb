"""A configuration as text: taken apart, put together again, and with parts left out."""

import tomllib
from collections.abc import Mapping

import pytest

from monitor.draft import Part, consequences, filled_in, parts_in, text_of
from monitor.inquiry import loaded
from monitor.shipped import EXAMPLES, MINIMAL, Example, example_of

URLS = ["http://127.0.0.1:1"]
TEXT = """# What is here

[chain]
chain_id = 1
endpoints = ["http://127.0.0.1:1"]

[[markets]]                 # the first
name = "one"
protocol = "aave_v3"
address = "0x1111111111111111111111111111111111111111"

[[markets]]
name = "two"
protocol = "morpho_blue"
address = "0x2222222222222222222222222222222222222222"
market_ids = [
  # told apart
  "0x3333333333333333333333333333333333333333333333333333333333333333",
]
# after a table

[assets.A]
address = "0x4444444444444444444444444444444444444444"
correlated_with = ["B", "C"]  # both

[assets.B]
address = "0x5555555555555555555555555555555555555555"

[assets.C]
address = "0x6666666666666666666666666666666666666666"

[scenarios.fall]
shocks = { A = -0.1 }

[scenarios.slip]
shocks = { "peg:B/A" = -0.1 }

[scenarios.rate]
shocks = { "rate:one/A" = "1.0@30d" }

[scenarios.curve]
curve = { asset = "B", to = -0.5 }

[[breakers]]
name = "fall"
scenario = "fall"
measure = "liquidated_usd"
warn = 2
trip = 3
clear = 1

[[breakers]]
name = "slip"
scenario = "slip"
measure = "liquidated_usd"
warn = 2
trip = 3
clear = 1

[[watch]]
accounts = ["0x7777777777777777777777777777777777777777"]
markets = ["one"]
health_below = 1.1
"""


def without(*titles: str) -> tuple[str, Mapping[str, str]]:
    """The text without these, and why each that is left out is."""
    parts = parts_in(TEXT)
    first = {at: "it is gone" for at, part in enumerate(parts) if part.title in titles}
    assert len(first) == len(titles)
    reasons = consequences(parts, first)
    return text_of(parts, reasons), {parts[at].title: why for at, why in reasons.items()}


@pytest.mark.parametrize("example", [*EXAMPLES, MINIMAL], ids=lambda each: each.name)
def test_parts__of_what_is_shipped__make_the_same_text_again(example: Example) -> None:
    assert text_of(parts_in(example.text), {}) == example.text


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.name)
def test_parts__of_what_is_shipped__are_all_its_tables(example: Example) -> None:
    tree = tomllib.loads(example.text)
    parts = [part for part in parts_in(example.text) if part.section]
    for section, tables in tree.items():
        mine = [part for part in parts if part.section == section]
        if isinstance(tables, list):
            assert [part.content for part in mine] == tables
        elif section in ("assets", "scenarios"):
            assert {part.name: part.content for part in mine} == tables
        else:
            assert [part.content for part in mine] == [tables]


def test_parts__of_a_table__are_told_by_name_and_contracts() -> None:
    parts = {part.title: part for part in parts_in(TEXT) if part.section}
    assert parts["[[markets]] two"].contracts == ("0x" + "2" * 40,)
    assert parts["[assets.A]"].contracts == ("0x" + "4" * 40,)
    watch = next(part for part in parts.values() if part.section == "watch")
    assert watch.contracts == ()  # people need no code


def test_left_out__of_an_asset__takes_with_it_what_names_it() -> None:
    text, reasons = without("[assets.B]")
    assert set(reasons) == {
        "[assets.B]",
        "[scenarios.slip]",
        "[scenarios.curve]",
        "[[breakers]] slip",
    }
    assert reasons["[scenarios.slip]"] == "it needs assets.B, left out as well"
    assert "# Left out: it is gone.\n# [assets.B]\n# address = " in text
    settings = loaded(text, URLS)
    assert settings.assets["A"].correlated_with == ("C",)
    assert set(settings.scenarios) == {"fall", "rate"}


def test_left_out__of_a_market__takes_with_it_what_names_it() -> None:
    text, reasons = without("[[markets]] one")
    assert set(reasons) == {"[[markets]] one", "[scenarios.rate]", "[[watch]]"}
    assert [market.name for market in loaded(text, URLS).markets] == ["two"]


def test_left_out__of_a_table__keeps_all_its_words() -> None:
    text, _ = without("[[markets]] two")
    kept = [line.removeprefix("# ") for line in text.splitlines() if "Left out" not in line]
    assert sorted(kept) == sorted(line.removeprefix("# ") for line in TEXT.splitlines())


def test_left_out__with_a_reason_of_several_lines__adds_nothing_to_the_configuration() -> None:
    hostile = 'no\n[[webhooks]]\nurl = "https://evil.example"\r\x85\u2028[http]\x1b[2J'
    text = text_of(parts_in(TEXT), {3: hostile})
    assert tomllib.loads(text).keys() == tomllib.loads(TEXT).keys()
    assert "evil.example" in text


def test_filled_in__with_a_chain_and_endpoints__has_them() -> None:
    told = filled_in(MINIMAL.text, 137, URLS)
    assert tomllib.loads(told)["chain"] == {
        "chain_id": 137,
        "endpoints": URLS,
        "max_head_age_seconds": 60,
    }
    secret = tomllib.loads(filled_in(TEXT, 137, None))["chain"]
    assert secret == {"chain_id": 137, "endpoints_file": "credentials/endpoints"}


def test_example__of_a_chain__is_its_own_or_one_to_fill_in() -> None:
    assert [example_of(chain).file for chain in (1, 31_337, 137)] == [
        "ethereum.toml",
        "demo.toml",
        "minimal.toml",
    ]


def test_title__of_a_table_without_a_name__is_its_header() -> None:
    assert Part(("[chain]  # here", "chain_id = 1"), "chain").title == "[chain]"
