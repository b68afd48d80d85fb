"""Dollars at the first prices, as raw amounts; and which Aave market is meant."""

from devnet import USD, WideWorld, World
from devnet.configuration import AAVE_3_0


def raw_of(world: World, symbol: str, value_usd: float) -> int:
    asset = world.terms.asset(symbol)
    amount: int = int(value_usd * USD) * 10**asset.decimals // asset.price_e8
    return amount


def view_of(world: WideWorld, market: str) -> World:
    """Of an Aave market."""
    return world.aave_3_0 if market == AAVE_3_0 else world
