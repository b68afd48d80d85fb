"""All positions of one market added up: raw units by asset, exact, whatever they are worth."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.core.sources import Statement
from monitor.core.units import Address, AssetId

AT_RISK_HEALTH_WAD = 1_05 * 10**16

Amounts = defaultdict[AssetId, int]
ByOwner = defaultdict[Address, int]


def _nothing() -> Amounts:
    return defaultdict(int)


def _nobody() -> ByOwner:
    return defaultdict(int)


@dataclass(slots=True)
class Sums:
    """One market so far.

    `pledged_by`: collateral in use, by sub-market and asset, of each owner; `owed_by`: debt by
    asset, of each owner. `at_risk`: debt with health below 1.05. `unknown`: why the health of some
    account is not known.
    """

    positions: int = 0
    pledged_by: defaultdict[tuple[str, AssetId], ByOwner] = field(
        default_factory=lambda: defaultdict(_nobody)
    )
    owed_by: defaultdict[AssetId, ByOwner] = field(default_factory=lambda: defaultdict(_nobody))
    at_risk: Amounts = field(default_factory=_nothing)
    unknown: set[str] = field(default_factory=set)

    def add(self, held: Statement, owner: Address) -> None:
        self.positions += 1
        for line in held.collateral:
            if line.used_as_collateral:
                self.pledged_by[held.sub_market, line.asset][owner] += line.amount_raw
        risk = held.risk
        health = risk.health_factor_wad
        is_at_risk = health is not None and health < AT_RISK_HEALTH_WAD
        for line in held.debt:
            self.owed_by[line.asset][owner] += line.amount_raw
            if is_at_risk:
                self.at_risk[line.asset] += line.amount_raw
        self.unknown.update(risk.unknown)

    @property
    def pledged(self) -> Mapping[AssetId, int]:
        """Collateral in use."""
        whole = _nothing()
        for (_, asset), owners in self.pledged_by.items():
            whole[asset] += sum(owners.values())
        return whole

    @property
    def owed(self) -> Mapping[AssetId, int]:
        """Debt."""
        return {asset: sum(owners.values()) for asset, owners in self.owed_by.items()}
