"""Morpho's whole state at one block, read from its views and told in the common tongue."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from monitor.core.blocks import BlockRef
from monitor.core.events import DomainEvent, MarketChanged, PairMoved, Place, TokenKnown
from monitor.core.ledger import Market
from monitor.core.pairs import Pair
from monitor.core.ports import ContractReader, ViewCall, ViewFailed
from monitor.core.tokens import token_of
from monitor.core.units import ZERO_ADDRESS, Address, RawAmount, Wad
from monitor.errors import ConfigError
from monitor.protocols.morpho_blue.census import OF_MARKETS, Census
from monitor.protocols.morpho_blue.contracts import PROTOCOL, MorphoAbi, Scope
from monitor.protocols.morpho_blue.positions import Held, lends, owes, pledges, sums
from monitor.protocols.morpho_blue.rate_model import borrow_rate
from monitor.protocols.morpho_blue.views import (
    held_from,
    is_created,
    pair_calls,
    pair_from,
    position_call,
    rate_call,
    target_call,
)

Holders = dict[str, dict[Address, Held]]
"""By market id, who holds what in it."""


class MorphoSnapshot:
    """Reads the market ids of one entry at one block."""

    def __init__(self, scope: Scope, abi: MorphoAbi) -> None:
        self._scope = scope
        self._abi = abi
        self._census = Census(scope)

    async def read(
        self, reader: ContractReader, at: BlockRef, head: BlockRef
    ) -> tuple[DomainEvent, ...]:
        """Raises ConfigError when the address is not Morpho's, or from_block is too late."""
        contracts = await self._contracts(reader, at)
        if contracts is None:
            await self._known(reader, head)
            return (MarketChanged(self._scope.market, Market(PROTOCOL, self._scope.entry)),)
        await self._census.read(reader, at, self._abi)
        pairs = await self._pairs(reader, at, self._census)
        holders = await self._holders(reader, at, contracts, pairs)
        pairs = {i: _with_sums(self._scope, i, pair, holders[i]) for i, pair in pairs.items()}
        return (
            *await self._told(reader, at, contracts, pairs),
            *self._positions(pairs, holders),
        )

    async def survey(self, reader: ContractReader, at: BlockRef) -> tuple[DomainEvent, ...]:
        """The market ids without their accounts; what they pledge is not summed. As `read`."""
        contracts = await self._known(reader, at)
        census = Census(self._scope, OF_MARKETS)
        await census.read(reader, at, self._abi)
        pairs = await self._pairs(reader, at, census)
        return await self._told(reader, at, contracts, pairs)

    async def _contracts(self, reader: ContractReader, at: BlockRef) -> Market | None:
        views, entry = self._abi.morpho.functions, self._scope.entry
        calls = [ViewCall(entry, views[name]) for name in ("owner", "feeRecipient")]
        owner, recipient = await reader.read(at, calls)
        if isinstance(owner, ViewFailed) or isinstance(recipient, ViewFailed):
            return None
        return Market(PROTOCOL, entry, fee_recipient=recipient[0])

    async def _known(self, reader: ContractReader, at: BlockRef) -> Market:
        contracts = await self._contracts(reader, at)
        if contracts is not None:
            return contracts
        if await reader.has_code(at, self._scope.entry):
            found = "the contract there does not answer as one"
        else:
            found = "there is no contract at that address"
        raise ConfigError(
            f"market {self._scope.market}: address {self._scope.entry} should be Morpho Blue's, "
            f"but {found} (block {at.number}). Check the address and that the endpoint is on the "
            "right chain."
        )

    async def _pairs(self, reader: ContractReader, at: BlockRef, census: Census) -> dict[str, Pair]:
        ids = sorted(census.created)
        rows = [pair_calls(self._abi, self._scope.entry, market_id) for market_id in ids]
        answers = await reader.read(at, [call for row in rows for call in row])
        told = {i: answers[2 * n : 2 * n + 2] for n, i in enumerate(ids)}
        # An id of a branch that is gone since an attempt before this one was never created.
        pairs = {i: pair_from(row) for i, row in told.items() if is_created(row)}
        modelled = {i: pair for i, pair in pairs.items() if pair.rate_model != ZERO_ADDRESS}
        targets = await self._targets(reader, at, modelled)
        # A node may answer a view from a later state than it was asked for: once is no proof.
        strangers = {i: pair for i, pair in modelled.items() if targets.get(i) is None}
        targets |= await self._targets(reader, at, strangers)
        return {i: replace(pair, rate_at_target_wad=targets.get(i)) for i, pair in pairs.items()}

    async def _targets(
        self, reader: ContractReader, at: BlockRef, pairs: Mapping[str, Pair]
    ) -> dict[str, Wad | None]:
        """The rate at target where the model says what ours would; None of another model."""
        calls = [
            call
            for market_id, pair in pairs.items()
            for call in (target_call(self._abi, market_id, pair), rate_call(self._abi, pair))
        ]
        answers = iter(await reader.read(at, calls))
        targets: dict[str, Wad | None] = {}
        for market_id, pair in pairs.items():
            target, rate = next(answers), next(answers)
            targets[market_id] = None
            if isinstance(target, ViewFailed) or isinstance(rate, ViewFailed):
                continue
            elapsed = at.timestamp - pair.updated_unix
            ours = borrow_rate(pair.supply_raw, pair.debt_raw, target[0], elapsed)
            if target[0] > 0 and ours.average_wad == rate[0]:
                targets[market_id] = Wad(target[0])
        return targets

    async def _holders(
        self, reader: ContractReader, at: BlockRef, contracts: Market, pairs: Mapping[str, Pair]
    ) -> Holders:
        recipients = self._census.recipients | {contracts.fee_recipient}
        places = self._census.places | {(i, account) for i in pairs for account in recipients}
        ordered = sorted(place for place in places if place[0] in pairs)
        entry = self._scope.entry
        answers = await reader.read(at, [position_call(self._abi, entry, *p) for p in ordered])
        holders: Holders = {market_id: {} for market_id in pairs}
        for (market_id, account), answer in zip(ordered, answers, strict=True):
            held = held_from(answer)
            if any(held):
                holders[market_id][account] = held
        return holders

    async def _told(
        self,
        reader: ContractReader,
        at: BlockRef,
        contracts: Market,
        pairs: Mapping[str, Pair],
    ) -> tuple[DomainEvent, ...]:
        tokens = sorted({a for pair in pairs.values() for a in (pair.loan, pair.collateral)})
        rows = [self._abi.token_calls(asset) for asset in tokens]
        answers = iter(await reader.read(at, [call for row in rows for call in row]))
        return (
            MarketChanged(self._scope.market, contracts),
            *(
                TokenKnown(asset, token_of(asset, [next(answers) for _ in row]))
                for asset, row in zip(tokens, rows, strict=True)
            ),
            *(PairMoved(self._scope.market, i, pair) for i, pair in pairs.items()),
        )

    def _positions(self, pairs: Mapping[str, Pair], holders: Holders) -> Iterator[DomainEvent]:
        for market_id, pair in pairs.items():
            for account, held in holders[market_id].items():
                place = Place(self._scope.market, account, market_id)
                yield lends(place, pair, held.lent_shares)
                yield owes(place, pair, held.debt_shares)
                yield pledges(place, pair, held.collateral_raw)


def _with_sums(scope: Scope, market_id: str, pair: Pair, held: Mapping[Address, Held]) -> Pair:
    """With what its accounts pledge. An account missed here would be wrong for ever."""
    lent, owed, pledged = sums(list(held.values()))
    if (lent, owed) != (pair.supply_shares, pair.debt_shares):
        raise ConfigError(
            f"market {scope.market}: the accounts found in {market_id} hold {lent} supply shares "
            f"and {owed} borrow shares, but Morpho says {pair.supply_shares} and "
            f"{pair.debt_shares}. Accounts from before from_block are missing: set it to the block "
            "in which Morpho was deployed, or lower."
        )
    return replace(pair, collateral_raw=RawAmount(pledged))
