"""A market's whole state at one block, read from its views and told in the common tongue."""

from collections.abc import Sequence
from dataclasses import replace

from monitor.core.blocks import BlockRef
from monitor.core.events import CategoryChanged, DomainEvent, MarketChanged, ReserveListed
from monitor.core.ledger import Category, Market, Reserve
from monitor.core.ports import ContractReader, ViewCall, ViewFailed, ViewResult
from monitor.core.units import ZERO_ADDRESS, Address, Bps, MarketId, RawAmount, Ray, ScaledAmount
from monitor.errors import ConfigError
from monitor.protocols.aave_v3.accounts import AccountSnapshot, Census, value_of
from monitor.protocols.aave_v3.configuration import (
    decimals_of,
    ordinals_in,
    terms_of,
)
from monitor.protocols.aave_v3.events import AaveAbi
from monitor.protocols.aave_v3.governance import symbol_of, token_calls

PROTOCOL = "aave_v3"
CATEGORIES = range(1, 256)
REVISIONS = (10,)
"""Pool revisions whose arithmetic this folder is a twin of: 10 is V3.6."""


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
        accounts = AccountSnapshot(self._market, contracts.pool, self._abi, self._census)
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
        categories = await self._categories(reader, at, contracts, reserves)
        return (
            MarketChanged(self._market, contracts),
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
        if revision[0] not in REVISIONS:
            raise ConfigError(
                f"market {self._market}: the pool at {pool} has revision {revision[0]}, expected "
                f"{REVISIONS[0]} (Aave V3.6). Other versions round differently and would be "
                "followed wrongly; this version of the monitor does not support them."
            )
        return Market(PROTOCOL, self._entry, pool, configurator, oracle, unit[0])

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
        pool = self._abi.pool.functions
        (listed,) = await reader.read(at, [ViewCall(contracts.pool, pool["getReservesList"])])
        calls: list[ViewCall] = []
        names = (
            "getReserveData",
            "getVirtualUnderlyingBalance",
            "getReserveDeficit",
            "getLiquidationGracePeriod",
        )
        assets = value_of(listed)
        for asset in assets:
            calls += [ViewCall(contracts.pool, pool[name], (asset,)) for name in names]
            calls += token_calls(self._abi.erc20, asset)
        answers = await reader.read(at, calls)
        rows = [answers[i : i + 6] for i in range(0, len(answers), 6)]
        reserves = [_reserve(asset, row) for asset, row in zip(assets, rows, strict=True)]
        totals = await reader.read(
            at,
            [
                ViewCall(r.debt_token, self._abi.token.functions["scaledTotalSupply"])
                for r in reserves
            ],
        )
        return [
            replace(reserve, debt_scaled_at_accrual=ScaledAmount(value_of(total)))
            for reserve, total in zip(reserves, totals, strict=True)
        ]

    async def _categories(
        self, reader: ContractReader, at: BlockRef, contracts: Market, reserves: list[Reserve]
    ) -> list[Category]:
        pool = self._abi.pool.functions

        def asked(name: str) -> list[ViewCall]:
            return [ViewCall(contracts.pool, pool[name], (number,)) for number in CATEGORIES]

        by_ordinal = {reserve.ordinal: reserve.asset for reserve in reserves}
        names = (
            "getEModeCategoryCollateralConfig",
            "getEModeCategoryLabel",
            "getEModeCategoryCollateralBitmap",
            "getEModeCategoryBorrowableBitmap",
            "getEModeCategoryLtvzeroBitmap",
        )
        # All of them: an asset can be put on the lists of a category that has no terms yet.
        columns = [await reader.read(at, asked(name)) for name in names]
        categories = []
        for number, row in zip(CATEGORIES, zip(*columns, strict=True), strict=True):
            config, label, *bitmaps = (value_of(answer) for answer in row)
            lists = [
                tuple(sorted(by_ordinal[bit] for bit in ordinals_in(word) if bit in by_ordinal))
                for word in bitmaps
            ]
            ltv, threshold, bonus = (Bps(value) for value in config)
            categories.append(Category(number, label, ltv, threshold, bonus, *lists))
        return categories


def _reserve(asset: Address, row: Sequence[ViewResult]) -> Reserve:
    data, cash, deficit, grace = (value_of(answer) for answer in row[:4])
    return Reserve(
        asset=asset,
        ordinal=data[7],
        symbol=symbol_of(asset, row[4]),
        decimals=decimals_of(data[0]),
        supply_token=data[8],
        debt_token=data[10],
        supply_index_ray=Ray(data[1]),
        debt_index_ray=Ray(data[3]),
        supply_rate_ray=Ray(data[2]),
        debt_rate_ray=Ray(data[4]),
        updated_unix=data[6],
        treasury_scaled=ScaledAmount(data[12]),
        cash_raw=RawAmount(cash),
        deficit_raw=RawAmount(deficit),
        terms=terms_of(data[0], grace),
    )
