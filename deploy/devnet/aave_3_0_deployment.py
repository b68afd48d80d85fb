"""An Aave V3.0.2 market: the real contracts of the npm package `@aave/core-v3` 1.19.3.

SparkLend's contracts are in no registry. Before its rounding upgrade they are these under other
settings, so that a second market of this kind, with an id of its own, stands in for it.

What differs from 3.6, and matters to who deploys: there are stable debt tokens (borrowing at a
stable rate is off, as it was on mainnet at the end), a rate strategy is a contract of its own, an
asset belongs to at most one e-mode, and an e-mode may have a price source.
"""

from typing import Any

from devnet.aave_deployment import TREASURY, asset_settings, deploy_access
from devnet.abi import ZERO_ADDRESS, Address
from devnet.addresses import AaveAddresses
from devnet.deployer import ADMIN, DEPLOY_GAS, Deployer
from devnet.terms import USD, AssetTerms, EModeTerms, RateTerms, WorldTerms
from devnet.transactions import Tx
from devnet.world import World

PACKAGE = "aave_3_0"
"""What the names of its artifacts begin with."""
RAY_PER_BPS = 10**23
STABLE_RATE = 1
"""The rate mode of a debt at a stable rate."""
FLASH_LOAN_PREMIUM_BPS, PREMIUM_TO_TREASURY_BPS = 9, 3_000
BRIDGE_FEE_TO_TREASURY_BPS = 2_000
RESERVE_INPUT = (
    "(address,address,address,uint8,address,address,address,address,"
    "string,string,string,string,string,string,bytes)"
)
COLLATERAL = "configureReserveAsCollateral(address,uint256,uint256,uint256)"
E_MODE = "setEModeCategory(uint8,uint16,uint16,uint16,address,string)"
STABLECOINS = EModeTerms(
    2, "Stablecoins", 9700, 9750, 10100, collateral=("USDC", "DAI"), borrowable=("USDC", "DAI")
)
STABLECOIN_PRICE = "USDC"
"""Whose price every asset of that e-mode has for who is in it."""


async def deploy_aave_3_0(
    deployer: Deployer,
    terms: WorldTerms,
    tokens: dict[str, Address],
    feeds: dict[str, Address],
    market_id: str = "Devnet market of V3.0.2",
) -> AaveAddresses:
    """The market of these terms, and the stablecoins' e-mode where the terms have both of them."""
    provider = await deployer.deploy(f"{PACKAGE}/PoolAddressesProvider", market_id, deployer.admin)
    acl_manager = await deploy_access(deployer, provider, f"{PACKAGE}/ACLManager")
    assets = [asset.symbol for asset in terms.assets]
    oracle = await deployer.deploy(
        f"{PACKAGE}/AaveOracle",
        provider,
        [tokens[symbol] for symbol in assets],
        [feeds[symbol] for symbol in assets],
        *(ZERO_ADDRESS, ZERO_ADDRESS, USD),
    )
    await deployer.send(provider, "setPriceOracle(address)", oracle)
    data_provider = await deployer.deploy(f"{PACKAGE}/AaveProtocolDataProvider", provider)
    await deployer.send(provider, "setPoolDataProvider(address)", data_provider)
    pool, configurator = await _deploy_pool(deployer, provider)

    await _list_reserves(deployer, terms, tokens, (provider, pool, configurator))
    for e_mode in terms.e_modes:
        await _set_e_mode(deployer, configurator, e_mode, tokens, ZERO_ADDRESS)
    if set(STABLECOINS.collateral) <= set(assets):
        source = tokens[STABLECOIN_PRICE]
        await _set_e_mode(deployer, configurator, STABLECOINS, tokens, source)
    rows = {symbol: await _tokens_of(deployer, data_provider, tokens[symbol]) for symbol in assets}
    return AaveAddresses(
        addresses_provider=provider,
        pool=pool,
        configurator=configurator,
        acl_manager=acl_manager,
        oracle=oracle,
        data_provider=data_provider,
        atokens={symbol: row[0] for symbol, row in rows.items()},
        debt_tokens={symbol: row[2] for symbol, row in rows.items()},
    )


async def _tokens_of(
    deployer: Deployer, data_provider: Address, token: Address
) -> tuple[Address, Address, Address]:
    """aToken, stable debt token, variable debt token."""
    view = "getReserveTokensAddresses(address)(address,address,address)"
    supply, stable, variable = await deployer.chain.call(data_provider, view, token)
    return supply, stable, variable


async def _deploy_pool(deployer: Deployer, provider: Address) -> tuple[Address, Address]:
    pool = await deployer.deploy(f"{PACKAGE}/Pool", provider)
    configurator = await deployer.deploy(f"{PACKAGE}/PoolConfigurator")
    await deployer.send(provider, "setPoolImpl(address)", pool)
    await deployer.send(provider, "setPoolConfiguratorImpl(address)", configurator)
    return (
        await deployer.chain.call(provider, "getPool()(address)"),
        await deployer.chain.call(provider, "getPoolConfigurator()(address)"),
    )


async def _list_reserves(
    deployer: Deployer,
    terms: WorldTerms,
    tokens: dict[str, Address],
    market: tuple[Address, Address, Address],
) -> None:
    """`market`: addresses provider, pool, configurator."""
    provider, pool, configurator = market
    codes = await _deploy_tokens(deployer, pool)
    strategies: dict[RateTerms, Address] = {}
    for asset in terms.assets:
        if asset.rates not in strategies:
            strategies[asset.rates] = await deploy_rates(deployer, provider, asset.rates)
    inputs = [
        reserve_input(asset, tokens[asset.symbol], codes, strategies[asset.rates])
        for asset in terms.assets
    ]
    await deployer.send(configurator, f"initReserves({RESERVE_INPUT}[])", inputs)
    for asset in terms.assets:
        token = tokens[asset.symbol]
        await deployer.send(
            configurator,
            COLLATERAL,
            *(token, asset.ltv_bps, asset.threshold_bps, asset.bonus_bps),
        )
        for signature, value in asset_settings(asset):
            await deployer.send(configurator, signature, token, value)
    for setter, bps in (
        ("updateFlashloanPremiumTotal(uint128)", FLASH_LOAN_PREMIUM_BPS),
        ("updateFlashloanPremiumToProtocol(uint128)", PREMIUM_TO_TREASURY_BPS),
        ("updateBridgeProtocolFee(uint256)", BRIDGE_FEE_TO_TREASURY_BPS),
    ):
        await deployer.send(configurator, setter, bps)


async def _deploy_tokens(deployer: Deployer, pool: Address) -> list[Address]:
    names = ("AToken", "StableDebtToken", "VariableDebtToken")
    return [await deployer.deploy(f"{PACKAGE}/{name}", pool) for name in names]


async def deploy_rates(deployer: Deployer, provider: Address, rates: RateTerms) -> Address:
    """A rate strategy. Its stable rates matter only where borrowing at them is switched on."""
    bps = (rates.optimal_usage_bps, rates.base_bps, rates.slope1_bps, rates.slope2_bps)
    # Slopes of the stable rate, its offsets over the variable one, and the ratio it aims at.
    stable_bps = (rates.slope1_bps, rates.slope2_bps, 100, 800, 2_000)
    curve = [value * RAY_PER_BPS for value in (*bps, *stable_bps)]
    return await deployer.deploy(f"{PACKAGE}/DefaultReserveInterestRateStrategy", provider, *curve)


def reserve_input(
    asset: AssetTerms, token: Address, codes: list[Address], strategy: Address
) -> tuple[Any, ...]:
    """One element of what PoolConfigurator.initReserves wants.

    `codes`: implementations of aToken, stable debt token and variable debt token.
    """
    symbol, no_rewards = asset.symbol, ZERO_ADDRESS
    names = (
        *(f"Aave Devnet V3.0.2 {symbol}", f"aDev30{symbol}"),
        *(f"Aave Devnet V3.0.2 Variable Debt {symbol}", f"variableDebtDev30{symbol}"),
        *(f"Aave Devnet V3.0.2 Stable Debt {symbol}", f"stableDebtDev30{symbol}"),
    )
    return (*codes, asset.decimals, strategy, token, TREASURY, no_rewards, *names, b"")


async def _set_e_mode(
    deployer: Deployer,
    configurator: Address,
    e_mode: EModeTerms,
    tokens: dict[str, Address],
    price_source: Address,
) -> None:
    """`price_source`: whose price the oracle is asked for all of its assets, or the zero address.

    An asset is collateral and borrowable in its e-mode alike.
    """
    terms_bps = (e_mode.ltv_bps, e_mode.threshold_bps, e_mode.bonus_bps)
    values = (e_mode.category, *terms_bps, price_source, e_mode.label)
    await deployer.send(configurator, E_MODE, *values)
    for symbol in sorted({*e_mode.collateral, *e_mode.borrowable}):
        setter = "setAssetEModeCategory(address,uint8)"
        await deployer.send(configurator, setter, tokens[symbol], e_mode.category)


async def listing_3_0(world: World, symbol: str) -> list[Tx]:
    """The transactions that make an asset from `prepare_reserve` a reserve, its source first.

    Here and below `world` is a view of the market. `find_tokens_3_0` learns the tokens it made.
    """
    deployer, at, terms = Deployer(world), world.addresses, world.terms.asset(symbol)
    codes = await _deploy_tokens(deployer, at.pool)
    strategy = await deploy_rates(deployer, at.addresses_provider, terms.rates)
    reserve = reserve_input(terms, at.tokens[symbol], codes, strategy)
    settings: list[tuple[str, *tuple[object, ...]]] = [
        (COLLATERAL, terms.ltv_bps, terms.threshold_bps, terms.bonus_bps),
        *asset_settings(terms),
    ]
    listed = f"initReserves({RESERVE_INPUT}[])"
    return [
        world.replace_source(symbol, at.feeds[symbol]),
        world.tx(ADMIN, at.configurator, listed, [reserve], gas=DEPLOY_GAS),
        *(
            world.tx(ADMIN, at.configurator, setter, at.tokens[symbol], *values)
            for setter, *values in settings
        ),
    ]


async def find_tokens_3_0(world: World, symbol: str) -> None:
    """Writes down where a reserve's aToken and variable debt token are, as of the head."""
    at = world.addresses
    row = await _tokens_of(Deployer(world), at.data_provider, at.tokens[symbol])
    at.atokens[symbol], _, at.debt_tokens[symbol] = row


def allow_stable_rate(world: World, symbol: str, *, on: bool = True) -> Tx:
    """Switches borrowing at a stable rate on or off."""
    signature = "setReserveStableRateBorrowing(address,bool)"
    configurator = world.addresses.configurator
    return world.tx(ADMIN, configurator, signature, world.token(symbol), on, gas=DEPLOY_GAS)
