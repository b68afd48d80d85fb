"""The daemon and its embedded Redis, to be ended, frozen, and begun again as supervisors do."""

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from daemon_process import DaemonProcess

from torture.letters import Interruption, Resumed

UNAVAILABLE = 69
"""The exit code by which the daemon says that what it needs is away: supervisors begin it again."""
END_SECONDS = 30.0


class Victims:
    """One daemon over all its lives. `faults`: what it should never have done.

    `daemon` is who leads, where there are two; `resumed` and `counts` are of such.
    """

    def __init__(self, daemon: DaemonProcess, state_dir: Path) -> None:
        self.daemon = daemon
        self.interruptions: list[Interruption] = []
        self.troubles: list[Interruption] = []
        self.faults: list[str] = []
        self.resumed: list[Resumed] = []
        self.counts: Counter[str] = Counter()
        self.lives = 0
        self._lock = state_dir / "server.lock"

    # Ending

    @asynccontextmanager
    async def troubled(self, what: str, *, is_excused: bool) -> AsyncIterator[None]:
        """`is_excused`: what comes twice around here."""
        begun = time.monotonic()
        try:
            yield
        finally:
            trouble = Interruption(what, begun, time.monotonic())
            self.troubles.append(trouble)
            if is_excused:
                self.interruptions.append(trouble)

    async def kill_daemon(self) -> None:
        await self.daemon.kill()

    def kill_redis(self) -> bool:
        """Whether the daemon's own was killed; else an orphan of an earlier life, or none."""
        is_own = self._owns_redis()
        self._signal_redis(signal.SIGKILL)
        return is_own

    async def freeze(self, seconds: float, *, redis: bool) -> None:
        """SIGSTOP, and SIGCONT after a while."""
        self._signal(signal.SIGSTOP, redis=redis)
        try:
            await asyncio.sleep(seconds)
        finally:
            self._signal(signal.SIGCONT, redis=redis)

    def go_on(self) -> None:
        """SIGCONT, whoever has stopped it."""
        self._signal(signal.SIGCONT, redis=False)

    @property
    def own_redis_pid(self) -> int | None:
        """Of the running daemon's own Redis, if it has begun."""
        return self._redis_pid() if self._owns_redis() else None

    def freeze_redis(self) -> int | None:
        """Until `thaw`; the process id."""
        pid = self._redis_pid()
        self._signal_redis(signal.SIGSTOP)
        return pid

    def thaw(self, pid: int | None) -> None:
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    async def stop(self) -> None:
        """SIGTERM: it must end in order, or at once where it had not yet begun."""
        code = await self.daemon.stop()
        if code not in (0, -signal.SIGTERM):
            self.faults.append(f"it ended with {code} after SIGTERM, expected 0")

    # Beginning

    async def start(self) -> None:
        self.lives += 1
        await self.daemon.start()

    async def lost_redis(self) -> None:
        """Without its Redis the daemon must end, saying so."""
        try:
            code = await self.daemon.ended(END_SECONDS)
        except TimeoutError:
            self.faults.append(f"it still ran {END_SECONDS:g} s after its Redis was killed")
            await self.daemon.kill()
        else:
            self._judge_exit(code)

    async def revive(self) -> None:
        """As a supervisor would: begin it again if it ended because something was away."""
        code = self.daemon.exit_code
        if code is not None:
            self._judge_exit(code)
            await self.start()

    async def look(self) -> None:
        """Know who leads."""

    async def reached(self, block_hash: str, seconds: float) -> None:
        """Until this block is judged. Raises TimeoutError, AssertionError when it ended."""
        await self.daemon.reached(block_hash, seconds)

    @property
    def is_unavailable(self) -> bool:
        """Whether it ended because something was away."""
        return self.daemon.exit_code == UNAVAILABLE

    def check_alive(self) -> None:
        """Nothing was done that it may end for."""
        if self.daemon.exit_code is not None:
            self.faults.append(f"it ended by itself with {self.daemon.exit_code}: see its log")

    async def bury(self) -> None:
        """Leave no process behind, whatever state it is in."""
        self._signal(signal.SIGCONT, redis=True)
        self._signal(signal.SIGCONT, redis=False)
        with suppress(TimeoutError):
            await self.daemon.kill()
        self.kill_redis()

    def _judge_exit(self, code: int) -> None:
        if code != UNAVAILABLE:
            self.faults.append(f"it ended by itself with {code}, expected {UNAVAILABLE}")

    def _signal(self, number: signal.Signals, *, redis: bool) -> None:
        if redis:
            self._signal_redis(number)
        else:
            self.daemon.send(number)

    def _signal_redis(self, number: signal.Signals) -> bool:
        pid = self._redis_pid()
        if pid is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        return True

    def _owns_redis(self) -> bool:
        pid = self._redis_pid()
        if pid is None or self.daemon.exit_code is not None:
            return False
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return False
        return f"\nPPid:\t{self.daemon.pid}\n" in status

    def _redis_pid(self) -> int | None:
        """The server in our state directory, if the process of that number is one."""
        try:
            pid = int(self._lock.read_text())
            line = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        except (OSError, ValueError):
            return None
        return pid if str(self._lock.parent) in line else None
