"""All positions of one market added up: raw units by asset, exact, whatever they are worth."""

from collections import defaultdict
from dataclasses import dataclass, field

from monitor.core.sources import Statement
from monitor.core.units import AssetId

AT_RISK_HEALTH_WAD = 1_05 * 10**16

Amounts = defaultdict[AssetId, int]


def _nothing() -> Amounts:
    return defaultdict(int)


@dataclass(slots=True)
class Sums:
    """One market so far.

    `pledged`: collateral in use. `at_risk`: debt with health below 1.05. `unknown`: why the health
    of some account is not known.
    """

    positions: int = 0
    pledged: Amounts = field(default_factory=_nothing)
    owed: Amounts = field(default_factory=_nothing)
    at_risk: Amounts = field(default_factory=_nothing)
    unknown: set[str] = field(default_factory=set)

    def add(self, held: Statement) -> None:
        self.positions += 1
        for line in held.collateral:
            if line.used_as_collateral:
                self.pledged[line.asset] += line.amount_raw
        risk = held.risk
        health = risk.health_factor_wad
        is_at_risk = health is not None and health < AT_RISK_HEALTH_WAD
        for line in held.debt:
            self.owed[line.asset] += line.amount_raw
            if is_at_risk:
                self.at_risk[line.asset] += line.amount_raw
        self.unknown.update(risk.unknown)
