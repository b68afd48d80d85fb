"""Contracts replaced under a running market: `Upgraded`, and the provider's book of addresses.

The provider's PoolUpdated and its like, and the configurator's ATokenUpgraded, follow an
`Upgraded` of the proxy itself and say no more than it.
Source: PoolAddressesProvider.sol, BaseUpgradeabilityProxy.sol of aave-v3-origin 3.6.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from monitor.core.abi import EventAbi
from monitor.core.blocks import RawLog
from monitor.core.events import MarketChanged
from monitor.core.keys import Kind
from monitor.core.ledger import LedgerView, Market, contracts_of, each
from monitor.core.ports import Readings, ViewCall
from monitor.core.reserves import Reserve
from monitor.core.units import Address, MarketId
from monitor.errors import ContractUpgraded
from monitor.protocols.aave_v3.contracts import AaveAbi
from monitor.protocols.aave_v3.evidence import Evidence, Verdicts, holders_in
from monitor.protocols.aave_v3.fingerprint import (
    Proxy,
    proxies_of,
    questions_of,
    release_calls,
    release_of,
    strangeness,
)
from monitor.protocols.aave_v3.versions import FORMER, pool_rules

UPGRADED = "Upgraded"
REMEDY = (
    "It may log, round and liquidate differently, so nothing after this block is followed. Use a "
    "version of this monitor that supports it; the state up to here stays good."
)


def _named(name: str) -> str:
    """A name as the provider keys it: bytes32, padded on the right."""
    return "0x" + name.encode().hex().ljust(64, "0")


POOL, CONFIGURATOR, ORACLE = (_named(n) for n in ("POOL", "POOL_CONFIGURATOR", "PRICE_ORACLE"))


class UpgradeDecoder:
    """Decodes what replaces a contract. `view` shows the effect of every event returned."""

    def __init__(self, market: MarketId, abi: AaveAbi, view: LedgerView, facts: Readings) -> None:
        self._market = market
        self._abi = abi
        self._view = view
        self._facts = facts

    def upgraded(self, log: RawLog) -> tuple[MarketChanged, ...]:
        """The proxy counts as not asked again: the reads at the end of the block look closely.

        Raises ContractUpgraded where its new code is known to be strange.
        """
        contracts = contracts_of(self._view, self._market)
        (implementation,) = self._abi.pool.event(UPGRADED).decode(log)
        proxies = _proxies(self._market, self._abi, self._view, contracts)
        proxy = next((p for p in proxies if p.address == log.address), None)
        if proxy is None:  # a token of a reserve that this block dropped
            return ()
        revisions = dict(contracts.revisions)
        before = revisions.pop(proxy.address, None)
        if proxy.address == contracts.pool:
            release_of_pool(self._market, self._abi, contracts, self._facts)
        if strange := strangeness(proxy, self._facts):
            raise ContractUpgraded(
                f"{self._market}: block {log.block_hash} upgrades a contract to implementation "
                f"{implementation}: {strange}; it had {before or 'one never read'}. {REMEDY}"
            )
        contracts = replace(contracts, revisions=tuple(sorted(revisions.items())))
        return self._changed(self._rerounded(contracts, log))

    def _rerounded(self, contracts: Market, log: RawLog) -> Market:
        """The market, where from here on its code rounds as another version does (Spark).

        All change hands in one block, and nothing of the state does: the first says it for all.
        """
        if pool_rules(contracts).release != FORMER:
            return contracts
        told = self._facts
        about = (self._market, self._abi, self._view, contracts)
        tokens = _of_tokens(*about, {log.address}).verdicts(told).tokens
        # What fits no version, the reads at the end of the block will tell.
        return Verdicts(tokens, _of_pool(*about).verdicts(told).pools).of(contracts)

    def provider(self, event: EventAbi, log: RawLog) -> tuple[MarketChanged, ...]:
        """A contract of the market is now another one. Raises ContractUpgraded for the pool."""
        values = event.decode(log)
        if event.name == "PriceOracleUpdated":
            identity, address = ORACLE, values[1]
        else:  # AddressSet(id, old, new), ProxyCreated(id, proxy, implementation)
            identity, address = values[0], values[2 if event.name == "AddressSet" else 1]
        contracts = contracts_of(self._view, self._market)
        if identity == ORACLE:
            return self._changed(replace(contracts, oracle=address))
        if identity == CONFIGURATOR and address != contracts.configurator:
            # Whoever is the configurator may set terms without a log: all are read again.
            known = tuple(r for r in contracts.revisions if r[0] != contracts.pool)
            return self._changed(replace(contracts, configurator=address, revisions=known))
        if identity == POOL and address != contracts.pool:
            raise ContractUpgraded(
                f"{self._market}: block {log.block_hash} makes {address} the market's pool, "
                f"expected {contracts.pool}. Positions in the old pool are no longer this "
                "market's: begin with the new one, cascade-monitor store rebuild --config F."
            )
        return ()

    def _changed(self, contracts: Market) -> tuple[MarketChanged, ...]:
        return (MarketChanged(self._market, contracts),)


def upgrade_questions(
    market: MarketId, abi: AaveAbi, logs: Sequence[RawLog], view: LedgerView
) -> Iterator[ViewCall]:
    """What tells the code that these logs put in place."""
    topics = (abi.pool.event(UPGRADED).topic0,)
    upgraded = {log.address for log in logs if log.topics[:1] == topics}
    if not upgraded:
        return
    contracts = contracts_of(view, market)
    for proxy in _proxies(market, abi, view, contracts):
        if proxy.address in upgraded:
            yield from questions_of(proxy)
    if contracts.pool in upgraded:
        yield from release_calls(abi, contracts.pool)
    if pool_rules(contracts).release == FORMER:
        yield from _of_tokens(market, abi, view, contracts, upgraded).calls()
        yield from _of_pool(market, abi, view, contracts).calls()


def release_of_pool(market: MarketId, abi: AaveAbi, contracts: Market, told: Readings) -> None:
    """Raises ContractUpgraded where the pool tells to be of another release than the ledger's."""
    answers = [told.get(call) for call in release_calls(abi, contracts.pool)]
    answered = [answer for answer in answers if answer is not None]
    if len(answered) < len(answers):  # it was not asked
        return
    expected, found = pool_rules(contracts).release, release_of(answered)
    if found == expected:
        return
    answers_as = f"as Aave V{found}" if found else "as no Aave V3 pool we know"
    raise ContractUpgraded(
        f"{market}: the pool at {contracts.pool} answers {answers_as}, expected V{expected}: what "
        "it keeps is laid out and accounted for otherwise. Nothing after this block is followed. "
        "Where that version is supported, build the state anew from after the upgrade "
        "(cascade-monitor store rebuild --config F); else use a version of this monitor that "
        "supports it."
    )


def _of_tokens(
    market: MarketId, abi: AaveAbi, view: LedgerView, contracts: Market, tokens: set[Address]
) -> Evidence:
    """How these tokens round."""
    reserves = [r for _, r in each(view, Kind.RESERVE, market, Reserve)]
    holders = (h for h in holders_in(view, market, reserves) if h.token in tokens)
    return Evidence(abi, contracts, reserves, holders)


def _of_pool(market: MarketId, abi: AaveAbi, view: LedgerView, contracts: Market) -> Evidence:
    """How the pool rounds."""
    reserves = [r for _, r in each(view, Kind.RESERVE, market, Reserve)]
    debtors = (h for h in holders_in(view, market, reserves) if h.is_plain)
    return Evidence(abi, contracts, reserves, debtors)


def _proxies(market: MarketId, abi: AaveAbi, view: LedgerView, contracts: Market) -> list[Proxy]:
    return proxies_of(abi, contracts, (r for _, r in each(view, Kind.RESERVE, market, Reserve)))
