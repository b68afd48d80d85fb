"""Tells systemd how the daemon fares: READY, WATCHDOG, STATUS, STOPPING, and for more time.

Silent without NOTIFY_SOCKET. Source: sd_notify(3).
"""

import os
import socket
from collections.abc import Mapping

START_SECONDS = 300
"""How long a start that gets on may take until it is heard of again; the unit's TimeoutStartSec."""


class Notifier:
    """Sends to `NOTIFY_SOCKET`. A service manager that is gone is no fault of ours."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self._status = ""
        self._is_ready = False

    def ready(self) -> None:
        """We have started; said once, by whoever is the first to know."""
        if not self._is_ready:
            self._is_ready = True
            self._send("READY=1")

    def alive(self) -> None:
        """We get on: the watchdog is fed, or a start that takes long may take longer."""
        more = f"EXTEND_TIMEOUT_USEC={START_SECONDS * 1_000_000}"
        self._send("WATCHDOG=1" if self._is_ready else more)

    def status(self, text: str) -> None:
        """What the daemon does, on one line; said once for as long as it is so."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={text}")

    def stopping(self) -> None:
        self._send("STOPPING=1\nSTATUS=stopping: what waits is sent")

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
