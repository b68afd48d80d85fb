"""What a reserve's parameters mean for an account: its terms as collateral, and whether it counts.

Source: GenericLogic.sol, ValidationLogic.sol (validateLiquidationCall) of aave-v3-origin 3.6.
"""

from dataclasses import dataclass

from monitor.core.reserves import Category, Reserve
from monitor.core.units import Bps
from monitor.protocols.aave_v3.verdicts import Verdict

PARAMETERS = frozenset(
    {
        "liquidation_threshold_bps",
        "liquidation_bonus_bps",
        "liquidation_fee_bps",
        "close_factor_bps",
    }
)
"""What governance can set, and what a new release can: the close factor is in the pool's code."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What an asset is worth as collateral to one account: by its category, or by itself."""

    threshold_bps: Bps
    bonus_bps: Bps
    are_of_category: bool = False


def terms_for(reserve: Reserve, category: Category | None) -> Terms:
    """The category's terms where it lists the asset as collateral, else the reserve's own."""
    if category is not None and reserve.asset in category.collateral:
        return Terms(category.liquidation_threshold_bps, category.liquidation_bonus_bps, True)
    return Terms(reserve.terms.liquidation_threshold_bps, reserve.terms.liquidation_bonus_bps)


def scheme_of(category: Category | None) -> str:
    """What a category's terms are called in shocks."""
    return "" if category is None else f"e-mode-{category.number}"


def counts(reserve: Reserve, verdict: Verdict) -> bool:
    """Whether the reserve can secure anything at all."""
    return bool(reserve.terms.liquidation_threshold_bps) or not verdict.needs_threshold


def is_seizable(reserve: Reserve, verdict: Verdict, at_unix: int) -> bool:
    return counts(reserve, verdict) and is_open(reserve, at_unix)


def is_open(reserve: Reserve, at_unix: int) -> bool:
    """Whether liquidations may name this reserve: active, not paused, grace period over."""
    terms = reserve.terms
    return terms.is_active and not terms.is_paused and terms.grace_until_unix < at_unix
