"""Accounts as floats, and those that had to be left out.

An account whose prices are not all known is left out. What it owes is often known all the same:
where all such debts together are next to nothing, the answer stands without them. Else a market
that nobody uses, with an oracle that answers nobody, would blind every breaker: on Morpho Blue
anybody can make one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from monitor.core.risk import CollateralLeg, DebtLeg, Exposure, MarketSheet
from monitor.core.units import BPS, WAD, Address, AssetId
from monitor.simulation.quotes import Quote

NEGLIGIBLE_SHARE = 1e-3
"""Of all debt that a projection looks at."""


@dataclass(frozen=True, slots=True)
class Pledge:
    """One collateral of an account. `threshold`, `bonus` and `fee` are ratios; bonus as 1.05.

    `scheme`: whose threshold and bonus; empty for the asset's own.
    """

    quote: int
    amount: float
    threshold: float
    bonus: float
    fee: float
    seizable: bool
    scheme: str = ""


@dataclass(frozen=True, slots=True)
class Debt:
    """One debt of an account."""

    quote: int
    amount: float
    repayable: bool


@dataclass(frozen=True, slots=True)
class Account:
    """An account with debt in one market. Pledges and debts are sorted by asset.

    `averages`: its pledges count at their average threshold, in whole bps.
    """

    market: int
    address: Address
    pledges: tuple[Pledge, ...]
    debts: tuple[Debt, ...]
    averages: bool = False


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Accounts of one market that lack one price. `debt_usd` is infinite where it is not known."""

    reason: str
    debt_usd: float


def label_of(sheet: MarketSheet) -> str:
    return f"{sheet.market}/{sheet.sub_market}" if sheet.sub_market else str(sheet.market)


def accounts_of(
    market: int, sheet: MarketSheet, priced: dict[AssetId, int], quotes: Sequence[Quote]
) -> tuple[list[Account], list[LeftOut]]:
    """The accounts of a market, by address, and those left out. `priced`: known quotes."""
    missing: dict[AssetId, list[Exposure]] = {}
    accounts: list[Account] = []
    for exposure in sorted(sheet.exposures, key=lambda exposure: exposure.account):
        legs: tuple[CollateralLeg | DebtLeg, ...] = (*exposure.collateral, *exposure.debt)
        unpriced = {leg.asset for leg in legs if leg.asset not in priced}
        for asset in unpriced:
            missing.setdefault(asset, []).append(exposure)
        if not unpriced:
            account = _account(market, exposure, priced)
            averages = sheet.terms.averages_threshold and len(account.pledges) > 1
            accounts.append(replace(account, averages=True) if averages else account)
    left_out = []
    for asset, exposures in sorted(missing.items()):
        name = sheet.assets[asset].symbol if asset in sheet.assets else asset
        reason = (
            f"{label_of(sheet)}: no price of {name} ({asset}): {len(exposures)} accounts are left "
            "out"
        )
        debt_usd = math.fsum(_debt_usd(each, priced, quotes) for each in exposures)
        left_out.append(LeftOut(reason, debt_usd))
    return accounts, left_out


def negligible(
    left_out: Sequence[LeftOut], accounts: Sequence[Account], quotes: Sequence[Quote]
) -> bool:
    """Whether all that was left out owes next to nothing of what is owed."""
    owed_usd = math.fsum(
        debt.amount * (quotes[debt.quote].price or 0.0)
        for account in accounts
        for debt in account.debts
    )
    return math.fsum(entry.debt_usd for entry in left_out) <= NEGLIGIBLE_SHARE * owed_usd


def _debt_usd(exposure: Exposure, priced: dict[AssetId, int], quotes: Sequence[Quote]) -> float:
    if any(leg.asset not in priced for leg in exposure.debt):
        return math.inf
    return math.fsum(
        leg.amount_raw * (quotes[priced[leg.asset]].price or 0.0) for leg in exposure.debt
    )


def _account(market: int, exposure: Exposure, priced: dict[AssetId, int]) -> Account:
    pledges = tuple(
        Pledge(
            quote=priced[leg.asset],
            amount=float(leg.amount_raw),
            threshold=leg.liquidation_threshold_wad / WAD,
            bonus=leg.liquidation_bonus_wad / WAD,
            fee=leg.liquidation_fee_bps / BPS,
            seizable=leg.seizable and leg.liquidation_bonus_wad > 0,
            scheme=leg.scheme,
        )
        for leg in sorted(exposure.collateral, key=lambda leg: leg.asset)
    )
    debts = tuple(
        Debt(priced[leg.asset], float(leg.amount_raw), leg.repayable)
        for leg in sorted(exposure.debt, key=lambda leg: leg.asset)
    )
    return Account(market, exposure.account, pledges, debts)
