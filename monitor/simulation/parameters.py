"""Risk parameters that are set to something else: what may be set, and what it changes."""

from collections.abc import Mapping
from dataclasses import replace

from monitor.core.risk import MarketSheet, WorldSheet
from monitor.core.units import BPS, Address
from monitor.errors import QuestionError
from monitor.simulation.accounts import Account, Pledge, label_of
from monitor.simulation.columns import Columns, MarketColumn
from monitor.simulation.scenarios import MARKET_WIDE, Scenario, Setting

THRESHOLD, BONUS, FEE = (
    "liquidation_threshold_bps",
    "liquidation_bonus_bps",
    "liquidation_fee_bps",
)
CLOSE_FACTOR = "close_factor_bps"
WITHIN: Mapping[str, tuple[int, int]] = {
    THRESHOLD: (1, BPS),
    BONUS: (BPS + 1, 2**16 - 1),
    FEE: (0, BPS),
    CLOSE_FACTOR: (1, BPS),
}
"""The least and the most each can be. A bonus is written with what it is added to: 10500 is 5 %."""


def check_settings(world: WorldSheet, scenario: Scenario) -> None:
    """Raises QuestionError for a parameter that is not there, or cannot be that."""
    for setting, value in scenario.settings.items():
        named = scenario.labels.get(Address(setting.subject), setting.subject)
        sheets = [s for s in world.markets if setting.place in (s.market, label_of(s))]
        if not any(sheet.parameters for sheet in sheets):
            raise QuestionError(f"no parameter of {setting.place} can change: its terms are fixed")
        if not any(_has(sheet, setting) for sheet in sheets):
            raise QuestionError(f"{setting.place} has no terms of {named}: nothing would change")
        possible = _parameters_of(setting, sheets)
        if setting.parameter not in possible:
            raise QuestionError(
                f"{named} of {setting.place} has no parameter {setting.parameter!r}: expected one "
                f"of {', '.join(possible)}"
            )
        least, most = WITHIN[setting.parameter]
        if not least <= value <= most:
            raise QuestionError(
                f"{setting.parameter} of {named} is {value}: expected {least} to {most}"
            )


def with_settings(columns: Columns, scenario: Scenario) -> Columns:
    """Terms as they are then. An account in a scheme has the scheme's, others the asset's own."""
    settings = scenario.settings
    return replace(
        columns,
        markets=tuple(_market(market, settings) for market in columns.markets),
        accounts=tuple(_account(columns, account, settings) for account in columns.accounts),
    )


def _has(sheet: MarketSheet, setting: Setting) -> bool:
    is_wide = setting.subject == MARKET_WIDE
    return is_wide or setting.subject in sheet.schemes or setting.subject in sheet.assets


def _parameters_of(setting: Setting, sheets: list[MarketSheet]) -> list[str]:
    """Of such a subject, where these markets let them be set."""
    if setting.subject == MARKET_WIDE:
        names = [CLOSE_FACTOR]
    elif any(setting.subject in sheet.schemes for sheet in sheets):
        names = [THRESHOLD, BONUS]
    else:
        names = [THRESHOLD, BONUS, FEE]
    return [name for name in names if any(name in sheet.parameters for sheet in sheets)]


def _is_in(market: MarketColumn, setting: Setting) -> bool:
    return setting.place in (market.name, market.label)


def _market(market: MarketColumn, settings: Mapping[Setting, int]) -> MarketColumn:
    for setting, value in settings.items():
        if setting.parameter == CLOSE_FACTOR and _is_in(market, setting):
            limits = replace(market.limits, close_factor=value / BPS)
            market = replace(market, limits=limits)
    return market


def _account(columns: Columns, account: Account, settings: Mapping[Setting, int]) -> Account:
    market = columns.markets[account.market]
    here = {s: value for s, value in settings.items() if _is_in(market, s)}
    if not here:
        return account
    pledges = tuple(_pledge(columns, pledge, here) for pledge in account.pledges)
    return account if pledges == account.pledges else replace(account, pledges=pledges)


def _pledge(columns: Columns, pledge: Pledge, settings: Mapping[Setting, int]) -> Pledge:
    asset = columns.quotes[pledge.quote].asset
    for setting, value in settings.items():
        if setting.parameter == FEE and setting.subject == asset:
            pledge = replace(pledge, fee=value / BPS)
        elif setting.subject == (pledge.scheme or asset):
            if setting.parameter == THRESHOLD:
                pledge = replace(pledge, threshold=value / BPS)
            elif setting.parameter == BONUS:
                pledge = replace(pledge, bonus=value / BPS)
    return pledge
