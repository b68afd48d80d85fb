"""A market in sums, and what in it is not known: for people and metrics, never for a verdict."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from monitor.core.keys import Kind
from monitor.core.ledger import Fault, LedgerView, each
from monitor.core.sources import Listing, RiskRules
from monitor.core.units import MarketId
from monitor.engine.net_value import NetValue
from monitor.engine.positions import PositionBook
from monitor.engine.valuation import usd_text


@dataclass(frozen=True, slots=True)
class MarketTotals:
    """One market in sums; None where a part is unknown. `at_risk`: debt with health below 1.05.
    `collateral`: what is in use, gross and net.

    `concentration`: as JSON has it. `unknown`: why a sum is None.
    """

    market: str
    protocol: str
    positions: int
    collateral: NetValue
    debt_usd: Fraction | None
    at_risk_usd: Fraction | None
    concentration: Mapping[str, Any]
    unknown: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "market": self.market,
            "protocol": self.protocol,
            "positions": self.positions,
            **self.collateral.as_json(),
            "debt_usd": usd_text(self.debt_usd),
            "at_risk_usd": usd_text(self.at_risk_usd),
            "concentration": self.concentration,
        } | ({"unknown": list(self.unknown)} if self.unknown else {})


def market_totals(
    book: PositionBook, collateral: Mapping[MarketId, NetValue], rule: RiskRules
) -> MarketTotals:
    """Sums over every position of a market. Collateral counts where it is in use."""
    worth = collateral[rule.market]
    sums = book.sums[rule.market]
    owed = sums.owed
    unvalued = book.unvalued([*sums.pledged, *owed])
    return MarketTotals(
        market=rule.market,
        protocol=rule.protocol,
        positions=sums.positions,
        collateral=worth,
        debt_usd=book.worth(owed.items()),
        at_risk_usd=None if sums.unknown else book.worth(sums.at_risk.items()),
        concentration=book.concentrations[rule.market].as_json(book.labels, book.checksum),
        unknown=tuple(sorted({*sums.unknown, *unvalued, *worth.unknown()})),
    )


def unknown_prices(view: LedgerView, rules: Sequence[RiskRules]) -> tuple[str, ...]:
    """Every asset of somebody's choice whose price is not known, and why."""
    return tuple(
        sorted(
            f"price of {place_of(rule, listing)}{listing.symbol}: {reason}"
            for rule in rules
            for listing, reason in _unpriced(view, rule)
            if not listing.is_permissionless
        )
    )


def unpriced_pairs(view: LedgerView, rules: Sequence[RiskRules]) -> tuple[str, ...]:
    """How many prices are not known of what anybody may list: one line a market.

    They are no reason to distrust the rest, and there may be any number of them.
    """
    counts = {
        rule.market: sum(1 for one, _ in _unpriced(view, rule) if one.is_permissionless)
        for rule in rules
    }
    return tuple(
        f"{market}: no price in {count} of the markets that anybody may open"
        for market, count in counts.items()
        if count
    )


def _unpriced(view: LedgerView, rule: RiskRules) -> Iterator[tuple[Listing, str]]:
    for listing in rule.listings(view):
        if listing.price is not None and listing.price.value is None:
            yield listing, listing.price.reason


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
