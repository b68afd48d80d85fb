"""What a liquidation repays and seizes. Any amount may be taken; the protocol keeps nothing.

Source: Morpho.sol (liquidate), ConstantsLib.sol of morpho-blue 1.0.0.
"""

from typing import NamedTuple

from monitor.core.fixed_point import mul_div_up
from monitor.core.units import WAD
from monitor.protocols.morpho_blue.shares import to_assets_down, to_assets_up, to_shares_up

ORACLE_SCALE = 10**36
"""`price()` is the value of one raw unit of collateral in raw units of the loan, times this."""
CURSOR_WAD = 3 * WAD // 10
MAX_INCENTIVE_WAD = 115 * WAD // 100


class Slice(NamedTuple):
    """One liquidation of one position."""

    repaid_raw: int
    repaid_shares: int
    seized_raw: int


class Loss(NamedTuple):
    """Debt that nothing secures any more: the suppliers' loss, at once and pro rata."""

    assets_raw: int
    shares: int


def incentive_wad(lltv_wad: int) -> int:
    """What a liquidator gets for each unit repaid: above 1e18 by the bonus."""
    return min(MAX_INCENTIVE_WAD, WAD * WAD // (WAD - CURSOR_WAD * (WAD - lltv_wad) // WAD))


def slice_by_seized(
    seized_raw: int, price: int, lltv_wad: int, debt_raw: int, debt_shares: int
) -> Slice:
    """The caller names the collateral. `debt_raw` and `debt_shares` are the market's totals."""
    quoted = mul_div_up(seized_raw, price, ORACLE_SCALE)
    worth = mul_div_up(quoted, WAD, incentive_wad(lltv_wad))
    shares = to_shares_up(worth, debt_raw, debt_shares)
    return Slice(to_assets_up(shares, debt_raw, debt_shares), shares, seized_raw)


def slice_by_repaid(
    repaid_shares: int, price: int, lltv_wad: int, debt_raw: int, debt_shares: int
) -> Slice:
    """The caller names the debt. Raises ZeroDivisionError at a price of 0, as the contract."""
    worth = to_assets_down(repaid_shares, debt_raw, debt_shares)
    seized = worth * incentive_wad(lltv_wad) // WAD * ORACLE_SCALE // price
    return Slice(to_assets_up(repaid_shares, debt_raw, debt_shares), repaid_shares, seized)


def loss_of(left_shares: int, debt_raw: int, debt_shares: int) -> Loss:
    """The bad debt of a position whose last collateral was seized, after the repayment.

    A single unit of collateral left behind, and there is none.
    """
    assets = to_assets_up(left_shares, debt_raw, debt_shares)
    return Loss(min(debt_raw, assets), left_shares)
