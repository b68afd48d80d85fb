"""python -m devnet.serve: a chain to point the daemon at, until Ctrl-C.

As it comes it is the one that deploy/demo.toml is for.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import time
from dataclasses import asdict, replace

from devnet.chain import BLOCK_SECONDS
from devnet.morpho_deployment import TIMELOCK_SECONDS
from devnet.saved_world import new_world
from devnet.staging import DEMO_TERMS
from devnet.terms import WorldTerms
from devnet.wide_terms import WideTerms
from devnet.world import World

# Building takes some hundred blocks of 12 s, which must end before now; a wide world waits for its
# vault's timelock besides.
BUILDING_SECONDS = 7_200
BORROWERS = 40


async def serve(port: int, terms: WorldTerms, block_seconds: int) -> None:
    building = BUILDING_SECONDS + (TIMELOCK_SECONDS if isinstance(terms, WideTerms) else 0)
    genesis = int(time.time()) - building
    # Not a saved world: months of interest until today would liquidate half of the borrowers.
    async with new_world(terms, genesis_timestamp=genesis, port=port) as world:
        await _update(world)
        print(json.dumps(asdict(world.addresses), indent=2))
        print(f"chain {world.anvil.chain_id} at {world.anvil.http_url} and {world.anvil.ws_url}")
        print(f"a block every {block_seconds} s, Ctrl-C to stop", flush=True)
        while True:
            await asyncio.sleep(block_seconds)
            await world.mine(timestamp=int(time.time()))


async def _update(world: World) -> None:
    """Brings the chain's clock to now, with feeds that are not stale."""
    now = int(time.time())
    feeds = (world.move_feed(asset.symbol, asset.price_e8) for asset in world.terms.assets)
    await world.block(*feeds, timestamp=now)


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m devnet.serve", description=__doc__)
    parser.add_argument("--port", type=int, default=8545)
    parser.add_argument("--borrowers", type=int, default=BORROWERS, help="in each market")
    parser.add_argument("--block-seconds", type=int, default=BLOCK_SECONDS)
    parser.add_argument(
        "--wide",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="with Aave 3.0.2, Morpho and a vault",
    )
    options = parser.parse_args()
    usual: WorldTerms = DEMO_TERMS if options.wide else WorldTerms()
    terms = replace(usual, borrowers=options.borrowers)
    task = asyncio.create_task(serve(options.port, terms, options.block_seconds))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


if __name__ == "__main__":
    asyncio.run(main())
