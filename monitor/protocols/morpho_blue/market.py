"""Morpho Blue as a plug-in: an event source and its rules, over all its market ids or some."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

from monitor.core.blocks import BlockRef, RawLog
from monitor.core.events import DomainEvent, PairMoved, Place, PriceMoved, TokenKnown
from monitor.core.keys import Kind, market_key, price_key, token_key
from monitor.core.ledger import LedgerView, Market, each, find
from monitor.core.pairs import Pair, Token
from monitor.core.ports import ContractReader, Readings, ViewCall, ViewFailed
from monitor.core.prices import Price
from monitor.core.risk import Exposure, MarketSheet
from monitor.core.tokens import token_of
from monitor.core.units import ZERO_ADDRESS, Address, AssetId, BaseValue, MarketId, Wad
from monitor.protocols.morpho_blue.audit import Audit
from monitor.protocols.morpho_blue.bootstrap import MorphoSnapshot
from monitor.protocols.morpho_blue.contracts import PROTOCOL, MorphoAbi, Scope
from monitor.protocols.morpho_blue.events import MorphoDecoder
from monitor.protocols.morpho_blue.guarding import MorphoGuarding
from monitor.protocols.morpho_blue.inspection import MorphoInspection
from monitor.protocols.morpho_blue.rules import MorphoRules
from monitor.protocols.morpho_blue.sheets import exposure_of, sheets_of
from monitor.protocols.morpho_blue.views import price_call, rate_call

LOGGER = logging.getLogger(__name__)
NO_ORACLE = "the market id has no oracle"


class MorphoBlue(MorphoRules):
    """The singleton at `scope.entry`."""

    protocol = PROTOCOL

    def __init__(self, scope: Scope, abi: MorphoAbi) -> None:
        super().__init__(scope.market, is_permissionless=scope.ids is None)
        self._scope = scope
        self._abi = abi
        self._snapshot = MorphoSnapshot(scope, abi)
        self._audit = Audit(scope, abi)
        self.guarding = MorphoGuarding(scope, abi)
        self.inspection = MorphoInspection(scope, abi, self)
        self._named: set[str] = set()
        """Market ids of unknown rate models that were told of."""

    @property
    def name(self) -> str:
        return self._market

    @property
    def market(self) -> MarketId:
        return self._market

    def addresses(self, view: LedgerView) -> frozenset[Address]:
        """Morpho, and the rate models: theirs is the state between two accruals."""
        if find(view, market_key(self._market), Market) is None:
            return frozenset()
        models = {pair.rate_model for _, pair in self._pairs(view)} - {ZERO_ADDRESS}
        return frozenset((self._scope.entry, *models))

    def questions(self, logs: Sequence[RawLog], view: LedgerView) -> tuple[ViewCall, ...]:
        """What the tokens of new market ids say of themselves."""
        creation = self._abi.morpho.event("CreateMarket")
        made = [
            creation.decode(log)
            for log in logs
            if log.address == self._scope.entry and log.topics[:1] == (creation.topic0,)
        ]
        tokens = (v for values in made if self._scope.covers(values[0]) for v in values[1:3])
        return tuple(c for asset in dict.fromkeys(tokens) for c in self._abi.token_calls(asset))

    def decoder(self, block: BlockRef, view: LedgerView, facts: Readings) -> MorphoDecoder:
        return MorphoDecoder(self._scope, self._abi, block, view, facts)

    def polls(self, view: LedgerView) -> tuple[ViewCall, ...]:
        """Prices, rates of models whose state we do not keep; at a start, everything else.

        A token that did not tell its decimals may not have been deployed yet.
        """
        calls = [price_call(self._abi, pair) for _, pair in self._pairs(view) if _is_priced(pair)]
        calls += [rate_call(self._abi, pair) for _, pair in self._pairs(view) if _is_strange(pair)]
        calls += [call for asset in self._mute(view) for call in self._abi.token_calls(asset)]
        return tuple(dict.fromkeys((*calls, *self._audit.calls(view))))

    def polled(self, view: LedgerView, readings: Readings) -> tuple[DomainEvent, ...]:
        """Raises LedgerCorrupt for drift."""
        self._audit.check(view, readings)
        events: list[DomainEvent] = []
        for market_id, pair in self._pairs(view):
            price = self._price(pair, readings)
            known = find(view, price_key(self._market, pair.collateral, market_id), Price)
            if known is None or not _is_told(price, known):
                events.append(PriceMoved(self._market, pair.collateral, price, market_id))
            if _is_strange(pair):
                self._name(market_id, pair)
                answer = readings.get(rate_call(self._abi, pair))
                rate = Wad(answer[0]) if isinstance(answer, tuple) else None
                moved = replace(pair, borrow_rate_wad=rate)
                events.append(PairMoved(self._market, market_id, moved))
        for asset in self._mute(view):
            answers = [readings.get(call) for call in self._abi.token_calls(asset)]
            if None not in answers:
                events.append(TokenKnown(asset, token_of(asset, answers)))
        return tuple(events)

    async def bootstrap(
        self, reader: ContractReader, at: BlockRef, head: BlockRef
    ) -> tuple[DomainEvent, ...]:
        events = await self._snapshot.read(reader, at, head)
        self._audit.spare_start()
        return events

    async def survey(self, reader: ContractReader, at: BlockRef) -> tuple[DomainEvent, ...]:
        self._audit.spare_start()
        return await self._snapshot.survey(reader, at)

    def sheets(self, view: LedgerView, at_unix: int) -> tuple[MarketSheet, ...]:
        sheets = sheets_of(view, self._market, at_unix)
        return tuple(replace(each, is_permissionless=self._is_permissionless) for each in sheets)

    def exposure(self, view: LedgerView, place: Place, at_unix: int) -> Exposure | None:
        return exposure_of(view, place, at_unix)

    def _pairs(self, view: LedgerView) -> Iterator[tuple[str, Pair]]:
        for key, pair in each(view, Kind.PAIR, self._market, Pair):
            yield key.sub_market, pair

    def _mute(self, view: LedgerView) -> list[AssetId]:
        """Tokens whose decimals are not known, in the order of the pairs."""
        assets = (asset for _, pair in self._pairs(view) for asset in (pair.loan, pair.collateral))
        tokens = {asset: find(view, token_key(asset), Token) for asset in dict.fromkeys(assets)}
        return [asset for asset, token in tokens.items() if not token or token.decimals is None]

    def _name(self, market_id: str, pair: Pair) -> None:
        """Say once that a model is not the adaptive one."""
        if market_id not in self._named:
            self._named.add(market_id)
            LOGGER.warning(
                "%s: market id %s has a rate model we do not know (%s): its rate is read every "
                "block, and where it cannot be, its interest is unknown",
                *(self._market, market_id, pair.rate_model),
            )

    def _price(self, pair: Pair, readings: Readings) -> Price:
        """What the oracle says now. An answer of 0 is one: Morpho reckons with it."""
        if not _is_priced(pair):
            return Price(None, reason=NO_ORACLE)
        answer = readings.get(price_call(self._abi, pair))
        if answer is None:
            return Price(None, pair.oracle, reason="the node no longer has this block's state")
        if isinstance(answer, ViewFailed):
            return Price(None, pair.oracle, reason=f"the oracle reverts: {answer.reason}")
        return Price(BaseValue(answer[0]), pair.oracle)


def _is_told(price: Price, known: Price) -> bool:
    """Whether that is what was told last; its way is the oracles' to tell."""
    told = (known.value, known.source, known.reason)
    return told == (price.value, price.source, price.reason)


def _is_priced(pair: Pair) -> bool:
    return pair.oracle != ZERO_ADDRESS


def _is_strange(pair: Pair) -> bool:
    """Whether its interest follows a model whose state we do not keep."""
    return pair.rate_model != ZERO_ADDRESS and pair.rate_at_target_wad is None
