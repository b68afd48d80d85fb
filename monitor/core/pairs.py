"""Isolated markets of two assets, where shares claim a total; and what a token says of itself."""

from dataclasses import dataclass

from monitor.core.slots import slotwise
from monitor.core.units import Address, AssetId, RawAmount, Shares, Wad


@slotwise
@dataclass(frozen=True, slots=True)
class Pair:
    """One loan asset lent against one collateral asset (Morpho Blue: a market id).

    Totals are as stored: interest since `updated_unix` is not in them (0 where none ever accrues).
    `rate_at_target_wad`: the adaptive rate model's state, per second. `borrow_rate_wad`: where the
    model is one whose state we do not keep, the rate per second since `updated_unix` that it told
    for the newest block; None where it was not asked, or did not answer. `collateral_raw` is the
    sum of what is pledged.
    """

    loan: AssetId
    collateral: AssetId
    oracle: Address
    rate_model: Address
    lltv_wad: Wad
    updated_unix: int
    supply_raw: RawAmount
    supply_shares: Shares
    debt_raw: RawAmount
    debt_shares: Shares
    collateral_raw: RawAmount
    fee_wad: Wad
    rate_at_target_wad: Wad | None = None
    borrow_rate_wad: Wad | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says of itself, where the logs of its protocol do not.

    `decimals` is None where it does not tell: its amounts are exact, but nothing says how much
    they are. `symbol` falls back to the address.
    """

    symbol: str
    decimals: int | None
