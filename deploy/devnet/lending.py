"""The lending markets of a world, in the order of its configuration."""

from devnet.aave_visits import AaveMarket, borrowers
from devnet.claims import claims_in
from devnet.configuration import AAVE_3_0, AAVE_CORE, MORPHO
from devnet.morpho_visits import MorphoMarket, pair_borrowers
from devnet.visits import LendingMarket
from devnet.wide_world import WideWorld
from devnet.world import World


async def lending_markets(world: World) -> tuple[LendingMarket, ...]:
    """With everybody who has borrowed there by now."""
    core = AaveMarket(AAVE_CORE, world, await borrowers(world))
    if not isinstance(world, WideWorld):
        return (core,)
    return (
        core,
        AaveMarket(AAVE_3_0, world.aave_3_0, await borrowers(world.aave_3_0)),
        MorphoMarket(MORPHO, world, await pair_borrowers(world), await claims_in(world)),
    )
