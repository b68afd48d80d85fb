"""`project`, `curve` and `snapshot` as they are typed, where they need no node and no store."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from unit.frozen import a_file

from monitor import __main__ as face
from monitor.store.snapshot_file import thaw

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """A command in this process: exit code, stdout, stderr."""
    monkeypatch.delenv("CASCADE_MONITOR_CONFIG", raising=False)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["cascade-monitor", *words])
        with pytest.raises(SystemExit) as ended:
            face.main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return run


def document(out: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(out)
    return found


def test_project__from_a_snapshot__answers_by_its_own_names_and_options(
    typed: Typed, tmp_path: Path
) -> None:
    file = a_file(tmp_path)
    words = ("--shock", "ETHER=-0.3", "--shock", "liquidity:*=0.5", "--json")
    code, out, err = typed("project", "--snapshot", str(file), *words)
    assert (code, err) == (0, "")
    asked = document(out)
    assert asked["result"]["snapshot"] == thaw(file)[0]
    assert asked["block"]["number"] == 1
    assert asked["scenario"]["options"]["gas_usd"] == 12.3
    _, named, _ = typed("project", "--snapshot", str(file), "--scenario", "crash", "--json")
    assert named == out
    _, dearer, _ = typed("project", "--snapshot", str(file), *words, "--option", "gas_usd=1e6")
    assert document(dearer)["result"]["liquidated_usd"] == "0.00"


def test_curve__from_a_snapshot__is_that_of_its_scenario(typed: Typed, tmp_path: Path) -> None:
    file = str(a_file(tmp_path))
    asked = ("--asset", "ETHER", "--to", "-0.5", "--steps", "2", "--json")
    code, out, _ = typed("curve", "--snapshot", file, *asked)
    assert code == 0
    assert len(document(out)["curve"]) == 2
    code, out, _ = typed("project", "--snapshot", file, "--scenario", "steps")
    assert code == 0
    assert "shock" in out


def test_snapshot__beside_a_configuration__is_a_wrong_usage(
    typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, absent = str(a_file(tmp_path)), str(tmp_path / "absent.toml")
    words = ("--snapshot", file, "--scenario", "crash")
    code, _, err = typed("project", "--config", absent, *words)
    assert code == 64
    assert "--config and --snapshot: expected one of them" in err
    monkeypatch.setenv("CASCADE_MONITOR_CONFIG", absent)
    assert typed("project", *words)[0] == 0


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("project", "--shock", "WETH=-0.1"), "expected --config F"),
        (("project", "--snapshot", "F"), "expected --shock KEY=VALUE"),
        (("project", "--snapshot", "F", "--scenario", "a", "--shock", "WETH=1"), "or else"),
        (("project", "--snapshot", "F", "--scenario", "a", "--option", "gas_usd=1"), "or else"),
        (("project", "--snapshot", "F", "--scenario", "nobody"), "expected one of crash, steps"),
        (("project", "--snapshot", "F", "--shock", "NOBODY=-0.1"), "no asset is called 'NOBODY'"),
        (("project", "--snapshot", "F", "--shock", "WETH=-2"), "is not above -1"),
        (("curve", "--snapshot", "F", "--asset", "NOBODY"), "no asset is called 'NOBODY'"),
        (("project", "--snapshot", "F/absent", "--scenario", "crash"), "cannot be read"),
        (("project", "--snapshot", "/", "--scenario", "crash"), "Is a directory"),
        (("project", "--snapshot", __file__, "--scenario", "crash"), "Not a gzipped file"),
        (("snapshot", "--config", "F", "-o", "-", "--json"), "expected a pipe or a file"),
    ],
)
def test_question__that_cannot_be_asked__exits_64_and_says_why(
    typed: Typed, tmp_path: Path, words: tuple[str, ...], reason: str
) -> None:
    file = a_file(tmp_path)
    code, out, err = typed(
        *(word.replace("F", str(file)) if word[0] == "F" else word for word in words)
    )
    assert (code, out) == (64, "")
    assert reason in " ".join(err.split())
    assert "Traceback" not in err
