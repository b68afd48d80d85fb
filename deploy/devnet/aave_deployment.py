"""An Aave V3.6 market: real instances behind the proxies of PoolAddressesProvider."""

from typing import Any

from eth_abi import abi as eth_abi

from devnet.abi import ZERO_ADDRESS, Address, account
from devnet.addresses import AaveAddresses
from devnet.deployer import Deployer
from devnet.terms import USD, AssetTerms, EModeTerms, WorldTerms

FLASH_LOAN_PREMIUM_BPS = 5
TREASURY = account("treasury")
RESERVE_INPUT = "(address,address,address,string,string,string,string,bytes,bytes)"


async def deploy_aave(
    deployer: Deployer, terms: WorldTerms, tokens: dict[str, Address], feeds: dict[str, Address]
) -> AaveAddresses:
    provider = await deployer.deploy("PoolAddressesProvider", "Devnet market", deployer.admin)
    acl_manager = await deploy_access(deployer, provider)
    assets = [asset.symbol for asset in terms.assets]
    oracle = await deployer.deploy(
        "AaveOracle",
        provider,
        [tokens[symbol] for symbol in assets],
        [feeds[symbol] for symbol in assets],
        *(ZERO_ADDRESS, ZERO_ADDRESS, USD),
    )
    await deployer.send(provider, "setPriceOracle(address)", oracle)
    pool, configurator = await _deploy_pool(deployer, provider)
    # It reads the pool in its constructor, hence only now.
    data_provider = await deployer.deploy("AaveProtocolDataProvider", provider)
    await deployer.send(provider, "setPoolDataProvider(address)", data_provider)

    await _list_reserves(deployer, terms, tokens, pool, configurator)
    for e_mode in terms.e_modes:
        await _set_e_mode(deployer, configurator, e_mode, tokens)
    return AaveAddresses(
        addresses_provider=provider,
        pool=pool,
        configurator=configurator,
        acl_manager=acl_manager,
        oracle=oracle,
        data_provider=data_provider,
        atokens=await _per_asset(deployer, pool, "getReserveAToken", tokens),
        debt_tokens=await _per_asset(deployer, pool, "getReserveVariableDebtToken", tokens),
    )


async def _per_asset(
    deployer: Deployer, pool: Address, view: str, tokens: dict[str, Address]
) -> dict[str, Address]:
    signature = f"{view}(address)(address)"
    return {
        symbol: await deployer.chain.call(pool, signature, token)
        for symbol, token in tokens.items()
    }


async def deploy_access(
    deployer: Deployer, provider: Address, manager: str = "ACLManager"
) -> Address:
    """The market's roles, all of them the admin's; `manager` is the artifact."""
    # ACLManager's constructor reads the admin from the provider.
    await deployer.send(provider, "setACLAdmin(address)", deployer.admin)
    acl_manager = await deployer.deploy(manager, provider)
    await deployer.send(provider, "setACLManager(address)", acl_manager)
    for role in ("PoolAdmin", "EmergencyAdmin", "RiskAdmin", "AssetListingAdmin"):
        await deployer.send(acl_manager, f"add{role}(address)", deployer.admin)
    return acl_manager


async def _deploy_pool(deployer: Deployer, provider: Address) -> tuple[Address, Address]:
    rates = await deployer.deploy("DefaultReserveInterestRateStrategyV2", provider)
    pool = await deployer.deploy("PoolInstance", provider, rates)
    configurator = await deployer.deploy("PoolConfiguratorInstance")
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
    pool: Address,
    configurator: Address,
) -> None:
    no_rewards = ZERO_ADDRESS
    atoken = await deployer.deploy("ATokenInstance", pool, no_rewards, TREASURY)
    debt_token = await deployer.deploy("VariableDebtTokenInstance", pool, no_rewards)
    inputs = [
        reserve_input(asset, tokens[asset.symbol], atoken, debt_token) for asset in terms.assets
    ]
    await deployer.send(configurator, f"initReserves({RESERVE_INPUT}[])", inputs)
    for asset in terms.assets:
        token = tokens[asset.symbol]
        await deployer.send(
            configurator,
            "configureReserveAsCollateral(address,uint256,uint256,uint256)",
            *(token, asset.ltv_bps, asset.threshold_bps, asset.bonus_bps),
        )
        for signature, value in asset_settings(asset):
            await deployer.send(configurator, signature, token, value)
    await deployer.send(configurator, "updateFlashloanPremium(uint128)", FLASH_LOAN_PREMIUM_BPS)


def asset_settings(asset: AssetTerms) -> tuple[tuple[str, Any], ...]:
    """The configurator's setters (of asset and value) that open a new reserve."""
    return (
        ("setReserveBorrowing(address,bool)", True),
        ("setReserveFlashLoaning(address,bool)", True),
        ("setReserveFactor(address,uint256)", asset.reserve_factor_bps),
        ("setLiquidationProtocolFee(address,uint256)", asset.protocol_fee_bps),
    )


def reserve_input(
    asset: AssetTerms, token: Address, atoken: Address, debt_token: Address
) -> tuple[Any, ...]:
    """One element of what PoolConfigurator.initReserves wants."""
    rates = asset.rates
    rate_data = eth_abi.encode(
        ["(uint16,uint32,uint32,uint32)"],
        [(rates.optimal_usage_bps, rates.base_bps, rates.slope1_bps, rates.slope2_bps)],
    )
    symbol = asset.symbol
    names = (
        *(f"Aave Devnet {symbol}", f"aDev{symbol}"),
        *(f"Aave Devnet Variable Debt {symbol}", f"variableDebtDev{symbol}"),
    )
    return (atoken, debt_token, token, *names, b"", rate_data)


async def _set_e_mode(
    deployer: Deployer, configurator: Address, e_mode: EModeTerms, tokens: dict[str, Address]
) -> None:
    await deployer.send(
        configurator,
        "setEModeCategory(uint8,uint16,uint16,uint16,string)",
        *(e_mode.category, e_mode.ltv_bps, e_mode.threshold_bps, e_mode.bonus_bps, e_mode.label),
    )
    for symbols, setter in (
        (e_mode.collateral, "setAssetCollateralInEMode(address,uint8,bool)"),
        (e_mode.borrowable, "setAssetBorrowableInEMode(address,uint8,bool)"),
    ):
        for symbol in symbols:
            await deployer.send(configurator, setter, tokens[symbol], e_mode.category, True)
