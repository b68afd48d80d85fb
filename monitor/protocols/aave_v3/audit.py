"""The ledger of a market against its contracts, where there is a reason to look.

A start (what was stored may be wrong), an upgrade (it can write storage without a log) and a
listing each make the next block with a state ask for every total again. Positions are held
against the totals: they must add up.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace

from monitor.core.events import CategoryChanged, DomainEvent, MarketChanged, RiskParametersChanged
from monitor.core.keys import Kind, category_key, market_key
from monitor.core.ledger import LedgerView, Market, Position, each, find
from monitor.core.ports import Readings, ViewCall, ViewFailed, ViewResult
from monitor.core.reserves import Category, Reserve
from monitor.core.units import ZERO_ADDRESS, Address, AssetId, Bps, MarketId, ScaledAmount
from monitor.errors import ContractUpgraded, LedgerCorrupt, MonitorError, RpcInconsistent
from monitor.protocols.aave_v3.contracts import AaveAbi
from monitor.protocols.aave_v3.evidence import Evidence, Verdicts, holders_in
from monitor.protocols.aave_v3.fingerprint import (
    Proxy,
    proxies_of,
    questions_of,
    release_calls,
    strangeness,
)
from monitor.protocols.aave_v3.upgrades import REMEDY, release_of_pool
from monitor.protocols.aave_v3.versions import FORMER, pool_rules, token_rules
from monitor.protocols.aave_v3.views import value_of

START_AGAIN = (
    "The state cannot be trusted: build it anew (cascade-monitor store rebuild --config F), and "
    "report this with the block's number."
)


@dataclass(frozen=True, slots=True)
class _Doubt:
    """What of a market is to be asked again, and why."""

    contracts: Market
    reserves: tuple[Reserve, ...]
    proxies: tuple[Proxy, ...]
    """All there are, the pool first; where nothing is in doubt, the pool alone."""
    suspects: tuple[Reserve, ...]
    pool_is_new: bool
    is_none: bool = False


class Audit:
    """Asks and compares. Its memory: whether this process did so, and what it last found wrong;
    and of a 3.0 market, whether it saw how tokens and pool round.

    A difference is believed when it is found twice: a node that takes a view's state from a later
    block than it was asked for (anvil 1.7.1 does while it mines the next) looks the same once.
    """

    def __init__(self, market: MarketId, abi: AaveAbi) -> None:
        self._market = market
        self._abi = abi
        self._is_fresh = False
        self._disputed = ""
        self._is_proven = False

    def spare_start(self) -> None:
        """The state was read from the contracts just now: there is nothing to hold it against."""
        self._is_fresh = True

    def calls(self, view: LedgerView) -> tuple[ViewCall, ...]:
        doubt = self._doubt(view)
        if doubt is None:
            return ()
        contracts, known = doubt.contracts, dict(doubt.contracts.revisions)
        # The pool is asked every block: a proxy of another make might be upgraded without a log.
        calls = [doubt.proxies[0].revision]
        for proxy in doubt.proxies[1:]:
            if proxy.address not in known:
                calls += questions_of(proxy)
        for reserve in doubt.suspects:
            calls += self._reserve_calls(contracts, reserve)
        if doubt.pool_is_new:
            calls += release_calls(self._abi, contracts.pool)
        if doubt.pool_is_new and doubt.reserves:
            assets = [reserve.asset for reserve in doubt.reserves]
            calls += pool_rules(contracts).views.category_calls(self._abi, contracts.pool, assets)
        if evidence := self._evidence(view, doubt):
            calls += evidence.calls()
        return tuple(calls)

    def events(self, view: LedgerView, readings: Readings) -> tuple[DomainEvent, ...]:
        """Raises ContractUpgraded for unknown code, LedgerCorrupt where totals differ.

        RpcInconsistent at the first sight of a difference: ask again.
        """
        doubt = self._doubt(view)
        # A pool that does not answer is not there yet, or the node forgot the block's state.
        if doubt is None or not isinstance(readings.get(doubt.proxies[0].revision), tuple):
            return ()
        revisions = self._revisions(doubt, readings)
        if evidence := self._evidence(view, doubt):
            self._weigh(doubt, evidence.verdicts(readings))
        if doubt.is_none:
            return ()
        events: list[DomainEvent] = []
        for reserve in doubt.suspects:
            calls = self._reserve_calls(doubt.contracts, reserve)
            events += self._reserve(doubt, reserve, [readings[call] for call in calls])
        if doubt.pool_is_new and doubt.reserves:
            events += self._categories(view, doubt, readings)
        if not self._is_fresh:
            self._add_up(view, doubt.reserves)
            self._is_fresh = True
        contracts = replace(
            doubt.contracts,
            revisions=revisions,
            pool_version=pool_rules(doubt.contracts).name,
            token_version=token_rules(doubt.contracts).name,
        )
        if contracts != doubt.contracts:
            events.append(MarketChanged(self._market, contracts))
        return tuple(events)

    def _evidence(self, view: LedgerView, doubt: _Doubt) -> Evidence | None:
        """Of how tokens and pool round, where only numbers tell and it is not known yet."""
        if pool_rules(doubt.contracts).release != FORMER:
            return None
        reserves = doubt.suspects if self._is_proven else doubt.reserves
        if not reserves:
            return None
        holders = holders_in(view, self._market, reserves)
        return Evidence(self._abi, doubt.contracts, reserves, holders)

    def _weigh(self, doubt: _Doubt, verdicts: Verdicts) -> None:
        """Raises ContractUpgraded where tokens or pool do not round as the ledger was kept."""
        contracts = doubt.contracts
        self._is_proven = len(verdicts.tokens) == len(verdicts.pools) == 1
        for what, version, possible in (
            ("tokens of the pool", token_rules(contracts).name, verdicts.tokens),
            ("debts valued by the pool", pool_rules(contracts).name, verdicts.pools),
        ):
            if version not in possible:
                self._is_proven = False
                found = f"as version {min(possible)!r}" if possible else "in no one way we know"
                raise self._other_rounding(
                    f"{self._market}: the {what} at {contracts.pool} round {found}, but the ledger "
                    f"was kept by version {version!r}."
                )

    def _other_rounding(self, said: str) -> MonitorError:
        if said == self._disputed:
            return ContractUpgraded(
                f"{said} Build it anew from after the change: cascade-monitor store rebuild "
                "--config F."
            )
        self._disputed = said
        return RpcInconsistent(f"{said} They are asked again.")

    def _doubt(self, view: LedgerView) -> _Doubt | None:
        contracts = find(view, market_key(self._market), Market)
        if contracts is None:
            return None
        reserves = tuple(r for _, r in each(view, Kind.RESERVE, self._market, Reserve))
        known = dict(contracts.revisions).keys()
        if self._is_fresh and known == _addresses(contracts, reserves):
            pool = proxies_of(self._abi, contracts, ())[:1]
            return _Doubt(contracts, reserves, tuple(pool), (), pool_is_new=False, is_none=True)
        pool_is_new = contracts.pool not in known
        suspects = tuple(
            reserve
            for reserve in reserves
            if pool_is_new
            or not self._is_fresh
            or not {reserve.supply_token, reserve.debt_token} <= known
        )
        proxies = tuple(proxies_of(self._abi, contracts, reserves))
        return _Doubt(contracts, reserves, proxies, suspects, pool_is_new)

    def _reserve_calls(self, contracts: Market, reserve: Reserve) -> tuple[ViewCall, ...]:
        total = self._abi.token.functions["scaledTotalSupply"]
        views = pool_rules(contracts).views
        return (
            *views.reserve_calls(self._abi, contracts.pool, reserve.asset),
            ViewCall(reserve.supply_token, total),
            ViewCall(reserve.debt_token, total),
        )

    def _revisions(self, doubt: _Doubt, readings: Readings) -> tuple[tuple[Address, int], ...]:
        """What every contract is known to run now."""
        known = dict(doubt.contracts.revisions)
        release_of_pool(self._market, self._abi, doubt.contracts, readings)
        revisions = []
        for proxy in doubt.proxies:
            answer = readings.get(proxy.revision)
            before = known.get(proxy.address)
            if answer is None and before is not None:
                revisions.append((proxy.address, before))
            if answer is None:
                continue
            if before is None and isinstance(answer, ViewFailed) and not doubt.reserves:
                continue  # deployed after the pool, and only needed for the first listing
            strange = strangeness(proxy, readings)
            if not strange and before is not None and value_of(answer) != before:
                strange = f"the {proxy.name} at {proxy.address} has revision {value_of(answer)}"
            if strange:
                raise ContractUpgraded(
                    f"{self._market}: {strange}; it had {before or 'one never read'}. {REMEDY}"
                )
            revisions.append((proxy.address, value_of(answer)))
        return tuple(sorted(revisions))

    def _reserve(
        self, doubt: _Doubt, held: Reserve, row: Sequence[ViewResult]
    ) -> tuple[DomainEvent, ...]:
        """Its terms, where an upgrade changed them; anything else that differs is a fault."""
        *pool_row, supply, debt = row
        views = pool_rules(doubt.contracts).views
        told = views.reserve_of(held.asset, held.symbol, pool_row)
        told = replace(
            told,
            cash_raw=told.cash_raw if views.tells_cash else held.cash_raw,
            supply_scaled=ScaledAmount(value_of(supply)),
            debt_scaled=ScaledAmount(value_of(debt)),
            debt_scaled_at_accrual=held.debt_scaled_at_accrual,
        )
        known = dict(doubt.contracts.revisions).keys()
        is_upgraded = not {doubt.contracts.pool, held.supply_token, held.debt_token} <= known
        expected = replace(told, terms=held.terms) if is_upgraded else told
        for field in fields(Reserve):
            ours, theirs = getattr(held, field.name), getattr(expected, field.name)
            if ours != theirs:
                raise self._difference(
                    f"{self._market}: {field.name} of {held.symbol} is {ours} by the ledger, but "
                    f"the contracts say {theirs}."
                )
        if told.terms == held.terms:
            return ()
        return (RiskParametersChanged(self._market, held.asset, told.terms),)

    def _difference(self, said: str) -> MonitorError:
        if said == self._disputed:
            return LedgerCorrupt(f"{said} {START_AGAIN}")
        self._disputed = said
        return RpcInconsistent(f"{said} They are asked again.")

    def _categories(
        self, view: LedgerView, doubt: _Doubt, readings: Readings
    ) -> Iterator[CategoryChanged]:
        """Those that an upgrade of the pool changed."""
        views, pool = pool_rules(doubt.contracts).views, doubt.contracts.pool
        for told in views.categories(self._abi, pool, doubt.reserves, readings):
            blank = Category(told.number, "", Bps(0), Bps(0), Bps(0))
            if told != (find(view, category_key(self._market, told.number), Category) or blank):
                yield CategoryChanged(self._market, told)

    def _add_up(self, view: LedgerView, reserves: Iterable[Reserve]) -> None:
        """An account that is missing, or there too much, is wrong for ever: say so at the start."""
        supplied: dict[AssetId, int] = defaultdict(int)
        owed: dict[AssetId, int] = defaultdict(int)
        for _, position in each(view, Kind.POSITION, self._market, Position):
            for held in position.supplies:
                supplied[held.asset] += held.scaled
            for held in position.debts:
                owed[held.asset] += held.scaled
        for reserve in reserves:
            for token, ours, total in (
                (reserve.supply_token, supplied[reserve.asset], reserve.supply_scaled),
                (reserve.debt_token, owed[reserve.asset], reserve.debt_scaled),
            ):
                if ours != total:
                    raise LedgerCorrupt(
                        f"{self._market}: the accounts hold {ours} scaled of token {token} "
                        f"({reserve.symbol}), but its total is {total}. {START_AGAIN}"
                    )


def _addresses(contracts: Market, reserves: Iterable[Reserve]) -> set[Address]:
    """Every contract whose code can be replaced."""
    found = {contracts.pool, contracts.configurator}
    for reserve in reserves:
        found.add(reserve.supply_token)
        found.add(reserve.debt_token)
    return found - {ZERO_ADDRESS}
