"""A market's whole state at one block, read from its views and told in the common tongue."""

from collections.abc import Sequence
from dataclasses import replace

from monitor.core.blocks import BlockRef
from monitor.core.events import CategoryChanged, DomainEvent, MarketChanged, ReserveListed
from monitor.core.ledger import Category, Market, Reserve
from monitor.core.ports import ContractReader, ViewCall, ViewFailed, ViewResult
from monitor.core.tokens import symbol_calls, symbol_of
from monitor.core.units import ZERO_ADDRESS, Address, MarketId, ScaledAmount
from monitor.errors import ConfigError
from monitor.protocols.aave_v3.accounts import AccountSnapshot, Census
from monitor.protocols.aave_v3.contracts import AaveAbi
from monitor.protocols.aave_v3.fingerprint import proxies_of, strangeness
from monitor.protocols.aave_v3.views import (
    CATEGORIES,
    category_calls,
    category_of,
    reserve_calls,
    reserve_of,
    value_of,
)

PROTOCOL = "aave_v3"


class AaveSnapshot:
    """Reads one market at one block."""

    def __init__(self, market: MarketId, entry: Address, from_block: int, abi: AaveAbi) -> None:
        self._market = market
        self._entry = entry
        self._from_block = from_block
        self._abi = abi
        self._census = Census()

    async def read(
        self, reader: ContractReader, at: BlockRef, head: BlockRef
    ) -> tuple[DomainEvent, ...]:
        """Raises ConfigError when the address is not an Aave V3.6 market's provider."""
        contracts = await self._contracts(reader, at)
        if contracts is None:
            return (MarketChanged(self._market, await self._known(reader, head)),)
        reserves = await self._reserves(reader, at, contracts)
        accounts = AccountSnapshot(self._market, contracts, self._abi, self._census)
        positions = await accounts.read(reader, at, self._from_block, reserves)
        return (*await self._terms(reader, at, contracts, reserves), *positions)

    async def survey(self, reader: ContractReader, at: BlockRef) -> tuple[DomainEvent, ...]:
        """The market without its accounts. Raises as `read` does."""
        contracts = await self._known(reader, at)
        reserves = await self._reserves(reader, at, contracts)
        return await self._terms(reader, at, contracts, reserves)

    async def _terms(
        self, reader: ContractReader, at: BlockRef, contracts: Market, reserves: list[Reserve]
    ) -> tuple[DomainEvent, ...]:
        revisions = await self._revisions(reader, at, contracts, reserves)
        categories = await self._categories(reader, at, contracts, reserves)
        return (
            MarketChanged(self._market, replace(contracts, revisions=revisions)),
            *(ReserveListed(self._market, reserve) for reserve in reserves),
            *(CategoryChanged(self._market, category) for category in categories),
        )

    async def _known(self, reader: ContractReader, at: BlockRef) -> Market:
        contracts = await self._contracts(reader, at)
        if contracts is None:
            raise ConfigError(await self._not_a_market(reader, at))
        return contracts

    async def _contracts(self, reader: ContractReader, at: BlockRef) -> Market | None:
        provider = self._abi.provider.functions
        names = ("getPool", "getPoolConfigurator", "getPriceOracle")
        answers = await reader.read(at, [ViewCall(self._entry, provider[n]) for n in names])
        if any(isinstance(a, ViewFailed) or a[0] == ZERO_ADDRESS for a in answers):
            return None
        pool, configurator, oracle = (value_of(answer) for answer in answers)
        unit, revision = await reader.read(
            at,
            [
                ViewCall(oracle, self._abi.oracle.functions["BASE_CURRENCY_UNIT"]),
                ViewCall(pool, self._abi.pool.functions["POOL_REVISION"]),
            ],
        )
        if isinstance(unit, ViewFailed) or isinstance(revision, ViewFailed):
            return None
        contracts = Market(PROTOCOL, self._entry, pool, configurator, oracle, unit[0])
        self._refuse(strangeness(proxies_of(self._abi, contracts, ())[0], revision))
        return contracts

    def _refuse(self, strange: str) -> None:
        if strange:
            raise ConfigError(
                f"market {self._market}: {strange}. Other versions round differently and would be "
                "followed wrongly; this version of the monitor does not support them."
            )

    async def _not_a_market(self, reader: ContractReader, head: BlockRef) -> str:
        if not await reader.has_code(head, self._entry):
            found = "there is no contract at that address"
        else:
            found = "the contract there does not answer as one"
        return (
            f"market {self._market}: address {self._entry} should be an Aave V3 "
            f"PoolAddressesProvider, but {found} (block {head.number}). Check the address and "
            "that the endpoint is on the right chain."
        )

    async def _reserves(
        self, reader: ContractReader, at: BlockRef, contracts: Market
    ) -> list[Reserve]:
        (listed,) = await reader.read(
            at, [ViewCall(contracts.pool, self._abi.pool.functions["getReservesList"])]
        )
        assets = value_of(listed)
        rows = await _rows(
            reader,
            at,
            [
                (
                    *symbol_calls(self._abi.erc20, self._abi.bytes32_erc20, asset),
                    *reserve_calls(self._abi, contracts.pool, asset),
                )
                for asset in assets
            ],
        )
        reserves = [
            reserve_of(asset, symbol_of(asset, row[:2]), row[2:])
            for asset, row in zip(assets, rows, strict=True)
        ]
        total = self._abi.token.functions["scaledTotalSupply"]
        totals = await reader.read(at, [ViewCall(r.debt_token, total) for r in reserves])
        return [
            replace(reserve, debt_scaled_at_accrual=ScaledAmount(value_of(total)))
            for reserve, total in zip(reserves, totals, strict=True)
        ]

    async def _revisions(
        self, reader: ContractReader, at: BlockRef, contracts: Market, reserves: list[Reserve]
    ) -> tuple[tuple[Address, int], ...]:
        """Raises ConfigError for a contract that runs code we are no twin of."""
        proxies = proxies_of(self._abi, contracts, reserves)
        answers = await reader.read(at, [proxy.revision for proxy in proxies])
        told = list(zip(proxies, answers, strict=True))
        for proxy, answer in told:
            self._refuse(strangeness(proxy, answer))
        return tuple(sorted((proxy.address, value_of(answer)) for proxy, answer in told))

    async def _categories(
        self, reader: ContractReader, at: BlockRef, contracts: Market, reserves: list[Reserve]
    ) -> list[Category]:
        """All of them: an asset can be put on the lists of a category that has no terms yet."""
        by_ordinal = {reserve.ordinal: reserve.asset for reserve in reserves}
        calls = [category_calls(self._abi, contracts.pool, number) for number in CATEGORIES]
        rows = await _rows(reader, at, calls)
        return [
            category_of(number, row, by_ordinal)
            for number, row in zip(CATEGORIES, rows, strict=True)
        ]


async def _rows(
    reader: ContractReader, at: BlockRef, calls: Sequence[Sequence[ViewCall]]
) -> list[list[ViewResult]]:
    """The answers to equally long rows of calls, in rows."""
    answers = iter(await reader.read(at, [call for row in calls for call in row]))
    return [[next(answers) for _ in row] for row in calls]
