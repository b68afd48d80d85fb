"""What the tests of the status page look at: a daemon on three real lending markets."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import aiohttp
from daemon_process import DaemonProcess, daemon_process
from devnet import WideWorld, new_wide_world, shock
from devnet.configuration import OWN_TIME, Wiring, configuration
from devnet.demo_loops import ACROSS, FLASHER, STAKER, build_loops
from devnet.receiver import Receiver
from devnet.staging import CRASH, DEMO_TERMS
from stage import free_port

READY_SECONDS = 60.0
BIRTH_SECONDS = 26 * 3600
"""How long before now the chain begins, as in the demo."""
MORE = f"""
[scenarios.eth-curve]
curve = {{ asset = "WETH", to = -0.4, steps = 10 }}

[scenarios.steth-depeg]
shocks = {{ "peg:wstETH/WETH" = -0.06 }}

[[breakers]]
name = "eth-distance"
scenario = "eth-curve"
measure = "critical_shock"
warn = 0.12
trip = 0.03
clear = 0.14

[[breakers]]
name = "steth-bad-debt"
scenario = "steth-depeg"
measure = "bad_debt_usd"
warn = 400_000
trip = 1_000_000
clear = 300_000

[[watch]]
name = "treasury"
accounts = ["{STAKER}", "{FLASHER}"]
health_below = 1.02

[[watch]]
name = "desk"
accounts = ["{ACROSS}"]
health_below = 1.15
"""
"""A curve, a depeg, and whose positions are ours, beside the crash of the demo."""


@dataclass
class Show:
    """A world, and the daemon that watches it. `port` is where it listens."""

    world: WideWorld
    daemon: DaemonProcess
    receiver: Receiver
    config: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def settled(self) -> dict[str, Any]:
        """The status at the newest block, once that is judged."""
        return await self.daemon.reached((await self.world.head()).hash, READY_SECONDS)

    async def mine(self) -> str:
        """An empty block of this second; its hash."""
        past = int(time.time()) - (await self.world.head()).timestamp
        return (await self.world.jump(max(1, past))).hash

    async def fall(self, percent: int) -> str:
        """WETH and what follows it fall, in one block of this second; its hash."""
        return await self.move(Fraction(-percent, 100))

    async def move(self, change: Fraction) -> str:
        """The same, either way."""
        past = int(time.time()) - (await self.world.head()).timestamp
        await shock(self.world, {"WETH": change}, seconds=max(1, past))
        return (await self.world.head()).hash


async def says(daemon: DaemonProcess, path: str, words: str) -> None:
    """Wait until an answer has the words in it; the daemon may not even listen yet."""
    async with asyncio.timeout(READY_SECONDS):
        while True:
            try:
                await daemon.says(path, words, READY_SECONDS)
                return
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def show(folder: Path, more: str = MORE, **changes: Any) -> AsyncIterator[Show]:
    """The demo's world with its loops, at rest: nothing has fallen yet."""
    birth = int(time.time()) - BIRTH_SECONDS
    async with (
        new_wide_world(DEMO_TERMS, genesis_timestamp=birth, epoch_slots=1) as world,
        Receiver() as receiver,
    ):
        await world.mine(4)  # so that the daemon begins after the world was made
        config, port = written(world, receiver, folder, more, **changes)
        async with daemon_process(config, port) as daemon:
            made = Show(world, daemon, receiver, config, port)
            await made.settled()
            await build_loops(world)
            await made.mine()
            await made.settled()
            yield made


def written(
    world: WideWorld, receiver: Receiver, folder: Path, more: str, **changes: Any
) -> tuple[Path, int]:
    """A configuration file of the demo's breaker, and the port it listens on."""
    secret, port = folder / "secret", free_port()
    secret.write_text(receiver.secret)
    terms: dict[str, Any] = {
        "shocks": {"WETH": float(CRASH)},
        "warn_usd": 3_000_000,
        "trip_usd": 4_200_000,
        "clear_usd": 2_800_000,
        "blindness": dict(OWN_TIME),
    }
    wiring = Wiring(
        state_dir=folder / "state",
        port=port,
        webhook_url=receiver.url,
        secret_file=secret,
        more=more,
        **(terms | changes),
    )
    path = folder / "monitor.toml"
    path.write_text(configuration(world, wiring))
    return path, port
