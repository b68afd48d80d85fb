"""Tells systemd how the daemon fares: READY, WATCHDOG, STOPPING. Silent without NOTIFY_SOCKET."""

import os
import socket
from collections.abc import Mapping


class Notifier:
    """Sends to `NOTIFY_SOCKET`. A service manager that is gone is no fault of ours."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")

    def ready(self) -> None:
        self._send("READY=1")

    def watchdog(self) -> None:
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def _send(self, state: str) -> None:
        if not self._address:
            return
        # A leading @ is an abstract socket, whose real name begins with NUL.
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as notify:
            try:
                notify.sendto(state.encode(), address)
            except OSError:
                return
