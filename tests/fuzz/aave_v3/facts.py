"""What the monitor says of an Aave market: the same table that its sight makes."""

from collections.abc import Mapping, Sequence

from devnet import Address

from fuzz.aave_v3.sight import CATEGORIES, TERM_BITS
from fuzz.facts import Facts, Told, of
from monitor.core.events import Place
from monitor.core.keys import Kind, category_key, position_key, price_key
from monitor.core.ledger import LedgerView, Position, each, find
from monitor.core.prices import Price
from monitor.core.reserves import Category, Reserve
from monitor.core.sources import RiskRules
from monitor.core.units import MAX_UINT256
from monitor.core.units import Address as MonitorAddress


class MonitorFacts:
    """The monitor's side of the table, from its ledger and its rules."""

    def __init__(self, rules: RiskRules, accounts: Sequence[Address]) -> None:
        self._rules = rules
        self._accounts = accounts

    def at(self, view: LedgerView, timestamp: int) -> Facts:
        facts: Facts = {}
        listed = each(view, Kind.RESERVE, self._rules.market, Reserve)
        reserves = {reserve.symbol: reserve for _, reserve in listed}
        for symbol, reserve in reserves.items():
            facts.update(of(symbol, self._reserve(view, reserve)))
        for number in CATEGORIES:
            facts.update(of(f"e-mode {number}", self._category(view, number, reserves)))
        held = {key.subject for key, _ in each(view, Kind.POSITION, self._rules.market, Position)}
        for who in held.union(self._accounts):
            told = self._account(view, MonitorAddress(who), timestamp, reserves)
            facts.update(of(who, told))
        return facts

    def _reserve(self, view: LedgerView, reserve: Reserve) -> Told:
        yield "supply_index_ray", reserve.supply_index_ray
        yield "debt_index_ray", reserve.debt_index_ray
        yield "supply_rate_ray", reserve.supply_rate_ray
        yield "debt_rate_ray", reserve.debt_rate_ray
        yield "updated_unix", reserve.updated_unix
        yield "ordinal", reserve.ordinal
        yield "supply_token", int(reserve.supply_token, 16)
        yield "debt_token", int(reserve.debt_token, 16)
        yield "treasury_scaled", reserve.treasury_scaled
        yield "cash_raw", reserve.cash_raw
        yield "deficit_raw", reserve.deficit_raw
        yield "supply_scaled", reserve.supply_scaled
        yield "debt_scaled", reserve.debt_scaled
        price = find(view, price_key(self._rules.market, reserve.asset), Price)
        yield "price_e8", price.value if price is not None else None
        yield "source", int(price.source, 16) if price and price.source else None
        yield "grace_until_unix", reserve.terms.grace_until_unix
        for term in TERM_BITS:
            yield term, int(getattr(reserve.terms, term))

    def _category(self, view: LedgerView, number: int, reserves: dict[str, Reserve]) -> Told:
        category = find(view, category_key(self._rules.market, number), Category)
        ordinals = {reserve.asset: reserve.ordinal for reserve in reserves.values()}
        yield "ltv_bps", category.ltv_bps if category else 0
        yield "threshold_bps", category.liquidation_threshold_bps if category else 0
        yield "bonus_bps", category.liquidation_bonus_bps if category else 0
        yield "price_source", int(category.price_source, 16) if category else 0
        for field in ("collateral", "borrowable", "ltv_zero"):
            assets = getattr(category, field) if category else ()
            bits = {ordinals[asset] for asset in assets}
            bits |= {bit for name, bit in category.vacant if name == field} if category else set()
            yield field, sum(1 << bit for bit in bits)

    def _account(
        self, view: LedgerView, who: MonitorAddress, timestamp: int, reserves: dict[str, Reserve]
    ) -> Told:
        position = find(view, position_key(self._rules.market, who), Position) or Position()
        statement = self._rules.statement(view, Place(self._rules.market, who), timestamp)
        supplied = {line.asset: line for line in statement.collateral} if statement else {}
        owed = {line.asset: line for line in statement.debt} if statement else {}
        shown = 0
        for symbol, reserve in reserves.items():
            line, debt = supplied.get(reserve.asset), owed.get(reserve.asset)
            yield f"aToken of {symbol}", line.amount_raw if line else 0
            yield f"debt token of {symbol}", debt.amount_raw if debt else 0
            is_used = line is not None and bool(line.used_as_collateral)
            shown |= is_used << (2 * reserve.ordinal + 1)
        risk = statement.risk if statement else None
        is_blind = risk is not None and bool(risk.unknown)
        health = risk.health_factor_wad if risk else None
        yield "collateral_e8", None if is_blind else risk.collateral_value_base if risk else 0
        yield "debt_e8", None if is_blind else risk.debt_value_base if risk else 0
        yield "health_factor_wad", MAX_UINT256 if health is None and not is_blind else health
        yield "flags of what it holds", shown
        yield "configuration word", _word(position, reserves)
        yield "e-mode", position.e_mode


def _word(position: Position, reserves: Mapping[str, Reserve]) -> int:
    """As the pool keeps it. A flag may outlive what it was set for."""
    ordinals = {reserve.asset: reserve.ordinal for reserve in reserves.values()}
    used = [held.asset for held in position.supplies if held.used_as_collateral]
    owed = [held.asset for held in position.debts]
    used_bits = (2 << 2 * ordinals[asset] for asset in used if asset in ordinals)
    return sum(used_bits) + sum(1 << 2 * ordinals[asset] for asset in owed if asset in ordinals)
