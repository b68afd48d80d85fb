"""The same for a market of Aave 3.0.2."""

from dataclasses import replace

from devnet import ADMIN, AssetTerms, Deployer, RateTerms, Tx, World
from devnet.aave_3_0_deployment import (
    PACKAGE,
    RESERVE_INPUT,
    deploy_rates,
    reserve_input,
)
from devnet.aave_deployment import asset_settings
from devnet.deployer import DEPLOY_GAS
from devnet.terms import STABLE_RATES, VOLATILE_RATES

from fuzz.aave_v3.props import LATECOMERS, Props, Roots, listed, price_props

STEEP_RATES = RateTerms(6_000, 100, 900, 9_000)


async def make_props(world: World, roots: Roots) -> Props:
    """Deploys all of it; of the market nothing changes."""
    deployer, at = Deployer(world), world.addresses
    props = await price_props(world, roots, f"{PACKAGE}/AaveOracle")
    curves = (STABLE_RATES, VOLATILE_RATES, STEEP_RATES)
    strategies = [await deploy_rates(deployer, at.addresses_provider, curve) for curve in curves]
    names = ("AToken", "StableDebtToken", "VariableDebtToken")
    codes = [await deployer.deploy(f"{PACKAGE}/{name}", at.pool) for name in names]
    listings = {
        terms.symbol: listed(
            world, props, terms.symbol, _listing(world, terms, codes, strategies[0])
        )
        for terms in LATECOMERS
    }
    return replace(props, listings=listings, strategies=tuple(strategies))


def _listing(world: World, terms: AssetTerms, codes: list[str], strategy: str) -> list[Tx]:
    """The transactions that make a prepared asset a reserve, the price source first."""
    configurator, token = world.addresses.configurator, world.token(terms.symbol)
    reserve = [reserve_input(terms, token, codes, strategy)]
    collateral = (terms.ltv_bps, terms.threshold_bps, terms.bonus_bps)
    settings: list[tuple[str, *tuple[object, ...]]] = [
        ("configureReserveAsCollateral(address,uint256,uint256,uint256)", *collateral),
        *asset_settings(terms),
    ]
    return [
        world.replace_source(terms.symbol, world.addresses.feeds[terms.symbol]),
        world.tx(ADMIN, configurator, f"initReserves({RESERVE_INPUT}[])", reserve, gas=DEPLOY_GAS),
        *(world.tx(ADMIN, configurator, name, token, *values) for name, *values in settings),
    ]
