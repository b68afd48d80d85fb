"""A market's whole state at one block, read from its views and told in the common tongue."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from monitor.core.blocks import BlockRef
from monitor.core.events import (
    CategoryChanged,
    CategoryChosen,
    CollateralChanged,
    DebtChanged,
    DomainEvent,
    MarketChanged,
    ReserveListed,
)
from monitor.core.ledger import Market
from monitor.core.ports import ContractReader, ViewCall, ViewResult
from monitor.core.reserves import Category, Reserve
from monitor.core.tokens import symbol_calls, symbol_of
from monitor.core.units import Address, Bps, MarketId, ScaledAmount
from monitor.protocols.aave_v3.accounts import AccountSnapshot, Census
from monitor.protocols.aave_v3.contracts import AaveAbi
from monitor.protocols.aave_v3.evidence import Holder
from monitor.protocols.aave_v3.recognition import Recognition
from monitor.protocols.aave_v3.versions import FORMER, pool_rules
from monitor.protocols.aave_v3.views import value_of

RECENT_BLOCKS = 10_000
"""How far back holders are looked for who show how tokens round."""


class AaveSnapshot:
    """Reads one market at one block."""

    def __init__(self, market: MarketId, entry: Address, from_block: int, abi: AaveAbi) -> None:
        self._market = market
        self._from_block = from_block
        self._abi = abi
        self._recognition = Recognition(market, entry, abi)
        self._census = Census()

    async def read(
        self, reader: ContractReader, at: BlockRef, head: BlockRef
    ) -> tuple[DomainEvent, ...]:
        """Raises ConfigError when the address is not a provider of a market that is followed."""
        contracts = await self._recognition.contracts(reader, at)
        if contracts is None:
            return (MarketChanged(self._market, await self._to_come(reader, head)),)
        reserves = await self._reserves(reader, at, contracts)
        accounts = AccountSnapshot(self._market, contracts, self._abi, self._census)
        positions = await accounts.read(reader, at, self._from_block, reserves)
        if pool_rules(contracts).release == FORMER:
            contracts = await self._probed(reader, at, head, contracts, reserves, positions)
        return (*await self._terms(reader, at, contracts, reserves), *positions)

    async def survey(self, reader: ContractReader, at: BlockRef) -> tuple[DomainEvent, ...]:
        """The market without its accounts. Raises as `read` does."""
        contracts = await self._recognition.known(reader, at)
        reserves = await self._reserves(reader, at, contracts)
        contracts = await self._lately(reader, at, contracts, reserves)
        return await self._terms(reader, at, contracts, reserves)

    async def _to_come(self, reader: ContractReader, head: BlockRef) -> Market:
        """The contracts of a market that is deployed later; what admins set is told by logs."""
        contracts = await self._recognition.known(reader, head)
        reserves = await self._reserves(reader, head, contracts)
        contracts = await self._lately(reader, head, contracts, reserves)
        return replace(
            contracts, flash_fee_to_treasury_bps=Bps(0), bridge_fee_to_treasury_bps=Bps(0)
        )

    async def _probed(
        self,
        reader: ContractReader,
        at: BlockRef,
        head: BlockRef,
        contracts: Market,
        reserves: list[Reserve],
        positions: Sequence[DomainEvent],
    ) -> Market:
        """With the versions that its accounts show; or later ones, if no code changed since."""
        verdicts = await self._recognition.verdicts(
            reader, at, contracts, reserves, _holders(reserves, positions)
        )
        if len(verdicts.tokens) == 1:
            return verdicts.of(contracts)
        then, now = [
            await self._recognition.with_revisions(reader, block, contracts, reserves)
            for block in (at, head)
        ]
        return contracts if then != now else await self._lately(reader, head, contracts, reserves)

    async def _lately(
        self, reader: ContractReader, at: BlockRef, contracts: Market, reserves: list[Reserve]
    ) -> Market:
        """With the versions that those show who used its tokens lately."""
        if pool_rules(contracts).release != FORMER or not reserves:
            return contracts
        holders = await self._recent_holders(reader, at, reserves)
        verdicts = await self._recognition.verdicts(reader, at, contracts, reserves, holders)
        return verdicts.of(contracts)

    async def _terms(
        self, reader: ContractReader, at: BlockRef, contracts: Market, reserves: list[Reserve]
    ) -> tuple[DomainEvent, ...]:
        contracts = await self._recognition.with_revisions(reader, at, contracts, reserves)
        categories = await self._categories(reader, at, contracts, reserves)
        return (
            MarketChanged(self._market, contracts),
            *(ReserveListed(self._market, reserve) for reserve in reserves),
            *(CategoryChanged(self._market, category) for category in categories),
        )

    async def _reserves(
        self, reader: ContractReader, at: BlockRef, contracts: Market
    ) -> list[Reserve]:
        views, pool = pool_rules(contracts).views, contracts.pool
        (listed,) = await reader.read(
            at, [ViewCall(pool, self._abi.pool.functions["getReservesList"])]
        )
        assets = value_of(listed)
        symbols = [symbol_calls(self._abi.erc20, self._abi.bytes32_erc20, a) for a in assets]
        calls = [views.reserve_calls(self._abi, pool, asset) for asset in assets]
        names = await _rows(reader, at, symbols)
        rows = await _rows(reader, at, calls)
        reserves = [
            views.reserve_of(asset, symbol_of(asset, name), row)
            for asset, name, row in zip(assets, names, rows, strict=True)
        ]
        if pool_rules(contracts).release == FORMER:
            labels, data = [r.symbol for r in reserves], [row[0] for row in rows]
            await self._recognition.refuse_stable_debt(reader, at, labels, data)
        total = self._abi.token.functions["scaledTotalSupply"]
        totals = await reader.read(at, [ViewCall(r.debt_token, total) for r in reserves])
        return [
            replace(reserve, debt_scaled_at_accrual=ScaledAmount(value_of(total)))
            for reserve, total in zip(reserves, totals, strict=True)
        ]

    async def _categories(
        self, reader: ContractReader, at: BlockRef, contracts: Market, reserves: list[Reserve]
    ) -> list[Category]:
        """All of them: an asset can be put on the lists of a category that has no terms yet."""
        views, pool = pool_rules(contracts).views, contracts.pool
        calls = views.category_calls(self._abi, pool, [reserve.asset for reserve in reserves])
        told = dict(zip(calls, await reader.read(at, calls), strict=True))
        return views.categories(self._abi, pool, reserves, told)

    async def _recent_holders(
        self, reader: ContractReader, at: BlockRef, reserves: list[Reserve]
    ) -> list[Holder]:
        """Whom the tokens logged lately, newest first."""
        minted = self._abi.token.event("Mint")
        tokens = [token for r in reserves for token in (r.supply_token, r.debt_token)]
        first = max(self._from_block, at.number - RECENT_BLOCKS)
        logs = await reader.past_logs(tokens, [minted.topic0], first, at.number)
        holders = (Holder(log.address, minted.decode(log)[1]) for log in reversed(logs))
        return list(dict.fromkeys(holders))


def _holders(reserves: Sequence[Reserve], positions: Sequence[DomainEvent]) -> Iterator[Holder]:
    """All who hold or owe something."""
    by_asset = {reserve.asset: reserve for reserve in reserves}
    debts = Counter(event.place for event in positions if isinstance(event, DebtChanged))
    in_e_mode = {event.place for event in positions if isinstance(event, CategoryChosen)}
    for event in positions:
        if isinstance(event, CollateralChanged):
            yield Holder(by_asset[event.asset].supply_token, event.place.account)
        elif isinstance(event, DebtChanged):
            is_plain = debts[event.place] == 1 and event.place not in in_e_mode
            yield Holder(by_asset[event.asset].debt_token, event.place.account, is_plain)


async def _rows(
    reader: ContractReader, at: BlockRef, calls: Sequence[Sequence[ViewCall]]
) -> list[list[ViewResult]]:
    """The answers to rows of calls, in rows."""
    answers = iter(await reader.read(at, [call for row in calls for call in row]))
    return [[next(answers) for _ in row] for row in calls]
