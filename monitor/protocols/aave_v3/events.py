"""Aave V3.6 logs to the common tongue.

Balances come from the tokens (they also move by transfer), indices from ReserveDataUpdated, cash
from the pool's verbs. Every log that carries a check is checked: a ledger that contradicts the
chain must not speak.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from monitor.core.abi import EventAbi
from monitor.core.blocks import BlockRef, RawLog
from monitor.core.events import (
    CashMoved,
    CategoryChosen,
    CollateralChanged,
    CollateralUseChanged,
    DebtChanged,
    DeficitMoved,
    DomainEvent,
    IndexMoved,
    Liquidated,
    MarketChanged,
    Place,
    TreasuryPaid,
)
from monitor.core.fixed_point import ray_div_down
from monitor.core.ledger import (
    Holding,
    Kind,
    LedgerView,
    Position,
    Reserve,
    each,
    find,
    position_key,
    reserve_key,
)
from monitor.core.ports import Readings
from monitor.core.units import (
    RAY,
    ZERO_ADDRESS,
    Address,
    AssetId,
    MarketId,
    RawAmount,
    Ray,
    ScaledAmount,
)
from monitor.errors import LedgerCorrupt
from monitor.protocols.aave_v3.accrual import accrue, silent_accrual
from monitor.protocols.aave_v3.contracts import AaveAbi, contracts_of
from monitor.protocols.aave_v3.governance import GovernanceDecoder
from monitor.protocols.aave_v3.tokens import (
    DEBT_TOKEN,
    SUPPLY_TOKEN,
    TokenMath,
    TokenMove,
    scaled_after,
)
from monitor.protocols.aave_v3.upgrades import UPGRADED, UpgradeDecoder

Events = tuple[DomainEvent, ...]
Handler = Callable[[RawLog, tuple[Any, ...]], Events]

VERBS = frozenset({"Supply", "Withdraw", "Borrow", "Repay", "FlashLoan", "LiquidationCall"})
"""Logged last by what they are named after: they end its sequence of logs."""


_reserve_key = lru_cache(4096)(reserve_key)


@dataclass(frozen=True, slots=True)
class _TokenRole:
    """Which side of which reserve a token contract keeps."""

    asset: AssetId
    is_debt: bool

    @property
    def math(self) -> TokenMath:
        return DEBT_TOKEN if self.is_debt else SUPPLY_TOKEN


class AaveDecoder:
    """Decodes one block. `view` must show the effect of every event already returned."""

    def __init__(
        self, market: MarketId, abi: AaveAbi, block: BlockRef, view: LedgerView, facts: Readings
    ) -> None:
        self._market = market
        self._abi = abi
        self._block = block
        self._view = view
        self._governance = GovernanceDecoder(market, abi, block, view, facts)
        self._upgrades = UpgradeDecoder(market, abi, view, facts)
        self._upgraded = abi.pool.event(UPGRADED).topic0
        self._contracts = contracts_of(view, market)
        self._tokens = _token_roles(view, market)
        self._minted: dict[AssetId, tuple[str, ScaledAmount]] = {}
        self._pool_handlers = self._handlers_of_pool()
        self._token_handlers: Mapping[str, Callable[..., Events]] = {
            "Mint": self._on_mint,
            "Burn": self._on_burn,
            "BalanceTransfer": self._on_transfer,
        }

    def decode(self, log: RawLog) -> Events:
        """Raises UndecodableLog, and LedgerCorrupt when a log contradicts the ledger."""
        try:
            return self._decode(log)
        except LedgerCorrupt as error:
            raise LedgerCorrupt(
                f"{self._market}: log {log.log_index} of block {self._block.number} "
                f"{self._block.hash} (tx {log.tx_hash}): {error}. The state cannot be trusted: "
                "build it anew (cascade-monitor store rebuild --config F), and report this log."
            ) from error

    def _decode(self, log: RawLog) -> Events:
        topic0 = log.topics[0] if log.topics else ""
        if topic0 == self._upgraded and self._is_watched(log.address):
            return self._on_contracts(self._upgrades.upgraded(log))
        if role := self._tokens.get(log.address):
            event = self._abi.token.events.get(topic0)
            return self._token_handlers[event.name](role, event.decode(log)) if event else ()
        if log.address == self._contracts.pool:
            event = self._abi.pool.events.get(topic0)
            return self._on_pool(event, log) if event else ()
        if log.address == self._contracts.configurator:
            event = self._abi.configurator.events.get(topic0)
            changed = self._governance.decode(event, log) if event else ()
            if event is not None and event.name == "ReserveInitialized":
                self._tokens |= _roles_of_new_reserve(event.decode(log))
            return changed
        if log.address == self._contracts.entry:
            event = self._abi.provider.events.get(topic0)
            return self._on_contracts(self._upgrades.provider(event, log)) if event else ()
        return ()

    def _is_watched(self, address: Address) -> bool:
        contracts = (self._contracts.pool, self._contracts.configurator)
        return address in contracts or address in self._tokens

    # -- tokens ---------------------------------------------------------------------------------

    def _on_mint(self, role: _TokenRole, values: tuple[Any, ...]) -> Events:
        _, account, value, increase, index = values
        return (self._moved(role, account, TokenMove(value, increase, Ray(index))),)

    def _on_burn(self, role: _TokenRole, values: tuple[Any, ...]) -> Events:
        account, _, value, increase, index = values
        return (self._moved(role, account, TokenMove(-value, increase, Ray(index))),)

    def _moved(self, role: _TokenRole, account: Address, move: TokenMove) -> DomainEvent:
        held = self._holding(role, account)
        try:
            after = scaled_after(role.math, held.scaled, held.checkpoint_ray, move)
        except LedgerCorrupt as error:
            side = "debt" if role.is_debt else "supply"
            raise LedgerCorrupt(f"{side} of {role.asset} by {account}: {error}") from error
        return self._holds(role, account, after, move.index_ray)

    def _on_transfer(self, role: _TokenRole, values: tuple[Any, ...]) -> Events:
        sender, receiver, scaled, index = values
        if sender == receiver:
            held = self._holding(role, sender).scaled
            return (self._holds(role, sender, held, index),)
        given = self._holding(role, sender).scaled - scaled
        if given < 0:
            raise LedgerCorrupt(f"{sender} gives away {scaled} scaled, {-given} more than it has")
        taken = self._holding(role, receiver).scaled + scaled
        return (
            self._holds(role, sender, ScaledAmount(given), index),
            self._holds(role, receiver, ScaledAmount(taken), index),
        )

    def _holding(self, role: _TokenRole, account: Address) -> Holding:
        position = find(self._view, position_key(self._market, account), Position)
        if position is not None:
            for held in position.debts if role.is_debt else position.supplies:
                if held.asset == role.asset:
                    return held
        return Holding(role.asset, ScaledAmount(0), Ray(RAY))

    def _holds(
        self, role: _TokenRole, account: Address, scaled: ScaledAmount, index: Ray
    ) -> DomainEvent:
        kind = DebtChanged if role.is_debt else CollateralChanged
        return kind(Place(self._market, account), role.asset, scaled, index)

    # -- pool -----------------------------------------------------------------------------------

    def _handlers_of_pool(self) -> Mapping[str, Handler]:
        return {
            "ReserveDataUpdated": self._on_accrual,
            "Supply": lambda _, v: (self._cash(v[0], v[3]),),
            "Withdraw": lambda _, v: (self._cash(v[0], -v[3]),),
            "Borrow": lambda _, v: (self._cash(v[0], -v[3]),),
            "Repay": lambda _, v: () if v[4] else (self._cash(v[0], v[3]),),
            "FlashLoan": self._on_flash_loan,
            "LiquidationCall": self._on_liquidation,
            "ReserveUsedAsCollateralEnabled": lambda _, v: (self._uses(v[1], v[0], used=True),),
            "ReserveUsedAsCollateralDisabled": lambda _, v: (self._uses(v[1], v[0], used=False),),
            "UserEModeSet": lambda _, v: (CategoryChosen(Place(self._market, v[0]), v[1]),),
            "MintedToTreasury": lambda _, v: (TreasuryPaid(self._market, v[0]),),
            "DeficitCreated": lambda _, v: (self._deficit(v[1], v[2]),),
            "DeficitCovered": lambda _, v: (self._deficit(v[0], -v[2]),),
        }

    def _on_pool(self, event: EventAbi, log: RawLog) -> Events:
        changed = self._pool_handlers[event.name](log, event.decode(log))
        if event.name in VERBS:
            # What accrued belonged to this verb, not to a later one of the same transaction.
            self._minted.clear()
        return changed

    def _cash(self, asset: AssetId, delta_raw: int) -> DomainEvent:
        return CashMoved(self._market, asset, RawAmount(delta_raw))

    def _deficit(self, asset: AssetId, delta_raw: int) -> DomainEvent:
        return DeficitMoved(self._market, asset, RawAmount(delta_raw))

    def _uses(self, account: Address, asset: AssetId, *, used: bool) -> DomainEvent:
        return CollateralUseChanged(Place(self._market, account), asset, used)

    def _on_accrual(self, log: RawLog, values: tuple[Any, ...]) -> Events:
        asset, supply_rate, _, debt_rate, supply_index, debt_index = values
        reserve = self._reserve(asset)
        accrual = accrue(reserve, self._block.timestamp)
        if (accrual.supply_index_ray, accrual.debt_index_ray) != (supply_index, debt_index):
            raise LedgerCorrupt(
                f"indices of {reserve.symbol} are {accrual.supply_index_ray}, "
                f"{accrual.debt_index_ray} by the ledger but {supply_index}, {debt_index} by the "
                "log"
            )
        if accrual.treasury_minted_scaled:
            self._minted[asset] = (log.tx_hash, accrual.treasury_minted_scaled)
        return (
            IndexMoved(
                market=self._market,
                asset=asset,
                supply_index_ray=supply_index,
                debt_index_ray=debt_index,
                supply_rate_ray=supply_rate,
                debt_rate_ray=debt_rate,
                updated_unix=self._block.timestamp,
                treasury_scaled=_plus(reserve, accrual.treasury_minted_scaled),
            ),
        )

    def _on_flash_loan(self, _: RawLog, values: tuple[Any, ...]) -> Events:
        asset, mode, premium = values[2], values[4], values[5]
        if mode:  # became a debt: Borrow and the debt token say the rest
            return ()
        reserve = self._reserve(asset)
        minted = ScaledAmount(ray_div_down(premium, reserve.supply_index_ray))
        return self._cash(asset, premium), self._with_treasury(reserve, minted)

    def _on_liquidation(self, log: RawLog, values: tuple[Any, ...]) -> Events:
        collateral, debt, account, repaid, seized, liquidator, in_receipts = values
        events: list[DomainEvent] = [self._cash(debt, repaid)]
        if not in_receipts:
            events.append(self._cash(collateral, -seized))
        if collateral == debt:
            events += self._second_treasury_accrual(collateral, log)
        elif in_receipts:  # from 3.5 the collateral's reserve then accrues without a log of it
            reserve = self._reserve(collateral)
            events.append(silent_accrual(self._market, reserve, self._block.timestamp))
        place = Place(self._market, account)
        events.append(Liquidated(place, collateral, debt, repaid, seized, liquidator, in_receipts))
        return tuple(events)

    def _second_treasury_accrual(self, asset: AssetId, log: RawLog) -> Events:
        """Up to 3.6 a same-asset liquidation credits the treasury twice (fixed in 3.7)."""
        tx_hash, minted = self._minted.get(asset, ("", ScaledAmount(0)))
        if tx_hash != log.tx_hash:
            return ()
        return (self._with_treasury(self._reserve(asset), minted),)

    def _with_treasury(self, reserve: Reserve, minted: ScaledAmount) -> IndexMoved:
        return IndexMoved(
            market=self._market,
            asset=reserve.asset,
            supply_index_ray=reserve.supply_index_ray,
            debt_index_ray=reserve.debt_index_ray,
            supply_rate_ray=reserve.supply_rate_ray,
            debt_rate_ray=reserve.debt_rate_ray,
            updated_unix=reserve.updated_unix,
            treasury_scaled=_plus(reserve, minted),
        )

    def _on_contracts(self, changed: tuple[MarketChanged, ...]) -> Events:
        for event in changed:
            self._contracts = event.contracts
        return changed

    def _reserve(self, asset: AssetId) -> Reserve:
        reserve = self._view.get(_reserve_key(self._market, asset))
        if not isinstance(reserve, Reserve):
            raise LedgerCorrupt(f"the log names reserve {asset}, which the ledger does not list")
        return reserve


def _plus(reserve: Reserve, minted: ScaledAmount) -> ScaledAmount:
    return ScaledAmount(reserve.treasury_scaled + minted)


def _token_roles(view: LedgerView, market: MarketId) -> dict[Address, _TokenRole]:
    roles: dict[Address, _TokenRole] = {}
    for _, reserve in each(view, Kind.RESERVE, market, Reserve):
        roles[reserve.supply_token] = _TokenRole(reserve.asset, is_debt=False)
        roles[reserve.debt_token] = _TokenRole(reserve.asset, is_debt=True)
    roles.pop(ZERO_ADDRESS, None)
    return roles


def _roles_of_new_reserve(values: tuple[Any, ...]) -> dict[Address, _TokenRole]:
    asset, supply_token, _, debt_token, _ = values
    return {
        supply_token: _TokenRole(asset, is_debt=False),
        debt_token: _TokenRole(asset, is_debt=True),
    }
