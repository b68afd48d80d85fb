"""The bridge of Aave before 3.4: aTokens without the money, which comes later."""

from devnet import ADMIN, Tx
from devnet.chain import MULTICALL3
from devnet.world import NO_REFERRAL

from fuzz.aave_v3.scene import AaveScene
from fuzz.bundling import bundled

MINT = "mintUnbacked(address,uint256,address,uint16)"
BACK = "backUnbacked(address,uint256,uint256)"
CAP_WHOLE = 10**6


def unbacked(scene: AaveScene) -> Tx | None:
    """Minted and backed in part, with a fee that raises the suppliers' index; or only minted."""
    world, rng = scene.world, scene.rng
    symbol = rng.choice(scene.open_reserves)
    asset, pool = world.token(symbol), world.addresses.pool
    raw = max(1_000, scene.raw_of_usd(symbol, 10, 10_000))
    heir = rng.choice(scene.actors)
    cap = "setUnbackedMintCap(address,uint256)"
    calls = [
        world.tx(MULTICALL3, world.addresses.configurator, cap, asset, CAP_WHOLE),
        world.tx(MULTICALL3, pool, MINT, asset, raw, heir, NO_REFERRAL),
    ]
    if rng.random() < 0.7:
        backed, fee = raw * rng.randint(1, 10) // 10, raw // rng.choice([50, 1_000])
        calls += [
            world.mint(MULTICALL3, symbol, 2 * raw),
            world.approve(MULTICALL3, symbol, pool),
            world.tx(MULTICALL3, pool, BACK, asset, backed, fee),
        ]
    return bundled(world, ADMIN, calls)
