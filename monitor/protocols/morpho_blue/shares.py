"""Shares of a market's totals: twins of SharesMathLib.

A market begins with one virtual asset and a million virtual shares, so that nobody can move the
price of a share by giving. Source: SharesMathLib.sol of morpho-blue 1.0.0.
"""

from monitor.core.fixed_point import mul_div_up

VIRTUAL_ASSETS = 1
VIRTUAL_SHARES = 10**6


def to_shares_down(assets: int, total_assets: int, total_shares: int) -> int:
    return assets * (total_shares + VIRTUAL_SHARES) // (total_assets + VIRTUAL_ASSETS)


def to_shares_up(assets: int, total_assets: int, total_shares: int) -> int:
    return mul_div_up(assets, total_shares + VIRTUAL_SHARES, total_assets + VIRTUAL_ASSETS)


def to_assets_down(shares: int, total_assets: int, total_shares: int) -> int:
    return shares * (total_assets + VIRTUAL_ASSETS) // (total_shares + VIRTUAL_SHARES)


def to_assets_up(shares: int, total_assets: int, total_shares: int) -> int:
    return mul_div_up(shares, total_assets + VIRTUAL_ASSETS, total_shares + VIRTUAL_SHARES)
