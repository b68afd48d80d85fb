"""The demo's recursive leverage: the same money pledged, borrowed and pledged again, four ways.

Everybody here survives the crash: what it liquidates is the population's.
"""

from dataclasses import dataclass

from devnet.abi import Address, account
from devnet.desks import AaveDesk, MorphoDesk
from devnet.flash_building import Flash, flash_build, prepare_flash
from devnet.levering import Way, prepare, turns, walk
from devnet.pool_prices import mids
from devnet.share_market import open_share_market
from devnet.wide_world import WideWorld

ACROSS, STAKER, SAVER, FLASHER = (
    account(f"demo {name}") for name in ("across", "staker", "saver", "flasher")
)
E_MODE = 1
SHARES_LLTV_WAD = 860_000_000_000_000_000
WAD = 10**18


@dataclass(frozen=True, slots=True)
class Built:
    """Who levered, and how often borrowed money was pledged again."""

    owner: Address
    what: str
    hops: int


async def build_loops(world: WideWorld) -> list[Built]:
    """By real transactions. The pools' prices are afterwards what they were."""
    before = await mids(world)
    vault, usdc = world.terms.vaults[0].name, world.raw("USDC", 500_000)
    market = await open_share_market(
        world, vault, "USDC", SHARES_LLTV_WAD, {account("demo share lender"): usdc}
    )
    ways = {
        "across Aave 3.6, Aave 3.0.2 in Spark's stead, and Morpho": Way(
            ACROSS,
            world.raw("wstETH", 400),
            (
                AaveDesk(world, "wstETH", "WETH"),
                AaveDesk(world.aave_3_0, "WETH", "USDC"),
                MorphoDesk(world, "WBTC/USDC"),
                AaveDesk(world, "USDC", "DAI"),
            ),
            5_000,
        ),
        "staked ether, in e-mode": Way(
            STAKER,
            world.raw("wstETH", 50),
            turns(AaveDesk(world, "wstETH", "WETH", E_MODE), 5),
            9_000,
        ),
        "shares of a vault, for what it lends": Way(
            SAVER, 12_000 * WAD, turns(MorphoDesk(world, market), 3), 8_000
        ),
    }
    await prepare(world, *ways.values())
    walked = await walk(world, *ways.values())
    flash = Flash(
        FLASHER,
        MorphoDesk(world, "wstETH/WETH"),
        world.raw("wstETH", 15),
        world.raw("wstETH", 60),
    )
    await prepare_flash(world, flash, world.morpho.actor)
    await flash_build(world, flash, world.morpho.actor)
    await world.block(*(world.move_pool_to(name, price) for name, price in before.items()))
    hops = zip(ways, walked, strict=True)
    return [
        *(Built(each.way.account, what, each.hops) for what, each in hops),
        Built(FLASHER, "staked ether, in one transaction", 1),
    ]
