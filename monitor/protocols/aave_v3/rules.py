"""Aave V3's own verdict on an account, to the wei, and the market as a projection sees it.

Source: GenericLogic.sol (calculateUserAccountData), ValidationLogic.sol
(validateLiquidationCall), LiquidationLogic.sol of aave-v3-origin 3.6; what differs by version is in
verdicts.py.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction

from monitor.core.events import Place
from monitor.core.keys import Kind, category_key, position_key, price_key, rate_key, reserve_key
from monitor.core.ledger import Holding, LedgerView, Position, contracts_of, each, find
from monitor.core.prices import Price
from monitor.core.rates import RateTerms
from monitor.core.reserves import Category, Reserve
from monitor.core.risk import (
    AccountRisk,
    AssetSheet,
    CollateralLeg,
    DebtLeg,
    Exposure,
    Lending,
    MarketSheet,
    Rates,
)
from monitor.core.sources import Line, Listing, Statement
from monitor.core.units import (
    RAY,
    WAD,
    ZERO_ADDRESS,
    Address,
    AssetId,
    MarketId,
    RawAmount,
    Wad,
    wad_of_bps,
)
from monitor.errors import LedgerCorrupt
from monitor.protocols.aave_v3.accrual import supply_index_at
from monitor.protocols.aave_v3.configuration import is_vacancy
from monitor.protocols.aave_v3.reserve_terms import (
    PARAMETERS,
    counts,
    is_open,
    is_seizable,
    scheme_of,
    terms_for,
)
from monitor.protocols.aave_v3.verdicts import Verdict
from monitor.protocols.aave_v3.versions import PoolRules, pool_rules, token_rules


class AaveRules:
    """The arithmetic of one market."""

    def __init__(self, market: MarketId) -> None:
        self._market = market

    def places(self, view: LedgerView) -> Iterator[Place]:
        for key in view.keys(Kind.POSITION, self._market):
            yield Place(self._market, Address(key.subject))

    def statement(self, view: LedgerView, place: Place, at_unix: int) -> Statement | None:
        position = find(view, position_key(self._market, place.account), Position)
        supplies = [held for held in position.supplies if held.scaled] if position else []
        if position is None or not (supplies or position.debts):
            return None  # before 3.4 a flag can be left where nothing is held any more
        tokens = token_rules(contracts_of(view, self._market))
        collateral, debt = [], []
        for held in supplies:
            index = supply_index_at(self._reserve(view, held.asset), at_unix)
            amount = RawAmount(tokens.supply.display(held.scaled, index))
            collateral.append(Line(held.asset, amount, held.used_as_collateral))
        interest = self._rules(view).interest
        for held in position.debts:
            index = interest.debt_index_at(self._reserve(view, held.asset), at_unix)
            debt.append(Line(held.asset, RawAmount(tokens.debt.display(held.scaled, index))))
        return Statement(
            account=place.account,
            sub_market="",
            collateral=tuple(collateral),
            debt=tuple(debt),
            e_mode=position.e_mode,
            risk=self.assess(view, position, at_unix),
        )

    def assess(self, view: LedgerView, position: Position, at_unix: int) -> AccountRisk:
        """getUserAccountData. A price that is not known makes the whole account unknown."""
        rules = self._rules(view)
        verdict = rules.verdict
        category = find(view, category_key(self._market, position.e_mode), Category)
        used = [held for held in _listed(position) if held.used_as_collateral]
        prices, unknown = self._prices(view, [*used, *position.debts], category)
        if unknown:
            return AccountRisk(0, 0, None, None, unknown)
        collateral = weighted = debt = 0
        for held in used:
            reserve = self._reserve(view, held.asset)
            if not counts(reserve, verdict):
                continue
            amount = verdict.supplied_raw(held.scaled, supply_index_at(reserve, at_unix))
            value = amount * prices[held.asset] // 10**reserve.decimals
            collateral += value
            weighted += value * terms_for(reserve, category).threshold_bps
        for held in position.debts:
            reserve = self._reserve(view, held.asset)
            owed = verdict.owed_raw(held.scaled, rules.interest.debt_index_at(reserve, at_unix))
            debt += verdict.debt_value(owed, prices[held.asset], 10**reserve.decimals)
        if debt == 0:
            return AccountRisk(collateral, debt, None, liquidatable=False)
        health = Wad(verdict.health(collateral, weighted, debt))
        liquidatable = health < WAD and self._has_pair(view, position, verdict, at_unix)
        return AccountRisk(collateral, debt, health, liquidatable)

    def _rules(self, view: LedgerView) -> PoolRules:
        return pool_rules(contracts_of(view, self._market))

    def _has_pair(
        self, view: LedgerView, position: Position, verdict: Verdict, at_unix: int
    ) -> bool:
        """Whether some used collateral and some debt may be named in a liquidation now."""
        return any(
            held.used_as_collateral
            and is_seizable(self._reserve(view, held.asset), verdict, at_unix)
            for held in _listed(position)
        ) and any(is_open(self._reserve(view, held.asset), at_unix) for held in position.debts)

    def utilisation(self, view: LedgerView, at_unix: int) -> Mapping[AssetId, Fraction]:
        """Debt ÷ (cash + debt), as the rate strategy sees it."""
        rules, shares = self._rules(view), {}
        for _, reserve in each(view, Kind.RESERVE, self._market, Reserve):
            share = self._utilisation(reserve, rules, at_unix)
            if share is not None:
                shares[reserve.asset] = share
        return shares

    def _utilisation(self, reserve: Reserve, rules: PoolRules, at_unix: int) -> Fraction | None:
        """None where nothing is lent."""
        index = rules.interest.debt_index_at(reserve, at_unix)
        debt_raw = rules.verdict.owed_raw(reserve.debt_scaled, index)
        lent_raw = reserve.cash_raw + debt_raw
        return Fraction(debt_raw, lent_raw) if lent_raw else None

    def listings(self, view: LedgerView) -> Iterator[Listing]:
        base_unit = contracts_of(view, self._market).base_unit
        for _, reserve in each(view, Kind.RESERVE, self._market, Reserve):
            price = find(view, price_key(self._market, reserve.asset), Price)
            is_paying = reserve.terms.is_active and not reserve.terms.is_paused
            yield Listing(
                *("", reserve.asset, reserve.symbol, reserve.decimals, price, base_unit),
                cash_raw=reserve.cash_raw if is_paying else RawAmount(0),
            )

    def sheets(self, view: LedgerView, at_unix: int) -> tuple[MarketSheet, ...]:
        rules = self._rules(view)
        exposures: list[Exposure] = []
        for key, position in each(view, Kind.POSITION, self._market, Position):
            if position.debts:
                account = Address(key.subject)
                exposures.append(self._exposure(view, account, position, rules, at_unix))
        assets = {
            reserve.asset: self._asset_sheet(view, reserve, rules, at_unix)
            for _, reserve in each(view, Kind.RESERVE, self._market, Reserve)
        }
        sheet = MarketSheet(
            market=self._market,
            sub_market="",
            base_unit=contracts_of(view, self._market).base_unit,
            terms=rules.verdict.liquidation,
            assets=assets,
            exposures=tuple(sorted(exposures, key=lambda exposure: exposure.account)),
            schemes=tuple(sorted(scheme_of(category) for category in self._categories(view))),
            parameters=PARAMETERS,
        )
        return (sheet,)

    def _categories(self, view: LedgerView) -> Iterator[Category]:
        """Those that secure anything."""
        for _, category in each(view, Kind.CATEGORY, self._market, Category):
            if category.collateral:
                yield category

    def exposure(self, view: LedgerView, place: Place, at_unix: int) -> Exposure | None:
        position = find(view, position_key(self._market, place.account), Position)
        if position is None or not position.debts:
            return None
        return self._exposure(view, place.account, position, self._rules(view), at_unix)

    def rates(self, view: LedgerView, sub_market: str, asset: AssetId, at_unix: int) -> Rates:
        """The reserve's own, as its last accrual set them."""
        reserve = self._reserve(view, asset)
        return Rates(
            Fraction(reserve.supply_rate_ray, RAY),
            Fraction(reserve.debt_rate_ray, RAY),
            self._utilisation(reserve, self._rules(view), at_unix),
        )

    def _exposure(
        self,
        view: LedgerView,
        account: Address,
        position: Position,
        rules: PoolRules,
        at_unix: int,
    ) -> Exposure:
        collateral = self._pledged(view, position, rules.verdict, at_unix)
        return Exposure(account, collateral, self._owed(view, position, rules, at_unix))

    def _pledged(
        self, view: LedgerView, position: Position, verdict: Verdict, at_unix: int
    ) -> tuple[CollateralLeg, ...]:
        category = find(view, category_key(self._market, position.e_mode), Category)
        legs = []
        for held in _listed(position):
            reserve = self._reserve(view, held.asset)
            if not (held.used_as_collateral and counts(reserve, verdict)):
                continue
            terms = terms_for(reserve, category)
            amount = verdict.supplied_raw(held.scaled, supply_index_at(reserve, at_unix))
            leg = CollateralLeg(
                asset=held.asset,
                amount_raw=RawAmount(amount),
                liquidation_threshold_wad=wad_of_bps(terms.threshold_bps),
                liquidation_bonus_wad=wad_of_bps(terms.bonus_bps),
                liquidation_fee_bps=reserve.terms.liquidation_fee_bps,
                seizable=is_open(reserve, at_unix),
                scheme=scheme_of(category) if terms.are_of_category else "",
            )
            legs.append(leg)
        return tuple(legs)

    def _owed(
        self, view: LedgerView, position: Position, rules: PoolRules, at_unix: int
    ) -> tuple[DebtLeg, ...]:
        legs = []
        for held in position.debts:
            reserve = self._reserve(view, held.asset)
            index = rules.interest.debt_index_at(reserve, at_unix)
            amount = RawAmount(rules.verdict.owed_raw(held.scaled, index))
            legs.append(DebtLeg(held.asset, amount, repayable=is_open(reserve, at_unix)))
        return tuple(legs)

    def _asset_sheet(
        self, view: LedgerView, reserve: Reserve, rules: PoolRules, at_unix: int
    ) -> AssetSheet:
        terms = find(view, rate_key(self._market, reserve.asset), RateTerms)
        index = rules.interest.debt_index_at(reserve, at_unix)
        lending = Lending(
            curve=terms.curve if terms else None,
            debt_raw=RawAmount(rules.verdict.owed_raw(reserve.debt_scaled, index)),
            fee_wad=wad_of_bps(reserve.terms.reserve_factor_bps),
            secures=True,
        )
        price = find(view, price_key(self._market, reserve.asset), Price)
        return AssetSheet(
            asset=reserve.asset,
            symbol=reserve.symbol,
            decimals=reserve.decimals,
            price_base=price.value if price else None,
            source=price.source if price else None,
            cash_raw=reserve.cash_raw,
            price=price,
            lending=lending,
        )

    def _prices(
        self, view: LedgerView, holdings: list[Holding], category: Category | None
    ) -> tuple[dict[AssetId, int], tuple[str, ...]]:
        """What the contract would value each asset at, and what it could not."""
        prices: dict[AssetId, int] = {}
        unknown: list[str] = []
        common = 0
        if holdings and category is not None and category.price_source != ZERO_ADDRESS:
            name = f"e-mode {category.number}"
            common = self._price(view, category.price_source, name, unknown)
        for held in holdings:
            if common and category is not None and held.asset in category.collateral:
                prices[held.asset] = common
            else:
                prices[held.asset] = self._price(view, held.asset, "", unknown)
        return prices, tuple(unknown)

    def _price(self, view: LedgerView, asset: AssetId, name: str, unknown: list[str]) -> int:
        """0 where it is not known: then `unknown` says so, of a reserve by its symbol."""
        price = find(view, price_key(self._market, asset), Price)
        if price is not None and price.value is not None:
            return price.value
        name = name or self._reserve(view, asset).symbol
        unknown.append(f"price of {name}: {price.reason if price else 'not read yet'}")
        return 0

    def _reserve(self, view: LedgerView, asset: AssetId) -> Reserve:
        reserve = find(view, reserve_key(self._market, asset), Reserve)
        if reserve is None:
            raise LedgerCorrupt(f"{self._market} holds {asset}, which it does not list")
        return reserve


def _listed(position: Position) -> list[Holding]:
    """What is supplied, without flags for reserves that are no more."""
    return [h for h in position.supplies if h.scaled or not is_vacancy(h.asset)]
