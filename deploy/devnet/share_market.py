"""Markets of Morpho whose collateral is a claim: the share of a vault, or an aToken."""

from collections.abc import Mapping

from devnet.abi import ZERO_ADDRESS, Address
from devnet.addresses import MarketParams
from devnet.chain import View
from devnet.claims import claims_in
from devnet.deployer import Deployer
from devnet.oracle_deployment import OracleSide, deploy_composed_oracle
from devnet.wide_world import WideWorld
from devnet.world import World

SAMPLE_SHARES = 10**6


async def open_share_market(
    world: WideWorld, vault: str, loan: str, lltv_wad: int, lent: Mapping[Address, int]
) -> str:
    """Its name in Morpho's book. `lent`: who lends how much of the loan.

    The oracle is a double of Morpho's composed one, over what the vault says shares are worth, and
    over the feeds of its asset and the loan where these are two. It asks for a million: the worth
    of one has six digits at most where the asset has.
    """
    name, token = f"{vault}/{loan}", world.addresses.morpho.vaults[vault]
    (share_decimals,) = await world.read([View(token, "decimals()(uint8)")])
    asset = (await claims_in(world))[token].underlying
    feeds = dict.fromkeys((asset, loan), ZERO_ADDRESS) if asset == loan else world.addresses.feeds
    oracle = await deploy_composed_oracle(
        Deployer(world),
        OracleSide(
            world.terms.asset(asset).decimals,
            vault=token,
            sample=SAMPLE_SHARES * 10**share_decimals,
            feed_1=feeds[asset],
        ),
        OracleSide(world.terms.asset(loan).decimals, feed_1=feeds[loan]),
    )
    await _open(world, name, (loan, token, oracle, lltv_wad), lent)
    return name


async def open_atoken_market(
    world: WideWorld,
    issuer: World,
    pair: tuple[str, str],
    lltv_wad: int,
    lent: Mapping[Address, int],
) -> str:
    """Its name in Morpho's book. `pair`: what is under the aToken, and the loan.

    `issuer` is the Aave market whose aToken it is. Its oracle is a double of Morpho's composed one
    over the feeds of both assets. Morpho keeps raw amounts: what pledged aTokens earn is lost.
    """
    (pledged, loan), feeds = pair, world.addresses.feeds
    token = issuer.addresses.atokens[pledged]
    name = f"a{pledged} of {issuer.addresses.pool}/{loan}"
    oracle = await deploy_composed_oracle(
        Deployer(world),
        OracleSide(world.terms.asset(pledged).decimals, feed_1=feeds[pledged]),
        OracleSide(world.terms.asset(loan).decimals, feed_1=feeds[loan]),
    )
    await _open(world, name, (loan, token, oracle, lltv_wad), lent)
    return name


async def _open(
    world: WideWorld,
    name: str,
    terms: tuple[str, Address, Address, int],
    lent: Mapping[Address, int],
) -> None:
    """`terms`: the loan, the collateral's token, the oracle, the LLTV."""
    loan, token, oracle, lltv_wad = terms
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
