"""PoolConfigurator logs of Aave 3.0.1 and 3.0.2 that 3.6 has not, or means otherwise.

Source: PoolConfigurator.sol, PoolLogic.sol of `@aave/core-v3` 1.19.3.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from monitor.core.events import (
    CategoryChanged,
    CollateralUseChanged,
    DomainEvent,
    MarketChanged,
    Place,
    ReserveDropped,
)
from monitor.core.keys import Kind, category_key
from monitor.core.ledger import Position, contracts_of, each, find
from monitor.core.reserves import Category, Reserve
from monitor.core.units import Address, AssetId, Bps
from monitor.errors import ContractUpgraded
from monitor.protocols.aave_v3.configuration import vacancy
from monitor.protocols.aave_v3.governance import Events, GovernanceDecoder
from monitor.protocols.aave_v3.upgrades import REMEDY


class FormerGovernance(GovernanceDecoder):
    """Decodes what risk and listing admins of a 3.0 market do."""

    def _handlers(self) -> Mapping[str, Callable[..., Events]]:
        return {
            **super()._handlers(),
            "EModeAssetCategoryChanged": self._on_membership,
            "ReserveStableRateBorrowing": self._on_stable_rate,
            "FlashloanPremiumToProtocolUpdated": lambda _, bps: self._shares(
                flash_fee_to_treasury_bps=Bps(bps)
            ),
            "BridgeProtocolFeeUpdated": lambda _, bps: self._shares(
                bridge_fee_to_treasury_bps=Bps(bps)
            ),
        }

    def _on_reserve_factor(self, asset: AssetId, _: Bps, factor: Bps) -> Events:
        """Nothing accrues: the new factor holds back to the last update."""
        return self._terms(asset, reserve_factor_bps=factor)

    def _on_stable_rate(self, asset: AssetId, is_allowed: bool) -> Events:
        if not is_allowed:
            return ()
        raise ContractUpgraded(
            f"{self._market}: block {self._block.hash} lets {self._reserve(asset).symbol} be "
            f"borrowed at a stable rate, and such debts are not followed. {REMEDY}"
        )

    def _shares(self, **changed: Any) -> Events:
        contracts = contracts_of(self._view, self._market)
        return (MarketChanged(self._market, replace(contracts, **changed)),)

    def _on_membership(self, asset: AssetId, old: int, new: int) -> Events:
        events = list(self._without(asset))
        if new:
            known = find(self._view, category_key(self._market, new), Category)
            category = known or Category(new, "", Bps(0), Bps(0), Bps(0))
            events = [event for event in events if event.category.number != new]
            events.append(self._with_members(category, {*category.collateral, asset}))
        return tuple(events)

    def _without(self, asset: AssetId) -> Iterator[CategoryChanged]:
        """The category an asset was in."""
        for _, category in each(self._view, Kind.CATEGORY, self._market, Category):
            if asset in category.collateral:
                yield self._with_members(category, set(category.collateral) - {asset})

    def _with_members(self, category: Category, assets: set[AssetId]) -> CategoryChanged:
        members = tuple(sorted(assets))
        changed = replace(category, collateral=members, borrowable=members)
        return CategoryChanged(self._market, changed)

    def _on_drop(self, asset: AssetId) -> Events:
        """The contract forgets the reserve and its category, but no account's flag."""
        return (
            *self._without(asset),
            *self._flags_moved(asset, vacancy(self._reserve(asset).ordinal)),
            ReserveDropped(self._market, asset),
        )

    def _filled(self, reserve: Reserve) -> Events:
        """Flags that outlived what was dropped from this place now hold for the new reserve."""
        return self._flags_moved(vacancy(reserve.ordinal), reserve.asset)

    def _flags_moved(self, old: AssetId, new: AssetId) -> Events:
        events: list[DomainEvent] = []
        for key, position in each(self._view, Kind.POSITION, self._market, Position):
            if any(h.asset == old and h.used_as_collateral for h in position.supplies):
                place = Place(self._market, Address(key.subject))
                events.append(CollateralUseChanged(place, old, used=False))
                events.append(CollateralUseChanged(place, new, used=True))
        return tuple(events)
