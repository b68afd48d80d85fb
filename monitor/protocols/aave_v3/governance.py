"""PoolConfigurator logs: listings, risk parameters and e-mode categories."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from monitor.core.abi import EventAbi
from monitor.core.blocks import BlockRef, RawLog
from monitor.core.events import (
    CategoryChanged,
    CollateralUseChanged,
    DomainEvent,
    Place,
    RateTermsChanged,
    ReserveDropped,
    ReserveListed,
    RiskParametersChanged,
)
from monitor.core.keys import Kind, category_key, reserve_key
from monitor.core.ledger import LedgerView, Position, contracts_of, each, find
from monitor.core.ports import Readings, ViewCall, ViewFailed
from monitor.core.rates import RateTerms
from monitor.core.reserves import Category, Reserve, ReserveTerms
from monitor.core.tokens import symbol_calls, symbol_of
from monitor.core.units import RAY, Address, AssetId, Bps, MarketId, Ray
from monitor.errors import LedgerCorrupt, UndecodableLog
from monitor.protocols.aave_v3.contracts import AaveAbi
from monitor.protocols.aave_v3.versions import pool_rules
from monitor.protocols.aave_v3.views import LISTS

Events = tuple[DomainEvent, ...]

TERM_OF: Mapping[str, str] = {
    "ReserveBorrowing": "is_borrowable",
    "ReserveActive": "is_active",
    "ReserveFrozen": "is_frozen",
    "ReservePaused": "is_paused",
    "LiquidationGracePeriodChanged": "grace_until_unix",
    "BorrowCapChanged": "borrow_cap",
    "SupplyCapChanged": "supply_cap",
    "LiquidationProtocolFeeChanged": "liquidation_fee_bps",
}
"""Events that set one term to their last parameter."""

LIST_OF: Mapping[str, str] = {
    "AssetCollateralInEModeChanged": "collateral",
    "AssetBorrowableInEModeChanged": "borrowable",
    "AssetLtvzeroInEModeChanged": "ltv_zero",
}
"""Events that put an asset on, or take it off, one list of a category."""


def listing_calls(abi: AaveAbi, values: tuple[Any, ...]) -> tuple[ViewCall, ...]:
    """What a ReserveInitialized leaves open: the symbol, and the decimals.

    The aToken was told the asset's decimals when it was made, and cannot answer otherwise later.
    """
    asset, supply_token, *_ = values
    decimals = ViewCall(supply_token, abi.token.functions["decimals"])
    return (*symbol_calls(abi.erc20, abi.bytes32_erc20, asset), decimals)


class GovernanceDecoder:
    """Decodes what risk and listing admins do."""

    def __init__(
        self, market: MarketId, abi: AaveAbi, block: BlockRef, view: LedgerView, facts: Readings
    ) -> None:
        self._market = market
        self._abi = abi
        self._block = block
        self._view = view
        self._facts = facts

    def decode(self, event: EventAbi, log: RawLog) -> Events:
        values = event.decode(log)
        if event.name in TERM_OF:
            return self._terms(values[0], **{TERM_OF[event.name]: values[-1]})
        if event.name in LIST_OF:
            return self._listed(LIST_OF[event.name], *values)
        handler = self._handlers().get(event.name)
        return handler(*values) if handler else ()

    def _handlers(self) -> Mapping[str, Callable[..., Events]]:
        return {
            "ReserveInitialized": self._on_listing,
            "ReserveDropped": self._on_drop,
            "CollateralConfigurationChanged": self._on_collateral_terms,
            "LiquidationGracePeriodDisabled": lambda asset: self._terms(asset, grace_until_unix=0),
            "EModeCategoryAdded": self._on_category,
            "ReserveFactorChanged": self._on_reserve_factor,
            "ReserveInterestRateDataChanged": lambda asset, strategy, _: self._on_rates(
                asset, strategy
            ),
            "ReserveInterestRateStrategyChanged": lambda asset, _, strategy: self._on_rates(
                asset, strategy
            ),
        }

    def _on_rates(self, asset: AssetId, strategy: Address) -> Events:
        """The curve is another: the reads at the end of the block will tell which."""
        return (RateTermsChanged(self._market, asset, RateTerms(strategy)),)

    def _terms(self, asset: AssetId, **changed: Any) -> Events:
        terms = replace(self._reserve(asset).terms, **changed)
        return (RiskParametersChanged(self._market, asset, terms),)

    def _on_reserve_factor(self, asset: AssetId, _: Bps, factor: Bps) -> Events:
        """The past is accrued by the old factor first; ReserveDataUpdated comes only after."""
        interest = pool_rules(contracts_of(self._view, self._market)).interest
        now = self._block.timestamp
        accrued = interest.silent_accrual(self._market, self._reserve(asset), now)
        return (accrued, *self._terms(asset, reserve_factor_bps=factor))

    def _reserve(self, asset: AssetId) -> Reserve:
        reserve = find(self._view, reserve_key(self._market, asset), Reserve)
        if reserve is None:
            raise LedgerCorrupt(f"terms of {asset} change, but the ledger does not list it")
        return reserve

    def _on_collateral_terms(self, asset: AssetId, ltv: Bps, threshold: Bps, bonus: Bps) -> Events:
        return self._terms(
            asset,
            ltv_bps=ltv,
            liquidation_threshold_bps=threshold,
            liquidation_bonus_bps=bonus,
        )

    def _on_listing(
        self, asset: AssetId, supply_token: Address, _: Address, debt_token: Address, __: Address
    ) -> Events:
        *symbols, decimals = (
            self._facts.get(call) for call in listing_calls(self._abi, (asset, supply_token))
        )
        if decimals is None or isinstance(decimals, ViewFailed):
            raise UndecodableLog(
                f"{self._market} lists {asset} in block {self._block.number}, but its decimals "
                "cannot be read, so nothing in it can be valued."
            )
        taken = {r.ordinal for _, r in each(self._view, Kind.RESERVE, self._market, Reserve)}
        reserve = Reserve(
            asset=asset,
            ordinal=next(n for n in range(len(taken) + 1) if n not in taken),
            symbol=symbol_of(asset, symbols),
            decimals=decimals[0],
            supply_token=supply_token,
            debt_token=debt_token,
            supply_index_ray=Ray(RAY),
            debt_index_ray=Ray(RAY),
            supply_rate_ray=Ray(0),
            debt_rate_ray=Ray(0),
            updated_unix=0,
            terms=ReserveTerms(),
        )
        return (ReserveListed(self._market, reserve), *self._filled(reserve))

    def _filled(self, reserve: Reserve) -> Events:
        """Lists of categories that kept the bit of an asset dropped earlier take in the new one."""
        events: list[DomainEvent] = []
        for _, category in each(self._view, Kind.CATEGORY, self._market, Category):
            names = [name for name, bit in category.vacant if bit == reserve.ordinal]
            if names:
                rest = tuple(v for v in category.vacant if v[1] != reserve.ordinal)
                lists: dict[str, Any] = {
                    name: tuple(sorted({*getattr(category, name), reserve.asset})) for name in names
                }
                changed = replace(category, vacant=rest, **lists)
                events.append(CategoryChanged(self._market, changed))
        return tuple(events)

    def _on_drop(self, asset: AssetId) -> Events:
        """The contract forgets the reserve, but neither bits of categories nor flags of accounts.

        Flags with nothing behind them exist only from before V3.4.
        """
        reserve = self._reserve(asset)
        events: list[DomainEvent] = []
        for _, category in each(self._view, Kind.CATEGORY, self._market, Category):
            names = [name for name in LISTS if asset in getattr(category, name)]
            if names:
                vacant = {*category.vacant, *((name, reserve.ordinal) for name in names)}
                lists: dict[str, Any] = {
                    name: tuple(a for a in getattr(category, name) if a != asset) for name in names
                }
                changed = replace(category, vacant=tuple(sorted(vacant)), **lists)
                events.append(CategoryChanged(self._market, changed))
        for key, position in each(self._view, Kind.POSITION, self._market, Position):
            if any(held.asset == asset for held in position.supplies):
                place = Place(self._market, Address(key.subject))
                events.append(CollateralUseChanged(place, asset, used=False))
        return (*events, ReserveDropped(self._market, asset))

    def _on_category(
        self, number: int, ltv: Bps, threshold: Bps, bonus: Bps, price_source: Address, label: str
    ) -> Events:
        """`price_source` is the zero address from 3.2."""
        known = find(self._view, category_key(self._market, number), Category)
        lists = known or Category(number, label, ltv, threshold, bonus)
        return (
            CategoryChanged(
                self._market,
                replace(
                    lists,
                    label=label,
                    ltv_bps=ltv,
                    liquidation_threshold_bps=threshold,
                    liquidation_bonus_bps=bonus,
                    price_source=price_source,
                ),
            ),
        )

    def _listed(self, listing: str, asset: AssetId, number: int, is_on: bool) -> Events:
        category = find(self._view, category_key(self._market, number), Category)
        category = category or Category(number, "", Bps(0), Bps(0), Bps(0))
        assets = set(getattr(category, listing)) - {asset} | ({asset} if is_on else set())
        changed: dict[str, Any] = {listing: tuple(sorted(assets))}
        return (CategoryChanged(self._market, replace(category, **changed)),)
