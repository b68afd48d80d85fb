"""`check` of the machine: whether the daemon could listen where it is told to."""

import errno
import socket

from monitor.finding import Finding
from monitor.schema import Http

TAKEN = (
    "the port is taken: right if this daemon runs already; else stop who has it, or set "
    "http.listen to a free port"
)


def listening(http: Http) -> Finding:
    """Binds for a moment, and lets go."""
    subject = f"http {http.listen}"
    try:
        found = socket.getaddrinfo(http.host, http.port, type=socket.SOCK_STREAM)
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as own:
                own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                own.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return Finding(subject, warning=TAKEN)
        expected = "expected an address of this machine: correct http.listen"
        return Finding(subject, fault=f"{error.strerror}: {expected}")
    return Finding(subject, "free")
