"""A market of Morpho whose collateral is the share of a vault: a claim on other markets of it."""

from devnet.abi import ZERO_ADDRESS, Address
from devnet.addresses import MarketParams
from devnet.chain import View
from devnet.deployer import Deployer
from devnet.oracle_deployment import OracleSide, deploy_composed_oracle
from devnet.wide_world import WideWorld


async def open_share_market(
    world: WideWorld, vault: str, loan: str, lltv_wad: int, lent: dict[Address, int]
) -> str:
    """Its name in Morpho's book. `loan` is the vault's asset; `lent`: who lends how much of it.

    The oracle is a double of Morpho's composed one, over what the vault says a share is worth.
    """
    name, token = f"{vault}/{loan}", world.addresses.morpho.vaults[vault]
    decimals = world.terms.asset(loan).decimals
    (share_decimals,) = await world.read([View(token, "decimals()(uint8)")])
    oracle = await deploy_composed_oracle(
        Deployer(world),
        OracleSide(decimals, vault=token, sample=10**share_decimals, feed_1=ZERO_ADDRESS),
        OracleSide(decimals),
    )
    rate_model = world.addresses.morpho.rate_model
    params = MarketParams(world.token(loan), token, oracle, rate_model, lltv_wad)
    world.addresses.morpho.markets[name] = params
    await world.morpho.create_market(Deployer(world).admin, params)
    txs = []
    for lender, raw in lent.items():
        txs += [
            world.mint(lender, loan, raw),
            world.approve(lender, loan, world.addresses.morpho.morpho),
            world.morpho.supply(lender, name, raw),
        ]
    await world.block(*txs)
    return name
