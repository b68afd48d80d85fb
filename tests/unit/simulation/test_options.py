"""Options come from three places and are checked in one."""

from dataclasses import replace

import pytest

from monitor.errors import QuestionError
from monitor.simulation.options import Options


def test_updated__with_every_key__takes_them() -> None:
    asked = {"gas_usd": 10, "deviation": 0.01, "max_rounds": 5, "critical_usd": 1e6}
    expected = Options(10.0, 0.01, 5, 1e6)
    assert Options().updated({**asked, "fill": "ladder"}) == expected
    assert Options().updated({**asked, "fill": "optimal"}) == replace(expected, fill="optimal")
    assert Options().updated({**asked, "unwind": True}) == replace(expected, unwind=True)


def test_updated__in_turns__keeps_what_the_later_does_not_name() -> None:
    assert Options().updated({"gas_usd": 10}).updated({"max_rounds": 5}) == Options(10.0, None, 5)


@pytest.mark.parametrize(
    "asked",
    [
        {"gas": 1},
        {"gas_usd": -1},
        {"gas_usd": "50"},
        {"gas_usd": float("nan")},
        {"gas_usd": True},
        {"max_rounds": 0},
        {"max_rounds": 2.0},
        {"deviation": float("inf")},
        {"fill": "all"},
        {"fill": True},
        {"fill": ["optimal"]},
        {"fill": None},
        {"unwind": "yes"},
        {"unwind": 1},
        {"unwind": None},
        {"gas_usd": 10**400},
    ],
)
def test_updated__with_nonsense__is_a_question_error(asked: dict[str, object]) -> None:
    with pytest.raises(QuestionError):
        Options().updated(asked)
