"""Aave V3 logs to the common tongue, as 3.6 means them; events_3_0.py has what 3.0 means otherwise.

Balances come from the tokens (they also move by transfer), indices from ReserveDataUpdated, cash
from the pool's verbs. Every log that carries a check is checked: a ledger that contradicts the
chain must not speak.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from monitor.core.abi import EventAbi
from monitor.core.blocks import BlockRef, RawLog
from monitor.core.events import (
    CashMoved,
    CategoryChosen,
    CollateralUseChanged,
    DeficitMoved,
    DomainEvent,
    IndexMoved,
    Liquidated,
    MarketChanged,
    Place,
    TreasuryPaid,
)
from monitor.core.fixed_point import ray_div_down
from monitor.core.keys import reserve_key
from monitor.core.ledger import LedgerView, contracts_of
from monitor.core.ports import Readings
from monitor.core.reserves import Reserve
from monitor.core.units import Address, AssetId, MarketId, RawAmount, Ray, ScaledAmount
from monitor.errors import LedgerCorrupt
from monitor.protocols.aave_v3.accrual import Accrual
from monitor.protocols.aave_v3.contracts import AaveAbi
from monitor.protocols.aave_v3.governance import GovernanceDecoder
from monitor.protocols.aave_v3.token_events import Events, TokenDecoder
from monitor.protocols.aave_v3.upgrades import UPGRADED, UpgradeDecoder
from monitor.protocols.aave_v3.versions import pool_rules, token_rules

Meaning = Callable[[Any, RawLog, tuple[Any, ...]], Events]
"""What a log and its values say to a decoder. Functions of the class, not of one decoder: one that
held its own methods would be a cycle, and a block's whole overlay would wait with it for the
collector.
"""


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
        self._interest = pool_rules(self._contracts).interest
        self._tokens = TokenDecoder(market, view, token_rules(self._contracts))
        self._minted: dict[AssetId, tuple[str, ScaledAmount]] = {}

    def decode(self, log: RawLog) -> Events:
        """Raises UndecodableLog, and LedgerCorrupt when a log contradicts the ledger."""
        address, topics = log.address, log.topics
        if not topics:
            return ()
        try:
            if address in self._tokens.roles:
                event, meanings = self._abi.token.events.get(topics[0]), self._OF_TOKEN
            elif address == self._contracts.pool:
                event, meanings = self._abi.pool.events.get(topics[0]), self._OF_POOL
            else:
                return self._decode_rare(log)
            if event is None or (meaning := meanings.get(event.name)) is None:
                return ()
            return meaning(self, log, event.decode(log))
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
        governance = self._GOVERNANCE(self._market, self._abi, self._block, self._view, self._facts)
        changed = governance.decode(event, log)
        self._on_contracts(tuple(e for e in changed if isinstance(e, MarketChanged)))
        if event.name == "ReserveInitialized":
            asset, supply_token, _, debt_token, _ = event.decode(log)
            self._tokens.add(asset, supply_token, debt_token)
        return changed

    def _on_upgrade(self, log: RawLog, _: tuple[Any, ...]) -> Events:
        return self._on_contracts(self._upgrades().upgraded(log))

    def _upgrades(self) -> UpgradeDecoder:
        return UpgradeDecoder(self._market, self._abi, self._view, self._facts)

    def _on_contracts(self, changed: tuple[MarketChanged, ...]) -> Events:
        for event in changed:
            if event.contracts.token_version != self._contracts.token_version:
                self._tokens = TokenDecoder(self._market, self._view, token_rules(event.contracts))
            self._contracts = event.contracts
            self._interest = pool_rules(self._contracts).interest
        return changed

    def _ends(self, changed: Events) -> Events:
        """A verb's own log is the last of its sequence.

        What accrued belonged to this verb, not to a later one of the same transaction.
        """
        self._minted.clear()
        return changed

    def _cash(self, asset: AssetId, delta_raw: RawAmount) -> Events:
        return (CashMoved(self._market, asset, delta_raw),)

    def _deficit(self, asset: AssetId, delta_raw: int) -> Events:
        return (DeficitMoved(self._market, asset, RawAmount(delta_raw)),)

    def _uses(self, account: Address, asset: AssetId, *, used: bool) -> Events:
        return (CollateralUseChanged(Place(self._market, account), asset, used),)

    def _on_accrual(self, log: RawLog, values: tuple[Any, ...]) -> Events:
        asset, supply_rate, _, debt_rate, supply_index, debt_index = values
        reserve = self._reserve(asset)
        now = self._block.timestamp
        accrual = self._interest.accrue(reserve, now)
        if (accrual.supply_index_ray, accrual.debt_index_ray) != (supply_index, debt_index):
            self._on_other_indices(reserve, accrual, supply_index, debt_index)
        treasury_scaled = reserve.treasury_scaled
        if minted := accrual.treasury_minted_scaled:
            self._minted[asset] = (log.tx_hash, minted)
            treasury_scaled = _plus(reserve, minted)
        # By place: names would take as long again, for nearly every fourth log.
        moved = IndexMoved(
            self._market,
            asset,
            supply_index,
            debt_index,
            supply_rate,
            debt_rate,
            now,
            treasury_scaled,
        )
        return (moved,)

    def _on_other_indices(
        self, reserve: Reserve, accrual: Accrual, supply_index: Ray, debt_index: Ray
    ) -> None:
        """The log tells other indices than we came to."""
        raise LedgerCorrupt(
            f"indices of {reserve.symbol} are {accrual.supply_index_ray}, "
            f"{accrual.debt_index_ray} by the ledger but {supply_index}, {debt_index} by the log"
        )

    def _flash_loan(self, values: tuple[Any, ...]) -> Events:
        asset, mode, premium = values[2], values[4], values[5]
        if mode:  # became a debt: Borrow and the debt token say the rest
            return ()
        reserve = self._reserve(asset)
        minted = ScaledAmount(ray_div_down(premium, reserve.supply_index_ray))
        return (*self._cash(asset, premium), self._with_treasury(reserve, minted))

    def _liquidation(self, log: RawLog, values: tuple[Any, ...]) -> Events:
        collateral, debt, account, repaid, seized, liquidator, in_receipts = values
        events: list[DomainEvent] = [*self._cash(debt, repaid)]
        if not in_receipts:
            events += self._cash(collateral, -seized)
        events += self._silent_accruals(log, values)
        place = Place(self._market, account)
        events.append(Liquidated(place, collateral, debt, repaid, seized, liquidator, in_receipts))
        return tuple(events)

    def _silent_accruals(self, log: RawLog, values: tuple[Any, ...]) -> Events:
        """What a liquidation accrues (from 3.5) without a ReserveDataUpdated."""
        collateral, debt, _, _, _, _, in_receipts = values
        if collateral == debt:
            return self._second_treasury_accrual(collateral, log)
        if not in_receipts:
            return ()
        reserve, now = self._reserve(collateral), self._block.timestamp
        return (self._interest.silent_accrual(self._market, reserve, now),)

    def _second_treasury_accrual(self, asset: AssetId, log: RawLog) -> Events:
        """Up to 3.6 a same-asset liquidation credits the treasury twice (fixed in 3.7)."""
        if not pool_rules(self._contracts).credits_treasury_twice:
            return ()
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

    _GOVERNANCE: ClassVar[type[GovernanceDecoder]] = GovernanceDecoder
    _OF_TOKEN: ClassVar[Mapping[str, Meaning]] = {
        "Mint": lambda self, log, v: self._tokens.minted(log.address, v),
        "Burn": lambda self, log, v: self._tokens.burnt(log.address, v),
        "BalanceTransfer": lambda self, log, v: self._tokens.transferred(log.address, v),
        UPGRADED: _on_upgrade,
    }
    _OF_POOL: ClassVar[Mapping[str, Meaning]] = {
        "ReserveDataUpdated": _on_accrual,
        "Supply": lambda self, _, v: self._ends(self._cash(v[0], v[3])),
        "Withdraw": lambda self, _, v: self._ends(self._cash(v[0], -v[3])),
        "Borrow": lambda self, _, v: self._ends(self._cash(v[0], -v[3])),
        "Repay": lambda self, _, v: self._ends(() if v[4] else self._cash(v[0], v[3])),
        "FlashLoan": lambda self, _, v: self._ends(self._flash_loan(v)),
        "LiquidationCall": lambda self, log, v: self._ends(self._liquidation(log, v)),
        "ReserveUsedAsCollateralEnabled": lambda self, _, v: self._uses(v[1], v[0], used=True),
        "ReserveUsedAsCollateralDisabled": lambda self, _, v: self._uses(v[1], v[0], used=False),
        "UserEModeSet": lambda self, _, v: (CategoryChosen(Place(self._market, v[0]), v[1]),),
        "MintedToTreasury": lambda self, _, v: (TreasuryPaid(self._market, v[0]),),
        "DeficitCreated": lambda self, _, v: self._deficit(v[1], v[2]),
        "DeficitCovered": lambda self, _, v: self._deficit(v[0], -v[2]),
        UPGRADED: _on_upgrade,
    }


def _plus(reserve: Reserve, minted: ScaledAmount) -> ScaledAmount:
    return ScaledAmount(reserve.treasury_scaled + minted)
