"""Every account of a market at one block: who they are by old logs, what they hold by views."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from monitor.core.blocks import BlockRef
from monitor.core.events import (
    CategoryChosen,
    CollateralChanged,
    CollateralUseChanged,
    DebtChanged,
    DomainEvent,
    Place,
)
from monitor.core.ledger import Market
from monitor.core.ports import ContractReader, ViewCall
from monitor.core.reserves import Reserve
from monitor.core.units import Address, AssetId, MarketId, Ray, ScaledAmount
from monitor.errors import ConfigError
from monitor.protocols.aave_v3.configuration import collaterals_in, is_collateral, vacancy
from monitor.protocols.aave_v3.contracts import AaveAbi
from monitor.protocols.aave_v3.versions import FORMER, pool_rules
from monitor.protocols.aave_v3.views import value_of

Pair = tuple[Address, Address]
"""(token, account)."""


WINDOW_BLOCKS = 100_000
"""How much of the past is read before it is forgotten again but for the names in it."""
OVERLAP_BLOCKS = 128
"""What of it is read again: blocks that may have been reorganised since."""


@dataclass(slots=True)
class Census:
    """Who ever held something, as far as logs were read.

    It outlives one attempt to read a market: the whole past of a large one takes longer to read
    than a full node keeps the state of a block, so another block is chosen then, and only what
    came since is read. One name too many does no harm: it holds nothing.
    """

    pairs: set[Pair] = field(default_factory=set)
    accounts: set[Address] = field(default_factory=set)
    listed: set[AssetId] = field(default_factory=set)
    """Assets whose listing was among the logs."""
    read_to: int = -1


class AccountSnapshot:
    """Reads the accounts of one market."""

    def __init__(self, market: MarketId, contracts: Market, abi: AaveAbi, census: Census) -> None:
        self._market = market
        self._pool = contracts.pool
        self._configurator = contracts.configurator
        self._has_vacancies = pool_rules(contracts).release == FORMER
        self._abi = abi
        self._census = census

    async def read(
        self, reader: ContractReader, at: BlockRef, from_block: int, reserves: Sequence[Reserve]
    ) -> list[DomainEvent]:
        """Positions in the common tongue. Raises ConfigError when accounts were missed."""
        await self._discover(reader, at, from_block, reserves)
        self._check_listings(from_block, reserves)
        tokens = {a for r in reserves for a in (r.supply_token, r.debt_token)}
        # A reserve may have been dropped since an attempt before this one.
        pairs = sorted(pair for pair in self._census.pairs if pair[0] in tokens)
        events = await self._balances(reader, at, pairs, reserves)
        events += await self._flags(reader, at, sorted(self._census.accounts), reserves)
        return events

    async def _discover(
        self, reader: ContractReader, at: BlockRef, from_block: int, reserves: Sequence[Reserve]
    ) -> None:
        """Every (token, account) that ever received some, and every account with a history."""
        token = self._abi.token
        received = [token.event("Mint"), token.event("BalanceTransfer")]
        chosen = self._abi.pool.event("UserEModeSet")
        tokens = [a for r in reserves for a in (r.supply_token, r.debt_token)]
        listing = self._abi.configurator.event("ReserveInitialized")
        watched = [*tokens, self._pool, self._configurator]
        topics = [event.topic0 for event in (*received, chosen, listing)]
        first = max(from_block, self._census.read_to + 1 - OVERLAP_BLOCKS)
        while first <= at.number:
            last = min(first + WINDOW_BLOCKS - 1, at.number)
            for log in await reader.past_logs(watched, topics, first, last):
                if log.topics[0] == chosen.topic0:
                    self._census.accounts.add(chosen.decode(log)[0])
                    continue
                if log.topics[0] == listing.topic0:
                    self._census.listed.add(listing.decode(log)[0])
                    continue
                account = token.events[log.topics[0]].decode(log)[1]
                self._census.pairs.add((log.address, account))
                self._census.accounts.add(account)
            self._census.read_to = last
            first = last + 1

    def _check_listings(self, from_block: int, reserves: Sequence[Reserve]) -> None:
        """Balances missed are found by the totals; a category chosen before is found only so."""
        for reserve in reserves:
            if reserve.asset not in self._census.listed:
                raise ConfigError(
                    f"market {self._market}: {reserve.symbol} ({reserve.asset}) was listed before "
                    f"from_block ({from_block}), so what accounts chose before it is unknown. Set "
                    "from_block to the block in which the market was deployed, or lower."
                )

    async def _balances(
        self,
        reader: ContractReader,
        at: BlockRef,
        pairs: Sequence[Pair],
        reserves: Sequence[Reserve],
    ) -> list[DomainEvent]:
        token = self._abi.token.functions
        names = ("scaledBalanceOf", "getPreviousIndex")
        answers = await reader.read(
            at,
            [
                ViewCall(contract, token[n], (account,))
                for contract, account in pairs
                for n in names
            ],
        )
        by_token = {r.supply_token: r for r in reserves} | {r.debt_token: r for r in reserves}
        events: list[DomainEvent] = []
        sums: dict[Address, int] = defaultdict(int)
        for i, (contract, account) in enumerate(pairs):
            scaled, index = value_of(answers[2 * i]), value_of(answers[2 * i + 1])
            sums[contract] += scaled
            if scaled:
                reserve = by_token[contract]
                kind = DebtChanged if contract == reserve.debt_token else CollateralChanged
                place = Place(self._market, account)
                events.append(kind(place, reserve.asset, ScaledAmount(scaled), Ray(index)))
        await self._check_sums(reader, at, by_token, sums)
        return events

    async def _check_sums(
        self,
        reader: ContractReader,
        at: BlockRef,
        by_token: dict[Address, Reserve],
        sums: dict[Address, int],
    ) -> None:
        """An account missed here would be wrong for ever: the token's own total must be met."""
        total = self._abi.token.functions["scaledTotalSupply"]
        answers = await reader.read(at, [ViewCall(contract, total) for contract in by_token])
        for (contract, reserve), answer in zip(by_token.items(), answers, strict=True):
            if value_of(answer) != sums[contract]:
                raise ConfigError(
                    f"market {self._market}: the accounts found hold {sums[contract]} scaled of "
                    f"token {contract} ({reserve.symbol}), but the token says "
                    f"{value_of(answer)}. Accounts from before from_block are missing: set it to "
                    "the block in which the market was deployed, or lower."
                )

    async def _flags(
        self,
        reader: ContractReader,
        at: BlockRef,
        accounts: Sequence[Address],
        reserves: Sequence[Reserve],
    ) -> list[DomainEvent]:
        pool = self._abi.pool.functions
        names = ("getUserConfiguration", "getUserEMode")
        answers = await reader.read(
            at, [ViewCall(self._pool, pool[n], (account,)) for account in accounts for n in names]
        )
        events: list[DomainEvent] = []
        listed = {reserve.ordinal for reserve in reserves}
        for i, account in enumerate(accounts):
            word, category = value_of(answers[2 * i]), value_of(answers[2 * i + 1])
            place = Place(self._market, account)
            events += [
                CollateralUseChanged(place, reserve.asset, used=True)
                for reserve in reserves
                if is_collateral(word, reserve.ordinal)
            ]
            if self._has_vacancies:
                events += [
                    CollateralUseChanged(place, vacancy(ordinal), used=True)
                    for ordinal in collaterals_in(word)
                    if ordinal not in listed
                ]
            if category:
                events.append(CategoryChosen(place, category))
        return events
