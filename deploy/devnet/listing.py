"""New reserves for a market that runs already, and new code for the contracts it has.

`symbol = await list_reserve(world, AssetTerms("LINK", …))` lists a reserve in one block.
`await prepare_reserve(world, terms)` deploys what a listing needs and changes nothing of the
market; `listing(world, symbol)` is then the listing itself, as transactions to run when it suits,
and `await find_tokens(world, symbol)` learns the addresses of the two tokens it made.

`await upgrade_token(world, "USDC", "supply")` gives an aToken other code of the same revision, and
`revision=6` code of another; `upgrade_pool` does so for the pool. Their halves are
`reissue_token` (deploys, changes nothing) and `token_upgrade` (the transaction); `reissue_pool` and
`pool_upgrade`.
"""

from dataclasses import replace
from typing import Literal

from devnet.aave_deployment import (
    RESERVE_INPUT,
    TREASURY,
    asset_settings,
    reserve_input,
)
from devnet.abi import ZERO_ADDRESS, Address
from devnet.deployer import ADMIN, DEPLOY_GAS, Deployer
from devnet.feed_deployment import deploy_feed
from devnet.terms import AssetTerms
from devnet.transactions import Receipt, Tx
from devnet.world import World

Side = Literal["supply", "debt"]
TOKEN_REVISION, POOL_REVISION = 5, 10
"""Those of Aave V3.6."""
TOKEN_INPUT = "(address,string,string,address,bytes)"


async def list_reserve(world: World, terms: AssetTerms, contract: str = "MintableERC20") -> str:
    """Deploys a token and its feed and lists them as a reserve, in one block; the symbol."""
    await prepare_reserve(world, terms, contract)
    await world.block(*await listing(world, terms.symbol))
    await find_tokens(world, terms.symbol)
    return terms.symbol


async def prepare_reserve(world: World, terms: AssetTerms, contract: str = "MintableERC20") -> None:
    """A token and its feed, known to `world` from then on; the market does not know them.

    `contract`: what the token is, which knows its own names where it is not the usual one.
    """
    deployer = Deployer(world)
    at, symbol = world.addresses, terms.symbol
    if symbol in at.tokens:
        raise ValueError(f"there is an asset {symbol} already")
    names = (symbol, symbol, terms.decimals) if contract == "MintableERC20" else ()
    token = await deployer.deploy(contract, *names)
    at.feeds[symbol], at.aggregators[symbol] = await deploy_feed(deployer, terms, at.reporter)
    at.tokens[symbol] = token
    world.terms = replace(world.terms, assets=(*world.terms.assets, terms))


async def listing(world: World, symbol: str) -> list[Tx]:
    """The transactions that make a prepared asset a reserve, the price source first."""
    deployer = Deployer(world)
    at, terms = world.addresses, world.terms.asset(symbol)
    token = at.tokens[symbol]
    supply = await deployer.deploy("ATokenInstance", at.pool, ZERO_ADDRESS, TREASURY)
    debt = await deployer.deploy("VariableDebtTokenInstance", at.pool, ZERO_ADDRESS)
    reserve = [reserve_input(terms, token, supply, debt)]
    collateral = (terms.ltv_bps, terms.threshold_bps, terms.bonus_bps)
    settings: list[tuple[str, *tuple[object, ...]]] = [
        ("configureReserveAsCollateral(address,uint256,uint256,uint256)", *collateral),
        *asset_settings(terms),
    ]
    configurator = at.configurator
    return [
        world.replace_source(symbol, at.feeds[symbol]),
        world.tx(ADMIN, configurator, f"initReserves({RESERVE_INPUT}[])", reserve, gas=DEPLOY_GAS),
        *(world.tx(ADMIN, configurator, name, token, *values) for name, *values in settings),
    ]


async def find_tokens(world: World, symbol: str) -> None:
    """Writes down where a reserve's aToken and debt token are, as of the head."""
    at = world.addresses
    for view, book in (
        ("getReserveAToken", at.atokens),
        ("getReserveVariableDebtToken", at.debt_tokens),
    ):
        book[symbol] = await world.call(at.pool, f"{view}(address)(address)", at.tokens[symbol])


async def upgrade_token(
    world: World, symbol: str, side: Side, *, revision: int = TOKEN_REVISION
) -> Receipt:
    """Another implementation behind one token: Aave's code, and the revision as told."""
    code = await reissue_token(world, side, revision=revision)
    return await token_upgrade(world, symbol, side, code)


async def reissue_token(world: World, side: Side, *, revision: int = TOKEN_REVISION) -> Address:
    """An implementation that any token of that side can be upgraded to."""
    deployer, pool = Deployer(world), world.addresses.pool
    if side == "supply":
        return await deployer.deploy("ReissuedAToken", pool, ZERO_ADDRESS, TREASURY, revision)
    return await deployer.deploy("ReissuedDebtToken", pool, ZERO_ADDRESS, revision)


def token_upgrade(world: World, symbol: str, side: Side, code: Address) -> Tx:
    """The upgrade to code from `reissue_token`."""
    name = "updateAToken" if side == "supply" else "updateVariableDebtToken"
    update = (world.token(symbol), f"Upgraded {symbol}", f"u{symbol}", code, b"")
    return world.tx(ADMIN, world.addresses.configurator, f"{name}({TOKEN_INPUT})", update)


async def upgrade_pool(world: World, *, revision: int = POOL_REVISION) -> Receipt:
    """Another implementation behind the pool: Aave's code, and the revision as told."""
    return await pool_upgrade(world, await reissue_pool(world, revision=revision))


async def reissue_pool(world: World, *, revision: int = POOL_REVISION) -> Address:
    """An implementation that the pool can be upgraded to."""
    at = world.addresses
    rates = await world.call(at.pool, "RESERVE_INTEREST_RATE_STRATEGY()(address)")
    return await Deployer(world).deploy("ReissuedPool", at.addresses_provider, rates, revision)


def pool_upgrade(world: World, code: Address) -> Tx:
    """The upgrade to code from `reissue_pool`."""
    provider = world.addresses.addresses_provider
    return world.tx(ADMIN, provider, "setPoolImpl(address)", code)
