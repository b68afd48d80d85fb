"""Each market id as a projection sees it: one loan, one collateral, no close factor, no dust rule.

Source: Morpho.sol (liquidate) of morpho-blue 1.0.0.
"""

from collections import defaultdict

from monitor.core.events import Place
from monitor.core.keys import Key, Kind, pair_key, price_key, token_key
from monitor.core.ledger import LedgerView, Position, each, find
from monitor.core.pairs import Pair, Token
from monitor.core.prices import Price
from monitor.core.risk import (
    AssetSheet,
    CollateralLeg,
    DebtLeg,
    Exposure,
    Lending,
    MarketSheet,
    PartialTerms,
)
from monitor.core.units import BPS, Address, AssetId, Bps, MarketId, RawAmount, Wad
from monitor.protocols.morpho_blue.accrual import curve_at, totals_at
from monitor.protocols.morpho_blue.liquidation import ORACLE_SCALE, incentive_wad
from monitor.protocols.morpho_blue.positions import Held, held_at, held_in
from monitor.protocols.morpho_blue.rules import RATE_UNKNOWN, symbol_in
from monitor.protocols.morpho_blue.shares import to_assets_up

LIQUIDATION_TERMS = PartialTerms(
    close_factor_bps=Bps(BPS),
    full_close_health_wad=Wad(0),
    full_close_value_base=0,
    dust_value_base=0,
)
"""All of a debt may be repaid at once, and any part of it."""

NOT_AT_PAR = "the loan is pledged for itself, but not at par: its accounts are left out"

Borrowers = list[tuple[Address, Held]]


def sheets_of(view: LedgerView, market: MarketId, at_unix: int) -> tuple[MarketSheet, ...]:
    """One a market id, in the order of their ids."""
    borrowers: dict[str, Borrowers] = defaultdict(list)
    for key, position in each(view, Kind.POSITION, market, Position):
        if position.debts:
            borrowers[key.sub_market].append((Address(key.subject), held_in(position)))
    pairs = sorted(each(view, Kind.PAIR, market, Pair), key=lambda entry: entry[0])
    return tuple(_sheet(view, key, pair, borrowers[key.sub_market], at_unix) for key, pair in pairs)


def exposure_of(view: LedgerView, place: Place, at_unix: int) -> Exposure | None:
    """One account's; None where it owes nothing, or its interest is unknown."""
    pair = find(view, pair_key(place.market, place.sub_market), Pair)
    held = held_at(view, place)
    totals = None if pair is None else totals_at(pair, at_unix)
    if pair is None or totals is None or not held.debt_shares:
        return None
    debt = to_assets_up(held.debt_shares, totals.debt_raw, totals.debt_shares)
    return _exposure(pair, place.account, held, debt)


def _sheet(
    view: LedgerView, key: Key, pair: Pair, borrowers: Borrowers, at_unix: int
) -> MarketSheet:
    market, market_id = key.market, key.sub_market
    totals = totals_at(pair, at_unix)
    price = find(view, price_key(market, pair.collateral, market_id), Price)
    # One asset has one price in a sheet. To seize it moves no market, so it matters to nobody else.
    is_odd = pair.loan == pair.collateral and (price is None or price.value != ORACLE_SCALE)
    exposures: list[Exposure] = []
    if totals is not None and not is_odd:
        debts = (totals.debt_raw, totals.debt_shares)
        exposures = [
            _exposure(pair, account, held, to_assets_up(held.debt_shares, *debts))
            for account, held in borrowers
        ]
    return MarketSheet(
        market=market,
        sub_market=market_id,
        base_unit=ORACLE_SCALE,
        terms=LIQUIDATION_TERMS,
        assets=_assets(view, pair, price, _lending(pair, at_unix)),
        exposures=tuple(sorted(exposures, key=lambda exposure: exposure.account)),
        unknown=(f"{market}/{market_id}: {RATE_UNKNOWN}",) if borrowers and not totals else (),
        numeraire=pair.loan,
        left_out=(f"{market}/{market_id}: {NOT_AT_PAR}",) if borrowers and is_odd else (),
    )


def _exposure(pair: Pair, account: Address, held: Held, debt_raw: int) -> Exposure:
    pledged = CollateralLeg(
        asset=pair.collateral,
        amount_raw=RawAmount(held.collateral_raw),
        liquidation_threshold_wad=pair.lltv_wad,
        liquidation_bonus_wad=Wad(incentive_wad(pair.lltv_wad)),
        liquidation_fee_bps=Bps(0),
    )
    collateral = (pledged,) if held.collateral_raw else ()
    return Exposure(account, collateral, (DebtLeg(pair.loan, RawAmount(debt_raw)),))


def _lending(pair: Pair, at_unix: int) -> Lending:
    """Collateral lies idle. Without accrued totals the debt is that of the last accrual.

    Where nobody owes anything the curve matters to nobody: that spares most of all market ids.
    """
    totals = totals_at(pair, at_unix)
    debt = totals.debt_raw if totals else pair.debt_raw
    curve = curve_at(pair, at_unix) if pair.debt_shares else None
    return Lending(curve, RawAmount(debt), pair.fee_wad, secures=False, socialises=True)


def _assets(
    view: LedgerView, pair: Pair, price: Price | None, lending: Lending
) -> dict[AssetId, AssetSheet]:
    """The loan counts as itself. A price of 0, at which anything may be seized for nothing, is
    none for a projection."""
    value = (price.value if price else None) or None
    told = (
        (pair.collateral, value, pair.collateral_raw, price),
        (pair.loan, ORACLE_SCALE, RawAmount(pair.supply_raw - pair.debt_raw), None),
    )
    sheets = {}
    for asset, price_base, cash, record in told:
        token = find(view, token_key(asset), Token)
        sheets[asset] = AssetSheet(
            asset=asset,
            symbol=symbol_in(view, asset),
            decimals=token.decimals if token else None,
            price_base=price_base,
            source=record.source if record else None,
            cash_raw=cash,
            price=record,
            lending=lending if asset == pair.loan else None,
        )
    return sheets
