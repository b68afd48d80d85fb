import socket
from pathlib import Path

import pytest

from monitor.systemd import Notifier


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_notifier__with_a_socket__tells_each_state(tmp_path: Path, kind: str) -> None:
    name = str(tmp_path / "notify") if kind == "path" else f"@cascade-monitor-{tmp_path.name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name.replace("@", "\0"))
        manager.settimeout(2)
        notifier = Notifier({"NOTIFY_SOCKET": name})
        notifier.alive()
        notifier.ready()
        notifier.ready()
        notifier.alive()
        notifier.status("following block 1")
        notifier.status("following block 1")
        notifier.stopping()
        told = [manager.recv(256).decode() for _ in range(5)]
    assert told[:4] == [
        "EXTEND_TIMEOUT_USEC=300000000",
        "READY=1",
        "WATCHDOG=1",
        "STATUS=following block 1",
    ]
    assert told[4].splitlines()[0] == "STOPPING=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": "/nowhere/notify"}])
def test_notifier__nobody_listens__says_nothing(environ: dict[str, str]) -> None:
    Notifier(environ).ready()
