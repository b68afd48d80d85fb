"""Aave V3.6 logs to the common tongue.

Balances come from the tokens (they also move by transfer), indices from ReserveDataUpdated, cash
from the pool's verbs. Every log that carries a check is checked: a ledger that contradicts the
chain must not speak.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from monitor.core.abi import Abi, EventAbi
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
    TokenMove,
    scaled_after,
)
from monitor.protocols.aave_v3.upgrades import UPGRADED, UpgradeDecoder

Events = tuple[DomainEvent, ...]
Handler = Callable[[RawLog, tuple[Any, ...]], Events]

Known = Mapping[str, tuple[EventAbi, Handler]]
"""By topic0, what a contract's log is and who reads it."""

_NOTHING_HELD = (ScaledAmount(0), Ray(RAY))


class _TokenRole(NamedTuple):
    """Which side of which reserve a token contract keeps."""

    asset: AssetId
    is_debt: bool


class AaveDecoder:
    """Decodes one block. `view` must show the effect of every event already returned."""

    def __init__(
        self, market: MarketId, abi: AaveAbi, block: BlockRef, view: LedgerView, facts: Readings
    ) -> None:
        self._market = market
        self._abi = abi
        self._block = block
        self._view = view
        self._facts = facts
        self._contracts = contracts_of(view, market)
        self._tokens = _token_roles(view, market)
        self._minted: dict[AssetId, tuple[str, ScaledAmount]] = {}
        self._of_token = _by_topic(abi.token, self._handlers_of_token())
        self._of_pool = _by_topic(abi.pool, self._handlers_of_pool())

    def decode(self, log: RawLog) -> Events:
        """Raises UndecodableLog, and LedgerCorrupt when a log contradicts the ledger."""
        address, topics = log.address, log.topics
        if not topics:
            return ()
        try:
            if address in self._tokens:
                known = self._of_token.get(topics[0])
            elif address == self._contracts.pool:
                known = self._of_pool.get(topics[0])
            else:
                return self._decode_rare(log)
            if known is None:
                return ()
            event, handle = known
            return handle(log, event.decode(log))
        except LedgerCorrupt as error:
            raise LedgerCorrupt(
                f"{self._market}: log {log.log_index} of block {self._block.number} "
                f"{self._block.hash} (tx {log.tx_hash}): {error}. The state cannot be trusted: "
                "build it anew (cascade-monitor store rebuild --config F), and report this log."
            ) from error

    def _decode_rare(self, log: RawLog) -> Events:
        """What admins do."""
        if log.address == self._contracts.configurator:
            event = self._abi.configurator.events.get(log.topics[0])
            return self._on_configurator(event, log) if event else ()
        if log.address == self._contracts.entry:
            event = self._abi.provider.events.get(log.topics[0])
            return self._on_contracts(self._upgrades().provider(event, log)) if event else ()
        return ()

    def _on_configurator(self, event: EventAbi, log: RawLog) -> Events:
        if event.name == UPGRADED:
            return self._on_upgrade(log, event.decode(log))
        governance = GovernanceDecoder(
            self._market, self._abi, self._block, self._view, self._facts
        )
        changed = governance.decode(event, log)
        if event.name == "ReserveInitialized":
            self._tokens |= _roles_of_new_reserve(event.decode(log))
        return changed

    def _on_upgrade(self, log: RawLog, _: tuple[Any, ...]) -> Events:
        return self._on_contracts(self._upgrades().upgraded(log))

    def _upgrades(self) -> UpgradeDecoder:
        return UpgradeDecoder(self._market, self._abi, self._view, self._facts)

    def _on_contracts(self, changed: tuple[MarketChanged, ...]) -> Events:
        for event in changed:
            self._contracts = event.contracts
        return changed

    # -- tokens ---------------------------------------------------------------------------------

    def _handlers_of_token(self) -> Mapping[str, Handler]:
        return {
            "Mint": self._on_mint,
            "Burn": self._on_burn,
            "BalanceTransfer": self._on_transfer,
            UPGRADED: self._on_upgrade,
        }

    def _on_mint(self, log: RawLog, values: tuple[Any, ...]) -> Events:
        _, account, value, increase, index = values
        return self._moved(log.address, account, TokenMove(value, increase, index))

    def _on_burn(self, log: RawLog, values: tuple[Any, ...]) -> Events:
        account, _, value, increase, index = values
        return self._moved(log.address, account, TokenMove(-value, increase, index))

    def _moved(self, token: Address, account: Address, move: TokenMove) -> Events:
        role = self._tokens[token]
        scaled, checkpoint_ray = self._held(role, account)
        math = DEBT_TOKEN if role.is_debt else SUPPLY_TOKEN
        try:
            after = scaled_after(math, scaled, checkpoint_ray, move)
        except LedgerCorrupt as error:
            side = "debt" if role.is_debt else "supply"
            raise LedgerCorrupt(f"{side} of {role.asset} by {account}: {error}") from error
        return (self._holds(role, account, after, move.index_ray),)

    def _on_transfer(self, log: RawLog, values: tuple[Any, ...]) -> Events:
        sender, receiver, scaled, index = values
        role = self._tokens[log.address]
        held, _ = self._held(role, sender)
        if sender == receiver:
            return (self._holds(role, sender, held, index),)
        if held < scaled:
            raise LedgerCorrupt(
                f"{sender} gives away {scaled} scaled, {scaled - held} more than it has"
            )
        taken, _ = self._held(role, receiver)
        return (
            self._holds(role, sender, ScaledAmount(held - scaled), index),
            self._holds(role, receiver, ScaledAmount(taken + scaled), index),
        )

    def _held(self, role: _TokenRole, account: Address) -> tuple[ScaledAmount, Ray]:
        """Scaled, and the index at the last event."""
        position = find(self._view, position_key(self._market, account), Position)
        if position is not None:
            for held in position.debts if role.is_debt else position.supplies:
                if held.asset == role.asset:
                    return held.scaled, held.checkpoint_ray
        return _NOTHING_HELD

    def _holds(
        self, role: _TokenRole, account: Address, scaled: ScaledAmount, index: Ray
    ) -> DomainEvent:
        kind = DebtChanged if role.is_debt else CollateralChanged
        return kind(Place(self._market, account), role.asset, scaled, index)

    # -- pool -----------------------------------------------------------------------------------

    def _handlers_of_pool(self) -> Mapping[str, Handler]:
        return {
            "ReserveDataUpdated": self._on_accrual,
            "Supply": lambda _, v: self._ends(self._cash(v[0], v[3])),
            "Withdraw": lambda _, v: self._ends(self._cash(v[0], -v[3])),
            "Borrow": lambda _, v: self._ends(self._cash(v[0], -v[3])),
            "Repay": lambda _, v: self._ends(*(() if v[4] else (self._cash(v[0], v[3]),))),
            "FlashLoan": lambda _, v: self._ends(*self._flash_loan(v)),
            "LiquidationCall": lambda log, v: self._ends(*self._liquidation(log, v)),
            "ReserveUsedAsCollateralEnabled": lambda _, v: (self._uses(v[1], v[0], used=True),),
            "ReserveUsedAsCollateralDisabled": lambda _, v: (self._uses(v[1], v[0], used=False),),
            "UserEModeSet": lambda _, v: (CategoryChosen(Place(self._market, v[0]), v[1]),),
            "MintedToTreasury": lambda _, v: (TreasuryPaid(self._market, v[0]),),
            "DeficitCreated": lambda _, v: (self._deficit(v[1], v[2]),),
            "DeficitCovered": lambda _, v: (self._deficit(v[0], -v[2]),),
            UPGRADED: self._on_upgrade,
        }

    def _ends(self, *changed: DomainEvent) -> Events:
        """A verb's own log is the last of its sequence.

        What accrued belonged to this verb, not to a later one of the same transaction.
        """
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

    def _flash_loan(self, values: tuple[Any, ...]) -> Events:
        asset, mode, premium = values[2], values[4], values[5]
        if mode:  # became a debt: Borrow and the debt token say the rest
            return ()
        reserve = self._reserve(asset)
        minted = ScaledAmount(ray_div_down(premium, reserve.supply_index_ray))
        return self._cash(asset, premium), self._with_treasury(reserve, minted)

    def _liquidation(self, log: RawLog, values: tuple[Any, ...]) -> Events:
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

    def _reserve(self, asset: AssetId) -> Reserve:
        reserve = self._view.get(reserve_key(self._market, asset))
        if not isinstance(reserve, Reserve):
            raise LedgerCorrupt(f"the log names reserve {asset}, which the ledger does not list")
        return reserve


def _by_topic(abi: Abi, handlers: Mapping[str, Handler]) -> Known:
    return {topic0: (event, handlers[event.name]) for topic0, event in abi.events.items()}


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
