"""A market in sums, and what in it is not known: for people and metrics, never for a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from monitor.core.ledger import Fault, Kind, LedgerView, each
from monitor.core.sources import Listing, RiskRules
from monitor.core.units import MarketId
from monitor.engine.positions import PositionBook
from monitor.engine.valuation import total, usd_text

AT_RISK_HEALTH_WAD = 1_05 * 10**16


@dataclass(frozen=True, slots=True)
class MarketTotals:
    """One market in sums; None where a part is unknown. `at_risk`: debt with health below 1.05.

    `unknown`: why a sum is None.
    """

    market: str
    protocol: str
    positions: int
    collateral_usd: Fraction | None
    debt_usd: Fraction | None
    at_risk_usd: Fraction | None
    unknown: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "market": self.market,
            "protocol": self.protocol,
            "positions": self.positions,
            "collateral_usd": usd_text(self.collateral_usd),
            "debt_usd": usd_text(self.debt_usd),
            "at_risk_usd": usd_text(self.at_risk_usd),
        } | ({"unknown": list(self.unknown)} if self.unknown else {})


def market_totals(book: PositionBook, rule: RiskRules) -> MarketTotals:
    """Sums over every position of a market. Collateral counts where it is in use."""
    rows = [row for row in book.rows if row.market == rule.market]
    collateral: list[Fraction | None] = []
    at_risk: list[Fraction | None] = []
    unknown: set[str] = set()
    for row in rows:
        pledged = [line for line in row.statement.collateral if line.used_as_collateral]
        collateral += [book.usd(line) for line in pledged]
        unknown.update(book.unvalued([*pledged, *row.statement.debt]))
        health = row.statement.risk.health_factor_wad
        if row.statement.risk.unknown:
            unknown.update(row.statement.risk.unknown)
            at_risk.append(None)
        elif health is not None and health < AT_RISK_HEALTH_WAD:
            at_risk.append(row.debt_usd)
    return MarketTotals(
        market=rule.market,
        protocol=rule.protocol,
        positions=len(rows),
        collateral_usd=total(collateral),
        debt_usd=total([row.debt_usd for row in rows]),
        at_risk_usd=total(at_risk),
        unknown=tuple(sorted(unknown)),
    )


def unknown_prices(view: LedgerView, rules: Sequence[RiskRules]) -> tuple[str, ...]:
    """Every listed asset whose price is not known, and why."""
    return tuple(
        sorted(
            f"price of {place_of(rule, listing)}{listing.symbol}: {listing.price.reason}"
            for rule in rules
            for listing in rule.listings(view)
            if listing.price is not None and listing.price.value is None
        )
    )


def place_of(rule: RiskRules, listing: Listing) -> str:
    """`aave-core/` or `morpho/0x…/`: what goes before a symbol."""
    return f"{rule.market}/{listing.sub_market}/" if listing.sub_market else f"{rule.market}/"


def faults(view: LedgerView) -> tuple[str, ...]:
    """Every block of which something could not be understood."""
    return tuple(
        f"{fault.logs} logs of block {fault.block_number} were not understood, so positions may "
        f"be wrong: {fault.first}"
        for _, fault in each(view, Kind.FAULT, MarketId(""), Fault)
    )
