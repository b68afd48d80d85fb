"""What holds for every test: unit tests open no socket; what did not run is said last."""

import socket
from pathlib import Path

import pytest

OFFLINE = {"unit", "property", "golden", "architecture"}
TESTS = Path(__file__).parent


@pytest.fixture(autouse=True)
def no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connections in folders whose tests must not need one."""
    folder = request.path.relative_to(TESTS).parts[0]
    if folder in OFFLINE:

        def refuse(*_: object, **__: object) -> None:
            raise AssertionError(f"tests/{folder} may not open a connection")

        monkeypatch.setattr(socket.socket, "connect", refuse)
        monkeypatch.setattr(socket.socket, "connect_ex", refuse)
        monkeypatch.setattr(socket.socket, "bind", refuse)
    return


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say last, in the contract's words, what was left out and why."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons: dict[str, int] = {}
    for report in skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reason = reason.removeprefix("Skipped: ")
        reasons[reason] = reasons.get(reason, 0) + 1
    for reason, count in reasons.items():
        terminalreporter.write_line(f"{count} not run: {reason}")
