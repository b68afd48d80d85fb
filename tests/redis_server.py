"""A real Redis to test against, that can be killed."""

import itertools
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from builders import a_hash
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError
from redis.retry import Retry

from monitor.store.identity import Identity
from monitor.store.server_binary import find_server

_numbers = itertools.count()


class RedisServer:
    """A server on a unix socket, that can be started again over the same files."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "redis.sock"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    @property
    def pid(self) -> int:
        """Of the running process; 0 when none was started, or it was ended."""
        return 0 if self._process is None else self._process.pid

    def start(self, *settings: str, wait: bool = True) -> None:
        """Returns when the server answers; without `wait`, at once."""
        command = [str(find_server().path), "--port", "0", "--unixsocket", str(self._socket)]
        command += ["--dir", str(self._folder), "--save", "", "--appendonly", "yes", *settings]
        # SIGXFSZ stays ignored as Python has it: a file limit is a write that fails, not death.
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, restore_signals=False)
        if wait:
            self._wait(lambda client: bool(client.ping()))

    def start_as_cluster(self) -> None:
        """A cluster of one node: it refuses whatever touches two slots at once."""
        self.start("--cluster-enabled", "yes")
        with Redis(unix_socket_path=str(self._socket)) as client:
            client.cluster("ADDSLOTS", *range(16384))
        self._wait(lambda client: client.cluster("INFO")["cluster_state"] == "ok")

    def kill(self) -> None:
        """SIGKILL: nothing is flushed."""
        self.signal(signal.SIGKILL)
        self.stop()

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def limit_files(self, size_bytes: int) -> None:
        """From now on no file may grow beyond: as on a full disk."""
        assert self._process is not None
        limits = (size_bytes, resource.RLIM_INFINITY)
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, limits)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
            self._process = None

    def _wait(self, is_so: Callable[[Redis], bool]) -> None:
        once = Retry(NoBackoff(), 0)
        with Redis(unix_socket_path=str(self._socket), retry=once) as client:
            for _ in range(500):
                try:
                    if is_so(client):
                        return
                except AuthenticationError:
                    return
                except (RedisError, KeyError):
                    pass
                time.sleep(0.01)
        raise AssertionError("the test's Redis did not come up")


def an_identity() -> Identity:
    """A namespace no other test has."""
    return Identity(f"test-{next(_numbers)}", 31337, a_hash("genesis"), "configuration-1")
