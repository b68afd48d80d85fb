"""The embedded Redis: a server of our own under the state directory, on a unix socket, with AOF.

`appendfsync everysec`: a killed process loses nothing (the kernel has the file); a power failure
loses about a second of blocks, which the chain still has, so they are applied again. `always` costs
1.8 to 3.3 times the commit and would save only that.

Two locks in the state directory keep two servers off one file. `daemon.lock` is held by whoever
started the server; `server.lock` is inherited by the server process itself, so it stays held by an
orphan whose daemon was killed. The next start stops the orphan and starts anew. `readers.lock` is
shared by all who only read: the one whose server they use does not end it under the others.
"""

import asyncio
import os
import signal
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, NoReturn, Self

from redis.exceptions import RedisError

from monitor.core.alerts import digest
from monitor.errors import ConfigError, StoreDamaged, StoreUnavailable
from monitor.store.connection import connect
from monitor.store.damage import complaint, damage_report, has_data
from monitor.store.locks import is_free, lock_in_time, lock_of, write_down
from monitor.store.server_binary import ServerBinary, find_server

SOCKET_PATH_BYTES = 103
"""The longest path of a unix socket: 107 bytes on Linux, 103 on macOS."""
PATIENCE_SECONDS = 10.0
"""How long to wait for another process to let go of the state directory."""
STOPPING_SECONDS = 5.0
"""How long a server may take to end when it is told to. Killed, it loses nothing either."""
LOADING_SECONDS = 120.0
"""How long a server may read its data before it counts as stuck."""


class EmbeddedRedis:
    """A server for as long as the `async with` lasts; `url` is where it listens.

    `read_only` never creates state, and does not mind a running daemon: it then uses its server.
    Raises ConfigError when there is no server to start, no data to read or another daemon,
    StoreUnavailable when the server does not come up.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        read_only: bool = False,
        find: Callable[[int], ServerBinary] = find_server,
    ) -> None:
        self.state_dir = state_dir.absolute()
        self._read_only = read_only
        self._find = find
        self._socket = _socket_path(self.state_dir)
        self._daemon_lock: IO[str] | None = None
        self._readers_lock: IO[str] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._binary = Path()

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    async def __aenter__(self) -> Self:
        if self._read_only and not has_data(self.state_dir):
            raise ConfigError(
                f"there is no state under {self.state_dir}: expected appendonly files. Run the "
                "daemon first, or correct store.state_dir."
            )
        try:
            self.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            await self._enter()
        except OSError as error:
            await self._leave()
            raise ConfigError(
                f"store.state_dir = '{error.filename or self.state_dir}': {error.strerror}: "
                "expected a folder that can be written, on a disk with room."
            ) from error
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._leave()

    async def hold(self) -> NoReturn:
        """Wait for the server to die, and raise StoreUnavailable when it does."""
        if self._process is None:
            raise RuntimeError("only the owner of the server can wait for it")
        code = await self._process.wait()
        raise StoreUnavailable(
            f"the embedded Redis ended with {code}: expected it to run. Its last words: "
            f"{self._last_words()} Start the daemon again: it goes on from the last commit."
        )

    async def _enter(self) -> None:
        if self._read_only and self._readers_lock is None:
            self._readers_lock = lock_of(self.state_dir / "readers.lock", shared=True)
        self._daemon_lock = await self._lock_daemon()
        server_lock = lock_of(self.state_dir / "server.lock") if self._daemon_lock else None
        # A reader leaves a server that runs as it is, a daemon's or a killed daemon's.
        if server_lock is None and not self._read_only:
            server_lock = await self._replace_orphan()
        if server_lock is not None:
            with server_lock:
                await self._start(server_lock)
        await self._wait_until_ready()

    async def _leave(self) -> None:
        if self._readers_lock is not None:
            self._readers_lock.close()
            self._readers_lock = None
        if self._process is not None:
            if self._read_only:
                await self._wait_for_other_readers()
            await _end(self._process)
            self._process = None
            self._socket.unlink(missing_ok=True)
        if self._daemon_lock is not None:
            self._daemon_lock.close()
            self._daemon_lock = None

    async def _lock_daemon(self) -> IO[str] | None:
        """The lock of the state directory. None: another process has it, and we only read."""
        path = self.state_dir / "daemon.lock"
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        while (lock := lock_of(path)) is None:
            if self._read_only:
                return None
            if asyncio.get_running_loop().time() > deadline:
                raise ConfigError(
                    f"process {path.read_text() or 'unknown'} uses {self.state_dir}: expected no "
                    "other daemon. Stop it, or give this one another store.state_dir."
                )
            await asyncio.sleep(0.05)
        write_down(lock, str(os.getpid()))
        return lock

    async def _replace_orphan(self) -> IO[str]:
        """Stop the server of a killed daemon. It is asked its pid if nobody lived to write it."""
        path = self.state_dir / "server.lock"
        pid = path.read_text() or await self._orphan_pid(path)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if pid:
                with suppress(ProcessLookupError):
                    os.kill(int(pid), number)
            if (lock := await lock_in_time(path, STOPPING_SECONDS)) is not None:
                return lock
        raise ConfigError(
            f"the Redis server {pid or 'of unknown pid'} of an earlier run still holds {path} "
            f"{STOPPING_SECONDS:g} s after SIGKILL. Stop it by hand."
        )

    async def _orphan_pid(self, lock: Path) -> str:
        """What a server says on our socket, which it may not have opened yet; "" if it is mute."""
        deadline = asyncio.get_running_loop().time() + STOPPING_SECONDS
        async with connect(self.url) as client:
            while not is_free(lock) and asyncio.get_running_loop().time() < deadline:
                with suppress(RedisError, OSError):
                    return str((await client.info("server"))["process_id"])
                await asyncio.sleep(0.02)
        return ""

    async def _wait_for_other_readers(self) -> None:
        lock = await lock_in_time(self.state_dir / "readers.lock", STOPPING_SECONDS)
        if lock is not None:
            lock.close()

    async def _start(self, server_lock: IO[str]) -> None:
        binary = self._find(7 if (self.state_dir / "appendonlydir").exists() else 6)
        self._binary = binary.path
        self._socket.unlink(missing_ok=True)
        write_down(server_lock, "")
        with (self.state_dir / "redis.log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(str(binary.path), *_settings(self.state_dir, self._socket, binary)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C reaches a whole group; the server must outlive the daemon's last commit.
                start_new_session=True,
                pass_fds=[server_lock.fileno()],
            )
        write_down(server_lock, str(self._process.pid))

    async def _wait_until_ready(self) -> None:
        patience_seconds = LOADING_SECONDS if self._process else PATIENCE_SECONDS
        deadline = asyncio.get_running_loop().time() + patience_seconds
        async with connect(self.url) as client:
            while True:
                try:
                    await client.ping()
                    return
                except (RedisError, OSError) as exc:
                    fault = exc
                self._check_process()
                if self._daemon_lock is None and is_free(self.state_dir / "daemon.lock"):
                    return await self._enter()  # whoever had the server was just ending it
                if asyncio.get_running_loop().time() > deadline:
                    raise StoreUnavailable(
                        f"the Redis under {self.state_dir} is not ready after "
                        f"{patience_seconds:g} s: {fault}. Its last words: {self._last_words()}"
                    )
                await asyncio.sleep(0.02)

    def _check_process(self) -> None:
        if self._process is None or self._process.returncode is None:
            return
        if self._process.returncode < 0:
            # Killed, by whoever is short of memory: nothing is wrong with files or settings.
            raise StoreUnavailable(
                f"the embedded Redis under {self.state_dir} was killed by signal "
                f"{-self._process.returncode} while it began: expected it to run. Start again."
            )
        said = complaint("\n".join(self._log_lines()))
        if said:
            raise StoreDamaged(damage_report(self.state_dir, self._binary, said))
        raise ConfigError(
            f"the embedded Redis does not start under {self.state_dir}, it ended with "
            f"{self._process.returncode}: expected it to run. Its last words: {self._last_words()}"
        )

    def _last_words(self) -> str:
        return " | ".join(line.strip() for line in self._log_lines()[-3:]) or "none."

    def _log_lines(self) -> list[str]:
        path = self.state_dir / "redis.log"
        return path.read_text(errors="replace").splitlines() if path.exists() else []


def _settings(state_dir: Path, socket: Path, binary: ServerBinary) -> list[str]:
    """The server's command line. Only what differs from its defaults."""
    compact = "listpack" if binary.version >= (7, 0) else "ziplist"
    settings = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(state_dir),
        "save": "",
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        # A bucket has about 100 records of a few hundred bytes, 1,000 with a million positions.
        f"hash-max-{compact}-entries": "2048",
        f"hash-max-{compact}-value": "1024",
        "loglevel": "warning",
    }
    return [text for name, value in settings.items() for text in (f"--{name}", value)]


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(STOPPING_SECONDS):
            await process.wait()
    except TimeoutError:  # frozen, or its disk is
        process.kill()
        await process.wait()


def _socket_path(state_dir: Path) -> Path:
    """In the state directory, or, when that is too deep for a socket, in a short private one."""
    path = state_dir / "redis.sock"
    if _fits(path):
        return path
    places = [os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"]
    name = Path(f"cascade-monitor-{os.getuid()}", f"{digest(str(state_dir))[:16]}.sock")
    # The last one always fits.
    path = next(Path(place, name) for place in places if place and _fits(Path(place, name)))
    _check_private(path.parent)
    return path


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= SOCKET_PATH_BYTES


def _check_private(folder: Path) -> None:
    """Nobody else may put a socket where ours is looked for."""
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ConfigError(
            f"{folder} is not private: expected it to be ours with mode 700. Remove it, or choose "
            "a shorter store.state_dir."
        )
