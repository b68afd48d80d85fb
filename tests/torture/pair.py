"""Two daemons of one configuration on one Redis: who leads, who stands by, who was replaced."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import aiohttp
from daemon_process import DaemonProcess
from redis_server import RedisServer

from torture.letters import Interruption, Resumed
from torture.verdict import GivenUpError
from torture.victims import END_SECONDS, Victims

MEMBERS = ("one", "other")
"""Names of the two, by which their letters are told apart."""
LEADS = "cascade_monitor_leader 1.0"
ANSWER_SECONDS = 2.0
TAKE_OVER_SECONDS = 45.0
"""However little time the machine has. How quick it is elsewhere is tested elsewhere."""


class Pair(Victims):
    """Both over all their lives, each begun as a standby. `daemon` led when we last looked."""

    def __init__(
        self, daemons: tuple[DaemonProcess, ...], server: RedisServer, folder: Path
    ) -> None:
        super().__init__(daemons[0], folder)
        self.server = server
        self._daemons = daemons
        self._led = (0, time.monotonic())
        """The leader's process, and when we last saw it lead."""

    @property
    def standby(self) -> DaemonProcess:
        """Who did not lead when we last looked."""
        return next(daemon for daemon in self._daemons if daemon is not self.daemon)

    # Beginning

    async def start(self) -> None:
        """Whoever does not run."""
        if not self.lives:
            self.server.start(wait=False)
        for daemon in self._daemons:
            if daemon.exit_code is not None or not self.lives or not _has_begun(daemon):
                self.lives += 1
                await daemon.start("--standby")

    async def revive(self) -> None:
        """As a supervisor would: again whoever ended because something was away, or another led."""
        for daemon in self._daemons:
            if (code := daemon.exit_code) is not None:
                self._judge_exit(code)
        if self.faults:
            raise GivenUpError("one of the two ended otherwise than it may: see their logs")
        await self.start()

    # Who leads

    async def look(self) -> None:
        """Know who leads; somebody must, soon. Raises GivenUpError."""
        until = time.monotonic() + TAKE_OVER_SECONDS
        while time.monotonic() < until:
            for daemon in self._daemons:
                if await self._leads(daemon):
                    return self._see(daemon)
            await self.revive()
            await asyncio.sleep(0.05)
        raise GivenUpError(f"nobody led {TAKE_OVER_SECONDS:g} s after all was well")

    async def reached(self, block_hash: str, seconds: float) -> None:
        """By the leader, whoever it is. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while True:
                await self.revive()
                for daemon in self._daemons:
                    code, status = await _answer(daemon, "/api/v1/status")
                    if code == 200 and (status["evaluated"] or {}).get("hash") == block_hash:
                        return self._see(daemon)
                await asyncio.sleep(0.05)

    async def taken_over(self) -> bool:
        """Whether the standby leads, soon."""
        successor, until = self.standby, time.monotonic() + TAKE_OVER_SECONDS
        while time.monotonic() < until:
            if await self._leads(successor):
                return True
            await asyncio.sleep(0.05)
        return False

    async def _leads(self, daemon: DaemonProcess) -> bool:
        if daemon.exit_code is not None:
            return False
        _, text = await _answer(daemon, "/metrics")
        return LEADS in str(text)

    def _see(self, leader: DaemonProcess) -> None:
        """Another process than before is a failover: what it found begun, it delivered again."""
        pid, last_monotonic = self._led
        now = time.monotonic()
        if pid and leader.pid != pid:
            self.counts["failovers"] += leader is not self.daemon
            change = Interruption("failover", last_monotonic, now)
            self.interruptions.append(change)
            self.troubles.append(change)
        self._led = (leader.pid, now)
        self.daemon = leader

    # Ending

    async def replace(self) -> None:
        """The leader is frozen until another leads, and goes on then: it must end, and mute."""
        frozen = self.daemon
        frozen.send(signal.SIGSTOP)
        try:
            if not await self.taken_over():
                self.faults.append(f"nobody led {TAKE_OVER_SECONDS:g} s after the leader froze")
        finally:
            begun = time.monotonic()
            frozen.send(signal.SIGCONT)
        await self._must_end(frozen, begun)

    async def _must_end(self, daemon: DaemonProcess, begun: float) -> None:
        try:
            code = await daemon.ended(END_SECONDS)
        except TimeoutError:
            self.faults.append(f"it ran {END_SECONDS:g} s beside another leader")
            await daemon.kill()
        else:
            self._judge_exit(code)
        self.counts["resumed leaders"] += 1
        self.resumed.append(Resumed(daemon.config.stem, begun, time.monotonic()))

    async def hand_over(self) -> None:
        """SIGTERM to the leader."""
        code = await self.daemon.stop()
        if code not in (0, -signal.SIGTERM):
            self.faults.append(f"it ended with {code} after SIGTERM, expected 0")

    async def kill_both(self) -> None:
        for daemon in self._daemons:
            await daemon.kill()

    async def stop(self) -> None:
        """Both in order, the standby first."""
        for daemon in (self.standby, self.daemon):
            code = await daemon.stop()
            if code not in (0, -signal.SIGTERM):
                self.faults.append(f"it ended with {code} after SIGTERM, expected 0")

    def check_alive(self) -> None:
        """Whoever ends is looked at by `revive`."""

    async def bury(self) -> None:
        for daemon in self._daemons:
            daemon.send(signal.SIGCONT)
            await daemon.kill()
        if self.server.pid:
            os.kill(self.server.pid, signal.SIGCONT)
            self.server.kill()


def _has_begun(daemon: DaemonProcess) -> bool:
    try:
        return bool(daemon.pid)
    except AssertionError:
        return False


async def _answer(daemon: DaemonProcess, path: str) -> tuple[int, Any]:
    """(0, "") of one that is frozen, ended, or not there yet."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            return await daemon.get(path)
    except (aiohttp.ClientError, TimeoutError):
        return 0, ""
