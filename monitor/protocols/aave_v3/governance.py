"""PoolConfigurator logs: listings, risk parameters and e-mode categories."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from monitor.core.abi import Abi, EventAbi
from monitor.core.blocks import BlockRef, RawLog
from monitor.core.events import (
    CategoryChanged,
    DomainEvent,
    ReserveDropped,
    ReserveListed,
    RiskParametersChanged,
)
from monitor.core.ledger import (
    Category,
    Kind,
    LedgerView,
    Reserve,
    ReserveTerms,
    category_key,
    each,
    find,
    reserve_key,
)
from monitor.core.ports import Readings, ViewCall, ViewFailed
from monitor.core.units import RAY, Address, AssetId, Bps, MarketId, Ray
from monitor.errors import LedgerCorrupt, UndecodableLog
from monitor.protocols.aave_v3.accrual import silent_accrual

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


def token_calls(erc20: Abi, asset: AssetId) -> tuple[ViewCall, ViewCall]:
    """Symbol and decimals of a token."""
    return (
        ViewCall(asset, erc20.functions["symbol"]),
        ViewCall(asset, erc20.functions["decimals"]),
    )


def symbol_of(asset: AssetId, answer: Any) -> str:
    """A token without a readable symbol goes by its address."""
    return asset if isinstance(answer, ViewFailed) else str(answer[0])


class GovernanceDecoder:
    """Decodes what risk and listing admins do."""

    def __init__(
        self, market: MarketId, erc20: Abi, block: BlockRef, view: LedgerView, facts: Readings
    ) -> None:
        self._market = market
        self._erc20 = erc20
        self._block = block
        self._view = view
        self._facts = facts

    def decode(self, event: EventAbi, log: RawLog) -> Events:
        values = event.decode(log)
        if event.name in TERM_OF:
            return self._terms(values[0], **{TERM_OF[event.name]: values[-1]})
        if event.name in LIST_OF:
            return self._listed(LIST_OF[event.name], *values)
        handlers: Mapping[str, Callable[..., Events]] = {
            "ReserveInitialized": self._on_listing,
            "ReserveDropped": lambda asset: (ReserveDropped(self._market, asset),),
            "CollateralConfigurationChanged": self._on_collateral_terms,
            "LiquidationGracePeriodDisabled": lambda asset: self._terms(asset, grace_until_unix=0),
            "EModeCategoryAdded": self._on_category,
            "ReserveFactorChanged": self._on_reserve_factor,
        }
        return handlers[event.name](*values)

    def _terms(self, asset: AssetId, **changed: Any) -> Events:
        terms = replace(self._reserve(asset).terms, **changed)
        return (RiskParametersChanged(self._market, asset, terms),)

    def _on_reserve_factor(self, asset: AssetId, _: Bps, factor: Bps) -> Events:
        """The past is accrued by the old factor first; ReserveDataUpdated comes only after."""
        accrued = silent_accrual(self._market, self._reserve(asset), self._block.timestamp)
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
        symbol, decimals = (self._facts.get(call) for call in token_calls(self._erc20, asset))
        if decimals is None or isinstance(decimals, ViewFailed):
            raise UndecodableLog(
                f"{self._market} lists {asset} in block {self._block.number}, but its decimals "
                "cannot be read, so nothing in it can be valued."
            )
        taken = {r.ordinal for _, r in each(self._view, Kind.RESERVE, self._market, Reserve)}
        reserve = Reserve(
            asset=asset,
            ordinal=next(n for n in range(len(taken) + 1) if n not in taken),
            symbol=symbol_of(asset, symbol or ViewFailed("not read")),
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
        return (ReserveListed(self._market, reserve),)

    def _on_category(
        self, number: int, ltv: Bps, threshold: Bps, bonus: Bps, _: Address, label: str
    ) -> Events:
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
                ),
            ),
        )

    def _listed(self, listing: str, asset: AssetId, number: int, is_on: bool) -> Events:
        category = find(self._view, category_key(self._market, number), Category)
        category = category or Category(number, "", Bps(0), Bps(0), Bps(0))
        assets = set(getattr(category, listing)) - {asset} | ({asset} if is_on else set())
        changed: dict[str, Any] = {listing: tuple(sorted(assets))}
        return (CategoryChanged(self._market, replace(category, **changed)),)
