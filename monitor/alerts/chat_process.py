"""Hands one message to a chat service through apprise, in a process of its own.

Apprise is some 180 plug-ins of others. They are synchronous, and each opens its connections as it
likes: they follow redirects, obey proxies of the environment, and cannot be ended from outside. So
they run here, where every connection asks first: is the address one that may be reached, and,
once it stands, may we still send? No byte leaves before both are answered, whatever the plug-in
does with redirects. The parent cleans the environment, and ends us when we take too long.
What remains: plug-ins that open no socket of Python's (syslog, a desktop's notices, hardware) reach
this machine all the same; whoever writes such a URL means it.

On stdin: one line of JSON, the job; then "yes" or "no" for each "may?" on stdout. Last on stdout:
the outcome, one line of JSON. Run as `python -m monitor.alerts.chat_process`.
"""

import ipaddress
import json
import logging
import os
import re
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

from monitor.alerts.addresses import is_public

LONGEST_SECONDS = 30
"""A last resort, should the parent be gone."""
Address = tuple[Any, ...] | str | bytes


@dataclass
class Gate:
    """Stands before every connection of this process."""

    allow_private: bool
    questions: TextIO
    answers: TextIO
    reasons: list[str] = field(default_factory=list)

    def checked(self, family: int, address: Address) -> Address:
        """The address to dial, never a name that could lead elsewhere. Raises OSError."""
        if self.allow_private:
            return address
        if family not in (socket.AF_INET, socket.AF_INET6) or not isinstance(address, tuple):
            raise self._refusal("private")
        host, port, *rest = address
        try:
            ip = ipaddress.ip_address(str(host).partition("%")[0])
        except ValueError:
            found = socket.getaddrinfo(host, port, family)[0][4]
            return self.checked(family, found)
        if not is_public(ip):
            raise self._refusal("private")
        return (host, port, *rest)

    def ask(self) -> None:
        """Raises OSError when we may not send (any more)."""
        self.questions.write("may?\n")
        self.questions.flush()
        if self.answers.readline().strip() != "yes":
            raise self._refusal("withheld")

    def _refusal(self, reason: str) -> OSError:
        self.reasons.append(reason)
        return OSError(reason)


def stand_before_sockets(gate: Gate) -> None:
    """From here on no socket of this process goes anywhere unasked."""
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    sendto = socket.socket.sendto

    def guarded(self: socket.socket, address: Address) -> None:
        connect(self, gate.checked(self.family, address))
        gate.ask()

    def guarded_ex(self: socket.socket, address: Address) -> int:
        code = connect_ex(self, gate.checked(self.family, address))
        gate.ask()
        return code

    def guarded_sendto(self: socket.socket, data: bytes, *rest: Any) -> int:
        gate.ask()
        arguments = [*rest[:-1], gate.checked(self.family, rest[-1])]
        return sendto(self, data, *arguments)

    socket.socket.connect = guarded  # type: ignore[assignment, method-assign]
    socket.socket.connect_ex = guarded_ex  # type: ignore[assignment, method-assign]
    socket.socket.sendto = guarded_sendto  # type: ignore[assignment, method-assign]


class _Statuses(logging.Handler):
    """Of what apprise logs, the HTTP statuses alone: the rest may hold URLs and tokens."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.seen: list[int] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen += [int(code) for code in re.findall(r"error=(\d{3})\b", record.getMessage())]


def outcome_of(job: Mapping[str, Any], gate: Gate) -> dict[str, Any]:
    """Either {"ok": true}, or why not. Without a title only the URL is looked at."""
    from apprise import Apprise, AppriseAsset, PersistentStoreMode

    statuses = _Statuses()
    logger = logging.getLogger("apprise")
    logger.addHandler(statuses)
    logger.propagate = False
    asset = AppriseAsset(
        app_id="cascade-monitor",
        app_desc="cascade-monitor",
        app_url="",
        image_url_mask="",
        image_url_logo="",
        async_mode=False,
        http_redirects=False,
        storage_mode=PersistentStoreMode.MEMORY,
        allow_templates=False,
    )
    service = Apprise.instantiate(job["url"], asset=asset)
    if service is None:
        return {"ok": False, "because": "url"}
    if not job.get("title"):
        return {"ok": True}
    service.redirects, service.verify_certificate = False, True
    apprise = Apprise(asset=asset)
    apprise.add(service)
    ok = apprise.notify(
        title=job["title"], body=job["body"], notify_type=job["type"], body_format="text"
    )
    because = gate.reasons[0] if gate.reasons else "refused"
    return {"ok": True} if ok else {"ok": False, "because": because, "statuses": statuses.seen}


def main() -> int:
    signal.alarm(LONGEST_SECONDS)
    # Plug-ins that print must not be taken for us.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    job = json.loads(sys.stdin.readline())
    gate = Gate(bool(job["allow_private"]), answers, sys.stdin)
    stand_before_sockets(gate)
    answers.write(json.dumps(outcome_of(job, gate)) + "\n")
    answers.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
