"""A [[receipts]] entry as a plug-in: read every block, since most of it moves without a log.

Who holds it is told by logs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from monitor.core.abi import Abi
from monitor.core.blocks import BlockRef
from monitor.core.events import DomainEvent, ReceiptMoved, TokenKnown
from monitor.core.keys import receipt_key, token_key
from monitor.core.ledger import LedgerView, find
from monitor.core.pairs import Token
from monitor.core.ports import ContractReader, Readings, ViewCall
from monitor.core.receipts import Receipt, ReceiptKind
from monitor.core.sources import LogDecoder, PolledSource
from monitor.core.tokens import token_calls, token_of
from monitor.core.units import Address, AssetId
from monitor.receipts.claims import Claim, Decimals
from monitor.receipts.holders import Register, ShareDecoder


@dataclass(frozen=True, slots=True)
class ReceiptSource(PolledSource):
    """One claim. `erc20`, `bytes32_erc20`: how tokens are asked for their name. `register`: who
    finds its holders; None where nobody keeps them.
    """

    token: Address
    kind: ReceiptKind
    claim: Claim
    erc20: Abi
    bytes32_erc20: Abi
    register: Register | None = None

    @property
    def name(self) -> str:
        return self.token

    def addresses(self, view: LedgerView) -> frozenset[Address]:
        return frozenset() if self.register is None else frozenset({self.token})

    def decoder(self, block: BlockRef, view: LedgerView, facts: Readings) -> LogDecoder:
        return self if self.register is None else ShareDecoder(self.register, view)

    async def bootstrap(
        self, reader: ContractReader, at: BlockRef, head: BlockRef
    ) -> tuple[DomainEvent, ...]:
        """Who holds it; polls tell the rest."""
        return () if self.register is None else await self.register.read(reader, at)

    def polls(self, view: LedgerView) -> tuple[ViewCall, ...]:
        known = self._known(view)
        tokens = self._decimals(view, known)
        mute = [asset for asset in self._tokens(known) if _is_mute(tokens.get(asset))]
        asked = [call for asset in mute for call in self._token_calls(asset)]
        return (*asked, *self.claim.calls(known, tokens))

    def polled(self, view: LedgerView, readings: Readings) -> tuple[DomainEvent, ...]:
        known = self._known(view)
        events: list[DomainEvent] = []
        tokens = self._decimals(view, known)
        for asset in self._tokens(known):
            answers = [readings.get(call) for call in self._token_calls(asset)]
            if _is_mute(tokens.get(asset)) and None not in answers:
                tokens[asset] = token_of(asset, answers)
                events.append(TokenKnown(asset, tokens[asset]))
        receipt = replace(self.claim.receipt(known, tokens, readings), held=known.held)
        return (*events, ReceiptMoved(self.token, receipt))

    def _known(self, view: LedgerView) -> Receipt:
        return find(view, receipt_key(self.token), Receipt) or Receipt(self.kind)

    def _tokens(self, known: Receipt) -> Iterator[AssetId]:
        yield self.token
        underlying = self.claim.underlying_in(known)
        if underlying is not None:
            yield underlying

    def _decimals(self, view: LedgerView, known: Receipt) -> Decimals:
        found = ((asset, find(view, token_key(asset), Token)) for asset in self._tokens(known))
        return {asset: token for asset, token in found if token is not None}

    def _token_calls(self, asset: AssetId) -> tuple[ViewCall, ...]:
        return token_calls(self.erc20, self.bytes32_erc20, asset)


def _is_mute(token: Token | None) -> bool:
    """Whether a token is still to be asked what it is: it may not have been deployed yet."""
    return token is None or token.decimals is None
