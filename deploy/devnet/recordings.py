"""python -m devnet.recordings: what the demo's world answers while things happen to it, as files.

Three scenes on one world of three lending markets, each from the same block: a crash with
liquidators, a flash crash that nobody is liquidated in, and a depeg of wstETH that one of the three
markets sees. `cascade-monitor replay --recording` plays them without a node. They are in the
repository, since they hold no contract's code: only what views and logs said.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from devnet.configuration import Wiring, configuration
from devnet.market import crash, shock, slide
from devnet.saved_world import open_wide_world
from devnet.staging import CRASH, DEMO_TERMS
from devnet.wide_world import WideWorld

FOLDER = Path(__file__).resolve().parents[1] / "incidents" / "recordings"
TERMS = replace(DEMO_TERMS, borrowers=40)
HORIZON = "3m"
CALM_BLOCKS = 15
"""After a scene, so that a horizon of three minutes is over."""
STEP = Fraction(-2, 100)
FLASH = Fraction(-10, 100)
SLIP = Fraction(-4, 100)
DEPEG = Fraction(-10, 100)
BREAKERS = """
[scenarios.wsteth-depeg]
shocks = { wstETH = -0.05 }

[[breakers]]
name = "wsteth-depeg"
scenario = "wsteth-depeg"
measure = "liquidated_usd"
warn = 80_000
trip = 120_000
clear = 40_000
"""


async def crashed(world: WideWorld) -> None:
    """The market slides, the breaker trips, then it falls for real and liquidators come."""
    for _ in range(4):
        await slide(world, STEP)
        await world.mine(2)
    await crash(world, {"WETH": CRASH})


async def flashed(world: WideWorld) -> None:
    """It falls by a tenth and is back three blocks later: nobody came in between."""
    await shock(world, {"WETH": FLASH})
    await world.mine(3)
    await shock(world, {"WETH": 1 / (1 + FLASH) - 1})


async def depegged(world: WideWorld) -> None:
    """wstETH slips, then loses a tenth: only Aave 3.0.2 asks a feed of its market."""
    await shock(world, {"wstETH": SLIP})
    await world.mine(2)
    await crash(world, {"wstETH": DEPEG})


Scene = Callable[[WideWorld], Awaitable[None]]
SCENES: Mapping[str, Scene] = {"crash": crashed, "flash-crash": flashed, "depeg": depegged}


async def record(folder: Path) -> None:
    """All scenes into a folder that is there."""
    async with open_wide_world(TERMS, epoch_slots=1) as world:
        await world.mine(4)
        with tempfile.TemporaryDirectory(prefix="cascade-recordings-") as place:
            config = Path(place) / "monitor.toml"
            wiring = Wiring(
                Path(place) / "state",
                shocks={"WETH": float(CRASH)},
                warn_usd=600_000,
                trip_usd=690_000,
                clear_usd=550_000,
                more=BREAKERS,
            )
            config.write_text(configuration(world, wiring))
            for name, scene in SCENES.items():
                before = await world.snapshot()
                first = (await world.head()).number + 1
                await world.mine(2)
                await scene(world)
                await world.mine(CALM_BLOCKS)
                last = (await world.head()).number
                await _replayed(config, first, last, folder / f"{name}.json.gz")
                print(_told(folder / f"{name}.json.gz"), flush=True)
                await world.revert(before)


async def _replayed(config: Path, first: int, last: int, to: Path) -> None:
    command = (
        *(sys.executable, "-m", "monitor", "replay", "--config", str(config)),
        *("--from-block", str(first), "--to-block", str(last), "--horizon", HORIZON),
        *("--record", str(to), "--force"),
    )
    process = await asyncio.create_subprocess_exec(*command)
    if await process.wait():
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")


def _told(path: Path) -> str:
    return f"{path}: {path.stat().st_size} bytes"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m devnet.recordings", description=__doc__)
    parser.add_argument("--output", type=Path, default=FOLDER)
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    asyncio.run(record(folder))


if __name__ == "__main__":
    main()
