"""Which market is behind a provider's address, and which version of the code it runs."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from monitor.core.blocks import BlockRef
from monitor.core.ledger import Market
from monitor.core.ports import ContractReader, ViewCall, ViewFailed, ViewResult
from monitor.core.reserves import Reserve
from monitor.core.units import ZERO_ADDRESS, Address, Bps, MarketId
from monitor.errors import ConfigError
from monitor.protocols.aave_v3.configuration import lends_at_stable_rate
from monitor.protocols.aave_v3.contracts import AaveAbi
from monitor.protocols.aave_v3.evidence import Evidence, Holder, Verdicts
from monitor.protocols.aave_v3.fingerprint import (
    first_release_call,
    is_first_release,
    proxies_of,
    questions_of,
    release_calls,
    release_of,
    strangeness,
    unfollowed,
)
from monitor.protocols.aave_v3.versions import FORMER, POOL_RULES
from monitor.protocols.aave_v3.views import value_of

PROTOCOL = "aave_v3"


class Recognition:
    """Recognises one market. Raises ConfigError for one that is not followed."""

    def __init__(self, market: MarketId, entry: Address, abi: AaveAbi) -> None:
        self._market = market
        self._entry = entry
        self._abi = abi

    async def contracts(self, reader: ContractReader, at: BlockRef) -> Market | None:
        """None where there is no market at that block.

        Of versions of the tokens that only numbers tell apart, it is taken to run the first.
        """
        provider = self._abi.provider.functions
        names = ("getPool", "getPoolConfigurator", "getPriceOracle")
        answers = await reader.read(at, [ViewCall(self._entry, provider[n]) for n in names])
        if any(isinstance(a, ViewFailed) or a[0] == ZERO_ADDRESS for a in answers):
            return None
        pool, configurator, oracle = (value_of(answer) for answer in answers)
        unit_call = ViewCall(oracle, self._abi.oracle.functions["BASE_CURRENCY_UNIT"])
        revision_call = ViewCall(pool, self._abi.pool.functions["POOL_REVISION"])
        unit, revision, *getters = await reader.read(
            at, [unit_call, revision_call, *release_calls(self._abi, pool)]
        )
        if isinstance(unit, ViewFailed) or isinstance(revision, ViewFailed):
            return None
        release = release_of(getters)
        self._refuse(unfollowed(pool, release))
        rules = next(rules for rules in POOL_RULES.values() if rules.release == release)
        contracts = Market(
            PROTOCOL,
            self._entry,
            pool,
            configurator,
            oracle,
            unit[0],
            pool_version=rules.name,
            token_version=rules.token_versions[0],
        )
        pool_proxy = proxies_of(self._abi, contracts, ())[0]
        self._refuse(strangeness(pool_proxy, {revision_call: revision}))
        return contracts if release != FORMER else await self._of_3_0(reader, at, contracts)

    async def known(self, reader: ContractReader, at: BlockRef) -> Market:
        contracts = await self.contracts(reader, at)
        if contracts is None:
            raise ConfigError(await self._not_a_market(reader, at))
        return contracts

    async def with_revisions(
        self, reader: ContractReader, at: BlockRef, contracts: Market, reserves: Sequence[Reserve]
    ) -> Market:
        proxies = proxies_of(self._abi, contracts, reserves)
        calls = [call for proxy in proxies for call in questions_of(proxy)]
        told = dict(zip(calls, await reader.read(at, calls), strict=True))
        for proxy in proxies:
            self._refuse(strangeness(proxy, told))
        revisions = sorted((proxy.address, value_of(told[proxy.revision])) for proxy in proxies)
        return replace(contracts, revisions=tuple(revisions))

    async def verdicts(
        self,
        reader: ContractReader,
        at: BlockRef,
        contracts: Market,
        reserves: Sequence[Reserve],
        holders: Iterable[Holder],
    ) -> Verdicts:
        """What of its versions these holders prove."""
        evidence = Evidence(self._abi, contracts, reserves, holders)
        calls = evidence.calls()
        told = dict(zip(calls, await reader.read(at, calls), strict=True)) if calls else {}
        verdicts = evidence.verdicts(told)
        if not verdicts.tokens:
            self._refuse(f"the tokens of the pool at {contracts.pool} round in no way we know")
        if not verdicts.pools:
            self._refuse(f"the pool at {contracts.pool} values debts in no way we know")
        return verdicts

    async def refuse_stable_debt(
        self,
        reader: ContractReader,
        at: BlockRef,
        symbols: Sequence[str],
        rows: Sequence[ViewResult],
    ) -> None:
        """`rows`: the answers to getReserveData of a 3.0 market. Debts at a stable rate are not
        followed, so there must be none, and none may come."""
        total = self._abi.token.functions["totalSupply"]
        data = [value_of(row) for row in rows]
        totals = await reader.read(at, [ViewCall(told[9], total) for told in data])
        for symbol, told, owed in zip(symbols, data, totals, strict=True):
            if lends_at_stable_rate(told[0]):
                self._refuse(f"{symbol} can be borrowed at a stable rate")
            if value_of(owed):
                self._refuse(f"{value_of(owed)} of {symbol} are owed at a stable rate")

    async def _of_3_0(self, reader: ContractReader, at: BlockRef, contracts: Market) -> Market:
        """With what only that release has. Refuses 3.0.0."""
        if contracts.configurator != ZERO_ADDRESS:
            call = first_release_call(self._abi, contracts.configurator)
            [answer] = await reader.read(at, [call])
            if is_first_release(answer):
                self._refuse(f"the configurator at {contracts.configurator} is Aave V3.0.0's")
        names = ("FLASHLOAN_PREMIUM_TO_PROTOCOL", "BRIDGE_PROTOCOL_FEE")
        calls = [ViewCall(contracts.pool, self._abi.pool.functions[name]) for name in names]
        flash, bridge = (value_of(answer) for answer in await reader.read(at, calls))
        return replace(
            contracts,
            flash_fee_to_treasury_bps=Bps(flash),
            bridge_fee_to_treasury_bps=Bps(bridge),
        )

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
