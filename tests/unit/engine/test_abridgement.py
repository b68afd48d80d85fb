"""What an alert tells of its projection, however large that is."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from monitor.engine.abridgement import MOST_CHARACTERS, abridged

ADDRESS = "0x" + "ab" * 20
FIGURES = {"liquidated_usd": "1.00", "seized_usd": "1.10", "bad_debt_usd": "0.00"}


def a_projection(size: int) -> dict[str, Any]:
    """With so many rounds, sub-markets, prices and reasons."""
    oracle = {"market": "morpho/0x" + "ab" * 32, "asset": ADDRESS, "price_usd": "2000.00"}
    one = {"round": 1, "liquidations": 3, "liquidated_usd": "1.00", "oracles": [oracle] * size}
    return {
        "scenario": "eth-crash",
        "liquidated_usd": "23100000.00",
        "by_market": {f"morpho/{n}": FIGURES | {"liquidated_usd": f"{n}.00"} for n in range(size)},
        "by_asset": {f"{n}": FIGURES for n in range(size)},
        "prices": {f"{n}": {"before": "1.00", "after": "0.70"} for n in range(size)},
        "contagion": [{"from": ADDRESS, "to": ADDRESS}] * size,
        "round_log": [one] * min(size, 100),
        "unknown": [f"price of morpho/{n}: {'x' * 500}" for n in range(size)],
    }


def test_abridged__small__is_whole() -> None:
    assert abridged(a_projection(5)) == a_projection(5)


@given(st.integers(0, 1_000))
def test_abridged__any_size__is_short_and_keeps_the_figures(size: int) -> None:
    whole = a_projection(size)
    short = abridged(whole)
    assert len(json.dumps(short)) <= MOST_CHARACTERS * 1.1
    assert short["liquidated_usd"] == whole["liquidated_usd"]
    differing = {key for key in whole if short[key] != whole[key]}
    assert differing == set(short.get("abridged", []))


def test_abridged__a_thousand_of_each__tells_the_largest_and_how_many_are_left() -> None:
    short = abridged(a_projection(1_000))
    assert list(short["by_market"]) == [f"morpho/{n}" for n in range(999, 979, -1)]
    assert short["unknown"][-1] == "and 980 more"
    assert "oracles" not in short["round_log"][0]
