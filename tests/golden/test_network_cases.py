"""Worked cases of networks, asked of the models they are of (tests/network_models.py).

Each case of network_cases.json has its source, what is expected and how near.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from network_models import Network, overlap, passed_on, price_after_sales

CASES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "network_cases.json").read_text())
Inputs = Mapping[str, Any]


def overlaps(inputs: Inputs) -> dict[str, float]:
    found = overlap(inputs["Pi"], inputs["depth"])
    assert found[0][1] == found[1][0]
    return {"omega12": found[0][1], "omega11": found[0][0]}


def with_costs(inputs: Inputs) -> dict[str, Any]:
    network = Network(inputs["L"], inputs["e"], inputs["alpha"], inputs["beta"])
    greatest = network.greatest_clearing()
    assert network.clears(greatest)
    return {"greatest": greatest, "one_one_is_fixed_point": network.clears([1, 1])}


ASKED: Mapping[str, Callable[[Inputs], Any]] = {
    "cfs-exp-price": lambda i: price_after_sales(i["alpha"], i["s"]),
    "overlap-2x2": overlaps,
    "en-chain": lambda i: Network(i["L"], i["e"]).greatest_clearing(),
    "rv-ex33-greatest": with_costs,
    "rv-ex33-nocost": with_costs,
    "debtrank-nonlinear": lambda i: passed_on(i["h"], i["alpha"]),
}


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_case__asked__is_as_expected(case: dict[str, Any]) -> None:
    told, expected = ASKED[case["id"]](case["inputs"]), case["expected"]
    tolerance = {"abs": case["tolerance"]["abs"], "rel": case["tolerance"]["rel"]}
    if isinstance(expected, dict):
        assert told.keys() == expected.keys()
        for key, value in expected.items():
            assert told[key] == pytest.approx(value, **tolerance)
    else:
        assert told == pytest.approx(expected, **tolerance)


@pytest.mark.parametrize("paid", [0.0, 0.25, 1.0])
def test_circle__of_two_who_have_nothing__clears_at_any_price(paid: float) -> None:
    """Eisenberg and Noe, appendix 2: why a circle of vaults rests on nothing, and is called so."""
    assert Network([[0, 1], [1, 0]], [0, 0]).clears([paid, paid])
