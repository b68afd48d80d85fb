"""Whatever is typed, a command says in words what is wrong with it: no traceback, a known exit."""

import errno
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from monitor.__main__ import _exit_code
from monitor.chain import endpoints
from monitor.core.blocks import BlockRef
from monitor.core.units import BlockHash
from monitor.engine.paging import asked_address, asked_number, start_of
from monitor.errors import QuestionError
from monitor.silencing import LONGEST_SECONDS, seconds_of
from monitor.store import connection

# More than what is run with every change: CASCADE_MONITOR_FUZZ_EXAMPLES=20000.
EXAMPLES = int(os.environ.get("CASCADE_MONITOR_FUZZ_EXAMPLES", "80"))
fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
KNOWN = {1, 64, 69, 78}
"""Contract section 6: a check failed, usage, unavailable, configuration."""
CONFIG = """
[chain]
chain_id = 1
endpoints = ["http://127.0.0.1:1"]
[store]
url = "unix:///nowhere/at-all/redis.sock"
state_dir = "{folder}/state"
[[markets]]
name = "m"
protocol = "aave_v3"
address = "0x2f39d218133AFaB8F2B819B1066c7E434Ad94E9e"
from_block = 0
"""
OPTIONS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("positions",): ("--market", "--account", "--owner", "--min-debt-usd", "--cursor", "--limit"),
    ("project",): ("--shock", "--option", "--scenario", "--snapshot"),
    ("curve",): ("--asset", "--to", "--steps", "--snapshot"),
    ("snapshot",): ("--output",),
    ("loops",): ("--owner", "--market", "--kind", "--min-leverage", "--cursor", "--limit"),
    ("claims",): ("--asset", "--cursor", "--limit"),
    ("prices",): ("--market",),
    ("status",): (),
    ("breakers",): (),
    ("alerts",): ("--limit", "--replay", "--webhook", "--dead", "--replay-dead"),
    ("silence",): ("--for", "--why", "--lift", "--list"),
    ("audit",): ("--accounts",),
    ("probe",): ("--live",),
    ("store", "backup"): ("--output",),
    ("store", "restore"): (),
    ("strange",): (),
}
FLAGS = frozenset({"--dead", "--replay-dead", "--lift", "--list", "--live"})
# No process can be given a NUL, and none of ours is to write beside its own folder.
words = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0/"), max_size=12),
    st.sampled_from(
        (
            *("", "-", "--", "-1", "0", "1", "1001", "9" * 5_000, "nan", "inf", "1e400", "٣"),
            *("WETH=-0.3", "WETH=", "=", "WETH=nan", "a=[", "gas=1e9999", "0x" + "0" * 40),
            *("[red]", "[/]", "\x1b[31m", "‮", "x" * 9_999, "a\nb", "5m", "0s", "99999d", "²h"),
        )
    ),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands run; a configuration that points at nothing lies there."""
    (tmp_path / "c.toml").write_text(CONFIG.format(folder=tmp_path))
    (tmp_path / "empty").write_text("")

    def refuse(*_: object) -> None:
        """As the port 1 and the missing socket of the configuration would: offline."""
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    # Nobody comes back: what is asked again is asked at once.
    monkeypatch.setattr(connection, "_PAUSES_SECONDS", ())
    monkeypatch.setattr(endpoints, "backoff_seconds", lambda _: 0.0)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CASCADE_MONITOR_LOG", "error")
    return tmp_path


def typed(line: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[Any, str]:
    """The exit code of a command line, and all that it said."""
    before, sys.argv = sys.argv, ["cascade-monitor", *line]
    try:
        code = _exit_code()
    finally:
        sys.argv = before
    told = capsys.readouterr()
    return code, told.out + told.err


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    command = draw(st.sampled_from(sorted(OPTIONS)))
    line = [*command, "--config", draw(st.sampled_from(("c.toml", "c.toml", "none.toml", "empty")))]
    if OPTIONS[command]:
        for option in draw(st.lists(st.sampled_from(OPTIONS[command]), max_size=3)):
            line += [option] if option in FLAGS else [option, draw(words)]
    return line + draw(st.lists(words, max_size=1))


@given(line=lines())
@example(line=["project", "--config", "c.toml", "--shock", "a=1", "--option", "b=" + "[" * 100_000])
@example(line=["snapshot", "--config", "c.toml", "--output", "."])
@example(line=["curve", "--config", "c.toml", "--asset", "a", "--to", "1e400"])
@example(line=["project", "--snapshot", "x" * 9_999, "--shock", "a=1"])
@example(line=["store", "restore", "--config", "c.toml", "x" * 9_999])
@example(line=["store", "backup", "--config", "c.toml", "--output", "x" * 9_999])
@example(line=["status", "--config", "x" * 9_999])
@fuzzed
def test_command__anything_typed__is_an_exit_and_words(
    folder: Path, capsys: pytest.CaptureFixture[str], line: list[str]
) -> None:
    code, said = typed(line, capsys)
    if "--help" in line:
        return
    assert code in KNOWN, (code, said)
    assert said.strip()
    assert "Traceback" not in said


BLOCK = BlockRef(7, BlockHash("0x" + "ab" * 32), BlockHash("0x" + "cd" * 32), 1)


def answered(ask: Callable[[str], Any], text: str) -> Any:
    """What was understood; or the refusal, which is words."""
    try:
        return ask(text)
    except QuestionError as error:
        refusal = error
    assert str(refusal).strip()
    assert refusal.status in (400, 410)
    return refusal


@given(words | st.text("0123456789:x٣²-", max_size=20).map(f"{BLOCK.hash}:".__add__))
@fuzzed
def test_cursor__any_text__is_a_place_or_refused(text: str) -> None:
    start = answered(lambda text: start_of(text, BLOCK), text)
    assert isinstance(start, QuestionError) or 0 <= start < 10**12


@given(words | st.from_regex(r"[0-9٣²-]{0,12}[smhdSMHDwy ]", fullmatch=True))
@fuzzed
def test_duration__any_text__is_seconds_or_refused(text: str) -> None:
    seconds = answered(seconds_of, text)
    assert isinstance(seconds, QuestionError) or 0 < seconds <= LONGEST_SECONDS


@given(words)
@fuzzed
def test_filter__any_text__is_a_value_or_refused(text: str) -> None:
    assert answered(asked_address, text) is not None
    assert answered(lambda text: asked_number("n", text, "a number"), text) is not None
