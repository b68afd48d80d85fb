"""A world with borrowers, a receiver, and the daemon's files: what tests of the whole stand on."""

import random
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from devnet import USD, World, make_borrowers, new_world
from devnet.configuration import Wiring, configuration
from devnet.receiver import Receiver

BORROWERS = 40
PORTS = (10_000, 32_000)


@dataclass
class Stage:
    """A world with borrowers, a receiver, and where a daemon's files go."""

    world: World
    receiver: Receiver
    folder: Path

    def config(self, name: str = "monitor", **changes: object) -> tuple[Path, int]:
        """A configuration file of its own state; and the port it listens on."""
        secret = self.folder / "secret"
        secret.write_text(self.receiver.secret)
        wiring = Wiring(
            state_dir=self.folder / name,
            port=free_port(),
            webhook_url=self.receiver.url,
            secret_file=secret,
            shocks={"WETH": -0.05},
            warn_usd=20_000,
            trip_usd=100_000,
            clear_usd=10_000,
        )
        wiring = replace(wiring, **changes)  # type: ignore[arg-type]
        path = self.folder / f"{name}.toml"
        path.write_text(configuration(self.world, wiring))
        return path, wiring.port

    async def head(self) -> str:
        return (await self.world.head()).hash


def free_port() -> int:
    """One that stays free: below those the system draws from for connections, which would take it
    while a daemon is down.
    """
    draw = random.SystemRandom()
    while True:
        port = draw.randint(*PORTS)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


@asynccontextmanager
async def new_stage(folder: Path) -> AsyncIterator[Stage]:
    """A fresh world with its whole history."""
    async with new_world() as world, Receiver() as receiver:
        await make_borrowers(world, BORROWERS, 7)
        yield Stage(world, receiver, folder)


async def slide(world: World, price_usd: int) -> str:
    """Move feed and pool of WETH (and what follows it) to a price; the last block's hash."""
    await world.move_pool_to("WETH/USDC", price_usd)
    await world.move_feed("wstETH", price_usd * USD * 6 // 5)
    return (await world.move_feed("WETH", price_usd * USD)).block_hash
