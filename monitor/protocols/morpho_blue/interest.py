"""Interest on a market's totals, and the shares its fee takes of it.

Source: Morpho.sol (_accrueInterest), MathLib.sol (wTaylorCompounded) of morpho-blue 1.0.0.
"""

from monitor.core.units import WAD
from monitor.protocols.morpho_blue.shares import to_shares_down


def compounded_wad(rate_wad: int, elapsed_seconds: int) -> int:
    """e^(rate · time) - 1 to the third term."""
    first = rate_wad * elapsed_seconds
    second = first * first // (2 * WAD)
    third = second * first // (3 * WAD)
    return first + second + third


def interest_raw(debt_raw: int, rate_wad: int, elapsed_seconds: int) -> int:
    """What borrowers owe more, and suppliers own more, after that time."""
    return debt_raw * compounded_wad(rate_wad, elapsed_seconds) // WAD


def fee_shares(earned_raw: int, fee_wad: int, supply_raw: int, supply_shares: int) -> int:
    """New shares for the fee recipient. `supply_raw` holds the interest, `supply_shares` not."""
    fee_raw = earned_raw * fee_wad // WAD
    return to_shares_down(fee_raw, supply_raw - fee_raw, supply_shares)
