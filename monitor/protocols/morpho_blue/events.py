"""Morpho Blue's logs to the common tongue.

Every log carries assets and shares, of which the caller chose one: the other must follow from the
totals. Interest and fee must follow from the rate. A ledger that contradicts the chain must not
speak. Source: Morpho.sol, EventsLib.sol of morpho-blue 1.0.0; AdaptiveCurveIrm.sol.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.events import (
    DomainEvent,
    Liquidated,
    MarketChanged,
    PairMoved,
    Place,
    TokenKnown,
)
from monitor.core.keys import pair_key
from monitor.core.ledger import LedgerView, contracts_of, find
from monitor.core.pairs import Pair
from monitor.core.ports import Readings
from monitor.core.tokens import token_of
from monitor.core.units import ZERO_ADDRESS, Address, RawAmount, Shares, Wad
from monitor.errors import LedgerCorrupt
from monitor.protocols.morpho_blue.accrual import accrued
from monitor.protocols.morpho_blue.contracts import MorphoAbi, Scope, pair_of
from monitor.protocols.morpho_blue.liquidation import Loss
from monitor.protocols.morpho_blue.positions import held_at, lends, owes, pledges
from monitor.protocols.morpho_blue.rate_model import borrow_rate
from monitor.protocols.morpho_blue.verbs import VERBS, Seizure, liquidated, moved

Events = tuple[DomainEvent, ...]
Meaning = Callable[["MorphoDecoder", str, tuple[Any, ...]], Events]
"""What a market id's log says, given the values behind the id. Functions of the class, not of one
decoder: one that held its own methods would be a cycle, and wait for the collector."""


class MorphoDecoder:
    """Decodes one block. `view` must show the effect of every event already returned."""

    def __init__(
        self, scope: Scope, abi: MorphoAbi, block: BlockRef, view: LedgerView, facts: Readings
    ) -> None:
        self._scope = scope
        self._abi = abi
        self._block = block
        self._view = view
        self._facts = facts

    def decode(self, log: RawLog) -> Events:
        """Raises UndecodableLog, and LedgerCorrupt when a log contradicts the ledger."""
        if not log.topics:
            return ()
        try:
            if log.address == self._scope.entry:
                return self._on_morpho(log)
            return self._on_rate_model(log)
        except LedgerCorrupt as error:
            raise LedgerCorrupt(
                f"{self._scope.market}: log {log.log_index} of block {self._block.number} "
                f"{self._block.hash} (tx {log.tx_hash}): {error}. The state cannot be trusted: "
                "build it anew (cascade-monitor store rebuild --config F), and report this log."
            ) from error

    def _on_morpho(self, log: RawLog) -> Events:
        event = self._abi.morpho.events.get(log.topics[0])
        if event is None or event.name == "SetOwner":
            return ()
        first, *values = event.decode(log)
        if event.name == "SetFeeRecipient":
            contracts = contracts_of(self._view, self._scope.market)
            return (MarketChanged(self._scope.market, replace(contracts, fee_recipient=first)),)
        if not self._scope.covers(first):
            return ()
        if event.name in VERBS:
            return self._on_verb(event.name, first, values)
        return self._OTHERS[event.name](self, first, tuple(values))

    def _on_rate_model(self, log: RawLog) -> Events:
        """The rate model's state. One that does not move as ours is not ours: it is asked then."""
        event = self._abi.rate_model.events.get(log.topics[0])
        if event is None:
            return ()
        market_id, average, at_target = event.decode(log)
        pair = find(self._view, pair_key(self._scope.market, market_id), Pair)
        if pair is None or pair.rate_model != log.address:
            return ()
        elapsed = self._block.timestamp - pair.updated_unix
        first = pair.rate_at_target_wad or 0  # where nothing is known, this may be its first use
        expected = borrow_rate(pair.supply_raw, pair.debt_raw, first, elapsed)
        told = Wad(at_target) if expected == (average, at_target) else None
        return self._moved(market_id, replace(pair, rate_at_target_wad=told, borrow_rate_wad=None))

    def _on_verb(self, name: str, market_id: str, values: list[Any]) -> Events:
        _, owner, *_, assets, shares = values
        pair, place = self._pair(market_id), self._place(market_id, owner)
        held, verb = held_at(self._view, place), VERBS[name]
        after = moved(pair, name, assets, shares)
        if verb.lends:
            change: DomainEvent = lends(place, pair, held.lent_shares + verb.sign * shares)
        else:
            change = owes(place, pair, held.debt_shares + verb.sign * shares)
        return (*self._moved(market_id, after), change)

    def _on_creation(self, market_id: str, values: tuple[Any, ...]) -> Events:
        loan, collateral, oracle, rate_model, lltv = values
        if find(self._view, pair_key(self._scope.market, market_id), Pair) is not None:
            raise LedgerCorrupt(f"market {market_id} is created, but the ledger holds it already")
        pair = Pair(
            loan=loan,
            collateral=collateral,
            oracle=oracle,
            rate_model=rate_model,
            lltv_wad=lltv,
            # Without a rate model the contract moves its clock without a log, and to no effect.
            updated_unix=0 if rate_model == ZERO_ADDRESS else self._block.timestamp,
            supply_raw=RawAmount(0),
            supply_shares=Shares(0),
            debt_raw=RawAmount(0),
            debt_shares=Shares(0),
            collateral_raw=RawAmount(0),
            fee_wad=Wad(0),
        )
        tokens = tuple(
            TokenKnown(a, token_of(a, [self._facts.get(c) for c in self._abi.token_calls(a)]))
            for a in dict.fromkeys((loan, collateral))
        )
        return (*tokens, *self._moved(market_id, pair))

    def _on_accrual(self, market_id: str, values: tuple[Any, ...]) -> Events:
        rate, interest, minted = values
        pair, now = self._pair(market_id), self._block.timestamp
        after = accrued(pair, rate, now - pair.updated_unix)
        if (after.debt_raw - pair.debt_raw, after.fee_shares) != (interest, minted):
            raise LedgerCorrupt(
                f"market {market_id} accrued {interest} and {minted} shares of fee by the log, but "
                f"{after.debt_raw - pair.debt_raw} and {after.fee_shares} by the ledger"
            )
        events = self._moved(
            market_id,
            replace(
                pair,
                updated_unix=now,
                supply_raw=RawAmount(after.supply_raw),
                supply_shares=Shares(after.supply_shares),
                debt_raw=RawAmount(after.debt_raw),
            ),
        )
        if not minted:
            return events
        recipient = contracts_of(self._view, self._scope.market).fee_recipient
        place = self._place(market_id, recipient)
        return (*events, lends(place, pair, held_at(self._view, place).lent_shares + minted))

    def _on_fee(self, market_id: str, values: tuple[Any, ...]) -> Events:
        """What accrued before was logged before."""
        return self._moved(market_id, replace(self._pair(market_id), fee_wad=Wad(values[0])))

    def _on_collateral(self, market_id: str, values: tuple[Any, ...], sign: int) -> Events:
        _, owner, *_, assets = values
        pair, place = self._pair(market_id), self._place(market_id, owner)
        total = RawAmount(pair.collateral_raw + sign * assets)
        held = held_at(self._view, place).collateral_raw + sign * assets
        after = replace(pair, collateral_raw=total)
        return (*self._moved(market_id, after), pledges(place, pair, held))

    def _on_liquidation(self, market_id: str, values: tuple[Any, ...]) -> Events:
        liquidator, borrower, repaid, repaid_shares, seized, *loss = values
        pair, place = self._pair(market_id), self._place(market_id, borrower)
        seizure = Seizure(repaid, repaid_shares, seized, Loss(*loss))
        after, left = liquidated(pair, held_at(self._view, place), seizure)
        return (
            *self._moved(market_id, after),
            owes(place, pair, left.debt_shares),
            pledges(place, pair, left.collateral_raw),
            Liquidated(
                place,
                pair.collateral,
                pair.loan,
                repaid,
                seized,
                liquidator,
                paid_in_receipts=False,
                lost_raw=RawAmount(seizure.loss.assets_raw),
            ),
        )

    def _pair(self, market_id: str) -> Pair:
        return pair_of(self._view, self._scope.market, market_id)

    def _place(self, market_id: str, account: Address) -> Place:
        return Place(self._scope.market, account, market_id)

    def _moved(self, market_id: str, pair: Pair) -> tuple[PairMoved]:
        return (PairMoved(self._scope.market, market_id, pair),)

    _OTHERS: ClassVar[Mapping[str, Meaning]] = {
        "CreateMarket": _on_creation,
        "AccrueInterest": _on_accrual,
        "SetFee": _on_fee,
        "SupplyCollateral": lambda self, i, v: self._on_collateral(i, v, 1),
        "WithdrawCollateral": lambda self, i, v: self._on_collateral(i, v, -1),
        "Liquidate": _on_liquidation,
    }
