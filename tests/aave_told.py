"""What a monitor's ledger and rules tell of an Aave market: the table of `aave_contracts`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from aave_contracts import CATEGORIES, SIX, TERM_BITS, Contracts, Facts
from aave_versions import Version
from devnet import ZERO_ADDRESS, Address, World
from following import followed
from fuzz.monitored import Monitored, Records

from monitor.core.events import Place
from monitor.core.keys import Kind, category_key, position_key, price_key
from monitor.core.ledger import Holding, LedgerView, Position, each, find
from monitor.core.prices import Price
from monitor.core.reserves import Category, Reserve
from monitor.core.sources import RiskRules, Statement
from monitor.core.units import MAX_UINT256, AssetId
from monitor.core.units import Address as MonitorAddress
from monitor.protocols.aave_v3.configuration import vacancy

RESERVES = 128
"""How many a market can list."""


async def judged(
    market: World, version: Version, people: Sequence[Address], monitored: Monitored
) -> Records:
    """The ledger at the head: the contracts' word, fact by fact, and what a snapshot tells."""
    records = await followed(market, monitored)
    await compared(market, version, people, monitored)
    return records


async def compared(
    market: World, version: Version, people: Sequence[Address], monitored: Monitored
) -> None:
    """The contracts' word alone, which is the quicker half."""
    head = await market.head()
    ledger = await monitored.ledger_at(head.hash)
    expected = await Contracts(market, version, people).facts(head)
    told = Told(monitored.market, version, people).facts(ledger, head.timestamp)
    assert not differences(expected, told)


@dataclass(frozen=True, slots=True)
class Told:
    """The monitor's side of the table."""

    rules: RiskRules
    version: Version
    people: Sequence[Address]

    def facts(self, view: LedgerView, at_unix: int) -> Facts:
        listed = each(view, Kind.RESERVE, self.rules.market, Reserve)
        reserves = {reserve.symbol: reserve for _, reserve in listed}
        facts: Facts = {}
        for symbol, reserve in reserves.items():
            facts |= {(symbol, name): value for name, value in self._reserve(view, reserve)}
        for who in self.people:
            told = self._account(view, MonitorAddress(who), at_unix, reserves)
            facts |= {(who, name): value for name, value in told}
        for number in CATEGORIES:
            category = find(view, category_key(self.rules.market, number), Category)
            told = _category_told(category, list(reserves.values()))
            facts |= {(f"e-mode {number}", name): value for name, value in told}
        return facts

    def _reserve(self, view: LedgerView, reserve: Reserve) -> Iterator[tuple[str, int | None]]:
        for name in (
            *("supply_index_ray", "supply_rate_ray", "debt_index_ray", "debt_rate_ray"),
            *("updated_unix", "ordinal", "treasury_scaled", "supply_scaled", "debt_scaled"),
            "cash_raw",
        ):
            yield name, getattr(reserve, name)
        yield "supply_token", int(reserve.supply_token, 16)
        yield "debt_token", int(reserve.debt_token, 16)
        yield "price", self._price(view, reserve.asset)
        for name in TERM_BITS:
            yield name, int(getattr(reserve.terms, name))

    def _account(
        self, view: LedgerView, who: MonitorAddress, at_unix: int, reserves: dict[str, Reserve]
    ) -> Iterator[tuple[str, int | None]]:
        market = self.rules.market
        position = find(view, position_key(market, who), Position) or Position()
        statement = self.rules.statement(view, Place(market, who), at_unix)
        yield from zip(SIX, self._six(view, statement, reserves), strict=True)
        supplies = {held.asset: held for held in position.supplies}
        debts = {held.asset: held for held in position.debts}
        ordinals = {vacancy(ordinal): ordinal for ordinal in range(RESERVES)}
        ordinals |= {reserve.asset: reserve.ordinal for reserve in reserves.values()}
        used = sum(2 << 2 * ordinals[a] for a, held in supplies.items() if held.used_as_collateral)
        yield "configuration word", used + sum(1 << 2 * ordinals[asset] for asset in debts)
        yield "e-mode", position.e_mode
        supplied = {line.asset: line for line in statement.collateral} if statement else {}
        owed = {line.asset: line for line in statement.debt} if statement else {}
        for symbol, reserve in reserves.items():
            for side, held, lines in (("supply", supplies, supplied), ("debt", debts, owed)):
                holding, line = held.get(reserve.asset), lines.get(reserve.asset)
                yield f"{side} of {symbol}, scaled", holding.scaled if holding else 0
                yield f"{side} of {symbol}", line.amount_raw if line else 0
                yield f"{side} of {symbol}, checkpoint", _checkpoint(holding)

    def _six(
        self, view: LedgerView, statement: Statement | None, reserves: dict[str, Reserve]
    ) -> Sequence[int | None]:
        """getUserAccountData: the rules' three, the others from what the ledger keeps."""
        risk = statement.risk if statement else None
        if statement is None or risk is None:
            return (0, 0, 0, 0, 0, MAX_UINT256)
        if risk.unknown:
            return [None] * 6
        c, d = risk.collateral_value_base, risk.debt_value_base
        thresholds = ltvs = 0
        by_asset = {reserve.asset: reserve for reserve in reserves.values()}
        category = find(view, category_key(self.rules.market, statement.e_mode), Category)
        for line in statement.collateral:
            reserve = by_asset[line.asset]
            threshold_bps, ltv_bps = _terms(reserve, category, is_3_0=self.version.is_3_0)
            if not line.used_as_collateral or (self.version.is_3_0 and not threshold_bps):
                continue
            price = self._price_for(view, reserve.asset, category)
            value = line.amount_raw * price // 10**reserve.decimals
            thresholds += value * threshold_bps
            ltvs += value * ltv_bps
        threshold, ltv = (thresholds // c, ltvs // c) if c else (0, 0)
        half = 5_000 if self.version.is_3_0 else 0
        available = max(0, (c * ltv + half) // 10_000 - d)
        health = MAX_UINT256 if risk.health_factor_wad is None else risk.health_factor_wad
        return (c, d, available, threshold, ltv, health)

    def _price(self, view: LedgerView, subject: AssetId) -> int | None:
        price = find(view, price_key(self.rules.market, subject), Price)
        return price.value if price is not None else None

    def _price_for(self, view: LedgerView, asset: AssetId, category: Category | None) -> int:
        own = None
        if category is not None and category.price_source != ZERO_ADDRESS:
            own = self._price(view, AssetId(category.price_source))
            own = own if asset in category.collateral else None
        price = own or self._price(view, asset)
        assert price is not None
        return price


def _terms(reserve: Reserve, category: Category | None, *, is_3_0: bool) -> tuple[int, int]:
    """Threshold and LTV, in bps: of the e-mode where the asset is in it."""
    terms = reserve.terms
    if category is None or reserve.asset not in category.collateral:
        return terms.liquidation_threshold_bps, terms.ltv_bps
    if is_3_0:
        # There a reserve's own zeros hold in its e-mode too.
        ltv_bps = category.ltv_bps if terms.ltv_bps else 0
        threshold_bps = category.liquidation_threshold_bps
        return (threshold_bps if terms.liquidation_threshold_bps else 0), ltv_bps
    zero = reserve.asset in category.ltv_zero
    return category.liquidation_threshold_bps, 0 if zero else category.ltv_bps


def _category_told(
    category: Category | None, reserves: Sequence[Reserve]
) -> Iterator[tuple[str, int | None]]:
    ordinals = {reserve.asset: reserve.ordinal for reserve in reserves}
    yield "ltv_bps", category.ltv_bps if category else 0
    yield "threshold_bps", category.liquidation_threshold_bps if category else 0
    yield "bonus_bps", category.liquidation_bonus_bps if category else 0
    yield "price source", int(category.price_source, 16) if category else 0
    listed = category.collateral if category else ()
    yield "collateral", sum(1 << ordinals[asset] for asset in listed)


def _checkpoint(holding: Holding | None) -> int:
    return holding.checkpoint_ray if holding and holding.scaled else 0


def differences(expected: Facts, told: Facts) -> list[str]:
    """One line a fact on which the two sides differ."""
    return [
        f"{subject}, {name}: contract {expected.get((subject, name))}, "
        f"monitor {told.get((subject, name))}"
        for subject, name in sorted(expected.keys() | told.keys())
        if expected.get((subject, name)) != told.get((subject, name))
    ]
