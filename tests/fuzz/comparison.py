"""What the contracts and what the monitor say of a block: flat tables that must be equal."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from devnet import Address, World

from fuzz.sight import CATEGORIES, TERM_BITS, AccountSight, ReserveSight, Sight
from monitor.core.events import Place
from monitor.core.ledger import (
    Category,
    Kind,
    LedgerView,
    Position,
    Reserve,
    TickPool,
    category_key,
    each,
    find,
    pool_key,
    position_key,
    price_key,
)
from monitor.core.prices import Price
from monitor.core.sources import RiskRules
from monitor.core.units import MAX_UINT256
from monitor.core.units import Address as MonitorAddress

Fact = tuple[str, str]
"""(account, reserve or pool; field)."""
Facts = dict[Fact, int | None]
POOL_FIELDS = ("sqrt_price_x96", "tick", "liquidity")
ADDRESSES = ("supply_token", "debt_token", "source")
"""Compared as numbers."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A fact on which the two sides differ. None: that side does not know it."""

    block: int
    fact: Fact
    expected: int | None
    got: int | None

    def __str__(self) -> str:
        subject, field = self.fact
        return (
            f"mismatch: block {self.block}, {subject}, {field}: "
            f"expected (contract) {self.expected}, got (monitor) {self.got}"
        )


def compare(sight: Sight, told: Facts) -> tuple[int, list[Mismatch]]:
    """How many facts were compared, and those that differ."""
    seen = contract_facts(sight)
    wrong = [
        Mismatch(sight.block.number, fact, seen.get(fact), told.get(fact))
        for fact in sorted(seen.keys() | told.keys())
        if seen.get(fact) != told.get(fact)
    ]
    return len(seen), wrong


def contract_facts(sight: Sight) -> Facts:
    facts: Facts = {}
    for symbol, reserve in sight.reserves.items():
        facts |= {(symbol, field): value for field, value in _reserve_facts(reserve)}
    for number, category in sight.categories.items():
        facts |= {(f"e-mode {number}", f): value for f, value in asdict(category).items()}
    for name, pool in sight.pools.items():
        facts |= {(name, field): getattr(pool, field) for field in POOL_FIELDS}
        facts |= {(name, f"net at tick {tick}"): net for tick, net in pool.nets.items()}
    for who, account in sight.accounts.items():
        facts |= {(who, field): value for field, value in _account_facts(account)}
    return facts


def _reserve_facts(reserve: ReserveSight) -> Iterator[tuple[str, int | None]]:
    told = asdict(reserve)
    del told["rival_price_e8"]
    yield from told.pop("terms").items()
    for field in ADDRESSES:
        yield field, int(told.pop(field), 16)
    yield "price_e8", told.pop("price_e8") or None
    yield from told.items()


def _account_facts(account: AccountSight) -> Iterator[tuple[str, int | None]]:
    for symbol, amount in account.supplied.items():
        yield f"aToken of {symbol}", amount
    for symbol, amount in account.owed.items():
        yield f"debt token of {symbol}", amount
    data = account.data
    yield "collateral_e8", None if account.is_blind else data.collateral_e8
    yield "debt_e8", None if account.is_blind else data.debt_e8
    yield "health_factor_wad", None if account.is_blind else data.health_factor_wad
    yield "configuration word", account.word
    yield "e-mode", account.e_mode


class MonitorFacts:
    """The monitor's side of the table, from its ledger and its rules."""

    def __init__(self, world: World, rules: RiskRules, accounts: tuple[Address, ...]) -> None:
        self._rules = rules
        self._pools = world.addresses.pools
        self._accounts = accounts

    def at(self, view: LedgerView, timestamp: int) -> Facts:
        facts: Facts = {}
        listed = each(view, Kind.RESERVE, self._rules.market, Reserve)
        reserves = {reserve.symbol: reserve for _, reserve in listed}
        for symbol, reserve in reserves.items():
            facts |= {(symbol, field): value for field, value in self._reserve(view, reserve)}
        for number in CATEGORIES:
            told = self._category(view, number, reserves)
            facts |= {(f"e-mode {number}", field): value for field, value in told}
        for name, address in self._pools.items():
            pool = find(view, pool_key(MonitorAddress(address)), TickPool)
            if pool is not None:
                facts |= {(name, field): getattr(pool, field) for field in POOL_FIELDS}
                facts |= {(name, f"net at tick {tick}"): net for tick, net in pool.ticks}
        for who in self._accounts:
            told = self._account(view, MonitorAddress(who), timestamp, reserves)
            facts |= {(who, field): value for field, value in told}
        return facts

    def _reserve(self, view: LedgerView, reserve: Reserve) -> Iterator[tuple[str, int | None]]:
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

    def _category(
        self, view: LedgerView, number: int, reserves: dict[str, Reserve]
    ) -> Iterator[tuple[str, int | None]]:
        category = find(view, category_key(self._rules.market, number), Category)
        ordinals = {reserve.asset: reserve.ordinal for reserve in reserves.values()}
        yield "ltv_bps", category.ltv_bps if category else 0
        yield "threshold_bps", category.liquidation_threshold_bps if category else 0
        yield "bonus_bps", category.liquidation_bonus_bps if category else 0
        for field in ("collateral", "borrowable", "ltv_zero"):
            assets = getattr(category, field) if category else ()
            bits = {ordinals[asset] for asset in assets}
            bits |= {bit for name, bit in category.vacant if name == field} if category else set()
            yield field, sum(1 << bit for bit in bits)

    def _account(
        self, view: LedgerView, who: MonitorAddress, timestamp: int, reserves: dict[str, Reserve]
    ) -> Iterator[tuple[str, int | None]]:
        position = find(view, position_key(self._rules.market, who), Position) or Position()
        statement = self._rules.statement(view, Place(self._rules.market, who), timestamp)
        supplied = {line.asset: line for line in statement.collateral} if statement else {}
        owed = {line.asset: line for line in statement.debt} if statement else {}
        word = 0
        for symbol, reserve in reserves.items():
            line, debt = supplied.get(reserve.asset), owed.get(reserve.asset)
            yield f"aToken of {symbol}", line.amount_raw if line else 0
            yield f"debt token of {symbol}", debt.amount_raw if debt else 0
            is_used = line is not None and bool(line.used_as_collateral)
            word |= ((debt is not None) | is_used << 1) << (2 * reserve.ordinal)
        risk = statement.risk if statement else None
        is_blind = risk is not None and bool(risk.unknown)
        health = risk.health_factor_wad if risk else None
        yield "collateral_e8", None if is_blind else risk.collateral_value_base if risk else 0
        yield "debt_e8", None if is_blind else risk.debt_value_base if risk else 0
        yield "health_factor_wad", MAX_UINT256 if health is None and not is_blind else health
        yield "configuration word", word
        yield "e-mode", position.e_mode
