"""`cascade-monitor …` from a process that has imported everything and forks itself for each.

Half of a short command's time goes into imports, and tests run hundreds of them. What runs is
`main`, in a process of its own, with the caller's variables; how it begins (`python -m monitor`)
is for the daemons to try, which are started in full.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LISTENING = b"listening\n"


@dataclass(frozen=True, slots=True)
class Server:
    """Where it listens. It ends when the last writing end of `process`' stdin is closed."""

    address: str
    process: "subprocess.Popen[bytes]"


@functools.cache
def server() -> Server:
    """Of this test process, begun when first asked for."""
    address = f"{tempfile.mkdtemp(prefix='warm-')}/socket"
    command = [sys.executable, __file__, address]
    variables = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=variables | {"COLUMNS": "200"},  # consoles ask when they are made
    )
    assert process.stdout is not None
    assert process.stdout.readline() == LISTENING
    atexit.register(process.communicate)
    return Server(address, process)


def request(arguments: Sequence[str], environ: Mapping[str, str], folder: Path) -> bytes:
    """A line: what to run, in whose place. It writes to `out` and `err` in the folder."""
    told = {
        "arguments": list(arguments),
        "environ": dict(environ),
        "cwd": str(Path.cwd()),
        "folder": str(folder),
    }
    return json.dumps(told).encode() + b"\n"


def _serve(address: str) -> dict[str, Any] | None:
    """Returns in every process that is to be a command; None in the server, when tests are over."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(64)
        os.write(1, LISTENING)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a keeper ended
        while listener in select.select([listener, sys.stdin], [], [])[0]:
            connection, _ = listener.accept()
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                listener.close()
                return _keep(connection)
            connection.close()
    return None


def _keep(connection: socket.socket) -> dict[str, Any]:
    """Returns in the command's process; the other one tells its number, and at last its code."""
    with connection, connection.makefile("rb") as lines:
        told: dict[str, Any] = json.loads(lines.readline())
        command = os.fork()
        if command == 0:
            return told
        connection.sendall(f"{command}\n".encode())
        _, status = os.waitpid(command, 0)
        connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os._exit(0)


def _become(told: Mapping[str, Any]) -> None:
    """The command's place in the world: what a shell would have given it."""
    folder = Path(told["folder"])
    streams = (Path(os.devnull), folder / "out", folder / "err")
    for number, path in enumerate(streams):
        file = os.open(path, os.O_WRONLY | os.O_CREAT if number else os.O_RDONLY)
        os.dup2(file, number)
        os.close(file)
    os.chdir(told["cwd"])
    os.environ.clear()
    os.environ.update(told["environ"])
    sys.argv = ["cascade-monitor", *told["arguments"]]


def _import_all() -> None:
    """Every module of the product: which of them a command wants is its own affair."""
    import monitor

    for each in pkgutil.walk_packages(monitor.__path__, "monitor."):
        if not each.name.endswith(("__main__", "chat_process")):
            importlib.import_module(each.name)
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    sys.path.pop(0)  # this folder: its packages are nothing to the product
    _import_all()
    from monitor.__main__ import main

    place = Path(sys.argv[1])
    wanted = _serve(str(place))
    if wanted is None:
        place.unlink()
        place.parent.rmdir()
    else:
        _become(wanted)
        main()
