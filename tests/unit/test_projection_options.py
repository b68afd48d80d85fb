"""The options `unwind` and `fill` as they are typed, over a snapshot of a world of loops."""

import json
from pathlib import Path

import pytest
from unit.frozen import FRAME, a_file
from unit.simulation.test_unwinding import looped
from unit.test_projection_commands import Typed, typed

__all__ = ["typed"]

HELD = ("--shock", "rate:core/WETH=1.0@20d")


def test_project__unwinding_from_a_snapshot__tells_what_left(typed: Typed, tmp_path: Path) -> None:
    file = str(a_file(tmp_path, FRAME.around(looped())))
    words = ("project", "--snapshot", file, *HELD, "--option", "unwind=true", "--json")
    code, out, err = typed(*words, "--option", "fill=optimal")
    assert (code, err) == (0, "")
    document = json.loads(out)
    told = document["result"]["unwinding"]
    assert told["accounts"] == 1
    assert float(told["repaid_usd"]) > 223_400
    assert document["result"]["liquidated_usd"] == "0.00"
    options = document["scenario"]["options"]
    assert (options["unwind"], options["fill"]) == (True, "optimal")


def test_project__unwinding_on_a_console__says_what_left(typed: Typed, tmp_path: Path) -> None:
    file = str(a_file(tmp_path, FRAME.around(looped())))
    _, out, _ = typed("project", "--snapshot", file, *HELD, "--option", "unwind=true")
    assert "loops closed before" in out
    assert "by 1 accounts" in out
    _, out, _ = typed("project", "--snapshot", file, *HELD)
    assert "loops closed" not in out


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("unwind=maybe", "option unwind is 'maybe': expected true or false"),
        ("unwind=1", "option unwind is 1: expected true or false"),
        ("unwind=null", "option unwind is None: expected true or false"),
        ("fill=best", "option fill is 'best': expected 'ladder' or 'optimal'"),
        ("fill=0", "option fill is 0: expected 'ladder' or 'optimal'"),
        ("unwound=true", "no option 'unwound': expected one of gas_usd, deviation, max_rounds"),
        ("unwind", "unwind"),
    ],
)
def test_option__that_is_none__exits_64_and_says_what_is(
    typed: Typed, tmp_path: Path, option: str, reason: str
) -> None:
    file = str(a_file(tmp_path))
    code, out, err = typed(
        "project", "--snapshot", file, "--shock", "WETH=-0.1", "--option", option
    )
    assert (code, out) == (64, "")
    assert reason in " ".join(err.split())
    assert "Traceback" not in err
