"""Aave V3.6's own verdict on an account, to the wei, and the market as a projection sees it.

Source: GenericLogic.sol (calculateUserAccountData), ValidationLogic.sol
(validateLiquidationCall), LiquidationLogic.sol of aave-v3-origin 3.6.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from monitor.core.events import Place
from monitor.core.fixed_point import mul_div_up, ray_mul_down, ray_mul_up, wad_div_half_up
from monitor.core.ledger import (
    Category,
    Holding,
    Kind,
    LedgerView,
    Position,
    Reserve,
    category_key,
    each,
    find,
    position_key,
    price_key,
    reserve_key,
)
from monitor.core.prices import Price
from monitor.core.risk import (
    AccountRisk,
    AssetSheet,
    CollateralLeg,
    DebtLeg,
    Exposure,
    MarketSheet,
    PartialTerms,
)
from monitor.core.sources import Line, Listing, Statement
from monitor.core.units import (
    BPS,
    WAD,
    Address,
    AssetId,
    Bps,
    MarketId,
    RawAmount,
    Wad,
    wad_of_bps,
)
from monitor.errors import LedgerCorrupt
from monitor.protocols.aave_v3.accrual import debt_index_at, supply_index_at
from monitor.protocols.aave_v3.contracts import contracts_of

LIQUIDATION_TERMS = PartialTerms(
    close_factor_bps=Bps(5_000),
    full_close_health_wad=Wad(95 * WAD // 100),
    full_close_value_base=2_000 * 10**8,
    dust_value_base=1_000 * 10**8,
)
"""LiquidationLogic's constants; they assume a base currency of 8 decimals, as the contract does."""


@dataclass(frozen=True, slots=True)
class _Terms:
    """What an asset is worth as collateral to one account."""

    threshold_bps: Bps
    bonus_bps: Bps


class AaveRules:
    """The arithmetic of one market."""

    def __init__(self, market: MarketId) -> None:
        self._market = market

    def supplied_raw(self, view: LedgerView, held: Holding, at_unix: int) -> RawAmount:
        """aToken.balanceOf."""
        index = supply_index_at(self._reserve(view, held.asset), at_unix)
        return RawAmount(ray_mul_down(held.scaled, index))

    def owed_raw(self, view: LedgerView, held: Holding, at_unix: int) -> RawAmount:
        """variableDebtToken.balanceOf."""
        index = debt_index_at(self._reserve(view, held.asset), at_unix)
        return RawAmount(ray_mul_up(held.scaled, index))

    def statement(self, view: LedgerView, place: Place, at_unix: int) -> Statement | None:
        position = find(view, position_key(self._market, place.account), Position)
        if position is None or not (position.supplies or position.debts):
            return None
        return Statement(
            account=place.account,
            sub_market="",
            collateral=tuple(
                Line(h.asset, self.supplied_raw(view, h, at_unix), h.used_as_collateral)
                for h in position.supplies
            ),
            debt=tuple(Line(h.asset, self.owed_raw(view, h, at_unix)) for h in position.debts),
            e_mode=position.e_mode,
            risk=self.assess(view, position, at_unix),
        )

    def assess(self, view: LedgerView, position: Position, at_unix: int) -> AccountRisk:
        """getUserAccountData. A price that is not known makes the whole account unknown."""
        category = find(view, category_key(self._market, position.e_mode), Category)
        used = [held for held in position.supplies if held.used_as_collateral]
        unknown = self._unpriced(view, [*used, *position.debts])
        if unknown:
            return AccountRisk(0, 0, None, None, unknown)
        collateral = weighted = debt = 0
        for held in used:
            reserve = self._reserve(view, held.asset)
            amount = self.supplied_raw(view, held, at_unix)
            value = amount * self._price(view, held.asset) // 10**reserve.decimals
            collateral += value
            weighted += value * _terms_for(reserve, category).threshold_bps
        for held in position.debts:
            unit = 10 ** self._reserve(view, held.asset).decimals
            debt += mul_div_up(
                self.owed_raw(view, held, at_unix), self._price(view, held.asset), unit
            )
        if debt == 0:
            return AccountRisk(collateral, debt, None, liquidatable=False)
        health = Wad(wad_div_half_up(weighted, debt) // BPS)
        open_to_all = self._has_pair(view, position, at_unix)
        return AccountRisk(collateral, debt, health, health < WAD and open_to_all)

    def _has_pair(self, view: LedgerView, position: Position, at_unix: int) -> bool:
        """Whether some used collateral and some debt may be named in a liquidation now."""
        return any(
            held.used_as_collateral and _is_open(self._reserve(view, held.asset), at_unix)
            for held in position.supplies
        ) and any(_is_open(self._reserve(view, held.asset), at_unix) for held in position.debts)

    def utilisation(self, view: LedgerView, at_unix: int) -> Mapping[str, Fraction]:
        """Debt ÷ (virtual balance + debt), as the rate strategy sees it."""
        shares = {}
        for _, reserve in each(view, Kind.RESERVE, self._market, Reserve):
            debt_raw = ray_mul_up(reserve.debt_scaled, debt_index_at(reserve, at_unix))
            if lent_raw := reserve.cash_raw + debt_raw:
                shares[reserve.symbol] = Fraction(debt_raw, lent_raw)
        return shares

    def listings(self, view: LedgerView) -> Iterator[Listing]:
        base_unit = contracts_of(view, self._market).base_unit
        for _, reserve in each(view, Kind.RESERVE, self._market, Reserve):
            price = find(view, price_key(self._market, reserve.asset), Price)
            yield Listing("", reserve.asset, reserve.symbol, reserve.decimals, price, base_unit)

    def sheets(self, view: LedgerView, at_unix: int) -> tuple[MarketSheet, ...]:
        exposures: list[Exposure] = []
        for key, position in each(view, Kind.POSITION, self._market, Position):
            if position.debts:
                exposures.append(self._exposure(view, Address(key.subject), position, at_unix))
        assets = {
            reserve.asset: self._asset_sheet(view, reserve)
            for _, reserve in each(view, Kind.RESERVE, self._market, Reserve)
        }
        sheet = MarketSheet(
            market=self._market,
            sub_market="",
            base_unit=contracts_of(view, self._market).base_unit,
            terms=LIQUIDATION_TERMS,
            assets=assets,
            exposures=tuple(sorted(exposures, key=lambda exposure: exposure.account)),
        )
        return (sheet,)

    def _exposure(
        self, view: LedgerView, account: Address, position: Position, at_unix: int
    ) -> Exposure:
        category = find(view, category_key(self._market, position.e_mode), Category)
        collateral: list[CollateralLeg] = []
        for held in position.supplies:
            if not held.used_as_collateral:
                continue
            reserve = self._reserve(view, held.asset)
            terms = _terms_for(reserve, category)
            collateral.append(
                CollateralLeg(
                    asset=held.asset,
                    amount_raw=self.supplied_raw(view, held, at_unix),
                    liquidation_threshold_wad=wad_of_bps(terms.threshold_bps),
                    liquidation_bonus_wad=wad_of_bps(terms.bonus_bps),
                    liquidation_fee_bps=reserve.terms.liquidation_fee_bps,
                    seizable=_is_open(reserve, at_unix),
                )
            )
        debt = tuple(
            DebtLeg(
                held.asset,
                self.owed_raw(view, held, at_unix),
                repayable=_is_open(self._reserve(view, held.asset), at_unix),
            )
            for held in position.debts
        )
        return Exposure(account, tuple(collateral), debt)

    def _asset_sheet(self, view: LedgerView, reserve: Reserve) -> AssetSheet:
        price = find(view, price_key(self._market, reserve.asset), Price)
        return AssetSheet(
            asset=reserve.asset,
            symbol=reserve.symbol,
            decimals=reserve.decimals,
            price_base=price.value if price else None,
            source=price.source if price else None,
            cash_raw=reserve.cash_raw,
            price=price,
        )

    def _unpriced(self, view: LedgerView, holdings: list[Holding]) -> tuple[str, ...]:
        missing = []
        for held in holdings:
            price = find(view, price_key(self._market, held.asset), Price)
            if price is None or price.value is None:
                symbol = self._reserve(view, held.asset).symbol
                reason = price.reason if price else "not read yet"
                missing.append(f"price of {symbol}: {reason}")
        return tuple(missing)

    def _price(self, view: LedgerView, asset: AssetId) -> int:
        price = find(view, price_key(self._market, asset), Price)
        if price is None or price.value is None:
            raise LedgerCorrupt(f"{self._market} asks the price of {asset}, which is unknown")
        return price.value

    def _reserve(self, view: LedgerView, asset: AssetId) -> Reserve:
        reserve = find(view, reserve_key(self._market, asset), Reserve)
        if reserve is None:
            raise LedgerCorrupt(f"{self._market} holds {asset}, which it does not list")
        return reserve


def _terms_for(reserve: Reserve, category: Category | None) -> _Terms:
    """The category's terms where it lists the asset as collateral, else the reserve's own."""
    if category is not None and reserve.asset in category.collateral:
        return _Terms(category.liquidation_threshold_bps, category.liquidation_bonus_bps)
    return _Terms(reserve.terms.liquidation_threshold_bps, reserve.terms.liquidation_bonus_bps)


def _is_open(reserve: Reserve, at_unix: int) -> bool:
    """Whether liquidations may name this reserve: active, not paused, grace period over."""
    terms = reserve.terms
    return terms.is_active and not terms.is_paused and terms.grace_until_unix < at_unix
