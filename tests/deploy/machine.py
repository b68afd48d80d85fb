"""A Debian 12 machine that boots systemd, in a container that shares the host's network."""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.rootfs import in_root

BOOT_SECONDS = 30.0
_LOOK_SECONDS = 0.1


class Machine:
    """Booted, until `machine` ends it. Whatever is written in it is gone with it."""

    def __init__(self, init: int) -> None:
        self._init = init

    def run(self, *command: str, stdin: str = "", check: bool = True) -> str:
        """What a command says that root runs there, both streams. Raises on any other code than 0
        if `check`.
        """
        enter = ["nsenter", f"--target={self._init}", "--mount", "--uts", "--ipc", "--net", "--pid"]
        enter += ["--cgroup", "--root", "--wd"]
        finished = subprocess.run(
            [*enter, *command],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        assert not check or finished.returncode == 0, f"{command}: {finished.stdout}"
        return finished.stdout

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """A file of root's, as an administrator would put it there."""
        self.run("install", "-D", f"--mode={mode:o}", "/dev/stdin", path, stdin=text)

    def shown(self, unit: str, *properties: str) -> Mapping[str, str]:
        """What systemd says of a unit."""
        lines = self.run("systemctl", "show", unit, f"--property={','.join(properties)}")
        return dict(line.split("=", 1) for line in lines.splitlines())

    def journal(self, unit: str, priority: str = "debug") -> str:
        """What the unit and systemd about it wrote of that priority or higher, oldest first."""
        chosen = ("--unit", unit, "--priority", priority)
        return self.run("journalctl", *chosen, "--output=cat", "--no-pager")

    def until(self, holds: Callable[[], bool], unit: str, seconds: float = 20.0) -> None:
        """Wait for a condition; the unit's journal is told where it does not come."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, self.journal(unit)[-3000:]
            time.sleep(_LOOK_SECONDS)


@contextmanager
def machine(root: Path, binds: Mapping[Path, str]) -> Iterator[Machine]:
    """Boot the tree, which stays as it is. `binds`: what of the host is where, read-only."""
    # It dies with us, however we end; and all in it dies with it.
    command = ["setpriv", "--pdeathsig=KILL", *in_root(root)]
    command += [f"--bind-ro={source}:{target}" for source, target in binds.items()]
    nspawn = subprocess.Popen(
        [*command, "--boot"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        booted = Machine(_init_of(nspawn))
        booted.run("systemctl", "is-system-running", "--wait", check=False)
        try:
            yield booted
        finally:
            # Not in order: what is in it is thrown away. But nspawn tidies up behind it.
            booted.run("systemctl", "poweroff", "--force", "--force", check=False)
            nspawn.wait(10)
    finally:
        nspawn.kill()
        nspawn.communicate()


def _init_of(nspawn: subprocess.Popen[bytes]) -> int:
    """The host's number of the process 1 in there, once systemd in it can be asked."""
    deadline = time.monotonic() + BOOT_SECONDS
    children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children")
    while time.monotonic() < deadline:
        if nspawn.poll() is not None:
            raise AssertionError(f"systemd-nspawn: {nspawn.communicate()[1].decode()}")
        for child in map(int, children.read_text().split()):
            if Path(f"/proc/{child}/root/run/systemd/private").exists():
                return child
        time.sleep(_LOOK_SECONDS)
    raise AssertionError(f"systemd is not up after {BOOT_SECONDS:g} s")
